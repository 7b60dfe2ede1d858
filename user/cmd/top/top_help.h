/* SPDX-License-Identifier: MIT */
/* The help of `top`, made of the tables of keys and columns. */
#pragma once
#include "user/cmd/top/top_ui.h"

/* Lines of at most `width` columns; the caller frees. */
char *top_help_text(const struct top_ui *ui, size_t width);
