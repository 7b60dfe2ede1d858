/* SPDX-License-Identifier: MIT */
/* Text inside an SVG: escaped for where it stands, measured in columns and cut to them. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* As XML character data or an attribute's value; characters that XML 1.0 forbids are made visible first. */
void svg_put_xml(FILE *out, const char *text);
/* ` name="12.3"` with a decimal point in every locale. */
void svg_put_coord(FILE *out, const char *name, double value);

/* `text`, or as much of it as fits with "…" at its end; "" below 3 columns. The caller frees. */
char *svg_cut(const char *text, size_t columns);

/* "1,234,567". The caller frees. */
char *svg_grouped(uint64_t value);
