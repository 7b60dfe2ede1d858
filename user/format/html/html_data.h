/*
 * The data of a page: a line of JSON (settings, names, losses, sources), then columns of varints
 * that the JSON lists by name with their lengths; all of it compressed, as base64. See
 * html_data.js.
 */
#pragma once
#include "user/profile/view.h"
#include <stdio.h>

/* 0 or negative errno. */
int html_data_write(const struct profile *p, const struct view *v, FILE *out);
