/* SPDX-License-Identifier: MIT */
/* The screen of `top`, drawn from its state. */
#pragma once
#include "user/cmd/top/top_ui.h"

void top_draw(struct top_ui *ui);

/* The thing at a position of the screen that was clicked. */
enum top_hit { TOP_HIT_NOTHING, TOP_HIT_COLUMN, TOP_HIT_ROW };
struct top_at {
	enum top_hit hit;
	enum top_column column;
	size_t row; /* index of the shown rows */
};
struct top_at top_draw_at(const struct top_ui *ui, int y, int x);
