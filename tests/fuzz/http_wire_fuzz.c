/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a server's answer: taken at once, and in pieces, it is the same answer; and what is kept is bounded. The first
 * byte says how long pieces are, and whether it is the answer to CONNECT.
 */
#include "user/push/http_wire.h"
#include "user/push/http.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_it(struct http_wire *w, const char *bytes, size_t len, size_t piece, bool is_tunnel)
{
	http_wire__init(w, is_tunnel, 1000000000);
	for (size_t at = 0; at < len && w->state < HTTP_WIRE_DONE;) {
		size_t n = len - at < piece ? len - at : piece;

		at += http_wire__feed(w, bytes + at, n);
	}
	if (w->state < HTTP_WIRE_DONE)
		http_wire__end(w);
}

static void require(bool fine)
{
	if (!fine)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_wire whole, parts;

	if (!size)
		return 0;
	read_it(&whole, (const char *)data + 1, size - 1, size, data[0] & 1);
	read_it(&parts, (const char *)data + 1, size - 1, 1 + (data[0] >> 1), data[0] & 1);
	require(whole.state == parts.state && whole.status == parts.status);
	require(whole.state == HTTP_WIRE_BAD || whole.body.len == parts.body.len);
	require(whole.state == HTTP_WIRE_BAD || !whole.body.len ||
		!memcmp(whole.body.data, parts.body.data, whole.body.len));
	require(whole.keeps_alive == parts.keeps_alive && whole.body.len <= HTTP_ANSWER_MAX);
	require(whole.state == HTTP_WIRE_DONE ? whole.status >= 200 && whole.status < 600 : whole.why != NULL);
	http_wire__clear(&whole);
	http_wire__clear(&parts);
	return 0;
}
