/* SPDX-License-Identifier: MIT */
/*
 * OpenTelemetry: ExportProfilesServiceRequest by OTLP/HTTP. A resource is a group; in it a profile for each type of values. CPU time is
 * sent as numbers of samples, with the period that they stand for: of that form receivers make CPU profiles. The rest has values.
 */
#include "user/format/pb.h"
#include "user/format/pprof.h"
#include "user/profile/pool_name.h"
#include "user/push/backend.h"
#include "user/push/otlp_tables.h"
#include "user/push/sets.h"
#include "user/push/wire.h"
#include "user/util/alloc.h"
#include <string.h>

enum { REQUEST_RESOURCE_PROFILES = 1, REQUEST_DICTIONARY };
enum { RESOURCE_PROFILES_RESOURCE = 1, RESOURCE_PROFILES_SCOPES };
enum { RESOURCE_ATTRIBUTES = 1 };
enum { KEY_VALUE_KEY = 1, KEY_VALUE_VALUE };
enum { SCOPE_PROFILES_SCOPE = 1, SCOPE_PROFILES_PROFILES };
enum { SCOPE_NAME = 1, SCOPE_VERSION };
enum {
	PROFILE_SAMPLE_TYPE = 1,
	PROFILE_SAMPLES,
	PROFILE_TIME,
	PROFILE_DURATION,
	PROFILE_PERIOD_TYPE,
	PROFILE_PERIOD,
	PROFILE_ID
};
enum { SAMPLE_STACK = 1, SAMPLE_ATTRIBUTES, SAMPLE_VALUES = 4 };
enum { TYPE_NAME = 1, TYPE_UNIT };
enum { STATUS_MESSAGE = 2 };
enum { RESPONSE_PARTIAL = 1 };
enum { PARTIAL_REJECTED = 1, PARTIAL_MESSAGE };

#define ROW_BYTES  40  /* of a sample, at most */
#define HEAD_BYTES 512 /* of a profile and its resource beside labels and samples, at most */

struct row {
	uint32_t stack, attribute;
	uint64_t samples, value;
};

struct request {
	const struct push_window *w;
	const struct push_sets *sets;
	push_body_fn fn;
	void *ctx;
	/* of the request at hand */
	struct otlp_tables tables;
	struct buf resources; /* ResourceProfiles that are finished */
	uint64_t samples;
	bool is_open;
	/* of the resource at hand */
	const struct push_group *group;
	struct buf profiles; /* finished, as in ScopeProfiles */
	/* of the profile at hand */
	struct pair_map row_of; /* (stack, attribute) → 1 + row */
	struct row *rows;
	size_t row_cnt, row_cap;
	uint64_t part; /* of the group's profiles of this type */
};

/* ---- resources --------------------------------------------------------------------------------- */

static void put_attribute(struct buf *resource, const char *key, const char *value)
{
	__cleanup_free char *clean = wire_label_value(value);
	struct buf pair = {0};

	pb_put_element(&pair, KEY_VALUE_KEY, key, strlen(key));
	otlp_put_any(&pair, KEY_VALUE_VALUE, clean, strlen(clean));
	pb_put_message(resource, RESOURCE_ATTRIBUTES, &pair);
	buf_free(&pair);
}

static const char *label_of(const struct push_group *g, const char *name)
{
	for (size_t i = 0; i < g->label_cnt; i++)
		if (!strcmp(g->labels[i].name, name))
			return g->labels[i].value;
	return NULL;
}

/* By OpenTelemetry's conventions; of others, as it is called. */
static const char *attribute_name(const struct push_group *g, const char *label)
{
	static const struct {
		const char *label, *attribute;
	} rows[] = {
		{"service_name", "service.name"},
		{"namespace", "k8s.namespace.name"},
		{"pod", "k8s.pod.name"},
		{"node", "host.name"},
		{"container_id", "container.id"},
		{"pid", "process.pid"},
		{"python", "process.runtime.version"},
		{"runtime", "container.runtime"},
	};

	if (!strcmp(label, "container"))
		return label_of(g, "pod") ? "k8s.container.name" : "container.name";
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!strcmp(rows[i].label, label))
			return rows[i].attribute;
	return label;
}

static void put_resource(struct buf *out, const struct push_group *g)
{
	struct buf resource = {0};

	for (size_t i = 0; i < g->label_cnt; i++)
		if (!wire_is_own_name(g->labels[i].name))
			put_attribute(&resource, attribute_name(g, g->labels[i].name), g->labels[i].value);
	put_attribute(&resource, "process.runtime.name", "cpython");
	pb_put_message(out, RESOURCE_PROFILES_RESOURCE, &resource);
	buf_free(&resource);
}

static void put_scope(struct buf *out)
{
	struct buf scope = {0};

	pb_put_element(&scope, SCOPE_NAME, "pybpfprof", strlen("pybpfprof"));
	pb_put_element(&scope, SCOPE_VERSION, PYBPFPROF_VERSION, strlen(PYBPFPROF_VERSION));
	pb_put_message(out, SCOPE_PROFILES_SCOPE, &scope);
	buf_free(&scope);
}

static void end_resource(struct request *r)
{
	struct buf scope = {0}, resource = {0};

	if (r->profiles.len) {
		put_scope(&scope);
		buf_put(&scope, r->profiles.data, r->profiles.len);
		put_resource(&resource, r->group);
		pb_put_message(&resource, RESOURCE_PROFILES_SCOPES, &scope);
		pb_put_message(&r->resources, REQUEST_RESOURCE_PROFILES, &resource);
	}
	buf_free(&scope);
	buf_free(&resource);
	buf_reset(&r->profiles);
	r->group = NULL;
}

/* What a group's labels take, at most. */
static size_t group_bytes(const struct push_group *g)
{
	size_t bytes = 0;

	for (size_t i = 0; i < g->label_cnt; i++)
		bytes += strlen(g->labels[i].name) + strlen(g->labels[i].value) + 64;
	return bytes;
}

/* ---- profiles ---------------------------------------------------------------------------------- */

static void put_type(struct request *r, struct buf *out, uint32_t field, const char *name, const char *unit)
{
	struct buf type = {0};

	pb_put_int(&type, TYPE_NAME, otlp_tables__text(&r->tables, name));
	pb_put_int(&type, TYPE_UNIT, otlp_tables__text(&r->tables, unit));
	pb_put_message(out, field, &type);
	buf_free(&type);
}

static void put_types(struct request *r, struct buf *out, uint32_t type)
{
	const struct profile_value_type *t = &r->w->p->types[type];
	const struct push_type_names *names = push_type_names(t->name);
	__cleanup_free char *own = pprof_type_name(names && names->otlp ? names->otlp : t->name);
	const char *unit = value_unit(t)->name;

	if (names && names->is_counted)
		put_type(r, out, PROFILE_SAMPLE_TYPE, "samples", "count");
	else
		put_type(r, out, PROFILE_SAMPLE_TYPE, own, unit);
	put_type(r, out, PROFILE_PERIOD_TYPE, own, unit);
	if (!names || !names->no_period)
		pb_put_int(out, PROFILE_PERIOD, r->sets->period[type]);
}

static void put_row(struct buf *out, const struct row *row, bool counted)
{
	const uint64_t attribute = row->attribute, value = counted ? row->samples : row->value;
	struct buf sample = {0};

	pb_put_int(&sample, SAMPLE_STACK, row->stack);
	if (attribute)
		pb_put_packed(&sample, SAMPLE_ATTRIBUTES, &attribute, 1);
	pb_put_packed(&sample, SAMPLE_VALUES, &value, 1);
	pb_put_message(out, PROFILE_SAMPLES, &sample);
	buf_free(&sample);
}

static void end_profile(struct request *r, uint32_t type)
{
	const struct push_type_names *names = push_type_names(r->w->p->types[type].name);
	struct buf profile = {0};
	unsigned char id[16];

	if (r->row_cnt) {
		put_types(r, &profile, type);
		for (size_t i = 0; i < r->row_cnt; i++)
			put_row(&profile, &r->rows[i], names && names->is_counted);
		pb_put_fixed64(&profile, PROFILE_TIME, r->w->start_unix_ns + r->part++ * PUSH_PART_NS);
		pb_put_int(&profile, PROFILE_DURATION, r->w->duration_ns ? r->w->duration_ns : 1);
		wire_id(id);
		pb_put_element(&profile, PROFILE_ID, (const char *)id, sizeof(id));
		pb_put_message(&r->profiles, SCOPE_PROFILES_PROFILES, &profile);
	}
	buf_free(&profile);
	pair_map__free(&r->row_of);
	r->row_of = (struct pair_map){0};
	r->row_cnt = 0;
}

/* ---- requests ---------------------------------------------------------------------------------- */

static void begin_request(struct request *r)
{
	r->tables = (struct otlp_tables){
		.refs = {.text_max = PUSH_TEXT_MAX,
			 .depth_max = PUSH_DEPTH_MAX,
			 .stack_max = r->sets->sample_bytes_max > PUSH_BYTES_MAX / 2 ? PUSH_BYTES_MAX / 2 : 0}};
	otlp_tables__init(&r->tables, r->w->p, &r->sets->view);
	r->is_open = true;
}

static void end_request(struct request *r)
{
	struct buf body = {0}, dictionary = {0};

	if (!r->is_open)
		return;
	otlp_tables__put(&r->tables, &dictionary);
	buf_put(&body, r->resources.data, r->resources.len);
	pb_put_message(&body, REQUEST_DICTIONARY, &dictionary);
	if (r->samples)
		r->fn(r->ctx, &body, r->samples);
	buf_free(&body);
	buf_free(&dictionary);
	otlp_tables__free(&r->tables);
	buf_reset(&r->resources);
	r->samples = 0;
	r->is_open = false;
}

static size_t bytes_so_far(const struct request *r)
{
	return otlp_tables__bytes(&r->tables) + r->resources.len + r->profiles.len + r->row_cnt * ROW_BYTES +
	       (r->group ? group_bytes(r->group) : 0) + HEAD_BYTES;
}

/* Would it be too much with this one? How much that adds is looked up only where that could matter. */
static bool is_full(const struct request *r, const struct push_set *set, const struct profile_bucket *b)
{
	const struct profile_thread *t = &r->w->p->threads[b->thread];
	size_t labels = group_bytes(set->group) + HEAD_BYTES + ROW_BYTES + strlen(t->name) + 64;
	size_t bytes = bytes_so_far(r) + labels;

	if (!r->samples || bytes + r->sets->sample_bytes_max <= PUSH_BYTES_MAX)
		return false;
	return bytes + pprof_tables__stack_bytes(&r->tables.refs, t->process, b->stack) > PUSH_BYTES_MAX;
}

static void add_row(struct request *r, const struct profile_bucket *b)
{
	const struct profile_thread *t = &r->w->p->threads[b->thread];
	__cleanup_free char *name = r->w->thread_names ? pool_name(t->name) : xstrdup("");
	uint32_t attribute = otlp_tables__attribute(&r->tables, "thread.name", name);
	uint32_t stack = otlp_tables__stack(&r->tables, t->process, b->stack);
	uint32_t *at = pair_map__slot(&r->row_of, stack, attribute);

	if (!*at) {
		xgrow(r->rows, r->row_cnt, r->row_cap);
		r->rows[r->row_cnt++] = (struct row){.stack = stack, .attribute = attribute};
		*at = (uint32_t)r->row_cnt;
	}
	r->rows[*at - 1].samples += b->samples;
	r->rows[*at - 1].value += b->value;
	r->samples += b->samples;
}

static void add(struct request *r, const struct push_set *set, const struct profile_bucket *b)
{
	if (r->is_open && is_full(r, set, b)) {
		end_profile(r, set->type);
		end_resource(r);
		end_request(r);
	}
	if (!r->is_open)
		begin_request(r);
	if (r->row_cnt >= PUSH_SAMPLES_MAX)
		end_profile(r, set->type);
	r->group = set->group;
	add_row(r, b);
}

static void encode(const struct push_window *w, push_body_fn fn, void *ctx)
{
	struct push_sets sets;
	struct request r = {.w = w, .sets = &sets, .fn = fn, .ctx = ctx};

	push_sets__init(&sets, w);
	for (size_t i = 0; i < sets.cnt; i++) {
		if (r.group && r.group != sets.items[i].group)
			end_resource(&r);
		r.part = 0;
		for (size_t k = 0; k < sets.items[i].cnt; k++)
			add(&r, &sets.items[i], sets.items[i].buckets[k]);
		end_profile(&r, sets.items[i].type);
	}
	end_resource(&r);
	end_request(&r);
	buf_free(&r.resources);
	buf_free(&r.profiles);
	free(r.rows);
	push_sets__free(&sets);
}

/* A field of a message: a number, or bytes. */
struct field {
	uint64_t id, number;
	const char *bytes; /* NULL: a number */
};

/* The next one. False: there is none, or it is none of what answers are made of. */
static bool next_field(struct cursor *c, struct field *f)
{
	uint64_t tag = cursor_left(c) ? cursor_varint(c) : 0;

	*f = (struct field){.id = tag >> 3, .number = tag ? cursor_varint(c) : 0};
	if ((tag & 7) == 2)
		f->bytes = cursor_bytes(c, f->number);
	c->bad |= (tag & 7) != 2 && (tag & 7) != 0;
	return tag && !c->bad;
}

/* google.rpc.Status, or text. */
static char *reason(const char *body, size_t len)
{
	struct cursor c = cursor_of(body, len);
	struct field f, message = {0};

	while (next_field(&c, &f))
		if (f.bytes && f.id == STATUS_MESSAGE)
			message = f;
	if (!c.bad && message.bytes && message.number)
		return wire_text_reason(message.bytes, message.number);
	return wire_json_reason(body, len);
}

/* ExportProfilesServiceResponse. What is no such message says nothing. */
static uint64_t left_out(const char *body, size_t len, char **why)
{
	struct cursor c = cursor_of(body, len), partial = cursor_of("", 0);
	struct field f, message = {0};
	uint64_t rejected = 0;

	*why = NULL;
	while (next_field(&c, &f))
		if (f.bytes && f.id == RESPONSE_PARTIAL)
			partial = cursor_of(f.bytes, f.number);
	while (next_field(&partial, &f)) {
		if (f.bytes && f.id == PARTIAL_MESSAGE)
			message = f;
		else if (!f.bytes && f.id == PARTIAL_REJECTED && f.number <= INT64_MAX)
			rejected = f.number;
	}
	if (c.bad || partial.bad)
		return 0;
	if (message.bytes && message.number)
		*why = wire_text_reason(message.bytes, message.number);
	return rejected;
}

const struct backend backend_otlp = {
	.name = "otlp",
	.help = "OpenTelemetry Collector and whoever takes OTLP/HTTP, layout of proto " OTLP_LAYOUT,
	.path = "/v1development/profiles",
	.content_type = "application/x-protobuf",
	.gzip = true,
	.encode = encode,
	.reason = reason,
	.left_out = left_out,
};
