/* SPDX-License-Identifier: MIT */
#include "user/cmd/top/top_prompt.h"
#include "user/util/alloc.h"
#include "user/util/text.h"
#include <stdio.h>
#include <string.h>

void top_prompt__ask(struct top_prompt *p, const char *question, const char *text,
		     void (*done)(struct top_ui *ui, const char *text))
{
	p->question = question;
	p->done = done;
	snprintf(p->text, sizeof(p->text), "%s", text);
	p->len = strlen(p->text);
	p->suggested = p->len > 0;
}

void top_prompt__keep(struct top_prompt *p)
{
	p->suggested = false;
}

/* A backslash begins what text_from_units made of a character that is not printable. */
bool top_prompt__type(struct top_prompt *p, uint32_t c)
{
	__cleanup_free char *text = text_from_units(&c, sizeof(c), 4);
	size_t len = strlen(text);

	if (*text == '\\' && c != '\\')
		return false;
	if (p->suggested)
		top_prompt__erase(p, TOP_ERASE_ALL);
	if (p->len + len > TOP_PROMPT_MAX)
		return false;
	memcpy(p->text + p->len, text, len + 1);
	p->len += len;
	return true;
}

static void erase_character(struct top_prompt *p)
{
	while (p->len && (p->text[--p->len] & 0xc0) == 0x80)
		;
	p->text[p->len] = 0;
}

void top_prompt__erase(struct top_prompt *p, enum top_erase what)
{
	bool word = what == TOP_ERASE_WORD;

	p->suggested = false;
	while (word && p->len && p->text[p->len - 1] == ' ')
		erase_character(p);
	do {
		erase_character(p);
	} while (p->len && (what == TOP_ERASE_ALL || (word && p->text[p->len - 1] != ' ')));
}
