/* SPDX-License-Identifier: MIT */
/* Text that comes from profiled processes is hostile; here it becomes clean UTF-8, once. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define TEXT_KEEP_NEWLINES 1u /* '\n' and '\t' pass; without it they are made visible too */

/*
 * `bytes` (any bytes) as valid UTF-8 with nothing that acts on a terminal or breaks a document: C0 and
 * C1 controls, DEL, bidi controls, line and paragraph separators, noncharacters, surrogates and invalid
 * bytes become visible escapes (\n, \x1b, \u202e, \udc80). The caller frees the result; never fails.
 */
char *text_clean(const char *bytes, size_t len, unsigned flags);

/*
 * Code units of a CPython string (`kind` 1, 2 or 4 bytes each, Include/cpython/unicodeobject.h
 * PyUnicode_Kind) as clean UTF-8. `len` is in bytes; a trailing partial unit is ignored.
 */
char *text_from_units(const void *units, size_t len, unsigned kind);
/* The same of a line of code: tabs stay. */
char *text_line_from_units(const void *units, size_t len, unsigned kind);

/* One code point from UTF-8: bytes used, or 0 where the bytes are not valid. `left` is at least 1. */
size_t text_from_utf8(const void *bytes, size_t left, uint32_t *out);
/* One code point as UTF-8: how many bytes it takes. */
size_t text_to_utf8(uint32_t c, char out[4]);
