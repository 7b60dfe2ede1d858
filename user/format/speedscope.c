/*
 * speedscope's own file format (its file-format-schema.json): a `sampled` profile for each thread,
 * in order of time, and in front of them one of all threads together. Weights are the CPU time that
 * samples stand for. The profile of all threads has each stack once: threads that ran side by side
 * have no common order of time.
 */
#include "user/format/speedscope.h"
#include "user/format/format.h"
#include "user/format/json/json_member.h"
#include "user/util/alloc.h"
#include "user/util/units.h"
#include <inttypes.h>
#include <string.h>

#define SCHEMA "https://www.speedscope.app/file-format-schema.json"

struct writer {
	struct scope scope;
	FILE *out;
	char *remark; /* what was lost, and what was added up */
	bool has_profile;
};

/* Ends the track's life. */
static void put_track(struct writer *w, struct scope_track t, const char *name)
{
	/* Above its views the page shows nothing but the name of a profile. */
	__cleanup_free char *first = xasprintf("%s · %s", name, w->remark);

	fputs(w->has_profile ? ",\n" : "\n", w->out);
	fputs("{\"type\":\"sampled\",", w->out);
	json_member_text(w->out, "name", w->has_profile ? name : first);
	w->has_profile = true;
	json_member_text(w->out, "unit", "nanoseconds");
	json_member_count(w->out, "startValue", 0);
	json_member_count(w->out, "endValue", t.value_ns);
	fputs("\n\"samples\":[", w->out);
	for (size_t i = 0; i < t.cnt; i++) {
		fputs(i ? ",\n" : "\n", w->out);
		fputs(intern__bytes(w->scope.lists, t.runs[i].list, NULL), w->out);
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
	uint32_t *threads = xcalloc((size_t)w->scope.p->thread_cnt + 1, sizeof(*threads));
	size_t samples;

	*cnt = 0;
	for (uint32_t i = 1; i <= w->scope.p->thread_cnt; i++)
		if (timeline__thread(w->scope.timeline, i, &samples) && samples)
			threads[(*cnt)++] = i;
	qsort_r(threads, *cnt, sizeof(*threads), by_place, (void *)w->scope.p);
	return threads;
}

static void put_profiles(struct writer *w)
{
	size_t cnt;
	__cleanup_free uint32_t *threads = busy_threads(w, &cnt);

	fputs("\"profiles\":[", w->out);
	if (cnt != 1 || w->scope.v->threads)
		put_track(w, scope__all(&w->scope), "all threads");
	for (size_t i = 0; i < cnt; i++) {
		uint32_t process = w->scope.p->threads[threads[i]].process;
		__cleanup_free char *of = view__process_text(w->scope.p, process);
		__cleanup_free char *which = view__thread_text(w->scope.p, threads[i]);
		__cleanup_free char *name = xasprintf("%s %s", of, which);

		put_track(w, scope__thread(&w->scope, threads[i]), name);
	}
	fputs("],\n", w->out);
}

static char *remark_of(const struct scope *scope)
{
	__cleanup_free char *lost = profile__loss_text(scope->p);
	__cleanup_free char *slice = units_duration_text(scope->slice_ns);

	return xasprintf("%s%s%s", lost, scope->slice_ns ? " · equal stacks added up within " : "",
			 scope->slice_ns ? slice : "");
}

static void put_name(const struct writer *w)
{
	const struct profile_meta *m = &w->scope.p->meta;
	__cleanup_free char *name =
		xasprintf("%s · %s", w->scope.v->title ? w->scope.v->title : m->target, w->remark);
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
	for (uint32_t i = 1; i <= intern__count(w->scope.frames); i++)
		fprintf(w->out, "%s%s", i > 1 ? ",\n" : "\n",
			(const char *)intern__bytes(w->scope.frames, i, NULL));
	fputs("]}}\n", w->out);
}

static int write_speedscope(const struct profile *p, const struct view *v, FILE *out)
{
	struct writer w = {.out = out};
	int err = scope__open(&w.scope, v, p);

	if (!err) {
		fputc('{', out);
		json_member_text(out, "$schema", SCHEMA);
		w.remark = remark_of(&w.scope);
		put_name(&w);
		fputc('\n', out);
		put_profiles(&w);
		put_frames(&w);
	}
	scope__close(&w.scope);
	free(w.remark);
	return err;
}

static const char *const suffixes[] = {".speedscope.json", ".speedscope", NULL};

const struct format format_speedscope = {
	.name = "speedscope",
	.help = "for speedscope; all threads together, and each in order of time",
	.suffixes = suffixes,
	.write = write_speedscope,
};
