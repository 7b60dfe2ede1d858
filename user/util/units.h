/* SPDX-License-Identifier: MIT */
/*
 * Quantities as people write and read them. The parsers take the whole text or nothing, set `*why`
 * to a plain sentence when they refuse, and leave limits that depend on the use to the caller.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* "10", "10s", "1.5s", "500ms", "5m", "1h30m" → nanoseconds. 0, -EINVAL or -ERANGE. */
int units_parse_duration(const char *text, uint64_t *ns, const char **why);
/* "99", "99.5", "999hz", "1khz" → samples per second; above 0. */
int units_parse_rate(const char *text, double *hz, const char **why);
/* "42", "42,0x2b": decimal or hexadecimal process ids, added to `*pids` once each (the caller frees it). */
int units_parse_pids(const char *text, uint32_t **pids, size_t *cnt, const char **why);
/* "500kB", "10MB", "1.5G", "64MiB" → bytes; the unit is needed, but B may be left out. */
int units_parse_size(const char *text, uint64_t *bytes, const char **why);
/* "20": a whole number. */
int units_parse_count(const char *text, uint64_t *out, const char **why);

/* For people; the caller frees. "1.4 MB", "350 ms" / "12.3 s" / "4 min 05 s" / "2 h 07 min", "1,234,567". */
char *units_size_text(uint64_t bytes);
char *units_duration_text(uint64_t ns);
char *units_count_text(uint64_t count);
