/* SPDX-License-Identifier: MIT */
/*
 * Our JSON back into a profile. The file is gone through once for its values and for where its tables begin; then each
 * table is read in the order in which their ids refer to each other, the samples last. So the order of its keys does not
 * matter and nothing is kept per sample; whoever wants the samples one by one later reads them again from the same open
 * file. Files of others need no tables: what a sample names and no table knows is made up on sight.
 */
#include "user/format/json.h"
#include "user/format/json/json_ids.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

/* The last is what synthetic frames have: an origin of their own from before there were kinds, and readers know it. */
static const char *const origins[PROFILE_ORIGINS + 1] = {
	[PROFILE_USER] = "user",     [PROFILE_STDLIB] = "stdlib", [PROFILE_SITE] = "site",
	[PROFILE_OBJECT] = "object", [PROFILE_ORIGINS] = "mark",
};

const char *const json_kinds[PROFILE_KINDS] = {
	[PROFILE_PYTHON] = "python",   [PROFILE_NATIVE] = "native",       [PROFILE_KERNEL] = "kernel",
	[PROFILE_INLINED] = "inlined", [PROFILE_SYNTHETIC] = "synthetic",
};

const char *const json_units[PROFILE_UNITS] = {
	[PROFILE_NANOSECONDS] = "seconds",
	[PROFILE_BYTES] = "bytes",
	[PROFILE_COUNT] = "count",
};

const char *json_origin(const struct profile_function *f)
{
	return origins[f->kind == PROFILE_SYNTHETIC ? PROFILE_ORIGINS : f->origin];
}

const char *const json_roots[PROFILE_ROOTS] = {
	[PROFILE_ROOT_UNSAID] = "",
	[PROFILE_ROOT_OWN] = "own",
	[PROFILE_ROOT_OTHER] = "other",
};

#define CHANGED          "the file is not what it was when it was first read"
#define DEFAULT_VALUE_NS 10000000 /* 100 Hz, as py-spy samples by default */
#define NS_PER_S         1000000000.0
#define MAX_SECONDS      1.8e10 /* in nanoseconds it fits 64 bits */

/* ---- members --------------------------------------------------------------------------------- */

/* Each of these reads the value of the member at hand if that is its key. Others have more keys: those are skipped. */

static bool on_u32(struct json_reader *r, const char *key, uint32_t *out)
{
	if (!json_is(&r->json, key))
		return false;
	*out = (uint32_t)json_get_whole(&r->json, 0, UINT32_MAX);
	return true;
}

static bool on_u64(struct json_reader *r, const char *key, uint64_t *out)
{
	if (!json_is(&r->json, key))
		return false;
	*out = (uint64_t)json_get_whole(&r->json, 0, INT64_MAX);
	return true;
}

/* A row of a table, the first is 0: its id. */
static bool on_id(struct json_reader *r, const char *key, uint32_t *out)
{
	if (!json_is(&r->json, key))
		return false;
	*out = (uint32_t)json_get_whole(&r->json, 0, UINT32_MAX - 1) + 1;
	return true;
}

static bool on_type(struct json_reader *r, uint8_t *out)
{
	uint32_t type;

	if (!on_u32(r, "value_type", &type))
		return false;
	*out = type < PROFILE_MAX_TYPES ? (uint8_t)type : PROFILE_MAX_TYPES;
	return true;
}

static bool on_seconds(struct json_reader *r, const char *key, uint64_t *ns)
{
	long double seconds = -1; /* more than 53 bits, where there are: nanoseconds since 1970 need 61 */

	if (!json_is(&r->json, key))
		return false;
	if (json_get_kind(&r->json) == JSON_NUMBER)
		seconds = strtold(json_get_digits(&r->json), NULL);
	if (seconds >= 0 && seconds < MAX_SECONDS)
		*ns = (uint64_t)(seconds * 1e9L + 0.5L);
	else
		json_refuse_value(&r->json, "a number of seconds");
	return true;
}

static bool on_rate(struct json_reader *r, const char *key, double *hz)
{
	if (!json_is(&r->json, key))
		return false;
	*hz = json_get_real(&r->json);
	if (*hz < 0)
		json_refuse_value(&r->json, "a number");
	return true;
}

static bool on_line(struct json_reader *r, int32_t *line)
{
	if (!json_is(&r->json, "line"))
		return false;
	*line = (int32_t)json_get_whole(&r->json, INT32_MIN, INT32_MAX);
	return true;
}

static bool on_bool(struct json_reader *r, const char *key, bool *out)
{
	if (!json_is(&r->json, key))
		return false;
	*out = json_get_bool(&r->json);
	return true;
}

static uint32_t get_text_id(struct json_reader *r)
{
	size_t len;
	const char *text = json_get_text(&r->json, &len);

	return intern__id(r->texts, text, len);
}

static bool on_text(struct json_reader *r, const char *key, const char **out)
{
	if (!json_is(&r->json, key))
		return false;
	*out = json_text(r, get_text_id(r));
	return true;
}

/* Threads of others have numbers of 64 bits, or words. */
static bool on_thread_id(struct json_reader *r, uint32_t *out)
{
	if (!json_is(&r->json, "thread_id"))
		return false;
	if (json_get_kind(&r->json) == JSON_STRING) {
		*out = get_text_id(r);
	} else {
		const char *digits = json_get_digits(&r->json);

		*out = intern__id(r->texts, digits, strlen(digits));
	}
	return true;
}

/* The number of a word; of one that is not known `other`. */
static bool on_word(struct json_reader *r, const char *key, const char *const *words, uint32_t cnt, uint32_t other,
		    uint32_t *out)
{
	const char *text;

	if (!json_is(&r->json, key))
		return false;
	text = json_get_text(&r->json, NULL);
	for (*out = 0; *out < cnt; ++*out)
		if (!strcmp(words[*out], text))
			return true;
	*out = other;
	return true;
}

/* ---- rows of tables -------------------------------------------------------------------------- */

static void read_type(struct json_reader *r)
{
	struct profile_value_type t = {.id = r->type_cnt++, .name = "", .label = "", .sentence = ""};
	struct json_get *j = &r->json;
	uint32_t unit = PROFILE_NANOSECONDS;

	for (json_get_map(j); json_get_key(j);)
		if (!(on_text(r, "name", &t.name) || on_text(r, "label", &t.label) ||
		      on_text(r, "sentence", &t.sentence) ||
		      on_word(r, "unit", json_units, PROFILE_UNITS, PROFILE_COUNT, &unit)))
			json_skip(j);
	t.unit = (enum profile_unit)unit;
	r->sink.ops->value_type(r->sink.ctx, &t);
}

static void read_process(struct json_reader *r)
{
	struct profile_process p = {.command = "", .python = "", .interpreter = "", .cgroup = "", .rights = ""};
	struct json_get *j = &r->json;
	uint32_t root = PROFILE_ROOT_UNSAID;

	for (json_get_map(j); json_get_key(j);)
		if (!(on_u32(r, "pid", &p.pid) || on_u32(r, "parent_pid", &p.parent_pid) ||
		      on_seconds(r, "start", &p.start_unix_ns) || on_seconds(r, "cpu_clock", &p.cpu_ns) ||
		      on_seconds(r, "code_start", &p.code_start_unix_ns) || on_text(r, "command", &p.command) ||
		      on_text(r, "python", &p.python) || on_text(r, "interpreter", &p.interpreter) ||
		      on_text(r, "cgroup", &p.cgroup) || on_text(r, "rights", &p.rights) ||
		      on_word(r, "root", json_roots, PROFILE_ROOTS, PROFILE_ROOT_OTHER, &root)))
			json_skip(j);
	p.root = (enum profile_root)root;
	json_add_process(r, &p);
}

static void read_task(struct json_reader *r)
{
	struct profile_task t = {.id = ++r->task_cnt, .name = "", .coroutine = ""};
	struct json_get *j = &r->json;

	for (json_get_map(j); json_get_key(j);)
		if (!(on_text(r, "name", &t.name) || on_id(r, "process", &t.process) || on_id(r, "parent", &t.parent) ||
		      on_text(r, "coroutine", &t.coroutine)))
			json_skip(j);
	r->sink.ops->task(r->sink.ctx, &t);
}

static void read_label(struct json_reader *r)
{
	struct profile_label l = {.key = "", .value = ""};
	struct json_get *j = &r->json;

	for (json_get_map(j); json_get_key(j);)
		if (!(on_id(r, "process", &l.process) || on_text(r, "key", &l.key) || on_text(r, "value", &l.value)))
			json_skip(j);
	r->sink.ops->label(r->sink.ctx, &l);
}

static void read_source(struct json_reader *r)
{
	struct profile_source s = {.file = "", .label = "", .text = ""};
	struct json_get *j = &r->json;

	for (json_get_map(j); json_get_key(j);)
		if (!(on_id(r, "process", &s.process) || on_text(r, "file", &s.file) || on_text(r, "label", &s.label) ||
		      on_text(r, "text", &s.text)))
			json_skip(j);
	r->sink.ops->source(r->sink.ctx, &s);
}

static void read_thread(struct json_reader *r)
{
	struct profile_thread t = {.name = ""};
	struct json_get *j = &r->json;
	uint32_t pid = 0, thread_id = 0;

	for (json_get_map(j); json_get_key(j);)
		if (!(on_u32(r, "pid", &pid) || on_id(r, "process", &t.process) || on_thread_id(r, &thread_id) ||
		      on_text(r, "name", &t.name)))
			json_skip(j);
	if (t.process > r->process_cnt)
		json_refuse(j, "there is no process %u", t.process - 1);
	if (j->err)
		return;
	if (!t.process)
		t.process = json_process_of(r, pid);
	json_add_thread(r, &t, thread_id);
	r->table_threads = r->thread_cnt;
}

static void read_loss(struct json_reader *r)
{
	struct profile_loss l = {.reason = "", .sentence = "", .failure = true};
	struct json_get *j = &r->json;

	for (json_get_map(j); json_get_key(j);)
		if (!(on_text(r, "reason", &l.reason) || on_text(r, "sentence", &l.sentence) ||
		      on_id(r, "process", &l.process) || on_u64(r, "samples", &l.count) ||
		      on_seconds(r, "time", &l.value) || on_u64(r, "amount", &l.value) || on_type(r, &l.type) ||
		      on_seconds(r, "from", &l.from_unix_ns) || on_seconds(r, "to", &l.to_unix_ns) ||
		      on_bool(r, "failure", &l.failure) || on_bool(r, "failed", &l.failed)))
			json_skip(j);
	l.type = l.type < PROFILE_MAX_TYPES ? l.type : 0;
	r->sink.ops->loss(r->sink.ctx, &l);
}

/* ---- functions ------------------------------------------------------------------------------- */

static void read_function(struct json_reader *r, uint32_t name, uint32_t variant);

/* Functions that share a name. One of them has none again. */
static bool on_variants(struct json_reader *r, uint32_t name, uint32_t variant, uint32_t *cnt)
{
	struct json_get *j = &r->json;

	if (variant || !json_is(j, "variants"))
		return false;
	for (json_get_list(j); json_get_element(j);)
		read_function(r, name, (*cnt)++);
	return true;
}

static void read_function(struct json_reader *r, uint32_t name, uint32_t variant)
{
	struct profile_function f = {.module = "", .file = ""};
	struct json_get *j = &r->json;
	uint32_t variants = 0, origin = PROFILE_USER, kind = PROFILE_PYTHON;
	uint64_t samples = 0, time_ns = 0;

	for (json_get_map(j); json_get_key(j);)
		if (!(on_text(r, "file", &f.file) || on_line(r, &f.first_line) ||
		      on_text(r, "short_file", &f.short_file) || on_text(r, "module", &f.module) ||
		      on_word(r, "origin", origins, ARRAY_SIZE(origins), PROFILE_USER, &origin) ||
		      on_word(r, "kind", json_kinds, PROFILE_KINDS, PROFILE_PYTHON, &kind) ||
		      on_u64(r, "samples", &samples) || on_seconds(r, "time", &time_ns) ||
		      on_variants(r, name, variant, &variants)))
			json_skip(j);
	if (variants || j->err)
		return;
	if (pair_map__get(&r->variants, name, variant))
		return json_refuse(j, "\"%s\" is there twice", json_text(r, name));
	f.short_file = f.short_file ? f.short_file : f.file;
	f.kind = origin == PROFILE_ORIGINS ? PROFILE_SYNTHETIC : (enum profile_kind)kind;
	f.origin = origin == PROFILE_ORIGINS ? PROFILE_USER : (enum profile_origin)origin;
	json_add_function(r, &f, name, variant);
	r->function_samples += samples;
	r->function_ns += time_ns;
}

static void read_functions(struct json_reader *r)
{
	struct json_get *j = &r->json;

	for (json_get_map(j); json_get_key(j);)
		read_function(r, intern__id(r->texts, j->text, j->len), 0);
}

/* ---- samples --------------------------------------------------------------------------------- */

static bool on_list(struct json_reader *r, const char *key, struct json_list *list)
{
	struct json_get *j = &r->json;

	if (!json_is(j, key))
		return false;
	list->cnt = 0;
	for (json_get_list(j); json_get_element(j);) {
		if (list->cnt == PROFILE_MAX_DEPTH)
			json_refuse(j, "a stack has more than %d entries", PROFILE_MAX_DEPTH);
		xgrow(list->items, list->cnt, list->cap);
		list->items[list->cnt++] = list == &r->stack ? get_text_id(r) : json_get_whole(j, INT32_MIN, INT32_MAX);
	}
	return true;
}

static uint32_t find_stack(struct json_reader *r)
{
	uint32_t stack = 0;

	for (size_t i = 0; i < r->stack.cnt; i++) {
		uint32_t name = (uint32_t)r->stack.items[i];
		int64_t variant = r->which.cnt ? r->which.items[i] : 0;
		int32_t line = r->lines.cnt ? (int32_t)r->lines.items[i] : 0;
		uint32_t function = variant < 0 ? 0 : json_function_of(r, name, (uint32_t)variant);

		if (!function && !r->fn)
			json_refuse(&r->json, "\"which\": \"%s\" has no variant %" PRId64, json_text(r, name), variant);
		stack = function ? json_stack_of(r, stack, json_frame_of(r, function, line)) : 0;
		if (!stack)
			return 0;
	}
	return stack;
}

/* The lists of a sample belong together. */
static void check_lists(struct json_reader *r)
{
	struct json_get *j = &r->json;

	if (!r->stack.cnt)
		json_refuse(j, "a sample has no \"stack\", or an empty one");
	if (r->lines.cnt && r->lines.cnt != r->stack.cnt)
		json_refuse(j, "\"lines\" has %zu entries and \"stack\" %zu", r->lines.cnt, r->stack.cnt);
	if (r->which.cnt && r->which.cnt != r->stack.cnt)
		json_refuse(j, "\"which\" has %zu entries and \"stack\" %zu", r->which.cnt, r->stack.cnt);
}

static void emit_sample(struct json_reader *r, struct profile_sample *s, uint32_t pid, uint32_t thread_id)
{
	struct json_get *j = &r->json;

	check_lists(r);
	if (s->thread > r->table_threads)
		json_refuse(j, "there is no thread %u in \"threads\"", s->thread - 1);
	if (j->err)
		return;
	if (!s->thread)
		s->thread = json_thread_of(r, json_process_of(r, pid), thread_id);
	s->stack = find_stack(r);
	if (!s->thread || !s->stack)
		return json_refuse(j, CHANGED);
	if (!r->first_ns || s->time_unix_ns < r->first_ns)
		r->first_ns = s->time_unix_ns;
	if (s->time_unix_ns > r->last_ns)
		r->last_ns = s->time_unix_ns;
	if (r->fn)
		r->fn_result = r->fn(r->fn_arg, s);
	else
		r->sink.ops->sample(r->sink.ctx, s);
}

static void read_sample(struct json_reader *r)
{
	struct profile_sample s = {.value = UINT64_MAX};
	struct json_get *j = &r->json;
	uint32_t pid = 0, thread_id = 0;
	bool gil, no_gil = false, truncated = false;

	r->stack.cnt = r->lines.cnt = r->which.cnt = 0;
	for (json_get_map(j); json_get_key(j);) {
		if (on_bool(r, "gil", &gil))
			s.gil = gil ? PROFILE_GIL_HELD : PROFILE_GIL_NOT_HELD;
		else if (json_is(j, "cpu"))
			s.cpu = (uint16_t)json_get_whole(j, 0, UINT16_MAX);
		else if (!(on_seconds(r, "timestamp", &s.time_unix_ns) || on_u32(r, "pid", &pid) ||
			   on_thread_id(r, &thread_id) || on_id(r, "thread", &s.thread) ||
			   on_seconds(r, "value", &s.value) || on_u64(r, "amount", &s.value) || on_type(r, &s.type) ||
			   on_id(r, "task", &s.task) || on_bool(r, "truncated", &truncated) ||
			   on_bool(r, "no_gil", &no_gil) || on_list(r, "stack", &r->stack) ||
			   on_list(r, "lines", &r->lines) || on_list(r, "which", &r->which)))
			json_skip(j);
	}
	if (no_gil)
		s.gil = PROFILE_GIL_NONE;
	s.truncated = truncated;
	if (s.value == UINT64_MAX) { /* not said */
		s.value = r->default_ns;
		r->is_default_used = true;
	}
	emit_sample(r, &s, pid, thread_id);
}

/* ---- the file -------------------------------------------------------------------------------- */

/* In the order in which ids refer to each other. `row` reads an element of a list, NULL: the table is `functions`. */
static const struct table {
	const char *key;
	void (*row)(struct json_reader *r);
} tables[JSON_TABLES] = {
	{"value_types", read_type}, {"processes", read_process}, {"tasks", read_task},
	{"labels", read_label},     {"sources", read_source},    {"threads", read_thread},
	{"functions", NULL},        {"lost", read_loss},         {"samples", read_sample},
};
#define SAMPLES (JSON_TABLES - 1)

static bool on_table(struct json_reader *r)
{
	struct json_get *j = &r->json;

	for (size_t i = 0; i < JSON_TABLES; i++) {
		if (!json_is(j, tables[i].key))
			continue;
		if (r->tables[i].line)
			json_refuse(j, "\"%s\" is there twice", tables[i].key);
		r->tables[i] = json_get_mark(j);
		json_skip(j);
		return true;
	}
	return false;
}

static void read_top(struct json_reader *r)
{
	struct profile_meta *m = &r->meta;
	struct json_get *j = &r->json;

	for (json_get_map(j); json_get_key(j);)
		if (!(on_table(r) || on_text(r, "schema", &r->schema) || on_text(r, "process_name", &r->process_name) ||
		      on_text(r, "tool", &m->tool) || on_text(r, "command", &m->command) ||
		      on_text(r, "target", &m->target) || on_text(r, "host", &m->host) ||
		      on_text(r, "kernel", &m->kernel) || on_seconds(r, "start", &m->start_unix_ns) ||
		      on_seconds(r, "duration", &m->duration_ns) || on_rate(r, "rate", &m->rate_hz) ||
		      on_rate(r, "effective_rate", &m->effective_rate_hz) || on_u32(r, "cpus", &m->cpus) ||
		      on_u64(r, "ticks", &m->ticks) || on_u64(r, "filtered", &m->filtered) ||
		      on_bool(r, "gil_only", &m->gil_only) || on_bool(r, "complete", &m->complete)))
			json_skip(j);
	json_get__end(j);
}

/* 0, or what is wrong (said). */
static int read_table(struct json_reader *r, size_t table)
{
	struct json_get *j = &r->json;

	if (r->tables[table].line) {
		json_get__return(j, tables[table].key, r->tables[table]);
		if (!tables[table].row)
			read_functions(r);
		else
			for (json_get_list(j); !r->fn_result && json_get_element(j);)
				tables[table].row(r);
	}
	if (j->err)
		log_error("%s: %s", r->path, j->error);
	return j->err;
}

static int each(void *ctx, profile_sample_fn fn, void *arg)
{
	struct json_reader *r = ctx;
	int err;

	r->fn = fn;
	r->fn_arg = arg;
	r->fn_result = 0;
	err = read_table(r, SAMPLES);
	return r->fn_result ? r->fn_result : err;
}

/* ---- putting it together --------------------------------------------------------------------- */

/* Settings; told again at the end, when the times of the samples are known. */
static void emit_meta(struct json_reader *r)
{
	struct profile_meta m = r->meta;

	m.target = m.target ? m.target : r->process_name;
	if (!m.start_unix_ns)
		m.start_unix_ns = r->first_ns;
	if (!m.duration_ns && r->last_ns > m.start_unix_ns)
		m.duration_ns = r->last_ns - m.start_unix_ns;
	r->sink.ops->meta(r->sink.ctx, &m);
}

/* What a sample without a value stands for. */
static void find_default(struct json_reader *r)
{
	if (r->meta.rate_hz > 0)
		r->default_ns = (uint64_t)(NS_PER_S / r->meta.rate_hz + 0.5);
	else if (r->function_samples && r->function_ns)
		r->default_ns = (uint64_t)((double)r->function_ns / (double)r->function_samples + 0.5);
}

static int check_top(const struct json_reader *r)
{
	if (r->json.err) {
		log_error("%s: %s", r->path, r->json.error);
		return r->json.err;
	}
	if (!strncmp(r->schema, "pybpfprof/", 10) && strcmp(r->schema, JSON_SCHEMA)) {
		log_error("%s: is written as %s, by a newer version of this program; this one "
			  "reads " JSON_SCHEMA,
			  r->path, r->schema);
		return -ENOTSUP;
	}
	if (!r->tables[SAMPLES].line) {
		log_error("%s: is JSON, but no profile: it has no \"samples\"", r->path);
		return -EINVAL;
	}
	return 0;
}

static int read_all(struct json_reader *r)
{
	int err;

	if (lseek(r->fd, 0, SEEK_SET)) {
		err = -errno;
		log_error("%s: is read more than once, so it must be a plain file: %s", r->path, strerror(-err));
		return err;
	}
	read_top(r);
	err = check_top(r);
	if (err)
		return err;
	emit_meta(r);
	for (size_t i = 0; i < JSON_TABLES && !err; i++) {
		if (i == SAMPLES)
			find_default(r);
		err = read_table(r, i);
	}
	if (!err)
		emit_meta(r);
	return err;
}

static void reader__free(void *ctx)
{
	struct json_reader *r = ctx;

	if (r->fd >= 0)
		close(r->fd);
	intern__free(r->texts);
	pair_map__free(&r->pids);
	pair_map__free(&r->thread_ids);
	pair_map__free(&r->variants);
	pair_map__free(&r->frames);
	pair_map__free(&r->stacks);
	free(r->stack.items);
	free(r->lines.items);
	free(r->which.items);
	free(r->path);
	free(r);
}

static struct json_reader *reader__new(const char *path, struct profile_sink sink)
{
	struct json_reader *r = xcalloc(1, sizeof(*r));

	r->path = xstrdup(path);
	r->sink = sink;
	r->texts = intern__new();
	r->default_ns = DEFAULT_VALUE_NS;
	r->schema = r->process_name = "";
	r->meta = (struct profile_meta){.tool = "", .command = "", .host = "", .kernel = "", .complete = true};
	r->fd = open(path, O_RDONLY | O_CLOEXEC);
	json_get__open(&r->json, r->fd);
	return r;
}

int json_read(const char *path, struct profile **out)
{
	struct profile_builder *b = profile_builder__new(false);
	struct json_reader *r = reader__new(path, profile_builder__sink(b));
	int err = r->fd < 0 ? -errno : 0;

	if (err)
		log_error("%s: cannot be opened: %s", path, strerror(-err));
	else
		err = read_all(r);
	*out = profile_builder__finish(b);
	if (err) {
		profile__free(*out);
		*out = NULL;
		reader__free(r);
		return err;
	}
	if (r->is_default_used)
		log_info("%s: samples without a \"value\" count as %.3f ms each", path, (double)r->default_ns / 1e6);
	(*out)->samples = (struct profile_samples){each, reader__free, r};
	return 0;
}

bool json_probe(const unsigned char *head, size_t len)
{
	size_t i = 0;

	while (i < len && (head[i] == ' ' || head[i] == '\t' || head[i] == '\r' || head[i] == '\n'))
		i++;
	return i < len && head[i] == '{';
}
