#include "user/cmd/top/top_prompt.h"
#include "user/util/alloc.h"
#include "user/util/text.h"
#include <stdio.h>
#include <string.h>

void top_prompt__ask(struct top_prompt *p, const char *question, const char *text)
{
	p->question = question;
	p->done = NULL;
	p->changed = NULL;
	snprintf(p->text, sizeof(p->text), "%s", text);
	p->len = p->at = strlen(p->text);
}

static size_t encode(uint32_t c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

bool top_prompt__type(struct top_prompt *p, uint32_t c)
{
	char bytes[5] = "";
	size_t len = c <= 0x10ffff ? encode(c, bytes) : 0;
	__cleanup_free char *clean = text_clean(bytes, len, 0);

	/* what is made visible elsewhere (controls, bidi marks) is not to be typed */
	if (!len || strlen(clean) != len || memcmp(clean, bytes, len) || p->len + len > TOP_PROMPT_MAX)
		return false;
	memmove(p->text + p->at + len, p->text + p->at, p->len - p->at + 1);
	memcpy(p->text + p->at, bytes, len);
	p->len += len;
	p->at += len;
	return true;
}

/* Bytes of the character before or behind `at`. */
static size_t before(const struct top_prompt *p)
{
	size_t n = 0;

	while (n < p->at && (n == 0 || (p->text[p->at - n] & 0xc0) == 0x80))
		n++;
	return n;
}

static size_t behind(const struct top_prompt *p)
{
	size_t n = 0;

	while (p->at + n < p->len && (n == 0 || (p->text[p->at + n] & 0xc0) == 0x80))
		n++;
	return n;
}

/* Removes what stands before `at`. */
static void erase(struct top_prompt *p, size_t n)
{
	memmove(p->text + p->at - n, p->text + p->at, p->len - p->at + 1);
	p->at -= n;
	p->len -= n;
}

static void erase_word(struct top_prompt *p)
{
	while (p->at && p->text[p->at - 1] == ' ')
		erase(p, 1);
	while (p->at && p->text[p->at - 1] != ' ')
		erase(p, 1);
}

void top_prompt__edit(struct top_prompt *p, enum top_edit edit)
{
	size_t n;

	switch (edit) {
	case EDIT_ERASE:
		erase(p, before(p));
		break;
	case EDIT_DELETE:
		n = behind(p);
		p->at += n;
		erase(p, n);
		break;
	case EDIT_WORD:
		erase_word(p);
		break;
	case EDIT_ALL:
		p->len = p->at = 0;
		p->text[0] = 0;
		break;
	case EDIT_LEFT:
		p->at -= before(p);
		break;
	case EDIT_RIGHT:
		p->at += behind(p);
		break;
	case EDIT_START:
		p->at = 0;
		break;
	case EDIT_END:
		p->at = p->len;
		break;
	}
}
