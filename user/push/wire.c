/* SPDX-License-Identifier: MIT */
/* What a server answers is shown to people: it is cleaned and cut like any other text of others. */
#include "user/push/wire.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/json_get.h"
#include "user/util/text.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define LABEL_MAX  2048
#define REASON_MAX 400

/* Cuts a text of whole characters. */
static void cut(char *text, size_t max)
{
	if (strlen(text) <= max)
		return;
	while (max && ((unsigned char)text[max] & 0xc0) == 0x80)
		max--;
	text[max] = '\0';
}

char *wire_label_value(const char *value)
{
	char *clean = text_clean(value, strlen(value), 0);

	cut(clean, LABEL_MAX);
	return clean;
}

bool wire_is_own_name(const char *name)
{
	return name[0] == '_' && name[1] == '_';
}

void wire_id(unsigned char id[16])
{
	uint64_t now = clock_unix_ns();

	/* early at boot there is nothing random yet: the time is not known to others, and does for that */
	if (getrandom(id, 16, GRND_NONBLOCK) != 16)
		for (unsigned i = 0; i < 16; i++)
			id[i] = (unsigned char)(now >> (i % 8 * 8));
	id[6] = (unsigned char)((id[6] & 0x0f) | 0x40); /* RFC 9562, version 4 */
	id[8] = (unsigned char)((id[8] & 0x3f) | 0x80);
}

void wire_uuid(char text[37])
{
	unsigned char id[16];
	char *at = text;

	wire_id(id);
	for (unsigned i = 0; i < 16; i++)
		at += sprintf(at, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", id[i]);
}

char *wire_text_reason(const char *body, size_t len)
{
	char *clean;

	while (len && isspace((unsigned char)*body))
		body++, len--;
	while (len && isspace((unsigned char)body[len - 1]))
		len--;
	clean = text_clean(body, len < 4 * REASON_MAX ? len : 4 * REASON_MAX, 0);
	cut(clean, REASON_MAX);
	return clean;
}

char *wire_json_reason(const char *body, size_t len)
{
	struct json_get *j = xmalloc(sizeof(*j)); /* it has room for the longest text */
	char *reason = NULL;

	json_get__open_text(j, body, len);
	for (json_get_map(j); json_get_key(j);) {
		size_t text_len;

		if (!reason && json_is(j, "message") && json_get_kind(j) == JSON_STRING) {
			const char *text = json_get_text(j, &text_len);

			reason = wire_text_reason(text, text_len);
		} else {
			json_skip(j);
		}
	}
	free(j);
	return reason && *reason ? reason : (free(reason), wire_text_reason(body, len));
}
