/* SPDX-License-Identifier: MIT */
/*
 * Threads as speedscope shows them. The page makes a box of every frame of every entry: a file of
 * 85 MB took it 4 GB of memory. So beyond MAX_SIZE stacks that are equal within a slice of time
 * become one entry, unless --timestamps asks for each.
 */
#include "user/format/speedscope.h"
#include "user/profile/timeline_fit.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/pair_map.h"
#include <errno.h>
#include <string.h>

#define MAX_SIZE (16u << 20) /* of all threads' stacks */

/* ---- frames and stacks ----------------------------------------------------------------------- */

/* The key of a frame: its line, its name, its file. */
static uint32_t frame_id(struct scope *w, const char *name, const char *file, int32_t line)
{
	struct buf key = {0};
	uint32_t id;

	buf_put(&key, &line, sizeof(line));
	buf_put(&key, name, strlen(name) + 1);
	buf_put(&key, file, strlen(file) + 1);
	id = intern__id(w->frames, key.data, key.len);
	buf_free(&key);
	return id;
}

static uint32_t frame_of(struct scope *w, uint32_t frame)
{
	uint32_t shown = view__frame(w->v, w->p, frame);

	if (!w->frame_of[frame]) {
		/* Its table shows nothing but names: a bare `<module>` would be there many times. */
		__cleanup_free char *text = view__frame_text(w->v, w->p, shown);
		const char *file = view__file(w->v, w->p, w->p->frames[shown].function);
		int32_t line = view__line(w->v, w->p, shown);

		w->frame_of[frame] = frame_id(w, text, file, *file && line > 0 ? line : 0);
	}
	return w->frame_of[frame];
}

static uint32_t root_frame(struct scope *w, char *text)
{
	uint32_t id = frame_id(w, text, "", 0);

	free(text);
	return id;
}

void scope__put_frames(const struct scope *w, struct json_put *j)
{
	for (uint32_t i = 1; i <= intern__count(w->frames); i++) {
		const char *key = intern__bytes(w->frames, i, NULL), *name = key + sizeof(int32_t);
		const char *file = name + strlen(name) + 1;
		int32_t line;

		memcpy(&line, key, sizeof(line));
		json_put_line(j);
		json_put_map(j, NULL);
		json_put_text(j, "name", name);
		if (*file)
			json_put_text(j, "file", file);
		if (line)
			json_put_int(j, "line", line);
		json_put_end_map(j);
	}
}

/* The frames of a stack below those that are in `room` already. */
static uint32_t make_list(struct scope *w, uint32_t stack, size_t roots)
{
	uint32_t *frames = w->room + roots;
	size_t depth = profile__stack_frames(w->p, stack, frames, profile__max_depth(w->p));

	for (size_t i = 0; i < depth; i++)
		frames[i] = frame_of(w, frames[i]);
	return intern__id(w->lists, w->room, (roots + depth) * sizeof(*w->room));
}

void scope__put_list(const struct scope *w, uint32_t list, struct json_put *j)
{
	size_t len;
	const uint32_t *frames = intern__bytes(w->lists, list, &len);

	json_put_line(j);
	JSON_PUT_COLUMN(j, NULL, len / sizeof(*frames), frames[i] - 1);
}

static uint32_t list_of(struct scope *w, uint32_t stack)
{
	if (!w->list_of[stack])
		w->list_of[stack] = make_list(w, stack, 0);
	return w->list_of[stack];
}

/* With --threads the profile of all of them begins with frames for process and thread. */
static uint32_t list_below_roots(struct scope *w, const struct profile_bucket *b)
{
	if (!w->v->threads)
		return list_of(w, b->stack);
	w->room[0] = root_frame(w, view__process_text(w->p, w->p->threads[b->thread].process));
	w->room[1] = root_frame(w, view__thread_text(w->p, b->thread));
	return make_list(w, b->stack, 2);
}

/* ---- tracks ---------------------------------------------------------------------------------- */

static void add_run(struct scope_track *t, struct scope_run run)
{
	xgrow(t->runs, t->cnt, t->cap);
	t->runs[t->cnt++] = run;
	t->value += run.value;
}

/* To the run of that index + 1 where it may be added to, else to a new one; gives which. */
static uint32_t add_to(struct scope_track *t, uint32_t known, struct scope_run run)
{
	if (!known) {
		add_run(t, run);
		return (uint32_t)t->cnt;
	}
	t->runs[known - 1].value += run.value;
	t->value += run.value;
	return known;
}

/* Neighbours with the same stack are one; with --timestamps an empty stack is time off the CPU. */
struct scope_track scope__thread(struct scope *w, uint32_t thread)
{
	size_t cnt;
	const struct timeline_sample *s = timeline__thread(w->timeline, thread, &cnt);
	uint64_t end = 0, last = w->begin_ns;
	struct scope_track t = {0};

	for (size_t i = 0; i < cnt; i++, last = end) {
		struct scope_run run = {s[i].value, list_of(w, s[i].stack)};
		bool follows = timeline_lay(&end, &s[i]);

		uint64_t begin = end - timeline_span(&s[i]);

		if (w->v->timestamps && !s[i].moment && !follows && begin > last)
			add_run(&t, (struct scope_run){begin - last, make_list(w, 0, 0)});
		add_to(&t, t.cnt && t.runs[t.cnt - 1].list == run.list ? (uint32_t)t.cnt : 0, run);
	}
	return t;
}

struct scope_track scope__all(struct scope *w)
{
	struct scope_track all = {0};
	struct pair_map runs_by_list = {0}; /* list → index + 1 in runs */

	for (size_t i = 0; i < w->p->bucket_cnt; i++) {
		const struct profile_bucket *b = &w->p->buckets[i];
		uint64_t value = view__value(w->v, b);
		uint32_t list, *run_index;

		if (!view__samples(w->v, b))
			continue;
		list = list_below_roots(w, b);
		run_index = pair_map__slot(&runs_by_list, list, 0);
		*run_index = add_to(&all, *run_index, (struct scope_run){value, list});
	}
	pair_map__free(&runs_by_list);
	return all;
}

/* Bytes that a sample takes at most: those of its stack, unless it goes on with the one before. */
static uint64_t size_of(void *ctx, const struct timeline_sample *s, const struct timeline_sample *before)
{
	struct scope *w = ctx;
	uint32_t list = list_of(w, s->stack);
	size_t len;

	if (before && list == list_of(w, before->stack))
		return 0;
	intern__bytes(w->lists, list, &len);
	return 4 + len / sizeof(*w->room) * w->index_size;
}

static uint64_t key_of(void *ctx, const struct timeline_sample *s)
{
	return list_of(ctx, s->stack);
}

void scope__open(struct scope *w, const struct profile *p)
{
	*w = (struct scope){.p = p};
	w->frames = intern__new();
	w->lists = intern__new();
	w->frame_of = xcalloc((size_t)p->frame_cnt + 1, sizeof(*w->frame_of));
	w->list_of = xcalloc((size_t)p->stack_cnt + 1, sizeof(*w->list_of));
	w->index_size = (size_t)snprintf(NULL, 0, "%u,", p->frame_cnt);
	w->room = xcalloc(profile__max_depth(p) + 3, sizeof(*w->room));
}

int scope__look(struct scope *w, const struct view *v)
{
	const struct profile *p = w->p;

	timeline__free(w->timeline);
	w->v = v;
	w->slice_ns = 0;
	w->timeline = timeline__new(v, p);
	if (!w->timeline)
		return -EIO;
	w->begin_ns = timeline__begin(w->timeline, p);
	if (!v->timestamps)
		w->slice_ns = timeline__fit(w->timeline, p, &(struct timeline_limit){MAX_SIZE, size_of, key_of, w});
	return 0;
}

void scope__close(struct scope *w)
{
	timeline__free(w->timeline);
	free(w->frame_of);
	free(w->list_of);
	free(w->room);
	intern__free(w->frames);
	intern__free(w->lists);
}
