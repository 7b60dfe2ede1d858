/* SPDX-License-Identifier: MIT */
/* The options that say how a profile is looked at; names and short forms are those of py-spy. */
#include "user/cmd/view_options.h"
#include "user/cmd/choice.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/log.h"
#include <errno.h>
#include <stddef.h>

enum {
	KEY_NOLINENO = 0x2000,
	KEY_FULL_FILENAMES,
	KEY_LAYOUT,
	KEY_MERGE,
	KEY_MERGE_FROM,
	KEY_IMPORTS,
	KEY_WHOLE,
	KEY_REVERSE,
	KEY_INVERTED,
	KEY_TITLE,
	KEY_TIMESTAMPS,
	KEY_TYPE,
	KEY_IDLE_WAITS,
	KEY_CONTAINERS,
	KEY_TASKS
};

static const struct argp_option options[] = {
	{NULL, 0, NULL, 0, "How the profile is shown:", 20},
	{"threads", 't', NULL, 0, "A root frame for each thread, with its name", 20},
	{"tasks", KEY_TASKS, NULL, 0,
	 "Frames for the asyncio task that ran and those that await it, in the place of the event loop's. Not for "
	 "formats "
	 "that are inputs too, which always have tasks",
	 20},
	{"containers", KEY_CONTAINERS, NULL, 0, "A root frame for each container or systemd unit", 20},
	{"function", 'F', NULL, 0, "One frame per function, shown with its first line", 20},
	{"nolineno", KEY_NOLINENO, NULL, 0, "One frame per function, shown without a line", 20},
	{"full-filenames", KEY_FULL_FILENAMES, NULL, 0, "Whole paths of source files", 20},
	{"gil", 'g', NULL, 0, "Only samples whose thread held the GIL", 20},
	{"type", KEY_TYPE, "NAME", 0,
	 "What is shown of a recording that has values of several types: `cpu`, `faults`… (default: `wall` if "
	 "it has all of it, else its first)",
	 20},
	{"idle-waits", KEY_IDLE_WAITS, NULL, 0,
	 "With waits of threads that have nothing to do, which .svg, .folded and the start of .html leave out", 20},
	{"layout", KEY_LAYOUT, "flame|icicle", 0, "Root of an SVG at the bottom (flame, default) or on top", 20},
	{"merge", KEY_MERGE, "processes", 0,
	 "One root for all processes of a program, as a pool of equal workers has them. For .svg, .folded and the "
	 "start of "
	 ".html",
	 20},
	{"import-frames", KEY_IMPORTS, NULL, 0,
	 "The import system frame by frame, instead of one frame `import X`. For .svg, .html and .folded; other "
	 "formats "
	 "always have all frames",
	 20},
	{"whole", KEY_WHOLE, NULL, 0,
	 "A flame graph (.svg, .html) begins where threads begin, also where that is far from your own code", 20},
	{"merge-from", KEY_MERGE_FROM, "leaf|root", 0,
	 "Merge stacks from their root (default), or from their leaf: functions by their own time, "
	 "each with its callers. For .svg and .folded",
	 20},
	{"timestamps", KEY_TIMESTAMPS, NULL, 0,
	 "Samples one by one with their times in .folded, .speedscope.json and .pb.gz; formats that do not add up "
	 "have them anyway",
	 20},
	/* as flamegraph.pl has them */
	{"reverse", KEY_REVERSE, NULL, OPTION_HIDDEN, "The same as --merge-from leaf", 20},
	{"inverted", KEY_INVERTED, NULL, OPTION_HIDDEN, "The same as --layout icicle", 20},
	{"title", KEY_TITLE, "TEXT", 0, "Title of an SVG", 20},
	{0},
};

/* Options without a value. */
static const struct {
	int key;
	size_t at; /* in struct view */
} flags[] = {
	{'t', offsetof(struct view, threads)},
	{KEY_TASKS, offsetof(struct view, tasks)},
	{KEY_CONTAINERS, offsetof(struct view, containers)},
	{'F', offsetof(struct view, by_function)},
	{'g', offsetof(struct view, gil_only)},
	{KEY_NOLINENO, offsetof(struct view, no_lines)},
	{KEY_FULL_FILENAMES, offsetof(struct view, full_filenames)},
	{KEY_REVERSE, offsetof(struct view, from_leaf)},
	{KEY_INVERTED, offsetof(struct view, icicle)},
	{KEY_TIMESTAMPS, offsetof(struct view, timestamps)},
	{KEY_IMPORTS, offsetof(struct view, import_frames)},
	{KEY_WHOLE, offsetof(struct view, whole)},
	{KEY_IDLE_WAITS, offsetof(struct view, idle_waits)},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const char *const layouts[] = {"flame", "icicle", NULL}, *const ends[] = {"root", "leaf", NULL};
	static const char *const merged[] = {"processes", NULL};
	struct view *v = state->input;

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].key == key) {
			*(bool *)((char *)v + flags[i].at) = true;
			return 0;
		}
	switch (key) {
	case KEY_LAYOUT:
		v->icicle = choice_parse(state, "--layout", arg, layouts);
		return 0;
	case KEY_MERGE:
		choice_parse(state, "--merge", arg, merged);
		v->merge_processes = true;
		return 0;
	case KEY_MERGE_FROM:
		v->from_leaf = choice_parse(state, "--merge-from", arg, ends);
		return 0;
	case KEY_TYPE:
		v->type_name = arg;
		return 0;
	case KEY_TITLE:
		v->title = arg;
		return 0;
	case ARGP_KEY_END:
		if (v->by_function && v->no_lines)
			argp_error(state, "--function and --nolineno exclude each other: one shows the "
					  "function's first line, the other none");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int view_options_settle(struct view *v, const struct profile *p)
{
	struct buf names = {0};

	if (view__choose_type(v, p))
		return 0;
	for (uint32_t i = 0; i < p->type_cnt; i++)
		buf_printf(&names, "%s%s", i ? ", " : "", p->types[i].name);
	if (view__has_wall(p))
		buf_puts(&names, ", wall");
	log_error("--type %s: the recording has no values of that type, only of: %s", v->type_name, names.data);
	buf_free(&names);
	return -ENOENT;
}

const struct argp view_options = {.options = options, .parser = parse};
