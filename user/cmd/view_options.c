/* The options that say how a profile is looked at; names and short forms are those of py-spy. */
#include "user/cmd/view_options.h"
#include "user/cmd/choice.h"

enum {
	KEY_NOLINENO = 0x2000,
	KEY_FULL_FILENAMES,
	KEY_LAYOUT,
	KEY_MERGE,
	KEY_REVERSE,
	KEY_INVERTED,
	KEY_TITLE,
	KEY_TIMESTAMPS
};

static const struct argp_option options[] = {
	{NULL, 0, NULL, 0, "How the profile is shown:", 20},
	{"threads", 't', NULL, 0, "A root frame for each thread, with its name", 20},
	{"function", 'F', NULL, 0, "One frame per function, shown with its first line", 20},
	{"nolineno", KEY_NOLINENO, NULL, 0, "One frame per function, shown without a line", 20},
	{"full-filenames", KEY_FULL_FILENAMES, NULL, 0, "Whole paths of source files", 20},
	{"gil", 'g', NULL, 0, "Only samples whose thread held the GIL", 20},
	{"layout", KEY_LAYOUT, "flame|icicle", 0,
	 "Root of an SVG at the bottom (flame, default) or on top", 20},
	{"merge-from", KEY_MERGE, "leaf|root", 0,
	 "Merge stacks from their root (default), or from their leaf: functions by their own time, "
	 "each with its callers. For .svg and .folded",
	 20},
	{"timestamps", KEY_TIMESTAMPS, NULL, 0,
	 "Samples one by one with their times: .folded has a line for each, in order of time, with the "
	 "time in front and CPU nanoseconds behind; .speedscope.json a true time axis; .pb.gz a label. Formats that do not "
	 "add up have them anyway",
	 20},
	/* as flamegraph.pl has them */
	{"reverse", KEY_REVERSE, NULL, OPTION_HIDDEN, "The same as --merge-from leaf", 20},
	{"inverted", KEY_INVERTED, NULL, OPTION_HIDDEN, "The same as --layout icicle", 20},
	{"title", KEY_TITLE, "TEXT", 0, "Title of an SVG", 20},
	{0},
};

static void parse_layout(const char *arg, struct view *v, struct argp_state *state)
{
	static const char *const layouts[] = {"flame", "icicle", NULL};

	v->icicle = choice_parse(state, "--layout", arg, layouts) == 1;
}

static void parse_merge(const char *arg, struct view *v, struct argp_state *state)
{
	static const char *const ends[] = {"leaf", "root", NULL};

	v->from_leaf = choice_parse(state, "--merge-from", arg, ends) == 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct view *v = state->input;

	switch (key) {
	case 't':
		v->threads = true;
		return 0;
	case 'F':
		v->by_function = true;
		return 0;
	case KEY_NOLINENO:
		v->no_lines = true;
		return 0;
	case KEY_FULL_FILENAMES:
		v->full_filenames = true;
		return 0;
	case 'g':
		v->gil_only = true;
		return 0;
	case KEY_LAYOUT:
		parse_layout(arg, v, state);
		return 0;
	case KEY_MERGE:
		parse_merge(arg, v, state);
		return 0;
	case KEY_REVERSE:
		v->from_leaf = true;
		return 0;
	case KEY_INVERTED:
		v->icicle = true;
		return 0;
	case KEY_TIMESTAMPS:
		v->timestamps = true;
		return 0;
	case KEY_TITLE:
		v->title = arg;
		return 0;
	case ARGP_KEY_END:
		if (v->by_function && v->no_lines)
			argp_error(state,
				   "--function and --nolineno exclude each other: one shows the "
				   "function's first line, the other none");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp view_options = {.options = options, .parser = parse};
