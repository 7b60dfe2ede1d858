/* SPDX-License-Identifier: MIT */
/*
 * The state of the screen: the lens, the chosen row, the prompt at the bottom. Knows nothing of curses; keys change
 * it, drawing shows it.
 */
#pragma once
#include "user/cmd/top/top_prompt.h"
#include "user/cmd/top/top_source.h"

#define TOP_TRAIL 32 /* how far Esc finds back */

struct top_history { /* to come back to */
	struct top_lens lens;
	struct top_row chosen;
};

struct top_ui {
	struct top_source *source;
	const struct top_options *o;
	struct top_rows *rows;
	struct top_row *const *shown; /* as of the last refresh or change */
	size_t cnt;
	struct top_lens lens;
	struct top_order order;
	struct top_row chosen; /* a copy: rows move */
	size_t at, first;      /* the chosen row, the first one on the screen: indices of `shown` */
	size_t page;           /* rows that the screen has; set by drawing */
	bool moved;            /* the user chose a row; else the first one stays chosen */
	bool paused, help, of_all, full_filenames, mouse, quit;
	bool changed; /* to be drawn */
	size_t help_first;
	uint64_t interval_ns, next_ns;
	struct top_history trail[TOP_TRAIL];
	size_t trail_cnt;
	struct top_prompt prompt;
	int key;       /* that is acted upon */
	char *message; /* instead of the hints, until the next key */
	bool alarm;    /* it is a refusal */
};

void top_ui__init(struct top_ui *ui, struct top_source *source);
void top_ui__free(struct top_ui *ui);

/* The numbers as of now, unless paused; then rows in order, the chosen one found again. */
void top_ui__refresh(struct top_ui *ui);
/* Only the order and the choice, after a key. */
void top_ui__rearrange(struct top_ui *ui);
/* Shows a message until the next key; `alarm`: in red. */
void top_ui__say(struct top_ui *ui, bool alarm, const char *text);

void top_ui__move(struct top_ui *ui, long by);   /* the choice */
void top_ui__scroll(struct top_ui *ui, long by); /* the view; the choice stays in it */
void top_ui__choose(struct top_ui *ui, size_t index);
void top_ui__scroll_help(struct top_ui *ui, long by);

/* Changes the lens; Esc comes back when `trail`. */
void top_ui__look(struct top_ui *ui, const struct top_lens *lens, bool trail);
/* Into the chosen row: callers and callees of a function, the functions of a process or thread. */
void top_ui__enter(struct top_ui *ui);
/* Out of it, or the filter away. */
void top_ui__back(struct top_ui *ui);
void top_ui__sort(struct top_ui *ui, enum top_column column);
void top_ui__toggle_lines(struct top_ui *ui);
/* An empty one removes it; says why when it is no regular expression. */
void top_ui__filter(struct top_ui *ui, const char *regex);
/* Writes everything so far to a file; nothing moves meanwhile. */
void top_ui__write(struct top_ui *ui, const char *path);
/* The lens in words: "Functions · %Own · the last 5 s". The caller frees. */
char *top_ui__describe(const struct top_ui *ui);
