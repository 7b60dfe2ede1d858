/* SPDX-License-Identifier: MIT */
/* A stream that compresses: for the formats whose files are gzip by definition. */
#pragma once
#include <stdio.h>

/*
 * Bytes written here arrive in `out` as gzip; the same bytes give the same file, without a name or a time in it.
 * gzip__close writes the end; `out` stays open. NULL when zlib cannot be used (said).
 */
FILE *gzip__open(FILE *out);
/* 0 or -EIO. */
int gzip__close(FILE *gz);
