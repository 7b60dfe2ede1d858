/* SPDX-License-Identifier: MIT */
/*
 * What the C library finds by plug-ins that it loads: users, groups, hosts, character sets. A static binary that loaded those of
 * the system it runs on, made for another C library, would crash: it keeps to files and DNS, and to UTF-8.
 */
#pragma once

/* Before the first lookup, and before there are threads. */
void lookups_prepare(void);
/* The user's characters (LC_CTYPE). */
void lookups_locale(void);
