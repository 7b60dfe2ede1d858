/*
 * speedscope's own file format (its file-format-schema.json): a `sampled` profile for each thread,
 * in order of time, and in front of them one of all threads together. Weights are the CPU time that
 * samples stand for; neighbours with the same stack are one entry. The profile of all threads has
 * each stack once: threads that ran side by side have no common order of time.
 *
 * The page makes a box of every frame of every entry: a file of 85 MB took it 4 GB of memory. So
 * beyond MAX_SIZE stacks that are equal within a slice of time become one entry, and the file says
 * so.
 */
#include "user/format/format.h"
#include "user/format/json_member.h"
#include "user/profile/timeline.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/intern.h"
#include "user/util/pair_map.h"
#include "user/util/units.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define SCHEMA      "https://www.speedscope.app/file-format-schema.json"
#define MAX_SIZE    (16u << 20) /* of all threads' stacks */
#define FIRST_SLICE 40000000ull /* ns; each next one is four times as long */
#define LAST_SLICE  (FIRST_SLICE << 14)

/* What a profile of the file consists of: what followed each other with the same stack is one. */
struct run {
	uint64_t value_ns;
	uint32_t list;
};
struct track {
	struct run *runs;
	size_t cnt, cap;
	uint64_t value_ns;
};

struct writer {
	const struct profile *p;
	const struct view *v;
	FILE *out;
	struct intern *frames;        /* JSON of a frame → its index + 1 in shared.frames */
	struct intern *lists;         /* frames of a stack, root first → list */
	uint32_t *frame_of, *list_of; /* by frame and by stack of the profile; 0: not made yet */
	uint32_t *room;               /* for the frames of one stack */
	struct timeline *timeline;
	uint64_t slice_ns;     /* 0: every sample has its own place */
	uint64_t begin_ns;     /* of the time axis */
	const char *separator; /* between profiles */
};

/* ---- frames and stacks ----------------------------------------------------------------------- */

static uint32_t frame_id(struct writer *w, const char *json)
{
	return intern__id(w->frames, json, strlen(json));
}

static uint32_t frame_of(struct writer *w, uint32_t frame)
{
	uint32_t shown = view__frame(w->v, w->p, frame), function = w->p->frames[shown].function;
	const char *file = view__file(w->v, w->p, function);
	int32_t line = view__line(w->v, w->p, shown);
	struct buf json = {0};

	if (w->frame_of[frame])
		return w->frame_of[frame];
	/* Its table shows nothing but names: a bare `<module>` would be there many times. */
	__cleanup_free char *text = view__frame_text(w->v, w->p, shown);
	__cleanup_free char *name = json_quote(text);
	buf_printf(&json, "{\"name\":%s", name);
	if (*file) {
		__cleanup_free char *quoted = json_quote(file);

		buf_printf(&json, ",\"file\":%s", quoted);
	}
	if (*file && line > 0)
		buf_printf(&json, ",\"line\":%" PRId32, line);
	buf_puts(&json, "}");
	w->frame_of[frame] = frame_id(w, json.data);
	buf_free(&json);
	return w->frame_of[frame];
}

static uint32_t root_frame(struct writer *w, char *text)
{
	__cleanup_free char *name = json_quote(text);
	__cleanup_free char *json = xasprintf("{\"name\":%s}", name);

	free(text);
	return frame_id(w, json);
}

/* The frames of a stack below those that are in `room` already. */
static uint32_t make_list(struct writer *w, uint32_t stack, size_t roots)
{
	uint32_t *frames = w->room + roots, list;
	size_t depth = profile__stack_frames(w->p, stack, frames, profile__max_depth(w->p));
	struct buf json = {0};

	for (size_t i = 0; i < depth; i++)
		frames[i] = frame_of(w, frames[i]);
	for (size_t i = 0; i < roots + depth; i++)
		buf_printf(&json, "%c%" PRIu32, i ? ',' : '[', w->room[i] - 1);
	buf_puts(&json, "]");
	list = intern__id(w->lists, json.data, json.len);
	buf_free(&json);
	return list;
}

static uint32_t list_of(struct writer *w, uint32_t stack)
{
	if (!w->list_of[stack])
		w->list_of[stack] = make_list(w, stack, 0);
	return w->list_of[stack];
}

/* With --threads the profile of all of them begins with frames for process and thread. */
static uint32_t list_below_roots(struct writer *w, const struct profile_bucket *b)
{
	if (!w->v->threads)
		return list_of(w, b->stack);
	w->room[0] = root_frame(w, view__process_text(w->p, w->p->threads[b->thread].process));
	w->room[1] = root_frame(w, view__thread_text(w->p, b->thread));
	return make_list(w, b->stack, 2);
}

/* ---- tracks ---------------------------------------------------------------------------------- */

static void add_run(struct track *t, struct run run)
{
	xgrow(t->runs, t->cnt, t->cap);
	t->runs[t->cnt++] = run;
	t->value_ns += run.value_ns;
}

/*
 * The samples of a thread; equal stacks within a slice of `slice_ns` are one, at the place of the
 * first. Without slices neighbours are.
 */
static struct track track_of(struct writer *w, uint32_t thread)
{
	size_t cnt, slice = 0; /* index of its first run */
	const struct timeline_sample *s = timeline__thread(w->timeline, thread, &cnt);
	uint64_t number = 0;          /* of that slice */
	struct pair_map places = {0}; /* list → index + 1 of its last run */
	struct track t = {0};

	for (size_t i = 0; i < cnt; i++) {
		uint32_t list = list_of(w, s[i].stack);
		uint32_t *place = pair_map__slot(&places, list, 0);

		if (!w->slice_ns)
			slice = t.cnt ? t.cnt - 1 : 0;
		else if ((s[i].time_unix_ns - s->time_unix_ns) / w->slice_ns != number)
			slice = t.cnt;
		if (w->slice_ns)
			number = (s[i].time_unix_ns - s->time_unix_ns) / w->slice_ns;
		if (*place > slice) {
			t.runs[*place - 1].value_ns += s[i].value_ns;
			t.value_ns += s[i].value_ns;
			continue;
		}
		add_run(&t, (struct run){s[i].value_ns, list});
		*place = (uint32_t)t.cnt;
	}
	pair_map__free(&places);
	return t;
}

/* Bytes that the stacks of all threads take. */
static uint64_t size_of_tracks(struct writer *w)
{
	uint64_t size = 0;

	for (uint32_t thread = 1; thread <= w->p->thread_cnt; thread++) {
		struct track t = track_of(w, thread);

		for (size_t i = 0; i < t.cnt; i++) {
			size_t len;

			intern__bytes(w->lists, t.runs[i].list, &len);
			size += len + 2;
		}
		free(t.runs);
	}
	return size;
}

static void choose_slice(struct writer *w)
{
	while (size_of_tracks(w) > MAX_SIZE && w->slice_ns < LAST_SLICE)
		w->slice_ns = w->slice_ns ? w->slice_ns * 4 : FIRST_SLICE;
}

/* A track of all threads: each stack once, in the order of first sight. */
static struct track add_up(struct writer *w)
{
	struct track all = {0};
	struct pair_map places = {0}; /* list → index + 1 in runs */

	for (size_t i = 0; i < w->p->bucket_cnt; i++) {
		const struct profile_bucket *b = &w->p->buckets[i];
		uint64_t value_ns = view__value_ns(w->v, b);
		uint32_t list, *place;

		if (!view__samples(w->v, b))
			continue;
		list = list_below_roots(w, b);
		place = pair_map__slot(&places, list, 0);
		if (*place) {
			all.runs[*place - 1].value_ns += value_ns;
			all.value_ns += value_ns;
			continue;
		}
		add_run(&all, (struct run){value_ns, list});
		*place = (uint32_t)all.cnt;
	}
	pair_map__free(&places);
	return all;
}

/* ---- the document ---------------------------------------------------------------------------- */

/* Ends the track's life. */
static void put_track(struct writer *w, struct track t, const char *name)
{
	fputs(w->separator, w->out);
	w->separator = ",\n";
	fputs("{\"type\":\"sampled\",", w->out);
	json_member_text(w->out, "name", name);
	json_member_text(w->out, "unit", "nanoseconds");
	json_member_count(w->out, "startValue", 0);
	json_member_count(w->out, "endValue", t.value_ns);
	fputs("\n\"samples\":[", w->out);
	for (size_t i = 0; i < t.cnt; i++) {
		fputs(i ? ",\n" : "\n", w->out);
		fputs(intern__bytes(w->lists, t.runs[i].list, NULL), w->out);
	}
	fputs("],\n\"weights\":[", w->out);
	for (size_t i = 0; i < t.cnt; i++)
		fprintf(w->out, "%s%" PRIu64, i ? "," : "", t.runs[i].value_ns);
	fputs("]}", w->out);
	free(t.runs);
}

/* By process, the main thread first. */
static int by_place(const void *a, const void *b, void *arg)
{
	const struct profile *p = arg;
	const struct profile_thread *x = &p->threads[*(const uint32_t *)a];
	const struct profile_thread *y = &p->threads[*(const uint32_t *)b];
	bool x_main = x->tid == p->processes[x->process].pid;
	bool y_main = y->tid == p->processes[y->process].pid;

	if (x->process != y->process)
		return x->process < y->process ? -1 : 1;
	if (x_main != y_main)
		return x_main ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* Threads with samples, sorted; the caller frees. */
static uint32_t *busy_threads(const struct writer *w, size_t *cnt)
{
	uint32_t *threads = xcalloc((size_t)w->p->thread_cnt + 1, sizeof(*threads));
	size_t samples;

	*cnt = 0;
	for (uint32_t i = 1; i <= w->p->thread_cnt; i++)
		if (timeline__thread(w->timeline, i, &samples) && samples)
			threads[(*cnt)++] = i;
	qsort_r(threads, *cnt, sizeof(*threads), by_place, (void *)w->p);
	return threads;
}

static void put_profiles(struct writer *w)
{
	size_t cnt;
	__cleanup_free uint32_t *threads = busy_threads(w, &cnt);

	fputs("\"profiles\":[", w->out);
	w->separator = "\n";
	if (cnt != 1 || w->v->threads)
		put_track(w, add_up(w), "all threads");
	for (size_t i = 0; i < cnt; i++) {
		uint32_t process = w->p->threads[threads[i]].process;
		__cleanup_free char *of = view__process_text(w->p, process);
		__cleanup_free char *which = view__thread_text(w->p, threads[i]);
		__cleanup_free char *name = xasprintf("%s %s", of, which);

		put_track(w, track_of(w, threads[i]), name);
	}
	fputs("],\n", w->out);
}

/* The reader shows the name above each view: what it is, and what was lost. */
static void put_name(const struct writer *w)
{
	const struct profile_meta *m = &w->p->meta;
	__cleanup_free char *lost = profile__loss_text(w->p);
	__cleanup_free char *slice = units_duration_text(w->slice_ns);
	__cleanup_free char *name = xasprintf(
		"%s · %s%s%s", w->v->title ? w->v->title : m->target, lost,
		w->slice_ns ? " · equal stacks added up within " : "", w->slice_ns ? slice : "");
	const char *blank = strchr(m->tool, ' ');
	__cleanup_free char *exporter =
		xasprintf("%.*s%s%s", blank ? (int)(blank - m->tool) : (int)strlen(m->tool),
			  m->tool, blank ? "@" : "", blank ? blank + 1 : "");

	json_member_text(w->out, "name", name);
	json_member_text(w->out, "exporter", exporter);
	json_member_count(w->out, "activeProfileIndex", 0);
}

static void put_frames(const struct writer *w)
{
	fputs("\"shared\":{\"frames\":[", w->out);
	for (uint32_t i = 1; i <= intern__count(w->frames); i++)
		fprintf(w->out, "%s%s", i > 1 ? ",\n" : "\n",
			(const char *)intern__bytes(w->frames, i, NULL));
	fputs("]}}\n", w->out);
}

static void release(struct writer *w)
{
	timeline__free(w->timeline);
	free(w->frame_of);
	free(w->list_of);
	free(w->room);
	intern__free(w->frames);
	intern__free(w->lists);
}

static int write_speedscope(const struct profile *p, const struct view *v, FILE *out)
{
	struct writer w = {.p = p, .v = v, .out = out, .timeline = timeline__new(v, p)};

	if (!w.timeline)
		return -EIO;
	w.frames = intern__new();
	w.lists = intern__new();
	w.frame_of = xcalloc((size_t)p->frame_cnt + 1, sizeof(*w.frame_of));
	w.list_of = xcalloc((size_t)p->stack_cnt + 1, sizeof(*w.list_of));
	w.room = xcalloc(profile__max_depth(p) + 3, sizeof(*w.room));
	w.begin_ns = timeline__begin(w.timeline, p);
	choose_slice(&w);
	fputc('{', out);
	json_member_text(out, "$schema", SCHEMA);
	put_name(&w);
	fputc('\n', out);
	put_profiles(&w);
	put_frames(&w);
	release(&w);
	return 0;
}

static const char *const suffixes[] = {".speedscope.json", ".speedscope", NULL};

const struct format format_speedscope = {
	.name = "speedscope",
	.help = "for speedscope: all threads together, and each in order of time",
	.suffixes = suffixes,
	.write = write_speedscope,
};
