/* SPDX-License-Identifier: MIT */
/*
 * Grafana Pyroscope: push.v1.PusherService/Push with a protobuf body (api/push/v1/push.proto). It has no answer to a request beyond its
 * burst of 2 MB but 429, for ever, and counts what is in the packed profiles: requests are kept below that.
 */
#include "user/format/pb.h"
#include "user/format/pprof.h"
#include "user/push/backend.h"
#include "user/push/profiles.h"
#include "user/push/sets.h"
#include "user/push/wire.h"
#include "user/util/alloc.h"
#include <string.h>

enum { REQUEST_SERIES = 1 };
enum { SERIES_LABELS = 1, SERIES_SAMPLES };
enum { LABEL_NAME = 1, LABEL_VALUE };
enum { SAMPLE_PROFILE = 1, SAMPLE_ID };

struct request {
	push_body_fn fn;
	void *ctx;
	struct buf body;
	size_t bytes; /* as it counts them */
	uint64_t samples;
};

static void put_label(struct buf *series, const char *name, const char *value)
{
	__cleanup_free char *clean = wire_label_value(value);
	struct buf label = {0};

	pb_put_element(&label, LABEL_NAME, name, strlen(name));
	pb_put_element(&label, LABEL_VALUE, clean, strlen(clean));
	pb_put_message(series, SERIES_LABELS, &label);
	buf_free(&label);
}

static void put_labels(struct buf *series, const struct push_profile *p)
{
	const struct push_type_names *names = push_type_names(p->type);
	__cleanup_free char *own = pprof_type_name(p->type);

	put_label(series, "__name__", names && names->profile ? names->profile : own);
	for (size_t i = 0; i < p->group->label_cnt; i++)
		if (!wire_is_own_name(p->group->labels[i].name))
			put_label(series, p->group->labels[i].name, p->group->labels[i].value);
}

static void put_sample(struct buf *series, const struct push_profile *p)
{
	struct buf sample = {0};
	char uuid[37];

	wire_uuid(uuid);
	pb_put_message(&sample, SAMPLE_PROFILE, &p->packed);
	pb_put_element(&sample, SAMPLE_ID, uuid, strlen(uuid));
	pb_put_message(series, SERIES_SAMPLES, &sample);
	buf_free(&sample);
}

static void end(struct request *r)
{
	if (r->samples)
		r->fn(r->ctx, &r->body, r->samples);
	buf_free(&r->body);
	*r = (struct request){.fn = r->fn, .ctx = r->ctx};
}

static void add(void *ctx, struct push_profile *p)
{
	struct request *r = ctx;
	struct buf series = {0};
	size_t bytes;

	put_labels(&series, p);
	bytes = series.len + p->bytes;
	put_sample(&series, p);
	if (r->bytes + bytes > PUSH_BYTES_MAX)
		end(r);
	pb_put_message(&r->body, REQUEST_SERIES, &series);
	r->bytes += bytes;
	r->samples += p->samples;
	buf_free(&series);
}

static void encode(const struct push_window *w, push_body_fn fn, void *ctx)
{
	struct request r = {.fn = fn, .ctx = ctx};

	push_profiles(w, add, &r);
	end(&r);
}

const struct backend backend_pyroscope = {
	.name = "pyroscope",
	.help = "Grafana Pyroscope, its own protocol",
	.path = "/push.v1.PusherService/Push",
	.content_type = "application/proto",
	.gzip = false, /* the profiles are packed already */
	.encode = encode,
	.reason = wire_json_reason,
};
