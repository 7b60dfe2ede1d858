/*
 * The Firefox Profiler's processed format, for its timeline: profiler.firefox.com and whoever hosts
 * that page. Version 60 for good: newer readers upgrade it on load, as they do all older ones, and
 * from 60 on the tables of all threads are shared.
 *
 * The page draws a stack from its sample to the next one, and takes a CPU delta for what was used
 * since the sample before. So a sample stands where its CPU time began (timeline_lay), and where a
 * thread leaves the CPU there is a sample without a stack: what was asleep is shown as such.
 * Weights are CPU time, so sums in its call tree are the same as everywhere else.
 */
#include "user/format/firefox_markers.h"
#include "user/format/format.h"
#include "user/format/gzip.h"
#include "user/format/json/json_member.h"
#include "user/format/tracks.h"
#include "user/profile/timeline_fit.h"
#include "user/util/alloc.h"
#include "user/util/digits.h"
#include "user/util/units.h"
#include <errno.h>

#define PROCESSED_VERSION 60
#define GECKO_VERSION     30 /* of the raw format that belongs to it; only shown */
#define MAX_ROWS	  1000000 /* of samples that the page opens within seconds, unless --timestamps wants all */

struct row { /* of the samples table */
	int64_t time_ns;
	uint64_t weight_ns, cpu_ns;
	uint32_t stack; /* row + 1; 0: none */
};

struct writer {
	const struct profile *p;
	const struct view *v;
	FILE *out;
	struct timeline *timeline;
	struct tracks *tracks;
	struct firefox_tables tables;
	uint64_t begin_ns; /* what all times are relative to */
	struct firefox_markers markers;
	struct row *rows;
	size_t row_cnt, row_cap;
	uint64_t slice_ns; /* equal stacks within it are one sample; 0: every sample is there */
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
		add_row(w, (struct row){(int64_t)(end - s[i].value_ns - w->begin_ns), s[i].value_ns,
					used, firefox_stack(&w->tables, s[i].stack, s[i].gil) + 1});
		used = s[i].value_ns;
	}
	add_row(w, (struct row){cnt ? (int64_t)(end - w->begin_ns) : 0, 0, used, 0});
}

static void put_samples(const struct writer *w)
{
	fprintf(w->out, "\"samples\":{\"length\":%zu,\"weightType\":\"tracing-ms\",\"stack\":[",
		w->row_cnt);
	for (size_t i = 0; i < w->row_cnt; i++) {
		fputs(i ? "," : "", w->out);
		if (w->rows[i].stack)
			digits_put(w->out, w->rows[i].stack - 1);
		else
			fputs("null", w->out);
	}
	fputs("],\n\"time\":[", w->out);
	for (size_t i = 0; i < w->row_cnt; i++) {
		fputs(i ? "," : "", w->out);
		firefox_put_ms(w->out, w->rows[i].time_ns);
	}
	fputs("],\n\"weight\":[", w->out);
	for (size_t i = 0; i < w->row_cnt; i++) {
		fputs(i ? "," : "", w->out);
		firefox_put_ms(w->out, (int64_t)w->rows[i].weight_ns);
	}
	fputs("],\n\"threadCPUDelta\":[", w->out);
	for (size_t i = 0; i < w->row_cnt; i++) {
		fputs(i ? "," : "", w->out);
		digits_put(w->out, w->rows[i].cpu_ns);
	}
	fputs("]}", w->out);
}

/* ---- threads --------------------------------------------------------------------------------- */

/* "42"; the second image of that process is "42.1". */
static void put_pid(const struct writer *w, uint32_t process)
{
	uint32_t copy = w->tracks->process_copy[process];

	fprintf(w->out, copy ? "\"pid\":\"%u.%u\"," : "\"pid\":\"%u\",",
		w->p->processes[process].pid, copy);
}

static void put_tid(const struct writer *w, uint32_t thread)
{
	uint32_t copy = w->tracks->thread_copy[thread];

	fprintf(w->out, copy ? "\"tid\":\"%u.%u\"," : "\"tid\":%u,", w->p->threads[thread].tid,
		copy);
}

/*
 * None is called the main thread: the page then shows the process by its command and all of its
 * threads, with their names, below. Thread 0 is for a profile that has no samples: without a thread
 * the page takes nothing.
 */
static void put_thread(struct writer *w, uint32_t thread)
{
	uint32_t process = w->p->threads[thread].process;
	__cleanup_free char *name =
		thread ? tracks_thread_name(w->p, thread) : xstrdup("no samples");
	__cleanup_free char *command = tracks_process_name(w->p, process);
	uint64_t started = w->p->processes[process].start_unix_ns;

	fputs("\n{", w->out);
	json_member_text(w->out, "name", name);
	json_member_text(w->out, "processName", thread ? command : "");
	put_pid(w, process);
	put_tid(w, thread);
	fputs("\"isMainThread\":false,\"processType\":\"default\",\"pausedRanges\":[],"
	      "\"processShutdownTime\":null,\"unregisterTime\":null,\"processStartupTime\":",
	      w->out);
	firefox_put_ms(w->out, started > w->begin_ns ? (int64_t)(started - w->begin_ns) : 0);
	make_rows(w, thread);
	fputs(",\"registerTime\":", w->out);
	firefox_put_ms(w->out, w->rows[0].time_ns);
	fputs(",\n", w->out);
	firefox_markers__write(&w->markers, thread, w->out);
	put_samples(w);
	fputs("}", w->out);
}

static void put_threads(struct writer *w)
{
	bool any = false;

	fputs("\n\"threads\":[", w->out);
	for (uint32_t i = 1; i <= w->p->thread_cnt; i++) {
		size_t cnt;

		timeline__thread(w->timeline, i, &cnt);
		if (!cnt)
			continue;
		fputs(any ? "," : "", w->out);
		put_thread(w, i);
		any = true;
	}
	if (!any)
		put_thread(w, 0);
	fputs("],", w->out);
}

/* ---- the document ---------------------------------------------------------------------------- */

static void put_entry(const struct writer *w, const char *label, const char *text)
{
	fputs("{\"format\":\"string\",", w->out);
	json_member_text(w->out, "label", label);
	__cleanup_free char *quoted = json_quote(text);
	fprintf(w->out, "\"value\":%s}", quoted);
}

/* What the page shows of the recording itself under "more info". */
static void put_extra(const struct writer *w)
{
	__cleanup_free char *losses = profile__loss_text(w->p);
	__cleanup_free char *rate = xasprintf("%g Hz", w->p->meta.rate_hz);

	fputs("\"extra\":[{\"label\":\"Recording\",\"entries\":[", w->out);
	put_entry(w, "Command", w->p->meta.command);
	fputs(",", w->out);
	put_entry(w, "Target", w->p->meta.target);
	fputs(",", w->out);
	put_entry(w, "Host", w->p->meta.host);
	fputs(",", w->out);
	put_entry(w, "Rate", rate);
	fputs(",", w->out);
	put_entry(w, "Lost", losses);
	if (w->slice_ns) {
		__cleanup_free char *slice = units_duration_text(w->slice_ns);
		__cleanup_free char *text = xasprintf("equal stacks of a thread within %s", slice);

		fputs(",", w->out);
		put_entry(w, "Added up", text);
	}
	fputs("]}],", w->out);
}

static void put_meta(const struct writer *w)
{
	const struct profile_meta *m = &w->p->meta;
	__cleanup_free char *kernel = xasprintf("Linux %s", m->kernel);
	const char *title = w->v->title && *w->v->title ? w->v->title : m->target;

	fprintf(w->out, "{\"meta\":{\"version\":%d,\"preprocessedProfileVersion\":%d,",
		GECKO_VERSION, PROCESSED_VERSION);
	json_member_text(w->out, "product", *title ? title : m->tool);
	json_member_text(w->out, "importedFrom", m->tool);
	json_member_text(w->out, "arguments", m->command);
	json_member_text(w->out, "oscpu", kernel);
	json_member_text(w->out, "platform", "Linux");
	fprintf(w->out,
		"\"interval\":%.6f,\"startTime\":", m->rate_hz > 0 ? 1e3 / m->rate_hz : 1.0);
	firefox_put_ms(w->out, (int64_t)w->begin_ns);
	fputs(",\"profilingStartTime\":0,\"profilingEndTime\":", w->out);
	firefox_put_ms(w->out, (int64_t)m->duration_ns);
	fprintf(w->out, ",\"logicalCPUs\":%u,\"processType\":0,\"stackwalk\":1,\"debug\":false,",
		m->cpus);
	fputs("\"symbolicated\":true,\"symbolicationNotSupported\":true,"
	      "\"usesOnlyOneStackType\":true,\"sourceCodeIsNotOnSearchfox\":true,"
	      "\"sampleUnits\":{\"time\":\"ms\",\"eventDelay\":\"ms\",\"threadCPUDelta\":\"ns\"},",
	      w->out);
	put_extra(w);
	firefox_put_marker_schema(w->out);
	fputs("\"categories\":[", w->out);
	firefox_put_categories(w->out);
	fputs("]},\"libs\":[],\"pages\":[],", w->out);
}

static void write_document(struct writer *w)
{
	w->begin_ns = timeline__begin(w->timeline, w->p);
	w->markers.begin_ns = w->begin_ns;
	w->markers.tables = &w->tables;
	firefox_markers__init(&w->markers, w->timeline);
	put_meta(w);
	put_threads(w);
	firefox_tables__write(&w->tables, w->out);
	fputs("}\n", w->out);
	firefox_markers__free(&w->markers);
	free(w->rows);
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

static int write_firefox(const struct profile *p, const struct view *v, FILE *out)
{
	struct writer w = {.p = p, .v = v, .timeline = timeline__new(v, p)};
	int err;

	if (!w.timeline)
		return -EIO;
	if (!v->timestamps)
		w.slice_ns = timeline__fit(w.timeline, p,
					   &(struct timeline_limit){MAX_ROWS, one_row, stack_and_gil, NULL});
	w.out = gzip__open(out);
	if (!w.out) {
		timeline__free(w.timeline);
		return -EIO;
	}
	w.tracks = tracks__new(p);
	firefox_tables__init(&w.tables, p, v);
	write_document(&w);
	err = gzip__close(w.out);
	firefox_tables__free(&w.tables);
	tracks__free(w.tracks);
	timeline__free(w.timeline);
	return err;
}

static const char *const suffixes[] = {".profile.json.gz", NULL};

const struct format format_firefox = {
	.name = "firefox",
	.help = "a timeline per thread, for profiler.firefox.com",
	.suffixes = suffixes,
	.write = write_firefox,
};
