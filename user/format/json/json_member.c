/* Members of JSON objects, and texts as JSON strings. */
#include "user/format/json/json_member.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include <inttypes.h>

/* Texts of a profile are clean UTF-8; `</` is broken up for whoever pastes this into HTML. */
char *json_quote(const char *text)
{
	struct buf b = {0};

	buf_put(&b, "\"", 1);
	for (const char *s = text; *s; s++) {
		if (*s == '"' || *s == '\\' || (*s == '/' && s > text && s[-1] == '<'))
			buf_put(&b, "\\", 1);
		if ((unsigned char)*s < 0x20)
			buf_printf(&b, "\\u%04x", *s);
		else
			buf_put(&b, s, 1);
	}
	buf_put(&b, "\"", 1);
	return buf_steal_text(&b);
}

void json_member_text(FILE *out, const char *key, const char *text)
{
	__cleanup_free char *quoted = json_quote(text);

	fprintf(out, "\"%s\":%s,", key, quoted);
}

const char *json_seconds(uint64_t ns, char text[32])
{
	int len = snprintf(text, 32, "%" PRIu64 ".%09" PRIu64, ns / 1000000000, ns % 1000000000);

	while (text[len - 1] == '0' && text[len - 2] != '.')
		len--;
	text[len] = 0;
	return text;
}

void json_member_seconds(FILE *out, const char *key, uint64_t ns)
{
	char text[32];

	fprintf(out, "\"%s\":%s,", key, json_seconds(ns, text));
}

void json_member_bool(FILE *out, const char *key, bool value)
{
	fprintf(out, "\"%s\":%s,", key, value ? "true" : "false");
}

void json_member_count(FILE *out, const char *key, uint64_t value)
{
	fprintf(out, "\"%s\":%" PRIu64 ",", key, value);
}

void json_member_number(FILE *out, const char *key, double value)
{
	char text[32];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	fprintf(out, "\"%s\":%s,", key, text);
}
