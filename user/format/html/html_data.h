/* SPDX-License-Identifier: MIT */
/*
 * The data of a page: one JSON object (settings, names, losses, sources, and tables column by column), compressed, as
 * base64. html_data.js says what the script makes of it.
 */
#pragma once
#include "user/profile/view.h"
#include <stdio.h>

/* 0 or negative errno. */
int html_data_write(const struct profile *p, const struct view *v, FILE *out);
