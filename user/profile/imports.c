/*
 * Stacks are gone through once, parents first. Those that begin a run, and those in it, are remembered by the stack
 * that the run stands on: what the run is called is told by the frame above it, and one run may have many.
 */
#include "user/profile/imports.h"
#include "user/profile/owned.h"
#include "user/util/alloc.h"
#include "user/util/pair_map.h"
#include <string.h>

struct fold {
	const struct profile *p;
	struct owned *o;
	bool *is_import;        /* by function */
	uint32_t *to;           /* by stack: what it becomes; of one in a run, where it ends there, once it is needed */
	uint32_t *base;         /* by stack in a run: the new stack that the run stands on */
	uint32_t *imports;      /* by function, of modules: the frame "import X"; [0] is that of "import" */
	struct pair_map stacks; /* (new parent, frame) → new stack */
	size_t function_cap, frame_cap, first_cap, stack_cap;
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

static uint32_t new_frame(struct fold *f, char *name)
{
	struct profile *q = &f->o->p;
	uint32_t text = intern__id(f->o->texts, name, strlen(name));
	struct profile_function made = {.id = q->function_cnt + 1, .origin = PROFILE_STDLIB};

	free(name);
	made.name = intern__bytes(f->o->texts, text, NULL);
	made.module = made.file = made.short_file = "";
	xgrow(q->functions, made.id, f->function_cap);
	xgrow(f->o->first_frames, made.id, f->first_cap);
	xgrow(q->frames, q->frame_cnt + 1, f->frame_cap);
	q->functions[++q->function_cnt] = made;
	q->frames[++q->frame_cnt] = (struct profile_frame){.id = q->frame_cnt, .function = made.id};
	f->o->first_frames[made.id] = q->frame_cnt;
	return q->frame_cnt;
}

/* The frame for an import of which `function` was the next on the stack; 0: nothing was. */
static uint32_t import_frame(struct fold *f, uint32_t function)
{
	const struct profile_function *of = &f->p->functions[function];
	bool is_module = function && !strcmp(of->name, "<module>");
	uint32_t *frame = &f->imports[is_module ? function : 0];

	if (!*frame)
		*frame = new_frame(f, is_module ? xasprintf("import %s", *of->module ? of->module : of->short_file)
						: xstrdup("import [finding, loading]"));
	return *frame;
}

static uint32_t new_stack(struct fold *f, uint32_t parent, uint32_t frame)
{
	uint32_t *slot = pair_map__slot(&f->stacks, parent, frame);
	struct profile *q = &f->o->p;

	if (!*slot) {
		xgrow(q->stacks, q->stack_cnt + 1, f->stack_cap);
		q->stacks[++q->stack_cnt] = (struct profile_stack){q->stack_cnt, parent, frame};
		*slot = q->stack_cnt;
	}
	return *slot;
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
		parent = new_stack(f, parent, import_frame(f, f->p->frames[s->frame].function));
	f->to[stack] = new_stack(f, parent, s->frame);
}

/* Of one where samples were taken. */
static uint32_t folded(struct fold *f, uint32_t stack)
{
	if (in_run(f, stack) && !f->to[stack])
		f->to[stack] = new_stack(f, f->base[stack], import_frame(f, 0));
	return f->to[stack];
}

/* ---- samples one by one */

struct source {
	const struct profile *p;
	uint32_t *to;
};

struct pass {
	const uint32_t *to;
	profile_sample_fn fn;
	void *arg;
};

static int pass_folded(void *arg, const struct profile_sample *s)
{
	const struct pass *pass = arg;
	struct profile_sample out = *s;

	out.stack = pass->to[s->stack];
	return pass->fn(pass->arg, &out);
}

static int each_folded(void *ctx, profile_sample_fn fn, void *arg)
{
	const struct source *s = ctx;
	struct pass pass = {s->to, fn, arg};

	return profile__each_sample(s->p, pass_folded, &pass);
}

static void free_source(void *ctx)
{
	struct source *s = ctx;

	free(s->to);
	free(s);
}

static void keep_samples(struct fold *f)
{
	struct source *s;

	f->o->p.samples = (struct profile_samples){0};
	if (!f->p->samples.each) {
		free(f->to);
		return;
	}
	s = xcalloc(1, sizeof(*s));
	*s = (struct source){f->p, f->to};
	f->o->p.samples = (struct profile_samples){each_folded, free_source, s};
}

/* ---- the whole */

/* A table of its own, to be added to. */
static void *copy_of(const void *table, size_t cnt, size_t size)
{
	void *copy = xcalloc(cnt, size);

	if (cnt)
		memcpy(copy, table, cnt * size);
	return copy;
}

static void begin(struct fold *f)
{
	const struct profile *p = f->p;
	struct profile *q;

	f->o = xcalloc(1, sizeof(*f->o));
	f->o->texts = intern__new();
	f->o->max_depth = profile__max_depth(p);
	q = &f->o->p;
	*q = *p;
	q->functions = copy_of(p->functions, p->function_cnt + 1u, sizeof(*q->functions));
	q->frames = copy_of(p->frames, p->frame_cnt + 1u, sizeof(*q->frames));
	q->buckets = copy_of(p->buckets, p->bucket_cnt, sizeof(*q->buckets));
	q->stacks = xcalloc(1, sizeof(*q->stacks));
	q->stack_cnt = 0;
	f->o->first_frames = xcalloc(p->function_cnt + 1u, sizeof(*f->o->first_frames));
	for (uint32_t i = 1; i <= p->function_cnt; i++)
		f->o->first_frames[i] = profile__first_frame(p, i);
	f->function_cap = f->first_cap = p->function_cnt + 1u;
	f->frame_cap = p->frame_cnt + 1u;
	f->stack_cap = 1;
	f->to = xcalloc(p->stack_cnt + 1u, sizeof(*f->to));
	f->base = xcalloc(p->stack_cnt + 1u, sizeof(*f->base));
	f->imports = xcalloc(p->function_cnt + 1u, sizeof(*f->imports));
}

struct profile *profile__fold_imports(const struct profile *p)
{
	struct fold f = {.p = p, .is_import = xcalloc(p->function_cnt + 1u, sizeof(bool))};
	struct profile *q = NULL;

	if (find_machinery(&f)) {
		begin(&f);
		q = &f.o->p;
		for (uint32_t s = 1; s <= p->stack_cnt; s++)
			fold_stack(&f, s);
		for (size_t i = 0; i < q->bucket_cnt; i++)
			q->buckets[i].stack = folded(&f, p->buckets[i].stack);
		keep_samples(&f);
		pair_map__free(&f.stacks);
		free(f.base);
		free(f.imports);
	}
	free(f.is_import);
	return q;
}

void profile__free_folded(struct profile *folded)
{
	struct owned *o = (struct owned *)folded;

	if (!folded)
		return;
	if (folded->samples.free)
		folded->samples.free(folded->samples.ctx);
	free(folded->functions);
	free(folded->frames);
	free(folded->stacks);
	free(folded->buckets);
	free(o->first_frames);
	intern__free(o->texts);
	free(o);
}
