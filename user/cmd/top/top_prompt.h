/* One line of input at the bottom of the screen: a filter, a file name. Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

#define TOP_PROMPT_MAX 512 /* bytes of UTF-8 */

struct top_ui;

struct top_prompt {
	const char *question; /* NULL: nothing is asked */
	char text[TOP_PROMPT_MAX + 1];
	size_t len, at; /* bytes; where the next one goes */
	void (*done)(struct top_ui *ui, const char *text);
	void (*changed)(struct top_ui *ui, const char *text); /* at each key; NULL: nobody cares */
};

enum top_edit { EDIT_ERASE, EDIT_DELETE, EDIT_WORD, EDIT_ALL, EDIT_LEFT, EDIT_RIGHT, EDIT_START, EDIT_END };

void top_prompt__ask(struct top_prompt *p, const char *question, const char *text);
/* A printable character; others are refused. False: no room, or not printable. */
bool top_prompt__type(struct top_prompt *p, uint32_t c);
void top_prompt__edit(struct top_prompt *p, enum top_edit edit);
