/* SPDX-License-Identifier: MIT */
#include "user/inspect/process_natives.h"
#include "user/resolve/merge.h"
#include "user/target/native_names.h"
#include "user/target/outcome.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <string.h>

#define TABLES_MS 25000 /* for all tables; those that are not there by then are missing */
#define NAMES_MS  25000

struct process_natives {
	const struct interpreter *interp;
	struct native_files *files;
	struct native_names *names;
	struct native_space space;
};

/* ---- reading --------------------------------------------------------------------------------------------- */

static void get_files(struct process_natives *n)
{
	struct native_space *s = &n->space;

	s->files = xcalloc(s->maps.cnt + 1, sizeof(struct native_file *));
	for (size_t i = 0; i < s->maps.cnt; i++) {
		const struct mapping *m = &s->maps.items[i];

		s->files[i] = native_files__get(n->files, s->pid, m, mappings_path(&s->maps, m));
	}
	native_names__wait(n->names, TABLES_MS);
}

struct process_natives *process_natives__new(pid_t pid, const struct interpreter *interp)
{
	struct process_natives *n = xcalloc(1, sizeof(*n));

	n->interp = interp;
	n->space.pid = pid;
	n->files = native_files__new(&(struct native_files_calls){0});
	n->names = native_names__new(n->files, false);
	if (!mappings_read(&n->space.maps, pid)) {
		get_files(n);
		return n;
	}
	log_warn("process %d: its mappings cannot be read: there are no native frames", pid);
	process_natives__free(n);
	return NULL;
}

void process_natives__free(struct process_natives *n)
{
	if (!n)
		return;
	native_names__free(n->names);
	native_files__free(n->files);
	mappings_clear(&n->space.maps);
	free(n->space.files);
	free(n);
}

struct abi_native *process_natives__read(const struct process_natives *n, struct memory *memory,
					 const struct task_call *call, const struct native_stack_runs *runs)
{
	const struct native_stack_reader r = {&n->space, native_files__rules(n->files), memory_read, memory};

	return native_stack_read(&r, call, runs);
}

/* ---- names ------------------------------------------------------------------------------------------------ */

/* NULL: still to come, unless `now`. All but the first return to where they called from. */
static const struct native_frames *frames_of(struct process_natives *n, const struct abi_native *of, uint32_t i,
					     bool now, struct native_place *place)
{
	uint64_t addr = abi_native_addrs(of)[i] - (i > 0);
	const struct native_frames *frames;

	*place = native_space__find(&n->space, addr, UINT64_MAX);
	frames = native_names__at(n->names, place, n->space.pid, addr, now);
	return frames || !now ? frames : native_names__unknown(n->names);
}

static void ask(struct process_natives *n, const struct inspect_thread *threads, size_t cnt)
{
	struct native_place place;

	for (size_t t = 0; t < cnt; t++)
		for (uint32_t i = 0; threads[t].native && i < threads[t].native->native_cnt; i++)
			frames_of(n, threads[t].native, i, false, &place);
}

/* ---- merging ---------------------------------------------------------------------------------------------- */

struct stack {
	struct inspect_frame *frames;
	size_t cnt, cap;
};

static struct inspect_frame *add(struct stack *s)
{
	xgrow(s->frames, s->cnt, s->cap);
	s->frames[s->cnt] = (struct inspect_frame){0};
	return &s->frames[s->cnt++];
}

static void put_native(struct stack *s, const struct native_frames *frames)
{
	for (uint32_t i = 0; i < frames->cnt; i++) {
		const struct native_name *name = frames->items[i].name;
		const char *file = native_name__file(name), *last = strrchr(file, '/');
		struct inspect_frame *f;

		if (native_name__is_trampoline(name))
			continue;
		f = add(s);
		f->kind = name->inlined ? PROFILE_INLINED : PROFILE_NATIVE;
		f->name = xstrdup(name->name);
		f->module = xstrdup(name->module);
		f->file = xstrdup(file);
		f->short_file = xstrdup(last ? last + 1 : file);
		f->line = frames->items[i].line;
		f->first_line = name->first_line;
	}
}

static void put_cut(struct stack *s, unsigned end)
{
	struct inspect_frame *f = add(s);

	f->kind = PROFILE_SYNTHETIC;
	f->name = outcome_native_missing(end);
	f->module = xstrdup("");
	f->file = xstrdup("");
	f->short_file = xstrdup("");
}

/* Those of the thread are numbered as they were walked; some of them are not shown. */
static void put_python(struct stack *s, struct inspect_thread *t, uint32_t walked, size_t *next)
{
	while (*next < t->frame_cnt && t->frames[*next].walked <= walked)
		*add(s) = t->frames[(*next)++];
}

static void merge_thread(struct process_natives *n, struct inspect_thread *t, bool all)
{
	static struct merged merged[MERGE_MAX];
	uint8_t flags[ABI_MAX_NATIVE];
	struct native_place place;
	struct merge_in in = {.python_cnt = t->walked_cnt < ABI_MAX_FRAMES ? t->walked_cnt : ABI_MAX_FRAMES,
			      .python_whole = t->outcome == ABI_OK && t->walked_cnt <= ABI_MAX_FRAMES,
			      .native = t->native,
			      .flags = flags,
			      .one_each = merge_is_one_each(&n->interp->build.layout),
			      .all = all};
	struct stack s = {0};
	size_t cnt, next = 0;

	for (uint32_t i = 0; i < t->native->native_cnt; i++) {
		const struct native_frames *frames = frames_of(n, t->native, i, true, &place);
		const struct native_name *own = frames->items[frames->cnt - 1].name;

		flags[i] = merge_flags(own->name, own->module, native_file__is(place.file, &n->interp->file));
	}
	cnt = merge_frames(&in, merged);
	for (size_t i = 0; i < cnt; i++) {
		if (merged[i].kind == MERGE_PYTHON_FRAME)
			put_python(&s, t, merged[i].index, &next);
		else if (merged[i].kind == MERGE_NATIVE_FRAME)
			put_native(&s, frames_of(n, t->native, merged[i].index, true, &place));
		else
			put_cut(&s, t->native->end);
	}
	put_python(&s, t, UINT32_MAX, &next);
	free(t->frames);
	t->frames = s.frames;
	t->frame_cnt = s.cnt;
}

static void merge_all(struct process_natives *n, struct inspect_thread *threads, size_t cnt, bool all)
{
	for (size_t i = 0; i < cnt; i++)
		if (threads[i].native)
			merge_thread(n, &threads[i], all);
}

void process_natives__merge(struct process_natives *n, struct inspection *s, bool all)
{
	ask(n, s->threads, s->thread_cnt);
	ask(n, s->others, s->other_cnt);
	native_names__wait(n->names, NAMES_MS);
	merge_all(n, s->threads, s->thread_cnt, all);
	merge_all(n, s->others, s->other_cnt, all);
}
