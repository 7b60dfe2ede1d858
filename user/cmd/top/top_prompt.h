/* SPDX-License-Identifier: MIT */
/* One line of input at the bottom of the screen: a filter, a file name. Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOP_PROMPT_MAX 512 /* bytes of UTF-8 */

struct top_ui;

struct top_prompt {
	const char *question; /* NULL: nothing is asked */
	char text[TOP_PROMPT_MAX + 1];
	size_t len;     /* bytes */
	bool suggested; /* the text is what was suggested: typing replaces it, erasing changes it */
	void (*done)(struct top_ui *ui, const char *text); /* once it was accepted */
};

/* `text` is suggested. */
void top_prompt__ask(struct top_prompt *p, const char *question, const char *text,
		     void (*done)(struct top_ui *ui, const char *text));
/* A printable character; others are refused. False: no room, or not printable. */
bool top_prompt__type(struct top_prompt *p, uint32_t c);

/* To go on behind the suggestion. */
void top_prompt__keep(struct top_prompt *p);

/* From the end: a character, a word, all. */
enum top_erase { TOP_ERASE_CHARACTER, TOP_ERASE_WORD, TOP_ERASE_ALL };
void top_prompt__erase(struct top_prompt *p, enum top_erase what);
