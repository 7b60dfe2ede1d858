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
#include "user/format/json/json_member.h"
#include "user/format/tracks.h"
#include "user/profile/timeline_fit.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include "user/util/units.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define MANY_EVENTS 2000000u /* about 400 MB: as much as its viewers open, unless --timestamps wants all */
#define NEXT_PID                                                                                   \
	10000000u /* beyond any pid: what is added for the next process that had the same one */

/* What the events of a frame say; those at its end only the name, which some readers want there
 * too. */
struct head {
	char *text;
	int name_len;
};

struct writer {
	const struct profile *p;
	const struct view *v;
	FILE *out;
	struct timeline *timeline;
	struct tracks *tracks;
	uint64_t begin_ns;
	const char *separator; /* before the next event */
	struct head *heads;    /* by frame, made on sight */
	uint32_t *open,
		*now; /* frames, root first: those that are open, those of the sample at hand */
	size_t open_cnt;
	uint32_t pid, tid; /* of the track at hand */
	uint64_t events;
	uint64_t slice_ns; /* equal stacks within it are one; 0: every sample is there */
	uint32_t any; /* a process with samples, for what belongs to none */
};

static void put_quoted(const struct writer *w, const char *text)
{
	__cleanup_free char *quoted = json_quote(text);

	fputs(quoted, w->out);
}

/* Of the track at hand. */
static void begin_event(struct writer *w, const char *phase)
{
	fprintf(w->out, "%s{\"ph\":\"%s\",\"pid\":%u,\"tid\":%u", w->separator, phase, w->pid,
		w->tid);
	w->separator = ",\n";
}

static void begin_timed(struct writer *w, const char *phase, uint64_t time_ns)
{
	uint64_t ns = time_ns > w->begin_ns ? time_ns - w->begin_ns : 0;

	if (++w->events == 5 * MANY_EVENTS)
		log_warn("the Chrome trace has more than %u million events; its viewers may not open it. %s smaller",
			 5 * MANY_EVENTS / 1000000, w->v->timestamps ? "Without --timestamps it is" :
			 "A .profile.json.gz of the same is far");
	begin_event(w, phase);
	fprintf(w->out, ",\"ts\":%" PRIu64 ".%03" PRIu64, ns / 1000, ns % 1000);
}

static void put_name_event(struct writer *w, const char *what, const char *key, const char *text)
{
	begin_event(w, "M");
	fprintf(w->out, ",\"name\":\"%s\",\"args\":{\"%s\":", what, key);
	put_quoted(w, text);
	fputs("}}", w->out);
}

static void put_order_event(struct writer *w, const char *what, uint32_t at)
{
	begin_event(w, "M");
	fprintf(w->out, ",\"name\":\"%s\",\"args\":{\"sort_index\":%u}}", what, at);
}

/* ---- frames ---------------------------------------------------------------------------------- */

static const struct head *head_of(struct writer *w, uint32_t frame)
{
	static const char *const origins[PROFILE_ORIGINS] = {
		[PROFILE_USER] = "user",
		[PROFILE_STDLIB] = "stdlib",
		[PROFILE_SITE] = "site",
		[PROFILE_MARK] = "mark",
	};
	uint32_t function = w->p->frames[frame].function;
	const struct profile_function *f = &w->p->functions[function];
	__cleanup_free char *text = NULL, *name = NULL, *file = NULL, *line = NULL;
	struct head *h = &w->heads[frame];

	if (h->text)
		return h;
	text = view__function_text(w->p, function);
	name = json_quote(text);
	file = json_quote(view__file(w->v, w->p, function));
	if (view__line(w->v, w->p, frame) > 0)
		line = xasprintf("\"line\":%d,", view__line(w->v, w->p, frame));
	h->text = xasprintf(
		",\"name\":%s,\"cat\":\"%s\",\"args\":{\"filename\":%s,%s\"first_line\":%d}", name,
		origins[f->origin], file, line ? line : "", f->first_line);
	h->name_len = (int)(strlen(",\"name\":") + strlen(name));
	return h;
}

static void close_down_to(struct writer *w, size_t depth, uint64_t time_ns)
{
	for (; w->open_cnt > depth; w->open_cnt--) {
		const struct head *h = head_of(w, w->open[w->open_cnt - 1]);

		begin_timed(w, "E", time_ns);
		fprintf(w->out, "%.*s}", h->name_len, h->text);
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
		begin_timed(w, "B", time_ns);
		fprintf(w->out, "%s}", head_of(w, w->now[same])->text);
		w->open[w->open_cnt++] = w->now[same];
	}
}

static void put_samples(struct writer *w, uint32_t thread)
{
	uint64_t end = 0, last_end = 0;
	uint32_t stack = 0;
	size_t cnt;
	const struct timeline_sample *s = timeline__thread(w->timeline, thread, &cnt);

	for (size_t i = 0; i < cnt; i++) {
		if (!timeline_lay(&end, &s[i])) {
			close_down_to(w, 0, last_end);
			stack = 0;
		}
		if (s[i].stack != stack)
			go_to(w, s[i].stack, end - s[i].value_ns);
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
	const struct profile_process *q = &w->p->processes[process];
	__cleanup_free char *name = tracks_process_name(w->p, process);

	choose_process(w, process);
	put_name_event(w, "process_name", "name", name);
	put_order_event(w, "process_sort_index", process);
	if (*q->python) {
		__cleanup_free char *labels = xasprintf("Python %s", q->python);

		put_name_event(w, "process_labels", "labels", labels);
	}
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

/* An instant where it began; of a process, or of everything where it is not known whose. */
static void put_loss(struct writer *w, const struct profile_loss *l)
{
	uint64_t to = l->to_unix_ns > l->from_unix_ns ? l->to_unix_ns : l->from_unix_ns;

	choose_process(w, l->process ? l->process : w->any);
	begin_timed(w, "i", l->from_unix_ns);
	fprintf(w->out, ",\"s\":\"%s\",\"cat\":\"%s\",\"name\":", l->process ? "p" : "g",
		l->failure ? "lost" : "no stack");
	__cleanup_free char *name =
		xasprintf("%s: %s", l->failure ? "lost" : "no stack", l->reason);
	put_quoted(w, name);
	fprintf(w->out,
		",\"args\":{\"samples\":%" PRIu64 ",\"cpu_ms\":%" PRIu64 ".%06" PRIu64
		",\"until_ms\":%" PRIu64 ",\"why\":",
		l->count, l->value_ns / 1000000, l->value_ns % 1000000,
		to > w->begin_ns ? (to - w->begin_ns) / 1000000 : 0);
	put_quoted(w, l->sentence);
	fputs("}}", w->out);
}

/* ---- the document ---------------------------------------------------------------------------- */

static void put_fact(const struct writer *w, const char *key, const char *text)
{
	fprintf(w->out, ",\n\"%s\":", key);
	put_quoted(w, text);
}

/* What the viewers show of a trace as a whole. */
static void put_facts(struct writer *w)
{
	const struct profile_meta *m = &w->p->meta;
	__cleanup_free char *losses = profile__loss_text(w->p);

	fprintf(w->out, "{\"displayTimeUnit\":\"ms\",\n\"otherData\":{\"rate_hz\":\"%g\"",
		m->rate_hz);
	put_fact(w, "tool", m->tool);
	put_fact(w, "command", m->command);
	put_fact(w, "target", m->target);
	put_fact(w, "host", m->host);
	put_fact(w, "kernel", m->kernel);
	put_fact(w, "lost", losses);
	if (w->v->title && *w->v->title)
		put_fact(w, "title", w->v->title);
	if (w->slice_ns) {
		__cleanup_free char *slice = units_duration_text(w->slice_ns);
		__cleanup_free char *text = xasprintf("equal stacks of a thread within %s", slice);

		put_fact(w, "added up", text);
	}
	fprintf(w->out, ",\n\"start_unix_ns\":\"%" PRIu64 "\"},\n\"traceEvents\":[", w->begin_ns);
	w->separator = "\n";
}

static void write_document(struct writer *w)
{
	put_facts(w);
	put_processes(w);
	for (size_t i = 0; i < w->p->loss_cnt; i++)
		put_loss(w, &w->p->losses[i]);
	put_threads(w);
	fputs("\n]}\n", w->out);
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
	struct writer w = {.p = p, .v = v, .out = out, .timeline = timeline__new(v, p)};

	if (!w.timeline)
		return -EIO;
	if (!v->timestamps)
		w.slice_ns = timeline__fit(w.timeline, p,
					   &(struct timeline_limit){MANY_EVENTS, events_of, key_of, &w});
	w.tracks = tracks__new(p);
	w.begin_ns = timeline__begin(w.timeline, p);
	w.heads = xcalloc((size_t)p->frame_cnt + 1, sizeof(*w.heads));
	w.open = xcalloc(profile__max_depth(p) + 1, sizeof(*w.open));
	w.now = xcalloc(profile__max_depth(p) + 1, sizeof(*w.now));
	write_document(&w);
	for (uint32_t i = 1; i <= p->frame_cnt; i++)
		free(w.heads[i].text);
	free(w.heads);
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
