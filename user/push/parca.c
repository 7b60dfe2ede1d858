/* SPDX-License-Identifier: MIT */
/*
 * Parca: its REST door to ProfileStoreService.WriteRaw, which takes JSON alone, with profiles in base64. It keeps no labels of samples:
 * what tells series apart is in the labels of the series.
 */
#include "user/push/backend.h"
#include "user/push/profiles.h"
#include "user/push/sets.h"
#include "user/push/wire.h"
#include "user/util/alloc.h"
#include "user/util/json_put.h"
#include <string.h>

#define NAME                                                                                                           \
	"pybpfprof" /* what stands before the type in its queries: pybpfprof:cpu:nanoseconds:cpu:nanoseconds:delta */

struct request {
	push_body_fn fn;
	void *ctx;
	struct buf body;
	size_t bytes;
	uint64_t samples;
};

static void put_base64(struct buf *out, const unsigned char *bytes, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		uint32_t three = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
				 (left > 2 ? bytes[i + 2] : 0);
		const char four[4] = {digits[three >> 18], digits[three >> 12 & 63],
				      left > 1 ? digits[three >> 6 & 63] : '=', left > 2 ? digits[three & 63] : '='};

		buf_put(out, four, sizeof(four));
	}
}

static void put_label(struct json_put *j, const char *name, const char *value)
{
	__cleanup_free char *clean = wire_label_value(value);

	json_put_map(j, NULL);
	json_put_text(j, "name", name);
	json_put_text(j, "value", clean);
	json_put_end_map(j);
}

/* [{"name":…,"value":…},…] */
static void put_labels(struct buf *out, const struct push_group *g)
{
	char *text = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&text, &len);
	struct json_put j = {.out = stream};

	json_put_map(&j, NULL);
	json_put_list(&j, "labels");
	put_label(&j, "__name__", NAME);
	for (size_t i = 0; i < g->label_cnt; i++)
		if (!wire_is_own_name(g->labels[i].name))
			put_label(&j, g->labels[i].name, g->labels[i].value);
	json_put_end_list(&j);
	json_put_end_map(&j);
	fclose(stream);
	while (len && text[len - 1] == '\n')
		len--;
	buf_put(out, text, len);
	free(text);
}

static void end(struct request *r)
{
	buf_puts(&r->body, "]}");
	if (r->samples)
		r->fn(r->ctx, &r->body, r->samples);
	buf_free(&r->body);
	*r = (struct request){.fn = r->fn, .ctx = r->ctx};
}

static void add(void *ctx, struct push_profile *p)
{
	struct request *r = ctx;

	if (r->bytes + p->bytes > PUSH_BYTES_MAX)
		end(r);
	buf_puts(&r->body, r->body.len ? "," : "{\"series\":[");
	buf_puts(&r->body, "{\"labels\":");
	put_labels(&r->body, p->group);
	buf_puts(&r->body, ",\"samples\":[{\"raw_profile\":\"");
	put_base64(&r->body, (const unsigned char *)p->packed.data, p->packed.len);
	buf_puts(&r->body, "\"}]}");
	r->bytes += p->bytes;
	r->samples += p->samples;
}

static void encode(const struct push_window *w, push_body_fn fn, void *ctx)
{
	struct request r = {.fn = fn, .ctx = ctx};

	push_profiles(w, add, &r);
	end(&r);
}

const struct backend backend_parca = {
	.name = "parca",
	.help = "Parca, by its REST interface",
	.path = "/api/profiles/writeraw",
	.content_type = "application/json",
	.gzip = false, /* it refuses that */
	.encode = encode,
	.reason = wire_json_reason,
};
