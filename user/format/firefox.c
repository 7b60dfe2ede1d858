/* SPDX-License-Identifier: MIT */
/*
 * The Firefox Profiler's processed format, for its timeline: profiler.firefox.com and whoever hosts
 * that page. Version 60 for good: newer readers upgrade it on load, as they do all older ones, and
 * from 60 on the tables of all threads are shared.
 *
 * The page draws a stack from its sample to the next one, and takes a CPU delta for what was used
 * since the sample before. So a sample stands where its CPU time began (timeline_lay), and where a
 * thread leaves the CPU there is a sample without a stack: what was asleep is shown as such.
 * Weights are the values, so sums in its call tree are the same as everywhere else. A thread has a
 * track for each type that it has samples of, those of the type that is asked for at first.
 */
#include "user/format/firefox_markers.h"
#include "user/format/format.h"
#include "user/format/gzip.h"
#include "user/format/tracks.h"
#include "user/profile/loss_words.h"
#include "user/profile/timeline_fit.h"
#include "user/util/alloc.h"
#include "user/util/units.h"
#include <errno.h>
#include <string.h>

#define PROCESSED_VERSION 60
#define GECKO_VERSION     30      /* of the raw format that belongs to it; only shown */
#define MAX_ROWS          1000000 /* of samples that the page opens within seconds, unless --timestamps wants all */

struct row { /* of the samples table */
	int64_t time_ns;
	uint64_t weight, cpu_ns; /* cpu_ns: used since the row before */
	uint32_t stack;          /* row + 1; 0: none */
};

struct writer {
	const struct profile *p;
	struct view v; /* of the type at hand */
	struct json_put json;
	struct timeline *timeline;
	struct tracks *tracks;
	struct firefox_tables tables;
	uint64_t begin_ns; /* what all times are relative to */
	struct firefox_markers markers;
	struct row *rows;
	size_t row_cnt, row_cap;
	uint64_t slice_ns;     /* equal stacks within it are one sample; 0: every sample is there */
	bool is_cpu, is_first; /* what weights are of; whether it is the type that is asked for */
};

/* ---- samples --------------------------------------------------------------------------------- */

static void add_row(struct writer *w, struct row row)
{
	xgrow(w->rows, w->row_cnt, w->row_cap);
	w->rows[w->row_cnt++] = row;
}

/* Fills the rows of a thread's samples table. */
static void make_rows(struct writer *w, uint32_t thread)
{
	uint64_t end = 0, last_end = 0, used = 0;
	size_t cnt;
	const struct timeline_sample *s = timeline__thread(w->timeline, thread, &cnt);

	w->row_cnt = 0;
	for (size_t i = 0; i < cnt; i++, last_end = end) {
		if (!timeline_lay(&end, &s[i]) && i) {
			add_row(w, (struct row){(int64_t)(last_end - w->begin_ns), 0, used, 0});
			used = 0;
		}
		add_row(w, (struct row){(int64_t)(end - timeline_span(&s[i]) - w->begin_ns), s[i].value, used,
					firefox_stack(&w->tables, s[i].stack, s[i].gil) + 1});
		used = w->is_cpu ? s[i].value : 0;
	}
	add_row(w, (struct row){cnt ? (int64_t)(end - w->begin_ns) : 0, 0, used, 0});
}

static void put_samples(struct writer *w)
{
	static const char *const weights[PROFILE_UNITS] = {"tracing-ms", "bytes", "samples"};
	enum profile_unit unit = view__type(&w->v, w->p)->unit;
	struct json_put *j = &w->json;

	json_put_line(j);
	json_put_map(j, "samples");
	json_put_count(j, "length", w->row_cnt);
	json_put_text(j, "weightType", weights[unit]);
	json_put_list(j, "stack");
	for (size_t i = 0; i < w->row_cnt; i++) {
		if (w->rows[i].stack)
			json_put_count(j, NULL, w->rows[i].stack - 1);
		else
			json_put_null(j, NULL);
	}
	json_put_end_list(j);
	json_put_list(j, "time");
	for (size_t i = 0; i < w->row_cnt; i++)
		firefox_put_ms(j, NULL, w->rows[i].time_ns);
	json_put_end_list(j);
	json_put_list(j, "weight");
	for (size_t i = 0; i < w->row_cnt; i++)
		json_put_fixed(j, NULL, (int64_t)w->rows[i].weight, unit == PROFILE_NANOSECONDS ? 6 : 0);
	json_put_end_list(j);
	if (w->is_cpu) /* the page draws it as CPU time */
		JSON_PUT_COLUMN(j, "threadCPUDelta", w->row_cnt, w->rows[i].cpu_ns);
	json_put_end_map(j);
}

/* ---- threads --------------------------------------------------------------------------------- */

/* "42"; the second image of that process is "42.1". */
static void put_pid(struct writer *w, uint32_t process)
{
	uint32_t copy = w->tracks->process_copy[process], pid = w->p->processes[process].pid;
	__cleanup_free char *text = copy ? xasprintf("%u.%u", pid, copy) : xasprintf("%u", pid);

	json_put_text(&w->json, "pid", text);
}

static void put_tid(struct writer *w, uint32_t thread)
{
	uint32_t copy = w->tracks->thread_copy[thread], tid = w->p->threads[thread].tid;
	__cleanup_free char *text =
		w->is_first ? xasprintf("%u.%u", tid, copy) : xasprintf("%u.%u.%u", tid, copy, w->v.type);

	if (w->is_first && !copy)
		json_put_count(&w->json, "tid", tid);
	else
		json_put_text(&w->json, "tid", text);
}

/*
 * None is called the main thread: the page then shows the process by its command and all of its
 * threads, with their names, below. Thread 0 is for a profile that has no samples: without a thread
 * the page takes nothing.
 */
static void put_thread(struct writer *w, uint32_t thread)
{
	uint32_t process = w->p->threads[thread].process;
	__cleanup_free char *of_thread = thread ? tracks_thread_name(w->p, thread) : xstrdup("no samples");
	__cleanup_free char *name = xasprintf("%s%s%s", of_thread, w->is_first ? "" : " · ",
					      w->is_first ? "" : view__type(&w->v, w->p)->sentence);
	__cleanup_free char *command = tracks_process_name(w->p, process);
	uint64_t started = w->p->processes[process].start_unix_ns;
	struct json_put *j = &w->json;

	make_rows(w, thread);
	json_put_line(j);
	json_put_map(j, NULL);
	json_put_text(j, "name", name);
	json_put_text(j, "processName", thread ? command : "");
	put_pid(w, process);
	put_tid(w, thread);
	json_put_bool(j, "isMainThread", false);
	json_put_text(j, "processType", "default");
	json_put_raw(j, "pausedRanges", "[]");
	json_put_null(j, "processShutdownTime");
	json_put_null(j, "unregisterTime");
	firefox_put_ms(j, "processStartupTime", started > w->begin_ns ? (int64_t)(started - w->begin_ns) : 0);
	firefox_put_ms(j, "registerTime", w->rows[0].time_ns);
	firefox_markers__write(&w->markers, w->is_first ? thread : UINT32_MAX, j);
	put_samples(w);
	json_put_end_map(j);
}

/* Of the type at hand. */
static void put_type(struct writer *w, bool *any)
{
	for (uint32_t i = 1; i <= w->p->thread_cnt; i++) {
		size_t cnt;

		timeline__thread(w->timeline, i, &cnt);
		if (!cnt)
			continue;
		put_thread(w, i);
		*any = true;
	}
}

static uint64_t one_row(void *ctx, const struct timeline_sample *s, const struct timeline_sample *before)
{
	(void)ctx;
	(void)s;
	(void)before;
	return 1;
}

/* Whether it held the GIL shows in its stack's row. */
static uint64_t stack_and_gil(void *ctx, const struct timeline_sample *s)
{
	(void)ctx;
	return (uint64_t)s->gil << 32 | s->stack;
}

/* -EIO when the samples cannot be read (said already). */
static int choose_type(struct writer *w, uint32_t type, bool is_first)
{
	struct timeline *t;
	uint64_t slice = 0;

	w->v.type = type;
	w->v.more_types = 0;
	w->is_first = is_first;
	w->is_cpu = !strcmp(w->p->types[type].name, profile_cpu_type.name);
	t = timeline__new(&w->v, w->p);
	timeline__free(w->timeline);
	w->timeline = t;
	if (t && !w->v.timestamps)
		slice = timeline__fit(t, w->p, &(struct timeline_limit){MAX_ROWS, one_row, stack_and_gil, NULL});
	w->slice_ns = slice > w->slice_ns ? slice : w->slice_ns;
	return t ? 0 : -EIO;
}

static int put_threads(struct writer *w)
{
	uint32_t first = w->v.type;
	bool any = false;
	int err = 0;

	json_put_line(&w->json);
	json_put_list(&w->json, "threads");
	put_type(w, &any);
	if (!any)
		put_thread(w, 0);
	for (uint32_t i = 0; i < w->p->type_cnt && !err; i++) {
		if (i == first)
			continue;
		any = true;
		err = choose_type(w, i, false);
		if (!err)
			put_type(w, &any);
	}
	json_put_end_list(&w->json);
	return err;
}

/* ---- the document ---------------------------------------------------------------------------- */

static void put_entry(struct json_put *j, const char *label, const char *text)
{
	json_put_map(j, NULL);
	json_put_text(j, "format", "string");
	json_put_text(j, "label", label);
	json_put_text(j, "value", text);
	json_put_end_map(j);
}

/* What the page shows of the recording itself under "more info". */
static void put_extra(const struct writer *w, struct json_put *j)
{
	__cleanup_free char *losses = loss_text(w->p);
	__cleanup_free char *rate = xasprintf("%g Hz", w->p->meta.rate_hz);

	json_put_list(j, "extra");
	json_put_map(j, NULL);
	json_put_text(j, "label", "Recording");
	json_put_list(j, "entries");
	put_entry(j, "Command", w->p->meta.command);
	put_entry(j, "Target", w->p->meta.target);
	put_entry(j, "Host", w->p->meta.host);
	put_entry(j, "Rate", rate);
	put_entry(j, "Lost", losses);
	if (w->slice_ns) {
		__cleanup_free char *slice = units_duration_text(w->slice_ns);
		__cleanup_free char *text = xasprintf("equal stacks of a thread within %s", slice);

		put_entry(j, "Added up", text);
	}
	json_put_end_list(j);
	json_put_end_map(j);
	json_put_end_list(j);
}

static void put_meta(const struct writer *w, struct json_put *j)
{
	const struct profile_meta *m = &w->p->meta;
	__cleanup_free char *kernel = xasprintf("Linux %s", m->kernel);
	const char *title = w->v.title && *w->v.title ? w->v.title : m->target;

	json_put_map(j, "meta");
	json_put_count(j, "version", GECKO_VERSION);
	json_put_count(j, "preprocessedProfileVersion", PROCESSED_VERSION);
	json_put_text(j, "product", *title ? title : m->tool);
	json_put_text(j, "importedFrom", m->tool);
	json_put_text(j, "arguments", m->command);
	json_put_text(j, "oscpu", kernel);
	json_put_text(j, "platform", "Linux");
	json_put_real(j, "interval", m->rate_hz > 0 ? 1e3 / m->rate_hz : 1.0);
	firefox_put_ms(j, "startTime", (int64_t)w->begin_ns);
	json_put_count(j, "profilingStartTime", 0);
	firefox_put_ms(j, "profilingEndTime", (int64_t)m->duration_ns);
	json_put_count(j, "logicalCPUs", m->cpus);
	json_put_count(j, "processType", 0);
	json_put_count(j, "stackwalk", 1);
	json_put_bool(j, "debug", false);
	json_put_bool(j, "symbolicated", true);
	json_put_bool(j, "symbolicationNotSupported", true);
	json_put_bool(j, "usesOnlyOneStackType", true);
	json_put_bool(j, "sourceCodeIsNotOnSearchfox", true);
	json_put_raw(j, "sampleUnits", "{\"time\":\"ms\",\"eventDelay\":\"ms\",\"threadCPUDelta\":\"ns\"}");
	put_extra(w, j);
	firefox_put_marker_schema(j);
	firefox_put_categories(j);
	json_put_end_map(j);
}

static int write_document(struct writer *w)
{
	int err;

	w->begin_ns = timeline__begin(w->timeline, w->p);
	w->markers.begin_ns = w->begin_ns;
	w->markers.tables = &w->tables;
	firefox_markers__init(&w->markers, w->timeline);
	json_put_map(&w->json, NULL);
	put_meta(w, &w->json);
	json_put_raw(&w->json, "libs", "[]");
	json_put_raw(&w->json, "pages", "[]");
	err = put_threads(w);
	firefox_tables__write(&w->tables, &w->json);
	json_put_end_map(&w->json);
	firefox_markers__free(&w->markers);
	free(w->rows);
	return err;
}

static int write_firefox(const struct profile *p, const struct view *v, FILE *out)
{
	struct writer w = {.p = p, .v = *v};
	struct view all = *v;
	int err = choose_type(&w, v->type < p->type_cnt ? v->type : 0, true), closed;

	all.all_types = true;
	w.json.out = err ? NULL : gzip__open(out);
	if (!w.json.out) {
		timeline__free(w.timeline);
		return -EIO;
	}
	w.tracks = tracks__new(p);
	firefox_tables__init(&w.tables, p, &all);
	err = write_document(&w);
	closed = gzip__close(w.json.out);
	firefox_tables__free(&w.tables);
	tracks__free(w.tracks);
	timeline__free(w.timeline);
	return err ? err : closed;
}

static const char *const suffixes[] = {".profile.json.gz", NULL};

const struct format format_firefox = {
	.name = "firefox",
	.help = "a timeline per thread, for profiler.firefox.com",
	.suffixes = suffixes,
	.write = write_firefox,
};
