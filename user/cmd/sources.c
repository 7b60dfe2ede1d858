/* SPDX-License-Identifier: MIT */
#include "user/cmd/sources.h"
#include "user/os/source_file.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/intern.h"
#include "user/util/log.h"
#include "user/util/pair_map.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/utsname.h>

#define SLOW_NS  30000000u   /* a file that takes as long as that … */
#define SLOW_ALL 3000000000u /* … and how long all such together may take */
#define TRIES    32          /* different roots, or rights, with which the same path is looked for */

struct file {
	uint64_t first_ns; /* start of the first process whose code it can have become */
	uint32_t *runners; /* processes */
	size_t cnt, cap;
};

struct sources {
	const struct profile *p;
	struct intern *names;   /* of files */
	struct file *files;     /* by name */
	uint32_t *roots;        /* by process: the same number, the same root directory; 1: ours */
	uint32_t *locations;    /* by process: root and rights */
	bool *gone;             /* by process */
	struct pair_map held;   /* (name, process) → index + 1 of what the process had itself */
	bool *is_held;          /* by name: some process had */
	bool filled, elsewhere; /* elsewhere: it was recorded on another machine */
	uint64_t slow_ns;
};

struct sources *sources__new(const struct profile *p)
{
	struct sources *s = xcalloc(1, sizeof(*s));

	s->p = p;
	return s;
}

void sources__free(struct sources *s)
{
	if (!s)
		return;
	for (uint32_t i = 1; s->filled && i <= intern__count(s->names); i++)
		free(s->files[i].runners);
	if (s->filled)
		intern__free(s->names);
	free(s->files);
	free(s->roots);
	free(s->locations);
	free(s->gone);
	free(s->is_held);
	pair_map__free(&s->held);
	free(s);
}

/* ---- who ran what ------------------------------------------------------------------------------------- */

static uint64_t code_start_ns(const struct sources *s, const struct profile_process *q)
{
	if (q->code_start_unix_ns)
		return q->code_start_unix_ns;
	return q->start_unix_ns ? q->start_unix_ns : s->p->meta.start_unix_ns;
}

/* Those that were forked one from the other began with the same root. */
static void find_locations(struct sources *s)
{
	struct intern *roots = intern__new(), *locations = intern__new();

	intern__id(roots, "", 0);
	for (uint32_t i = 1; i <= s->p->process_cnt; i++) {
		const struct profile_process *q = &s->p->processes[i];
		__cleanup_free char *root = q->root == PROFILE_ROOT_OTHER
						    ? xasprintf("%" PRIu64 " %s", code_start_ns(s, q), q->cgroup)
						    : xstrdup("");
		__cleanup_free char *location = NULL;

		s->roots[i] = intern__id(roots, root, strlen(root));
		location = xasprintf("%u %d %s", s->roots[i], q->root, q->rights);
		s->locations[i] = intern__id(locations, location, strlen(location));
	}
	intern__free(roots);
	intern__free(locations);
}

/* One process after the other: what was met is then known by its last one. */
struct filling {
	struct sources *s;
	uint32_t *file_of;  /* by function */
	uint32_t *of_stack; /* by stack: the last process that it was gone through for */
	uint32_t *of_file;  /* by file: the last process that ran it */
};

static void add_runner(struct filling *g, uint32_t file, uint32_t process)
{
	struct sources *s = g->s;
	struct file *f = &s->files[file];
	uint64_t start = code_start_ns(s, &s->p->processes[process]);

	if (g->of_file[file] == process)
		return;
	g->of_file[file] = process;
	if (!f->cnt || start < f->first_ns)
		f->first_ns = start;
	xgrow(f->runners, f->cnt, f->cap);
	f->runners[f->cnt++] = process;
}

/* The callers of a stack that was met before were met then. */
static void add_stack(struct filling *g, uint32_t process, uint32_t stack)
{
	const struct profile *p = g->s->p;

	for (; stack && g->of_stack[stack] != process; stack = p->stacks[stack].parent) {
		uint32_t file = g->file_of[p->frames[p->stacks[stack].frame].function];

		g->of_stack[stack] = process;
		if (file)
			add_runner(g, file, process);
	}
}

struct ran {
	uint32_t process, stack;
};

static int by_process(const void *a, const void *b)
{
	const struct ran *x = a, *y = b;

	return x->process < y->process ? -1 : x->process > y->process;
}

static void add_all(struct filling *g)
{
	const struct profile *p = g->s->p;
	__cleanup_free struct ran *ran = xcalloc(p->bucket_cnt + 1, sizeof(*ran));

	for (size_t i = 0; i < p->bucket_cnt; i++)
		ran[i] = (struct ran){p->threads[p->buckets[i].thread].process, p->buckets[i].stack};
	qsort(ran, p->bucket_cnt, sizeof(*ran), by_process);
	for (size_t i = 0; i < p->bucket_cnt; i++)
		add_stack(g, ran[i].process, ran[i].stack);
}

static void name_files(struct filling *g)
{
	const struct profile *p = g->s->p;

	for (uint32_t i = 1; i <= p->function_cnt; i++)
		if (*p->functions[i].file && p->functions[i].kind == PROFILE_PYTHON)
			g->file_of[i] = intern__id(g->s->names, p->functions[i].file, strlen(p->functions[i].file));
}

static void note_held(struct sources *s)
{
	const struct profile *p = s->p;

	s->is_held = xcalloc(intern__count(s->names) + 1, sizeof(*s->is_held));
	for (size_t i = 0; i < p->source_cnt; i++) {
		uint32_t name = intern__find(s->names, p->sources[i].file, strlen(p->sources[i].file));

		if (!name)
			continue;
		s->is_held[name] = true;
		*pair_map__slot(&s->held, name, p->sources[i].process) = (uint32_t)i + 1;
	}
}

static void fill(struct sources *s)
{
	const struct profile *p = s->p;
	struct filling g = {.s = s,
			    .file_of = xcalloc(p->function_cnt + 1, sizeof(*g.file_of)),
			    .of_stack = xcalloc(p->stack_cnt + 1, sizeof(*g.of_stack))};
	struct utsname here;

	s->filled = true;
	s->elsewhere = *p->meta.host && (uname(&here) || strcmp(here.nodename, p->meta.host));
	s->names = intern__new();
	s->roots = xcalloc(p->process_cnt + 1, sizeof(*s->roots));
	s->locations = xcalloc(p->process_cnt + 1, sizeof(*s->locations));
	s->gone = xcalloc(p->process_cnt + 1, sizeof(*s->gone));
	find_locations(s);
	name_files(&g);
	note_held(s);
	s->files = xcalloc(intern__count(s->names) + 1, sizeof(*s->files));
	g.of_file = xcalloc(intern__count(s->names) + 1, sizeof(*g.of_file));
	add_all(&g);
	free(g.of_stack);
	free(g.of_file);
	free(g.file_of);
}

/* ---- texts -------------------------------------------------------------------------------------------- */

/* A process may name very many files where nothing answers, or slowly. */
static void count_slowness(struct sources *s, uint64_t took_ns)
{
	if (took_ns < SLOW_NS)
		return;
	s->slow_ns += took_ns;
	if (s->slow_ns >= SLOW_ALL)
		log_warn("source files take too long to read: the rest is shown without text");
}

/* -EAGAIN: nothing is asked of that process for the moment, because of something else; another one may know. */
static int read_as(struct sources *s, uint32_t process, const char *path, struct source_file *out)
{
	const struct profile_process *q = &s->p->processes[process];
	const struct source_location location = {
		.pid = (pid_t)q->pid,
		.start_unix_ns = q->start_unix_ns,
		.own_root = q->root != PROFILE_ROOT_OTHER,
		.rights = q->root == PROFILE_ROOT_UNSAID ? NULL : q->rights,
	};
	uint64_t began = clock_now_ns(), took;
	int err;

	if (s->gone[process] || (s->elsewhere && q->root != PROFILE_ROOT_UNSAID))
		return -ESRCH;
	if (s->slow_ns >= SLOW_ALL)
		return -ETIMEDOUT;
	err = source_file__read(&location, path, out);
	took = clock_now_ns() - began;
	s->gone[process] = err == -ESRCH;
	count_slowness(s, took);
	return err == -ETIMEDOUT && took < SLOW_NS ? -EAGAIN : err;
}

/* A few ids. */
struct tried {
	uint32_t ids[TRIES];
	size_t cnt;
};

static bool is_tried(const struct tried *t, uint32_t id)
{
	for (size_t i = 0; i < t->cnt; i++)
		if (t->ids[i] == id)
			return true;
	return t->cnt == TRIES;
}

/* By any of those that ran it in this root; all that have the same rights find the same. Gives who could. */
static uint32_t read_in_root(struct sources *s, const struct file *f, uint32_t root, const char *path,
			     struct source_file *out)
{
	struct tried locations = {.cnt = 0};

	for (size_t i = 0; i < f->cnt; i++) {
		uint32_t process = f->runners[i];
		int err;

		if (s->roots[process] != root || is_tried(&locations, s->locations[process]))
			continue;
		err = read_as(s, process, path, out);
		if (!err)
			return process;
		if (err != -ESRCH && err != -EAGAIN)
			locations.ids[locations.cnt++] = s->locations[process];
	}
	return 0;
}

static enum view_source judge(const struct sources *s, const struct file *f, uint32_t process,
			      const struct source_file *found)
{
	bool is_newer = s->p->processes[process].root == PROFILE_ROOT_UNSAID
				? found->written_unix_ns > f->first_ns + SOURCE_SLACK_NS
				: source_file__is_newer(found, f->first_ns);

	return is_newer ? VIEW_SOURCE_CHANGED : VIEW_SOURCE_TEXT;
}

/* Keeps the first text; another one, or none, is not what was seen of both. */
static enum view_source keep_text(char **text, enum view_source state, struct source_file *found)
{
	if (state == VIEW_SOURCE_TEXT && *text && strcmp(*text, found->text))
		state = VIEW_SOURCE_MISSING;
	if (state == VIEW_SOURCE_TEXT && !*text) {
		*text = found->text;
		found->text = NULL;
	}
	free(found->text);
	return state;
}

/* The same path in several roots is shown only where it is the same text. */
static enum view_source read_file(struct sources *s, const struct file *f, const char *path, char **text)
{
	enum view_source state = f->cnt ? VIEW_SOURCE_TEXT : VIEW_SOURCE_MISSING;
	struct tried roots = {.cnt = 0};

	for (size_t i = 0; i < f->cnt && state == VIEW_SOURCE_TEXT; i++) {
		struct source_file found = {0};
		uint32_t process, root = s->roots[f->runners[i]];

		if (roots.cnt < TRIES && is_tried(&roots, root))
			continue;
		process = roots.cnt < TRIES ? read_in_root(s, f, root, path, &found) : 0;
		if (roots.cnt < TRIES)
			roots.ids[roots.cnt++] = root;
		state = keep_text(text, process ? judge(s, f, process, &found) : VIEW_SOURCE_MISSING, &found);
	}
	if (state != VIEW_SOURCE_TEXT) {
		free(*text);
		*text = NULL;
	}
	return state;
}

/* Of processes that had text under this name: all that ran it must have had the same. */
static enum view_source read_held(const struct sources *s, uint32_t name, char **text)
{
	const struct file *f = &s->files[name];
	const char *first = "";

	for (size_t i = 0; i < f->cnt; i++) {
		uint32_t held = pair_map__get(&s->held, name, f->runners[i]);
		const char *found = held ? s->p->sources[held - 1].text : "";

		if (!*found || (i && strcmp(found, first)))
			return VIEW_SOURCE_MISSING;
		first = found;
	}
	if (!*first)
		return VIEW_SOURCE_MISSING;
	*text = xstrdup(first);
	return VIEW_SOURCE_TEXT;
}

static enum view_source read_source(void *ctx, const char *path, char **text)
{
	struct sources *s = ctx;
	uint32_t id;

	*text = NULL;
	if (!s->filled)
		fill(s);
	id = intern__find(s->names, path, strlen(path));
	if (!id)
		return VIEW_SOURCE_MISSING;
	return s->is_held[id] ? read_held(s, id, text) : read_file(s, &s->files[id], path, text);
}

struct view_sources sources__view(struct sources *s)
{
	return (struct view_sources){read_source, s};
}
