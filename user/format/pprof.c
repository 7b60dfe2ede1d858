/*
 * pprof's profile.proto (github.com/google/pprof, proto/profile.proto), gzip as its tools want it.
 * Samples are added up by (stack, labels). Two things of its tools to know: a function whose name
 * and system name are equal is taken for demangled C++ and loses what is in <>, so the system name
 * is left empty where it would be; and a mapping that does not claim to have functions, files and
 * lines makes them look for symbols.
 */
#include "user/format/format.h"
#include "user/format/gzip.h"
#include "user/format/pb.h"
#include "user/profile/places.h"
#include "user/util/alloc.h"
#include "user/util/intern.h"
#include "user/util/pair_map.h"
#include <errno.h>
#include <string.h>

/* Field numbers of profile.proto. */
enum {
	PROFILE_SAMPLE_TYPE = 1,
	PROFILE_SAMPLE,
	PROFILE_MAPPING,
	PROFILE_LOCATION,
	PROFILE_FUNCTION,
	PROFILE_STRING_TABLE,
	PROFILE_TIME_NANOS = 9,
	PROFILE_DURATION_NANOS,
	PROFILE_PERIOD_TYPE,
	PROFILE_PERIOD,
	PROFILE_COMMENT,
	PROFILE_DEFAULT_SAMPLE_TYPE,
};
enum { VALUE_TYPE_TYPE = 1, VALUE_TYPE_UNIT };
enum { SAMPLE_LOCATION_ID = 1, SAMPLE_VALUE, SAMPLE_LABEL };
enum { LABEL_KEY = 1, LABEL_STR, LABEL_NUM };
enum {
	MAPPING_ID = 1,
	MAPPING_FILENAME = 5,
	MAPPING_HAS_FUNCTIONS = 7,
	MAPPING_HAS_LINE_NUMBERS = 9
};
enum { LOCATION_ID = 1, LOCATION_MAPPING_ID, LOCATION_LINE = 4 };
enum { LINE_FUNCTION_ID = 1, LINE_LINE };
enum {
	FUNCTION_ID = 1,
	FUNCTION_NAME,
	FUNCTION_SYSTEM_NAME,
	FUNCTION_FILENAME,
	FUNCTION_START_LINE
};

struct sum {
	uint64_t samples, value_ns;
};
/* Samples of a stack and a thread, apart by the label `gil`. */
struct sums {
	struct sum held, rest;
};

struct location {
	uint32_t mapping, place;
	int32_t line;
};

struct writer {
	const struct profile *p;
	const struct view *v;
	FILE *out;
	struct places *places;
	struct intern *texts;     /* id = index in string_table, whose 0 is "" */
	struct intern *mappings;  /* "path\nversion" → mapping id */
	struct intern *locations; /* struct location → location id */
	struct intern *samples;   /* a Sample without values and `gil` → index of its sums */
	struct pair_map known;    /* (mapping, frame) → location id */
	uint32_t *mapping_of;     /* by process; 0: not made yet */
	struct sums *sums;
	size_t sum_cap;
	uint64_t time_ns; /* with --timestamps: of the sample at hand */
	uint64_t *stack; /* location ids of the stack at hand */
};

static uint32_t text_id(struct writer *w, const char *text)
{
	return *text ? intern__id(w->texts, text, strlen(text)) : 0;
}

/* Hands a finished message on to the file and empties it. */
static void put(struct writer *w, uint32_t field, struct buf *message)
{
	struct buf out = {0};

	pb_put_message(&out, field, message);
	fwrite(out.data, 1, out.len, w->out);
	buf_free(&out);
	buf_reset(message);
}

/* ---- samples --------------------------------------------------------------------------------- */

static uint32_t mapping_of(struct writer *w, uint32_t process)
{
	const struct profile_process *q = &w->p->processes[process];
	uint32_t *known = &w->mapping_of[process];

	if (!*known) {
		__cleanup_free char *key = xasprintf("%s\n%s", q->interpreter, q->python);

		*known = intern__id(w->mappings, key, strlen(key));
	}
	return *known;
}

static uint32_t location_of(struct writer *w, uint32_t mapping, uint32_t frame)
{
	uint32_t *known = pair_map__slot(&w->known, mapping, frame);

	if (!*known) {
		const struct location l = {mapping,
					   w->places->of_function[w->p->frames[frame].function],
					   view__line(w->v, w->p, frame)};

		*known = intern__id(w->locations, &l, sizeof(l));
	}
	return *known;
}

static void put_label_text(struct writer *w, struct buf *sample, const char *key, const char *text)
{
	struct buf label = {0};

	if (!*text)
		return;
	pb_put_int(&label, LABEL_KEY, text_id(w, key));
	pb_put_int(&label, LABEL_STR, text_id(w, text));
	pb_put_message(sample, SAMPLE_LABEL, &label);
	buf_free(&label);
}

static void put_label_number(struct writer *w, struct buf *sample, const char *key, uint64_t number)
{
	struct buf label = {0};

	pb_put_int(&label, LABEL_KEY, text_id(w, key));
	pb_put_int(&label, LABEL_NUM, number);
	pb_put_message(sample, SAMPLE_LABEL, &label);
	buf_free(&label);
}

/* `thread` and `process` read as in every other output; `thread_name` is for adding up pools. */
static void put_labels(struct writer *w, struct buf *sample, uint32_t thread)
{
	const struct profile_thread *t = &w->p->threads[thread];
	const struct profile_process *q = &w->p->processes[t->process];
	__cleanup_free char *thread_text = view__thread_text(w->p, thread);
	__cleanup_free char *process_text = view__process_text(w->p, t->process);

	put_label_text(w, sample, "process", process_text);
	put_label_text(w, sample, "thread", thread_text);
	put_label_text(w, sample, "thread_name", t->name);
	put_label_text(w, sample, "python", q->python);
	put_label_text(w, sample, "cgroup", q->cgroup);
	put_label_number(w, sample, "pid", q->pid);
	put_label_number(w, sample, "tid", t->tid);
	if (w->time_ns)
		put_label_number(w, sample, "timestamp_ns", w->time_ns);
}

static struct sums *sums_of(struct writer *w, const struct buf *sample)
{
	uint32_t i = intern__id(w->samples, sample->data, sample->len);

	if (i >= w->sum_cap) {
		size_t cap = w->sum_cap ? w->sum_cap * 2 : 64;

		w->sums = xrealloc(w->sums, cap * sizeof(*w->sums));
		memset(w->sums + w->sum_cap, 0, (cap - w->sum_cap) * sizeof(*w->sums));
		w->sum_cap = cap;
	}
	return &w->sums[i];
}

static void add_bucket(struct writer *w, const struct profile_bucket *b)
{
	uint32_t mapping = mapping_of(w, w->p->threads[b->thread].process);
	struct buf sample = {0};
	struct sums *sums;
	size_t depth = 0;

	for (uint32_t s = b->stack; s; s = w->p->stacks[s].parent)
		w->stack[depth++] =
			location_of(w, mapping, view__frame(w->v, w->p, w->p->stacks[s].frame));
	pb_put_packed(&sample, SAMPLE_LOCATION_ID, w->stack, depth);
	put_labels(w, &sample, b->thread);
	sums = sums_of(w, &sample);
	sums->held.samples += b->gil_samples;
	sums->held.value_ns += b->gil_value_ns;
	sums->rest.samples += view__samples(w->v, b) - b->gil_samples;
	sums->rest.value_ns += view__value_ns(w->v, b) - b->gil_value_ns;
	buf_free(&sample);
}

static void put_sample(struct writer *w, uint32_t id, const char *gil, struct sum sum)
{
	const uint64_t values[] = {sum.samples, sum.value_ns};
	struct buf sample = {0};
	size_t len;
	const void *rest = intern__bytes(w->samples, id, &len);

	if (!sum.samples)
		return;
	buf_put(&sample, rest, len);
	put_label_text(w, &sample, "gil", gil);
	pb_put_packed(&sample, SAMPLE_VALUE, values, ARRAY_SIZE(values));
	put(w, PROFILE_SAMPLE, &sample);
	buf_free(&sample);
}

/* As a bucket of its own. */
static int add_sample(void *arg, const struct profile_sample *s)
{
	struct profile_bucket b = {
		.thread = s->thread, .stack = s->stack, .samples = 1, .value_ns = s->value_ns};
	struct writer *w = arg;

	if (s->gil == PROFILE_GIL_HELD) {
		b.gil_samples = 1;
		b.gil_value_ns = s->value_ns;
	}
	w->time_ns = s->time_unix_ns;
	if (view__samples(w->v, &b))
		add_bucket(w, &b);
	return 0;
}

static int put_samples(struct writer *w)
{
	int err = 0;

	for (size_t i = 0; !w->v->timestamps && i < w->p->bucket_cnt; i++)
		if (view__samples(w->v, &w->p->buckets[i]))
			add_bucket(w, &w->p->buckets[i]);
	if (w->v->timestamps)
		err = profile__each_sample(w->p, add_sample, w);
	for (uint32_t i = 1; i <= intern__count(w->samples); i++) {
		put_sample(w, i, "held", w->sums[i].held);
		put_sample(w, i, "", w->sums[i].rest);
	}
	return err;
}

/* ---- what samples refer to ------------------------------------------------------------------- */

static void put_mappings(struct writer *w)
{
	struct buf m = {0};

	for (uint32_t id = 1; id <= intern__count(w->mappings); id++) {
		const char *key = intern__bytes(w->mappings, id, NULL);
		__cleanup_free char *path = xstrndup(key, strcspn(key, "\n"));

		pb_put_int(&m, MAPPING_ID, id);
		pb_put_int(&m, MAPPING_FILENAME, text_id(w, *path ? path : "[python]"));
		for (uint32_t has = MAPPING_HAS_FUNCTIONS; has <= MAPPING_HAS_LINE_NUMBERS; has++)
			pb_put_int(&m, has, 1);
		put(w, PROFILE_MAPPING, &m);
	}
	buf_free(&m);
}

static void put_locations(struct writer *w)
{
	struct buf location = {0}, line = {0};

	for (uint32_t id = 1; id <= intern__count(w->locations); id++) {
		struct location l;

		memcpy(&l, intern__bytes(w->locations, id, NULL), sizeof(l));
		pb_put_int(&line, LINE_FUNCTION_ID, l.place);
		pb_put_int(&line, LINE_LINE, l.line > 0 ? (uint32_t)l.line : 0);
		pb_put_int(&location, LOCATION_ID, id);
		pb_put_int(&location, LOCATION_MAPPING_ID, l.mapping);
		pb_put_message(&location, LOCATION_LINE, &line);
		buf_reset(&line);
		put(w, PROFILE_LOCATION, &location);
	}
	buf_free(&location);
	buf_free(&line);
}

static void put_functions(struct writer *w)
{
	struct buf function = {0};

	for (uint32_t id = 1; id <= w->places->cnt; id++) {
		uint32_t n = w->places->function[id];
		const struct profile_function *f = &w->p->functions[n];
		__cleanup_free char *text = view__function_text(w->p, n);
		const char *name = view__name(w->p, n);

		pb_put_int(&function, FUNCTION_ID, id);
		pb_put_int(&function, FUNCTION_NAME, text_id(w, text));
		pb_put_int(&function, FUNCTION_SYSTEM_NAME,
			   strcmp(name, text) ? text_id(w, name) : 0);
		pb_put_int(&function, FUNCTION_FILENAME, text_id(w, f->file));
		pb_put_int(&function, FUNCTION_START_LINE,
			   f->first_line > 0 ? (uint32_t)f->first_line : 0);
		put(w, PROFILE_FUNCTION, &function);
	}
	buf_free(&function);
}

/* ---- the profile itself ---------------------------------------------------------------------- */

static void put_value_type(struct writer *w, uint32_t field, const char *type, const char *unit)
{
	struct buf m = {0};

	pb_put_int(&m, VALUE_TYPE_TYPE, text_id(w, type));
	pb_put_int(&m, VALUE_TYPE_UNIT, text_id(w, unit));
	put(w, field, &m);
	buf_free(&m);
}

static void put_comment(struct writer *w, struct buf *out, const char *what, const char *text)
{
	__cleanup_free char *line = xasprintf("%s%s", what, text);
	const uint64_t id = *text ? text_id(w, line) : 0;

	if (id)
		pb_put_packed(out, PROFILE_COMMENT, &id, 1);
}

/* What `pprof -comments` prints, and every text report in its heading. */
static void put_comments(struct writer *w, struct buf *out)
{
	const struct profile_meta *m = &w->p->meta;
	__cleanup_free char *lost = profile__loss_text(w->p);

	put_comment(w, out, "", w->v->title ? w->v->title : "");
	put_comment(w, out, "", m->tool);
	put_comment(w, out, "command: ", m->command);
	put_comment(w, out, "target: ", m->target);
	put_comment(w, out, "host: ", m->host);
	put_comment(w, out, "", lost);
}

static void put_circumstances(struct writer *w)
{
	const struct profile_meta *m = &w->p->meta;
	struct buf out = {0};

	pb_put_int(&out, PROFILE_TIME_NANOS, m->start_unix_ns);
	pb_put_int(&out, PROFILE_DURATION_NANOS, m->duration_ns);
	pb_put_int(&out, PROFILE_PERIOD, m->rate_hz > 0 ? (uint64_t)(1e9 / m->rate_hz + 0.5) : 0);
	pb_put_int(&out, PROFILE_DEFAULT_SAMPLE_TYPE, text_id(w, "cpu"));
	put_comments(w, &out);
	fwrite(out.data, 1, out.len, w->out);
	buf_free(&out);
}

static void put_texts(struct writer *w)
{
	struct buf out = {0};

	pb_put_element(&out, PROFILE_STRING_TABLE, "", 0);
	for (uint32_t i = 1; i <= intern__count(w->texts); i++) {
		size_t len;
		const char *text = intern__bytes(w->texts, i, &len);

		pb_put_element(&out, PROFILE_STRING_TABLE, text, len);
	}
	fwrite(out.data, 1, out.len, w->out);
	buf_free(&out);
}

static void release(struct writer *w)
{
	places__free(w->places);
	intern__free(w->texts);
	intern__free(w->mappings);
	intern__free(w->locations);
	intern__free(w->samples);
	pair_map__free(&w->known);
	free(w->mapping_of);
	free(w->sums);
	free(w->stack);
}

static int put_all(struct writer *w)
{
	int err;

	put_value_type(w, PROFILE_SAMPLE_TYPE, "samples", "count");
	put_value_type(w, PROFILE_SAMPLE_TYPE, "cpu", "nanoseconds");
	put_value_type(w, PROFILE_PERIOD_TYPE, "cpu", "nanoseconds");
	err = put_samples(w);
	put_mappings(w);
	put_locations(w);
	put_functions(w);
	put_circumstances(w);
	put_texts(w);
	return err;
}

static int write_pprof(const struct profile *p, const struct view *v, FILE *out)
{
	struct writer w = {.p = p, .v = v, .out = gzip__open(out)};
	int err, closed;

	if (!w.out)
		return -ENOMEM;
	w.places = places__new(v, p);
	w.texts = intern__new();
	w.mappings = intern__new();
	w.locations = intern__new();
	w.samples = intern__new();
	w.mapping_of = xcalloc((size_t)p->process_cnt + 1, sizeof(*w.mapping_of));
	w.stack = xcalloc(profile__max_depth(p) + 1, sizeof(*w.stack));
	err = put_all(&w);
	release(&w);
	closed = gzip__close(w.out);
	return err ? err : closed;
}

static const char *const suffixes[] = {".pb.gz", ".pprof", NULL};

const struct format format_pprof = {
	.name = "pprof",
	.help = "for go tool pprof, Pyroscope, Parca, speedscope; labels for thread and process",
	.suffixes = suffixes,
	.write = write_pprof,
};
