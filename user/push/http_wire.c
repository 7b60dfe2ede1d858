// SPDX-License-Identifier: MIT
#include "user/push/http_wire.h"
#include "user/push/http.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define LINE_MAX_LEN 8192
#define HEAD_MAX     65536      /* all headers, and all trailers */
#define TOTAL_MAX    (1u << 20) /* a body that nobody wants is read no further */
#define DAY_S        86400ull

enum { CHUNK_SIZE, CHUNK_DATA, CHUNK_END, CHUNK_TRAILER };

void http_wire__init(struct http_wire *w, bool is_tunnel, uint64_t now_unix_s)
{
	*w = (struct http_wire){.is_tunnel = is_tunnel, .now_unix_s = now_unix_s};
}

void http_wire__clear(struct http_wire *w)
{
	buf_free(&w->body);
	buf_free(&w->line);
}

static void go_bad(struct http_wire *w, const char *why)
{
	w->state = HTTP_WIRE_BAD;
	w->why = why;
	w->keeps_alive = false;
}

/* ---- the head ----------------------------------------------------------------------------------------- */

/* RFC 9110, 5.6.7: of the three forms of a date only this is written today. */
static uint64_t parse_date(const char *text)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm t = {0};
	const char *found;
	char month[4] = "";
	int end = 0;

	if (sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &t.tm_mday, month, &t.tm_year, &t.tm_hour,
		   &t.tm_min, &t.tm_sec, &end) != 6 ||
	    !end)
		return 0;
	found = strlen(month) == 3 ? strstr(months, month) : NULL;
	if (!found || (found - months) % 3 || t.tm_year < 1970)
		return 0;
	t.tm_year -= 1900;
	t.tm_mon = (int)(found - months) / 3;
	return (uint64_t)timegm(&t);
}

uint64_t http_retry_after(const char *text, uint64_t now_unix_s)
{
	uint64_t seconds;

	text += strspn(text, " \t");
	if (isdigit((unsigned char)*text)) {
		seconds = strtoul(text, NULL, 10);
	} else {
		seconds = parse_date(text);
		seconds = seconds > now_unix_s ? seconds - now_unix_s : 0;
	}
	return (seconds > DAY_S ? DAY_S : seconds) * 1000000000ull;
}

static void take_length(struct http_wire *w, const char *value)
{
	char *end;
	unsigned long long length = strtoull(value, &end, 10);

	if (!isdigit((unsigned char)*value) || *end || length > INT64_MAX || (!w->to_end && length != w->left))
		return go_bad(w, "its Content-Length is no number");
	w->left = length;
	w->to_end = false;
}

static void take_encoding(struct http_wire *w, const char *value)
{
	if (!strcasecmp(value, "chunked"))
		w->chunked = true;
	else if (strcasecmp(value, "identity"))
		go_bad(w, "its Transfer-Encoding is not known");
}

static void take_connection(struct http_wire *w, const char *value)
{
	if (strcasestr(value, "close"))
		w->keeps_alive = false;
	else if (strcasestr(value, "keep-alive"))
		w->keeps_alive = true;
}

static void take_retry_after(struct http_wire *w, const char *value)
{
	w->retry_after_ns = http_retry_after(value, w->now_unix_s);
}

static const struct {
	const char *name;
	void (*take)(struct http_wire *w, const char *value);
} headers[] = {
	{"content-length", take_length},
	{"transfer-encoding", take_encoding},
	{"connection", take_connection},
	{"retry-after", take_retry_after},
};

static void take_header(struct http_wire *w, char *line)
{
	char *value = strchr(line, ':');

	if (!value || value == line)
		return go_bad(w, "one of its headers is none");
	*value++ = 0;
	value += strspn(value, " \t");
	for (size_t len = strlen(value); len && strchr(" \t", value[len - 1]);)
		value[--len] = 0;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		if (!strcasecmp(line, headers[i].name))
			headers[i].take(w, value);
}

/* "HTTP/1.1 200 OK" */
static void take_status(struct http_wire *w, const char *line)
{
	if (strncmp(line, "HTTP/1.", 7) || !isdigit((unsigned char)line[7]) || line[8] != ' ' ||
	    strspn(line + 9, "0123456789") != 3 || (line[12] && line[12] != ' ') || line[9] == '0' || line[9] > '5')
		return go_bad(w, "what it says is no HTTP");
	w->status = atoi(line + 9);
	w->keeps_alive = line[7] != '0';
	w->chunked = false;
	w->left = 0;
	w->to_end = true; /* unless a header says how long it is */
}

static bool has_no_body(const struct http_wire *w)
{
	return w->status == 204 || w->status == 304 || (w->is_tunnel && w->status / 100 == 2);
}

static void end_head(struct http_wire *w)
{
	if (!w->status)
		return go_bad(w, "what it says is no HTTP");
	if (w->status / 100 == 1) {
		w->status = 0; /* the answer itself is to come */
		return;
	}
	w->state = HTTP_WIRE_BODY;
	if (w->chunked) {
		w->part = CHUNK_SIZE;
		w->to_end = false;
		return;
	}
	if (w->to_end && !has_no_body(w))
		w->keeps_alive = false;
	else if (has_no_body(w) || !w->left)
		w->state = HTTP_WIRE_DONE;
}

/* ---- the body ----------------------------------------------------------------------------------------- */

static void take_chunk_size(struct http_wire *w, const char *line)
{
	char *end;
	unsigned long long size = strtoull(line, &end, 16);

	if (!isxdigit((unsigned char)*line) || size > INT64_MAX || (*end && !strchr("; \t", *end)))
		return go_bad(w, "its chunks are none");
	w->left = size;
	w->part = size ? CHUNK_DATA : CHUNK_TRAILER;
}

static void take_line(struct http_wire *w, char *line)
{
	if (w->state == HTTP_WIRE_HEAD) {
		if (!*line)
			end_head(w);
		else if (!w->status)
			take_status(w, line);
		else
			take_header(w, line);
	} else if (w->part == CHUNK_SIZE) {
		take_chunk_size(w, line);
	} else if (w->part == CHUNK_END) {
		if (*line)
			go_bad(w, "its chunks are none");
		w->part = CHUNK_SIZE;
	} else if (!*line) {
		w->state = HTTP_WIRE_DONE; /* the end of the trailers */
	}
}

/* As much of a line as there is; a whole one is taken. */
static size_t feed_line(struct http_wire *w, const char *bytes, size_t len)
{
	const char *end = memchr(bytes, '\n', len);
	size_t n = end ? (size_t)(end - bytes) + 1 : len;
	uint64_t limit = w->state == HTTP_WIRE_HEAD ? HEAD_MAX : TOTAL_MAX;

	buf_put(&w->line, bytes, n - (end != NULL));
	w->total += n;
	if (w->line.len > LINE_MAX_LEN || w->total > limit) {
		go_bad(w, "its headers are too long");
	} else if (end) {
		if (w->line.len && w->line.data[w->line.len - 1] == '\r')
			w->line.data[--w->line.len] = 0;
		if (memchr(w->line.data, 0, w->line.len))
			go_bad(w, "what it says is no HTTP");
		else
			take_line(w, w->line.data);
		buf_reset(&w->line);
	}
	return n;
}

static void keep(struct http_wire *w, const char *bytes, size_t len)
{
	size_t room = HTTP_ANSWER_MAX - w->body.len;

	buf_put(&w->body, bytes, len < room ? len : room);
}

static size_t feed_data(struct http_wire *w, const char *bytes, size_t len)
{
	size_t n = w->to_end || w->left > len ? len : (size_t)w->left;

	keep(w, bytes, n);
	w->total += n;
	if (!w->to_end)
		w->left -= n;
	if (w->chunked && !w->left)
		w->part = CHUNK_END;
	else if (!w->chunked && !w->to_end && !w->left)
		w->state = HTTP_WIRE_DONE;
	if (w->state == HTTP_WIRE_BODY && w->total > TOTAL_MAX) {
		w->keeps_alive = false;
		w->state = HTTP_WIRE_DONE; /* enough */
	}
	return n;
}

size_t http_wire__feed(struct http_wire *w, const char *bytes, size_t len)
{
	size_t at = 0;

	while (at < len && w->state < HTTP_WIRE_DONE) {
		bool is_line = w->state == HTTP_WIRE_HEAD || (w->chunked && w->part != CHUNK_DATA);

		at += (is_line ? feed_line : feed_data)(w, bytes + at, len - at);
	}
	return at;
}

void http_wire__end(struct http_wire *w)
{
	if (w->state == HTTP_WIRE_HEAD)
		go_bad(w, w->total ? "the connection ended amid its answer" : "the connection ended without an answer");
	else if (w->state == HTTP_WIRE_BODY)
		w->state = HTTP_WIRE_DONE; /* its status is what counts */
	w->keeps_alive = false;
}
