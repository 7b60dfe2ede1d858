/* SPDX-License-Identifier: MIT */
/*
 * speedscope's own file format (its file-format-schema.json): a `sampled` profile for each thread,
 * in order of time, and in front of them one of all threads together. Weights are what
 * samples stand for. The profile of all threads has each stack once: threads that ran side by side
 * have no common order of time. All types of a recording are there, those of the type that is asked for at first.
 */
#include "user/format/speedscope.h"
#include "user/format/format.h"
#include "user/profile/loss_words.h"
#include "user/util/alloc.h"
#include "user/util/units.h"
#include <string.h>

#define SCHEMA "https://www.speedscope.app/file-format-schema.json"

struct writer {
	struct scope scope;
	struct json_put json;
	char *remark;     /* what was lost, and what was added up */
	const char *type; /* behind the names of profiles; "" where there is but one */
	bool has_profile;
};

/* Ends the track's life. */
static void put_track(struct writer *w, struct scope_track t, const char *name)
{
	static const char *const units[PROFILE_UNITS] = {"nanoseconds", "bytes", "none"};

	/* Above its views the page shows nothing but the name of a profile. */
	__cleanup_free char *of_type = xasprintf("%s%s%s", name, *w->type ? " · " : "", w->type);
	__cleanup_free char *first = xasprintf("%s · %s", of_type, w->remark);
	struct json_put *j = &w->json;

	json_put_line(j);
	json_put_map(j, NULL);
	json_put_text(j, "type", "sampled");
	json_put_text(j, "name", w->has_profile ? of_type : first);
	w->has_profile = true;
	json_put_text(j, "unit", units[view__type(w->scope.v, w->scope.p)->unit]);
	json_put_count(j, "startValue", 0);
	json_put_count(j, "endValue", t.value);
	json_put_line(j);
	json_put_list(j, "samples");
	for (size_t i = 0; i < t.cnt; i++)
		scope__put_list(&w->scope, t.runs[i].list, j);
	json_put_end_list(j);
	json_put_line(j);
	JSON_PUT_COLUMN(j, "weights", t.cnt, t.runs[i].value);
	json_put_end_map(j);
	free(t.runs);
}

/* By process, the main thread first. */
static int by_location(const void *a, const void *b, void *arg)
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
	qsort_r(threads, *cnt, sizeof(*threads), by_location, (void *)w->scope.p);
	return threads;
}

static void put_profiles(struct writer *w)
{
	size_t cnt;
	__cleanup_free uint32_t *threads = busy_threads(w, &cnt);

	if (cnt != 1 || w->scope.v->threads)
		put_track(w, scope__all(&w->scope), "all threads");
	for (size_t i = 0; i < cnt; i++) {
		uint32_t process = w->scope.p->threads[threads[i]].process;
		__cleanup_free char *of = view__process_text(w->scope.p, process);
		__cleanup_free char *which = view__thread_text(w->scope.p, threads[i]);
		__cleanup_free char *name = xasprintf("%s %s", of, which);

		put_track(w, scope__thread(&w->scope, threads[i]), name);
	}
}

/* The type that is asked for, whose profiles come first, and then the others that have samples. */
static int put_types(struct writer *w, const struct view *v)
{
	const struct profile *p = w->scope.p;
	struct view of_type = *v;
	int err = 0;

	json_put_line(&w->json);
	json_put_list(&w->json, "profiles");
	put_profiles(w);
	for (uint32_t i = 0; i < p->type_cnt && !err; i++) {
		of_type.type = i;
		of_type.more_types = 0;
		if (i == view__type(v, p)->id || !view__sum(&of_type, p).samples)
			continue;
		err = scope__look(&w->scope, &of_type);
		w->type = p->types[i].sentence;
		if (!err)
			put_profiles(w);
	}
	json_put_end_list(&w->json);
	return err;
}

static char *remark_of(const struct scope *scope)
{
	__cleanup_free char *lost = loss_text(scope->p);
	__cleanup_free char *slice = units_duration_text(scope->slice_ns);

	return xasprintf("%s%s%s", lost, scope->slice_ns ? " · equal stacks added up within " : "",
			 scope->slice_ns ? slice : "");
}

static void put_name(struct writer *w)
{
	const struct profile_meta *m = &w->scope.p->meta;
	__cleanup_free char *name = xasprintf("%s · %s", w->scope.v->title ? w->scope.v->title : m->target, w->remark);
	const char *blank = strchr(m->tool, ' ');
	__cleanup_free char *exporter = xasprintf("%.*s%s%s", blank ? (int)(blank - m->tool) : (int)strlen(m->tool),
						  m->tool, blank ? "@" : "", blank ? blank + 1 : "");

	json_put_text(&w->json, "name", name);
	json_put_text(&w->json, "exporter", exporter);
	json_put_count(&w->json, "activeProfileIndex", 0);
}

static int write_document(struct writer *w, const struct view *v)
{
	int err;

	w->remark = remark_of(&w->scope);
	json_put_map(&w->json, NULL);
	json_put_text(&w->json, "$schema", SCHEMA);
	put_name(w);
	err = put_types(w, v);
	json_put_line(&w->json);
	json_put_map(&w->json, "shared");
	json_put_list(&w->json, "frames");
	scope__put_frames(&w->scope, &w->json);
	json_put_end_list(&w->json);
	json_put_end_map(&w->json);
	json_put_end_map(&w->json);
	free(w->remark);
	return err;
}

static int write_speedscope(const struct profile *p, const struct view *v, FILE *out)
{
	struct writer w = {.json.out = out, .type = p->type_cnt > 1 ? view__type(v, p)->sentence : ""};
	int err;

	scope__open(&w.scope, p);
	err = scope__look(&w.scope, v);
	if (!err)
		err = write_document(&w, v);
	scope__close(&w.scope);
	return err;
}

static const char *const suffixes[] = {".speedscope.json", ".speedscope", NULL};

const struct format format_speedscope = {
	.name = "speedscope",
	.help = "for speedscope; all threads together, and each in order of time",
	.suffixes = suffixes,
	.write = write_speedscope,
};
