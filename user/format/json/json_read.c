/*
 * Our JSON back into a profile. The file is gone through twice, first for its tables, then for its
 * samples, so the order of its keys does not matter and nothing is kept per sample; whoever wants
 * the samples one by one later makes a third pass over the same open file. Files of others need no
 * tables: what a sample names and no table knows is made up on sight.
 */
#include "user/format/json/json_ids.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

const char *const json_origins[PROFILE_ORIGINS] = {
	[PROFILE_USER] = "user",
	[PROFILE_STDLIB] = "stdlib",
	[PROFILE_SITE] = "site",
	[PROFILE_MARK] = "mark",
};

#define CHANGED          "the file is not what it was when it was first read"
#define DEFAULT_VALUE_NS 10000000 /* 100 Hz, as py-spy samples by default */
#define NS_PER_S         1000000000.0

static __attribute__((format(printf, 2, 3))) const char *refuse(struct json_reader *r,
								const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(r->error, sizeof(r->error), fmt, args);
	va_end(args);
	return r->error;
}

/* ---- first pass: the tables ------------------------------------------------------------------ */

static const char *keep_function(struct json_reader *r, struct json_function f)
{
	uint32_t *slot;

	f.name = r->items.function.name;
	slot = pair_map__slot(&r->variants, f.name, r->variant);
	if (*slot)
		return refuse(r, "functions: \"%s\" is there twice", json_text(r, f.name));
	xgrow(r->functions, r->functions_cnt, r->functions_cap);
	r->functions[r->functions_cnt++] = f;
	*slot = (uint32_t)r->functions_cnt;
	return NULL;
}

static const char *take_table_item(void *ctx, enum json_place place, struct json_items *items)
{
	struct json_reader *r = ctx;
	const char *error = NULL;

	switch (place) {
	case JSON_PROCESS:
		xgrow(r->processes, r->processes_cnt, r->processes_cap);
		r->processes[r->processes_cnt++] = items->process;
		break;
	case JSON_THREAD:
		xgrow(r->threads, r->threads_cnt, r->threads_cap);
		r->threads[r->threads_cnt++] = items->thread;
		break;
	case JSON_VARIANT:
		error = keep_function(r, items->variant);
		r->variant++;
		break;
	case JSON_FUNCTION:
		if (!r->variant)
			error = keep_function(r, items->function);
		r->variant = 0;
		break;
	case JSON_LOSS:
		xgrow(r->losses, r->losses_cnt, r->losses_cap);
		r->losses[r->losses_cnt++] = items->loss;
		break;
	default:
		break;
	}
	return error;
}

/* ---- second and later passes: the samples ---------------------------------------------------- */

static const char *find_stack(struct json_reader *r, uint32_t *stack)
{
	const struct json_list *names = &r->items.stack, *lines = &r->items.lines;
	const struct json_list *which = &r->items.which;

	if (!names->cnt)
		return "a sample has no \"stack\", or an empty one";
	if (lines->cnt && lines->cnt != names->cnt)
		return refuse(r, "\"lines\" has %zu entries and \"stack\" %zu", lines->cnt,
			      names->cnt);
	if (which->cnt && which->cnt != names->cnt)
		return refuse(r, "\"which\" has %zu entries and \"stack\" %zu", which->cnt,
			      names->cnt);
	*stack = 0;
	for (size_t i = 0; i < names->cnt; i++) {
		uint32_t name = (uint32_t)names->items[i];
		int64_t variant = which->cnt ? which->items[i] : 0;
		int32_t line = lines->cnt ? (int32_t)lines->items[i] : 0;
		uint32_t function = variant < 0 ? 0 : json_function_of(r, name, (uint32_t)variant);

		if (!function && !r->fn)
			return refuse(r, "\"which\": \"%s\" has no variant %" PRId64,
				      json_text(r, name), variant);
		*stack = function ? json_stack_of(r, *stack, json_frame_of(r, function, line)) : 0;
		if (!*stack)
			return CHANGED;
	}
	return NULL;
}

static const char *find_thread(struct json_reader *r, uint32_t *thread)
{
	const struct json_sample *s = &r->items.sample;

	*thread = s->thread;
	if (s->thread > r->threads_cnt)
		return refuse(r, "there is no thread %u in \"threads\"", s->thread - 1);
	if (!s->thread)
		*thread = json_thread_of(r, s->pid, s->thread_id);
	return *thread ? NULL : CHANGED;
}

static const char *take_sample(void *ctx, enum json_place place, struct json_items *items)
{
	struct json_reader *r = ctx;
	const struct json_sample *in = &items->sample;
	struct profile_sample out = {
		.time_unix_ns = in->timestamp_ns,
		.value_ns = in->has_value ? in->value_ns : r->default_ns,
		.cpu = (uint16_t)in->cpu,
		.gil = in->gil,
		.truncated = in->truncated,
	};
	const char *error;

	if (place != JSON_SAMPLE)
		return NULL;
	error = find_thread(r, &out.thread);
	if (!error)
		error = find_stack(r, &out.stack);
	if (error)
		return error;
	r->is_default_used |= !in->has_value;
	if (!r->first_ns || in->timestamp_ns < r->first_ns)
		r->first_ns = in->timestamp_ns;
	if (in->timestamp_ns > r->last_ns)
		r->last_ns = in->timestamp_ns;
	if (!r->fn)
		r->sink.ops->sample(r->sink.ctx, &out);
	else
		r->fn_result = r->fn(r->fn_arg, &out);
	return r->fn_result ? "" : NULL;
}

/* What a sample without a value stands for. */
static void find_default(struct json_reader *r)
{
	uint64_t samples = 0, time_ns = 0;

	for (size_t i = 0; i < r->functions_cnt; i++) {
		samples += r->functions[i].samples;
		time_ns += r->functions[i].time_ns;
	}
	if (r->items.top.rate > 0)
		r->default_ns = (uint64_t)(NS_PER_S / r->items.top.rate + 0.5);
	else if (samples && time_ns)
		r->default_ns = (uint64_t)((double)time_ns / (double)samples + 0.5);
}

static int each(void *ctx, profile_sample_fn fn, void *arg)
{
	struct json_reader *r = ctx;
	struct json_source source = {r->fd, r->path, take_sample, r};
	int err;

	r->fn = fn;
	r->fn_arg = arg;
	r->fn_result = 0;
	err = json_parse(&source, JSON_ONLY_SAMPLES, &r->items);
	return r->fn_result ? r->fn_result : err;
}

/* ---- putting it together --------------------------------------------------------------------- */

static void reader__free(void *ctx)
{
	struct json_reader *r = ctx;

	if (r->fd >= 0)
		close(r->fd);
	json_items__free(&r->items);
	pair_map__free(&r->pids);
	pair_map__free(&r->thread_ids);
	pair_map__free(&r->variants);
	pair_map__free(&r->frames);
	pair_map__free(&r->stacks);
	free(r->processes);
	free(r->threads);
	free(r->functions);
	free(r->losses);
	free(r->path);
	free(r);
}

static int check_top(const struct json_reader *r)
{
	const char *schema = json_text(r, r->items.top.schema);

	if (!strncmp(schema, "pybpfprof/", 10) && strcmp(schema, JSON_SCHEMA)) {
		log_error("%s: is written as %s, by a newer version of this program; this one "
			  "reads " JSON_SCHEMA,
			  r->path, schema);
		return -ENOTSUP;
	}
	if (!r->items.has_samples) {
		log_error("%s: is JSON, but no profile: it has no \"samples\"", r->path);
		return -EINVAL;
	}
	return 0;
}

static int read_all(struct json_reader *r)
{
	struct json_source tables = {r->fd, r->path, take_table_item, r};
	struct json_source samples = {r->fd, r->path, take_sample, r};
	int err = json_parse(&tables, JSON_TABLES, &r->items);

	if (!err)
		err = check_top(r);
	if (!err)
		err = json_tell_tables(r);
	if (err)
		return err;
	find_default(r);
	err = json_parse(&samples, JSON_ONLY_SAMPLES, &r->items);
	if (!err)
		json_tell_meta(r);
	return err;
}

int json_read(const char *path, struct profile **out)
{
	struct profile_builder *b = profile_builder__new(false);
	struct json_reader *r = xcalloc(1, sizeof(*r));
	int err;

	r->path = xstrdup(path);
	r->sink = profile_builder__sink(b);
	r->items.names = intern__new();
	r->default_ns = DEFAULT_VALUE_NS;
	r->fd = open(path, O_RDONLY | O_CLOEXEC);
	err = r->fd < 0 ? -errno : 0;
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
		log_info("%s: samples without a \"value\" count as %.3f ms each", path,
			 (double)r->default_ns / 1e6);
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
