/* SPDX-License-Identifier: MIT */
/*
 * Chrome's trace events as JSON, for ui.perfetto.dev and chrome://tracing: a begin and an end for
 * each stretch of samples that a thread spent in a frame, strictly nested.
 *
 * A sample is as long as the CPU time that it stands for and ends about when it was taken
 * (timeline_lay); where a thread was not seen on a CPU everything is closed, so nobody is shown in
 * a function while asleep, and the durations of a function add up to its time everywhere else.
 * Times are microseconds from the beginning: from 1970 they would not fit the doubles of the
 * readers.
 */
#include "user/format/format.h"
#include "user/format/tracks.h"
#include "user/profile/loss_words.h"
#include "user/profile/timeline_fit.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/json_put.h"
#include "user/util/log.h"
#include "user/util/units.h"
#include <errno.h>
#include <string.h>

#define MANY_EVENTS 2000000u  /* about 400 MB: as much as its viewers open, unless --timestamps wants all */
#define NEXT_PID    10000000u /* beyond any pid: what is added for the next process that had the same one */

struct writer {
	const struct profile *p;
	const struct view *v;
	struct json_put json;
	struct timeline *timeline;
	struct tracks *tracks;
	uint64_t begin_ns;
	char **names;         /* by frame, made on sight */
	uint32_t *open, *now; /* frames, root first: those that are open, those of the sample at hand */
	size_t open_cnt;
	uint32_t pid, tid; /* of the track at hand */
	uint64_t events;
	uint64_t slice_ns; /* equal stacks within it are one; 0: every sample is there */
	uint32_t any;      /* a process with samples, for what belongs to none */
};

/* Of the track at hand; the caller ends it. */
static void begin_event(struct writer *w, const char *phase)
{
	json_put_line(&w->json);
	json_put_map(&w->json, NULL);
	json_put_text(&w->json, "ph", phase);
	json_put_count(&w->json, "pid", w->pid);
	json_put_count(&w->json, "tid", w->tid);
}

static void begin_timed(struct writer *w, const char *phase, uint64_t time_ns)
{
	if (++w->events == 5 * MANY_EVENTS)
		log_warn("the Chrome trace has more than %u million events; its viewers may not open it. %s smaller",
			 5 * MANY_EVENTS / 1000000,
			 w->v->timestamps ? "Without --timestamps it is" : "A .profile.json.gz of the same is far");
	begin_event(w, phase);
	json_put_fixed(&w->json, "ts", time_ns > w->begin_ns ? (int64_t)(time_ns - w->begin_ns) : 0, 3);
}

/* An event that names something; the caller puts its argument. */
static void begin_metadata(struct writer *w, const char *what)
{
	begin_event(w, "M");
	json_put_text(&w->json, "name", what);
	json_put_map(&w->json, "args");
}

static void end_args(struct writer *w)
{
	json_put_end_map(&w->json);
	json_put_end_map(&w->json);
}

static void put_name_event(struct writer *w, const char *what, const char *key, const char *text)
{
	begin_metadata(w, what);
	json_put_text(&w->json, key, text);
	end_args(w);
}

static void put_order_event(struct writer *w, const char *what, uint32_t at)
{
	begin_metadata(w, what);
	json_put_count(&w->json, "sort_index", at);
	end_args(w);
}

/* ---- frames ---------------------------------------------------------------------------------- */

static const struct profile_function *function_of(const struct writer *w, uint32_t frame)
{
	return &w->p->functions[w->p->frames[frame].function];
}

static void put_name(struct writer *w, uint32_t frame)
{
	__cleanup_free char *text = view__function_text(w->p, w->p->frames[frame].function);

	json_put_text(&w->json, "name", text);
}

static void put_class(struct writer *w, uint32_t frame)
{
	static const char *const classes[VIEW_CLASSES] = {
		[VIEW_USER] = "user",      [VIEW_STDLIB] = "stdlib",   [VIEW_SITE] = "site",
		[VIEW_NATIVE] = "native",  [VIEW_INLINED] = "inlined", [VIEW_KERNEL] = "kernel",
		[VIEW_SYNTHETIC] = "mark", [VIEW_WAIT] = "wait",       [VIEW_COLLECTOR] = "gc",
	};

	json_put_text(&w->json, "cat", classes[view__class(function_of(w, frame))]);
}

static void put_begin(struct writer *w, uint32_t frame, uint64_t time_ns)
{
	int32_t line = view__line(w->v, w->p, frame);

	begin_timed(w, "B", time_ns);
	put_name(w, frame);
	put_class(w, frame);
	json_put_map(&w->json, "args");
	json_put_text(&w->json, "filename", view__file(w->v, w->p, w->p->frames[frame].function));
	if (line > 0)
		json_put_int(&w->json, "line", line);
	json_put_int(&w->json, "first_line", function_of(w, frame)->first_line);
	end_args(w);
}

static void close_down_to(struct writer *w, size_t depth, uint64_t time_ns)
{
	for (; w->open_cnt > depth; w->open_cnt--) {
		begin_timed(w, "E", time_ns);
		put_name(w, w->open[w->open_cnt - 1]); /* some readers want it there too */
		json_put_end_map(&w->json);
	}
}

/* Closes what the sample is no longer in, opens what it is in now. */
static void go_to(struct writer *w, uint32_t stack, uint64_t time_ns)
{
	size_t depth = profile__stack_frames(w->p, stack, w->now, profile__max_depth(w->p));
	size_t same = 0;

	for (size_t i = 0; i < depth; i++)
		w->now[i] = view__frame(w->v, w->p, w->now[i]);
	while (same < depth && same < w->open_cnt && w->now[same] == w->open[same])
		same++;
	close_down_to(w, same, time_ns);
	for (; same < depth; same++) {
		put_begin(w, w->now[same], time_ns);
		w->open[w->open_cnt++] = w->now[same];
	}
}

/* What is no time has no width: an instant, named by its leaf, with all of its stack. */
static void put_moment(struct writer *w, const struct timeline_sample *s)
{
	size_t depth = profile__stack_frames(w->p, s->stack, w->now, profile__max_depth(w->p));
	uint32_t leaf = view__frame(w->v, w->p, w->now[depth - 1]);
	struct buf stack = {0};

	for (size_t i = 0; i < depth; i++) {
		__cleanup_free char *text = view__frame_text(w->v, w->p, view__frame(w->v, w->p, w->now[i]));

		buf_printf(&stack, "%s%s", i ? ";" : "", text);
	}
	begin_timed(w, "i", s->time_unix_ns);
	json_put_text(&w->json, "s", "t");
	put_name(w, leaf);
	put_class(w, leaf);
	json_put_map(&w->json, "args");
	json_put_count(&w->json, view__type(w->v, w->p)->name, s->value);
	json_put_text(&w->json, "stack", stack.data);
	end_args(w);
	buf_free(&stack);
}

static void put_samples(struct writer *w, uint32_t thread)
{
	uint64_t end = 0, last_end = 0;
	uint32_t stack = 0;
	size_t cnt;
	const struct timeline_sample *s = timeline__thread(w->timeline, thread, &cnt);

	for (size_t i = 0; i < cnt; i++) {
		if (s[i].moment) {
			put_moment(w, &s[i]);
			continue;
		}
		if (!timeline_lay(&end, &s[i])) {
			close_down_to(w, 0, last_end);
			stack = 0;
		}
		if (s[i].stack != stack)
			go_to(w, s[i].stack, end - timeline_span(&s[i]));
		stack = s[i].stack;
		last_end = end;
	}
	close_down_to(w, 0, end);
}

/* ---- tracks ---------------------------------------------------------------------------------- */

static void choose_process(struct writer *w, uint32_t process)
{
	w->pid = w->p->processes[process].pid + w->tracks->process_copy[process] * NEXT_PID;
	w->tid = 0;
}

static void put_process(struct writer *w, uint32_t process)
{
	__cleanup_free char *name = tracks_process_name(w->p, process);
	__cleanup_free char *labels = tracks_process_labels(w->p, process);

	choose_process(w, process);
	put_name_event(w, "process_name", "name", name);
	put_order_event(w, "process_sort_index", process);
	if (*labels)
		put_name_event(w, "process_labels", "labels", labels);
}

static void put_thread(struct writer *w, uint32_t thread)
{
	__cleanup_free char *name = tracks_thread_name(w->p, thread);

	choose_process(w, w->p->threads[thread].process);
	w->tid = w->p->threads[thread].tid + w->tracks->thread_copy[thread] * NEXT_PID;
	put_name_event(w, "thread_name", "name", name);
	put_order_event(w, "thread_sort_index", thread);
	put_samples(w, thread);
}

/* Of losses, and of samples in this view. */
static void put_processes(struct writer *w)
{
	__cleanup_free bool *used = xcalloc((size_t)w->p->process_cnt + 1, sizeof(*used));

	for (uint32_t i = w->p->thread_cnt; i; i--) {
		size_t cnt;

		timeline__thread(w->timeline, i, &cnt);
		if (cnt)
			used[w->any = w->p->threads[i].process] = true;
	}
	for (size_t i = 0; i < w->p->loss_cnt; i++)
		used[w->p->losses[i].process] = true;
	for (uint32_t i = 1; i <= w->p->process_cnt; i++)
		if (used[i])
			put_process(w, i);
}

static void put_threads(struct writer *w)
{
	for (uint32_t i = 1; i <= w->p->thread_cnt; i++) {
		size_t cnt;

		timeline__thread(w->timeline, i, &cnt);
		if (cnt)
			put_thread(w, i);
	}
}

/* "cpu_ms":1.5, or "faults":3 */
static void put_loss_value(struct writer *w, const struct profile_loss *l)
{
	const struct profile_value_type *t = &w->p->types[l->type];
	bool is_time = t->unit == PROFILE_NANOSECONDS;
	__cleanup_free char *key = xasprintf("%s%s", t->name, is_time ? "_ms" : "");

	json_put_fixed(&w->json, key, (int64_t)l->value, is_time ? 6 : 0);
}

/* An instant where it began; of a process, or of everything where it is not known whose. */
static void put_loss(struct writer *w, const struct profile_loss *l)
{
	uint64_t to = l->to_unix_ns > l->from_unix_ns ? l->to_unix_ns : l->from_unix_ns;
	const char *what = loss_word(l);
	__cleanup_free char *name = xasprintf("%s: %s", what, l->reason);
	struct json_put *j = &w->json;

	choose_process(w, l->process ? l->process : w->any);
	begin_timed(w, "i", l->from_unix_ns);
	json_put_text(j, "s", l->process ? "p" : "g");
	json_put_text(j, "cat", what);
	json_put_text(j, "name", name);
	json_put_map(j, "args");
	json_put_count(j, "samples", l->count);
	json_put_count(j, "until_ms", to > w->begin_ns ? (to - w->begin_ns) / 1000000 : 0);
	put_loss_value(w, l);
	json_put_text(j, "why", l->sentence);
	end_args(w);
}

/* ---- the document ---------------------------------------------------------------------------- */

/* What the viewers show of a trace as a whole; they want texts. */
static void put_facts(struct writer *w)
{
	const struct profile_meta *m = &w->p->meta;
	__cleanup_free char *losses = loss_text(w->p), *rate = xasprintf("%g", m->rate_hz);
	__cleanup_free char *start = xasprintf("%llu", (unsigned long long)w->begin_ns);
	struct json_put *j = &w->json;

	json_put_map(j, "otherData");
	json_put_text(j, "rate_hz", rate);
	json_put_text(j, "tool", m->tool);
	json_put_text(j, "command", m->command);
	json_put_text(j, "target", m->target);
	json_put_text(j, "host", m->host);
	json_put_text(j, "kernel", m->kernel);
	json_put_text(j, "lost", losses);
	if (w->v->title && *w->v->title)
		json_put_text(j, "title", w->v->title);
	if (w->slice_ns) {
		__cleanup_free char *slice = units_duration_text(w->slice_ns);
		__cleanup_free char *text = xasprintf("equal stacks of a thread within %s", slice);

		json_put_text(j, "added up", text);
	}
	json_put_text(j, "start_unix_ns", start);
	json_put_end_map(j);
}

static void write_document(struct writer *w)
{
	json_put_map(&w->json, NULL);
	json_put_text(&w->json, "displayTimeUnit", "ms");
	put_facts(w);
	json_put_line(&w->json);
	json_put_list(&w->json, "traceEvents");
	put_processes(w);
	for (size_t i = 0; i < w->p->loss_cnt; i++)
		put_loss(w, &w->p->losses[i]);
	put_threads(w);
	json_put_end_list(&w->json);
	json_put_end_map(&w->json);
}

/* A begin and an end for each frame that it does not share with the sample before. */
static uint64_t events_of(void *ctx, const struct timeline_sample *s, const struct timeline_sample *before)
{
	const struct writer *w = ctx;
	uint32_t a = s->stack, b = before ? before->stack : 0;
	uint64_t new = 0;

	while (a != b) { /* a parent's id is below its children's */
		new += a > b;
		if (a > b)
			a = w->p->stacks[a].parent;
		else
			b = w->p->stacks[b].parent;
	}
	return 2 * new;
}

static uint64_t key_of(void *ctx, const struct timeline_sample *s)
{
	(void)ctx;
	return s->stack;
}

static int write_chrome_trace(const struct profile *p, const struct view *v, FILE *out)
{
	struct writer w = {.p = p, .v = v, .json.out = out, .timeline = timeline__new(v, p)};

	if (!w.timeline)
		return -EIO;
	if (!v->timestamps)
		w.slice_ns = timeline__fit(w.timeline, p, &(struct timeline_limit){MANY_EVENTS, events_of, key_of, &w});
	w.tracks = tracks__new(p);
	w.begin_ns = timeline__begin(w.timeline, p);
	w.open = xcalloc(profile__max_depth(p) + 1, sizeof(*w.open));
	w.now = xcalloc(profile__max_depth(p) + 1, sizeof(*w.now));
	write_document(&w);
	free(w.open);
	free(w.now);
	tracks__free(w.tracks);
	timeline__free(w.timeline);
	return ferror(out) ? -EIO : 0;
}

static const char *const suffixes[] = {".trace.json", NULL};

const struct format format_chrome_trace = {
	.name = "chrometrace", /* as py-spy calls it */
	.help = "a timeline per thread, for ui.perfetto.dev and chrome://tracing",
	.suffixes = suffixes,
	.write = write_chrome_trace,
};
