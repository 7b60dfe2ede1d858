/* SPDX-License-Identifier: MIT */
/*
 * How a profile is looked at: the options that change what frames are called and how they are grouped,
 * the same for every output. A format asks these functions and never decides by itself.
 */
#pragma once
#include "user/profile/profile.h"
#include "user/profile/value_type.h"

/* Whether the text of a source file is at hand. */
enum view_source {
	VIEW_SOURCE_TEXT,    /* it is what ran, as far as can be told */
	VIEW_SOURCE_CHANGED, /* the file was changed since */
	VIEW_SOURCE_MISSING, /* none is to be had, or not of the right file */
};

/* The reader of source files; `read` is NULL if none may be read. The text, if there is one, is the caller's. */
struct view_sources {
	enum view_source (*read)(void *ctx, const char *file, char **text);
	void *ctx;
};

struct view {
	bool threads;          /* a root per thread */
	bool tasks;            /* frames for tasks of asyncio's: user/profile/task_frames.h */
	bool containers;       /* a root per container or unit */
	bool by_function;      /* -F: one frame per function, shown with its first line */
	bool no_lines;         /* --nolineno: one frame per function, shown without a line */
	bool full_filenames;   /* whole paths */
	bool gil_only;         /* only samples that held the GIL */
	bool from_leaf;        /* --merge-from leaf: call trees begin with the running function, then its callers */
	bool all_types;        /* values of every type, for formats that hold them all beside each other */
	bool timestamps;       /* samples one by one, with their times, also where a format adds them up */
	bool icicle;           /* SVG: root on top */
	bool process_roots;    /* also where only one process has samples */
	bool merge_processes;  /* a root per program, whatever processes run it (process_groups__programs) */
	bool import_frames;    /* the import system frame by frame: see user/profile/imports.h */
	bool from_user;        /* view_tree: frames before the user's first are left out (from_leaf: not) */
	bool whole;            /* from where threads begin, also where that is far from the user's code */
	bool no_ids;           /* processes and threads by name alone, as they are called in every run */
	const char *title;     /* NULL: made from the profile */
	const char *type_name; /* as it was asked for; see view__choose_type */
	uint32_t type;         /* what values are of; 0 the first */
	uint32_t more_types;   /* added to them, by bit: they are wall time (view__wall_types) */
	bool idle_waits;       /* asked for; else pictures and reports leave them out: */
	bool no_idle;          /* user/profile/waits.h */
	struct view_sources sources;
};

/* The kind of a function and, of Python, whose it is: for colours and order. */
enum view_class {
	VIEW_USER,
	VIEW_STDLIB,
	VIEW_SITE,
	VIEW_NATIVE,
	VIEW_INLINED,
	VIEW_KERNEL,
	VIEW_SYNTHETIC,
	VIEW_WAIT, /* what a thread waits for */
	VIEW_COLLECTOR,
	VIEW_CLASSES
};
enum view_class view__class(const struct profile_function *f);
/* Of an object: a program, a shared object, the kernel. */
bool view__is_native(const struct profile_function *f);

/* The text of a frame as py-spy users grep it: `qualname (file.py:line)`. Native code without a
 * line has its object in the brackets, `memcpy (libc.so.6)`; what was inlined says so, `min (util.h:7, inlined)`.
 * Caller frees. */
char *view__frame_text(const struct view *v, const struct profile *p, uint32_t frame);
/* The parts of that text: never an empty name; the line is 0 where this view shows none. */
const char *view__name(const struct profile *p, uint32_t function);
const char *view__file(const struct view *v, const struct profile *p, uint32_t function);
int32_t view__line(const struct view *v, const struct profile *p, uint32_t frame);
/* `process 42:"python3 app.py"` and `thread (4711): name`. Caller frees. */
char *view__process_text(const struct profile *p, uint32_t process);
char *view__thread_text(const struct profile *p, uint32_t thread);
/* The JSON name of a function: `module.qualname` (only qualname when it has no module). Caller frees. */
char *view__function_text(const struct profile *p, uint32_t function);

/* The frame that stands for `frame` in this view: itself, or the first of its function. */
uint32_t view__frame(const struct view *v, const struct profile *p, uint32_t frame);
/*
 * Samples and value of a bucket in this view (0 when the view leaves it out). What weighs, in every output, is
 * the value: intervals between samples are random, so samples stand for unlike times. Their number is only
 * shown, and says how certain the value is.
 */
uint64_t view__samples(const struct view *v, const struct profile_bucket *b);
uint64_t view__value(const struct view *v, const struct profile_bucket *b);
/* Of what a bucket has in this view, how much held the GIL. */
uint64_t view__gil_samples(const struct view *v, const struct profile_bucket *b);
uint64_t view__gil_value(const struct view *v, const struct profile_bucket *b);
/* And of what there was no GIL that it could have held (free-threaded interpreters). */
uint64_t view__no_gil_value(const struct view *v, const struct profile_bucket *b);
/* Whether a sample counts in this view. */
bool view__takes(const struct view *v, const struct profile_sample *s);
/* The same of a view that may leave out idle waits, for which the stack is looked at. */
bool view__takes_of(const struct view *v, const struct profile *p, const struct profile_sample *s);
/* Over all buckets. */
struct view_sum {
	uint64_t samples, value;
};
struct view_sum view__sum(const struct view *v, const struct profile *p);

/* The type of the values of this view. */
const struct profile_value_type *view__type(const struct view *v, const struct profile *p);
/*
 * Types of times that exclude each other and together are the time of threads, by bit: cpu, offcpu, gil. A view of all of them
 * is chosen by the name "wall", where there are several.
 */
uint32_t view__wall_types(const struct profile *p);
bool view__has_wall(const struct profile *p);
bool view__is_wall_type(const char *name);
extern const char view_wall[]; /* the name */
/*
 * Looks `type_name` up: false when the profile has no such type. Without one it is the first, or wall time where both time on a CPU and off
 * it were recorded.
 */
bool view__choose_type(struct view *v, const struct profile *p);
/* True when more than one process has samples, so that process roots are shown. */
bool view__process_roots(const struct view *v, const struct profile *p);

/*
 * The merged call tree of a view: what flame graphs draw. Node 0 is the root ("all"); children of a
 * node are linked by `next` (0 ends), sorted by text. `total_value` is what is at or below, `own_value` what
 * ends here: at the running function or, merged from the leaf, at the outermost caller; `samples` and `own_samples`
 * are how many that are. A parent comes before its children in `nodes`; texts belong to the tree and are shared.
 */
struct view_node {
	char *text;
	uint32_t parent, child, next;
	uint32_t function; /* 0 for all, process and thread nodes */
	enum view_class class;
	uint32_t depth;
	uint64_t total_value, own_value, samples, own_samples;
};
struct view_tree {
	struct view_node *nodes;
	uint32_t count, depth; /* depth: of the deepest node; the root has 0 */
};
struct view_tree *view_tree__new(const struct view *v, const struct profile *p);
/*
 * With a node for each path that either of two profiles has. Values are those of the first; `other_totals`, by node, are
 * what the other has at or below (the caller frees).
 */
struct view_tree *view_tree__of_two(const struct view *v, const struct profile *p, const struct view *other_v,
				    const struct profile *other, uint64_t **other_totals);
/* Roots that all stacks have (one thread, one container) need no row: "all" is called as the last of them. */
void view_tree__hide_common_roots(struct view_tree *t);
void view_tree__free(struct view_tree *t);
