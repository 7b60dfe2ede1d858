/* SPDX-License-Identifier: MIT */
/* The data of the script of an SVG: the whole layout as compact JSON. */
#pragma once
#include "user/format/svg/svg_heading.h"
#include "user/util/json_put.h"

void svg_data_write(const struct svg_layout *l, const struct svg_heading *h, const struct view *v, FILE *out);

/* A value type as the scripts of SVG and HTML have it: its members. */
void svg_data_type(struct json_put *j, const struct profile_value_type *t);
