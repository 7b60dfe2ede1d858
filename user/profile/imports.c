/* SPDX-License-Identifier: MIT */
/*
 * Stacks are gone through once, parents first. Those that begin a run, and those in it, are remembered by the stack
 * that the run stands on: what the run is called is told by the frame above it, and one run may have many.
 */
#include "user/profile/imports.h"
#include "user/profile/restack.h"
#include "user/util/alloc.h"
#include <string.h>

struct fold {
	const struct profile *p;
	struct restack r;
	bool *is_import;   /* by function */
	uint32_t *to;      /* by stack: what it becomes; of one in a run, where it ends there, once it is needed */
	uint32_t *base;    /* by stack in a run: the new stack that the run stands on */
	uint32_t *imports; /* by function, of modules: the frame "import X"; [0] is that of "import" */
};

/* ---- which frames they are */

static bool is_any(const char *text, const char *const *of)
{
	for (; *of; of++)
		if (!strcmp(text, *of))
			return true;
	return false;
}

/* One of these paths, below any folder. */
static bool ends_in(const char *path, const char *const *of)
{
	size_t len = strlen(path);

	for (; *of; of++) {
		size_t n = strlen(*of);

		if (len > n && path[len - n - 1] == '/' && !strcmp(path + len - n, *of))
			return true;
	}
	return false;
}

/* CPython 3.6 to 3.15 freeze them under these names; a build without frozen modules, and tests, have them as files. */
static bool is_machinery(const struct profile_function *f)
{
	static const char *const frozen[] = {"<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>",
					     "<frozen zipimport>", NULL};
	static const char *const files[] = {"importlib/_bootstrap.py", "importlib/_bootstrap_external.py",
					    "zipimport.py", NULL};
	static const char *const package[] = {"importlib/__init__.py", NULL};
	static const char *const entries[] = {"import_module", "reload", "__import__", NULL};

	if (f->kind != PROFILE_PYTHON)
		return false;
	if ((ends_in(f->file, package) || !strcmp(f->file, "<frozen importlib>")) &&
	    !strcmp(f->module, "importlib")) /* also of a build that is not installed */
		return is_any(f->name, entries);
	return f->origin == PROFILE_STDLIB && (is_any(f->file, frozen) || ends_in(f->file, files));
}

/* False: there is none. */
static bool find_machinery(struct fold *f)
{
	bool any = false;

	for (uint32_t i = 1; i <= f->p->function_cnt; i++)
		any |= f->is_import[i] = is_machinery(&f->p->functions[i]);
	return any;
}

static bool in_run(const struct fold *f, uint32_t stack)
{
	return stack && f->is_import[f->p->frames[f->p->stacks[stack].frame].function];
}

/* ---- what they become */

#define FOLDED "import "

/* No function of Python's has such a name, and no file. */
bool import_is_folded(const struct profile_function *f)
{
	return !*f->file && !strncmp(f->name, FOLDED, strlen(FOLDED));
}

/* The frame for an import of which `function` was the next on the stack; 0: nothing was. */
static uint32_t import_frame(struct fold *f, uint32_t function)
{
	const struct profile_function *of = &f->p->functions[function];
	bool is_module = function && !strcmp(of->name, "<module>");
	uint32_t *frame = &f->imports[is_module ? function : 0];
	static const struct profile_function like = {
		.module = "", .file = "", .short_file = "", .origin = PROFILE_STDLIB};

	if (!*frame)
		*frame = restack__frame(&f->r, &like,
					is_module ? xasprintf(FOLDED "%s", *of->module ? of->module : of->short_file)
						  : xstrdup(FOLDED "[finding, loading]"));
	return *frame;
}

static void fold_stack(struct fold *f, uint32_t stack)
{
	const struct profile_stack *s = &f->p->stacks[stack];
	bool above_run = in_run(f, s->parent);
	uint32_t parent = above_run ? f->base[s->parent] : f->to[s->parent];

	if (in_run(f, stack)) {
		f->base[stack] = parent;
		return;
	}
	if (above_run)
		parent = restack__stack(&f->r, parent, import_frame(f, f->p->frames[s->frame].function));
	f->to[stack] = restack__stack(&f->r, parent, s->frame);
}

/* Of one where samples were taken. */
static uint32_t folded(struct fold *f, uint32_t stack)
{
	if (in_run(f, stack) && !f->to[stack])
		f->to[stack] = restack__stack(&f->r, f->base[stack], import_frame(f, 0));
	return f->to[stack];
}

/* ---- the whole */

static uint32_t stack_of(void *ctx, const struct profile_sample *s)
{
	return ((const uint32_t *)ctx)[s->stack];
}

struct profile *profile__fold_imports(const struct profile *p)
{
	struct fold f = {.p = p, .is_import = xcalloc(p->function_cnt + 1u, sizeof(bool))};
	struct profile *q = NULL;

	if (find_machinery(&f)) {
		restack__begin(&f.r, p, 0);
		f.to = xcalloc(p->stack_cnt + 1u, sizeof(*f.to));
		f.base = xcalloc(p->stack_cnt + 1u, sizeof(*f.base));
		f.imports = xcalloc(p->function_cnt + 1u, sizeof(*f.imports));
		for (uint32_t s = 1; s <= p->stack_cnt; s++)
			fold_stack(&f, s);
		for (size_t i = 0; i < p->bucket_cnt; i++)
			f.r.o->p.buckets[i].stack = folded(&f, p->buckets[i].stack);
		q = restack__end(&f.r, stack_of, f.to, free);
		free(f.base);
		free(f.imports);
	}
	free(f.is_import);
	return q;
}
