/*
 * How a profile is looked at: the options that change what frames are called and how they are grouped,
 * the same for every output. A format asks these functions and never decides by itself.
 */
#pragma once
#include "user/profile/profile.h"

struct view {
	bool threads;	     /* a root per thread */
	bool by_function;    /* -F: one frame per function, shown with its first line */
	bool no_lines;	     /* --nolineno: one frame per function, shown without a line */
	bool full_filenames; /* whole paths */
	bool gil_only;	     /* only samples that held the GIL */
	bool from_leaf;	     /* --merge-from leaf: call trees begin with the running function, then its callers */
	bool timestamps;     /* samples one by one, with their times, also where a format adds them up */
	bool icicle;	     /* SVG: root on top */
	bool process_roots;  /* also where only one process has samples */
	bool no_ids;	     /* processes and threads by name alone, as they are called in every run */
	const char *title;   /* NULL: made from the profile */
	/* The text of a source file of this machine (the caller frees; NULL: none to be had) and when it
	 * was last written; itself NULL where no file may be read. */
	char *(*read_source)(const char *path, uint64_t *changed_unix_ns);
};

/* The text of a frame as py-spy users grep it: `qualname (file.py:line)`. Caller frees. */
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
 * Samples and CPU time of a bucket in this view (0 when the view leaves it out). What weighs, in every output, is
 * the CPU time: intervals between samples are random, so samples stand for unlike times. Their number is only
 * shown, and says how certain the time is.
 */
uint64_t view__samples(const struct view *v, const struct profile_bucket *b);
uint64_t view__value_ns(const struct view *v, const struct profile_bucket *b);
/* True when more than one process has samples, so that process roots are shown. */
bool view__process_roots(const struct view *v, const struct profile *p);

/*
 * The merged call tree of a view: what flame graphs draw. Node 0 is the root ("all"); children of a
 * node are linked by `next` (0 ends), sorted by text. `total_ns` is the CPU time at or below, `own_ns` what
 * ends here: at the running function or, merged from the leaf, at the outermost caller; `samples` and `own_samples`
 * are how many that are. A parent comes before its children in `nodes`; texts belong to the tree and are shared.
 */
struct view_node {
	char *text;
	uint32_t parent, child, next;
	uint32_t function; /* 0 for all, process and thread nodes */
	enum profile_origin origin;
	uint32_t depth;
	uint64_t total_ns, own_ns, samples, own_samples;
};
struct view_tree {
	struct view_node *nodes;
	uint32_t count, depth; /* depth: of the deepest node; the root has 0 */
};
struct view_tree *view_tree__new(const struct view *v, const struct profile *p);
void view_tree__free(struct view_tree *t);
