/* SPDX-License-Identifier: MIT */
/* The options of `top`; names are those of py-spy where it has them, the target's those of `record`. */
#include "user/cmd/top/top_options.h"
#include "user/cmd/choice.h"
#include "user/cmd/messages.h"
#include "user/cmd/pyspy_compat.h"
#include "user/cmd/usage.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/log.h"
#include "user/util/units.h"
#include <regex.h>
#include <stddef.h>
#include <string.h>

enum {
	KEY_FULL_FILENAMES = 0x4000,
	KEY_ONCE,
	KEY_JSON,
	KEY_PLAIN,
	KEY_INTERVAL,
	KEY_WINDOW,
	KEY_SORT,
	KEY_FILTER,
	KEY_ROWS,
	KEY_BY,
	KEY_TYPE,
	KEY_NO_MOUSE
};

static const struct argp_option options[] = {
	{"input", 'i', "FILE", 0, "Nothing live: a recording (.pybpf) or this program's JSON", 1},
	{"duration", 'd', "TIME", 0, "Stop after 10, 10s, 5m (default: never)", 2},
	{NULL, 0, NULL, 0, "What is shown (? lists the keys that change it):", 3},
	{"threads", 't', NULL, 0, "A row for each thread", 3},
	{"lines", 'l', NULL, 0, "Lines instead of functions", 3},
	{"by", KEY_BY, "function|process|tree|thread|container", 0,
	 "What a row is (default: function); of a tree of processes each has the total of those below it", 3},
	{"gil", 'g', NULL, 0, "Only samples whose thread held the GIL", 3},
	{"type", KEY_TYPE, "NAME", 0, "Values of this type, of those that there are: `cpu`, … (default: the first)", 3},
	{"full-filenames", KEY_FULL_FILENAMES, NULL, 0, "Whole paths of source files", 3},
	{"sort", KEY_SORT, "own-now|total-now|own|total|gil|name", 0, "By this column (default: own-now)", 3},
	{"filter", KEY_FILTER, "REGEX", 0, "Only rows that match", 3},
	{"interval", KEY_INTERVAL, "TIME", 0, "Between refreshes, and of a plain table (default 1s)", 3},
	{"delay", KEY_INTERVAL, NULL, OPTION_ALIAS, NULL, 3},
	{"window", KEY_WINDOW, "TIME", 0, "What \"the last seconds\" are on the screen (default 5s; they fade)", 3},
	{"no-mouse", KEY_NO_MOUSE, NULL, 0, "Leave the mouse to the terminal, to select text (m changes it)", 3},
	{NULL, 0, NULL, 0, "Without a screen:", 4},
	{"plain", KEY_PLAIN, NULL, 0, "A table for each interval; so it is whenever this is no terminal", 4},
	{"once", KEY_ONCE, NULL, 0, "One table, after one interval", 4},
	{"json", KEY_JSON, NULL, 0, "A JSON object for each interval, a line each, instead of a table", 4},
	{"rows", KEY_ROWS, "N", 0, "Rows of a table (default 20) or an object (default: all)", 4},
	{0},
};

static void parse_sort(struct top_options *o, const char *arg, struct argp_state *state)
{
	const char *names[TOP_COLUMNS + 1] = {0};

	for (size_t i = 0; i < TOP_COLUMNS; i++)
		names[i] = top_columns[i].option;
	o->order.column = choice_parse(state, "--sort", arg, names);
}

static void parse_by(struct top_options *o, const char *arg, struct argp_state *state)
{
	static const char *const names[TOP_GROUPS + 1] = {"function", "process", "tree", "thread", "container"};

	o->lens.group = choice_parse(state, "--by", arg, names);
}

/* Options without a value. */
static const struct {
	int key;
	size_t at; /* in struct top_options */
} flags[] = {
	{'t', offsetof(struct top_options, lens.threads)},
	{'l', offsetof(struct top_options, lens.lines)},
	{'g', offsetof(struct top_options, view.gil_only)},
	{KEY_FULL_FILENAMES, offsetof(struct top_options, view.full_filenames)},
	{KEY_PLAIN, offsetof(struct top_options, plain)},
	{KEY_NO_MOUSE, offsetof(struct top_options, no_mouse)},
	{KEY_ONCE, offsetof(struct top_options, once)},
	{KEY_JSON, offsetof(struct top_options, json)},
};

static void parse_rows(struct top_options *o, const char *arg, struct argp_state *state)
{
	const char *why = "";

	if (units_parse_count(arg, &o->rows, &why))
		argp_error(state, "--rows %s: %s", arg, why);
	if (!o->rows)
		argp_error(state, "--rows: at least 1");
}

static error_t parse_value(struct top_options *o, int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case 'd':
		o->duration_ns = target_parse_duration(state, arg);
		return 0;
	case KEY_BY:
		parse_by(o, arg, state);
		return 0;
	case KEY_SORT:
		parse_sort(o, arg, state);
		return 0;
	case KEY_FILTER:
		o->filter = arg;
		return 0;
	case KEY_TYPE:
		o->view.type_name = arg;
		return 0;
	case KEY_INTERVAL:
		o->interval_ns = target_parse_time(state, "--interval", arg);
		return 0;
	case KEY_WINDOW:
		o->span_ns = target_parse_time(state, "--window", arg);
		return 0;
	case KEY_ROWS:
		parse_rows(o, arg, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void check(const struct top_options *o, struct argp_state *state)
{
	regex_t regex;

	if (o->input && o->target.text)
		argp_error(state, "--input shows a file; leave the target out");
	if (!o->input && !o->target.text)
		argp_error(
			state,
			"no target: give --pid PID, --container NAME, --cgroup PATH, --all, --input FILE or a command: "
			"-- python3 app.py");
	if (o->filter && regcomp(&regex, o->filter, REG_EXTENDED | REG_NOSUB))
		argp_error(state, "--filter %s: invalid regular expression", o->filter);
	if (o->filter)
		regfree(&regex);
	if (o->interval_ns < 50000000ull)
		argp_error(state, "--interval: at least 50ms");
	if (o->span_ns < 100000000ull)
		argp_error(state, "--window: at least 100ms");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct top_options *o = state->input;

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].key == key) {
			*(bool *)((char *)o + flags[i].at) = true;
			return 0;
		}
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = o ? &o->target : NULL;
		return 0;
	case 'i':
		if (o->input)
			argp_error(state, "one input at a time: %s or %s", o->input, arg);
		o->input = arg;
		return 0;
	case ARGP_KEY_END:
		o->plain |= o->once || o->json;
		if (o->target.wall && !o->view.type_name)
			o->view.type_name = view_wall;
		check(o, state);
		return 0;
	default:
		return parse_value(o, key, arg, state);
	}
}

static const struct argp_child children[] = {
	{&target_options, 0, NULL, 0}, {&messages_options, 0, NULL, 0}, {&pyspy_compat, 0, NULL, 0}, {0}};

const struct argp top_argp = {
	.options = options,
	.parser = parse,
	.doc = "Watch where Python programs spend their time.\v"
	       "Percentages are of one CPU over the last seconds; with --input of all there is. Keys: ? shows "
	       "them; q ends. Without a terminal a plain table is written for each interval, and its percentages are "
	       "of that interval alone.\n\n"
	       "On the screen a command has no input, and what it prints is shown when the screen is gone; it ends "
	       "with the screen.\n\n"
	       "Exit status: as for record; 0 when you quit.",
	.children = children,
};

static char *join(char **argv)
{
	struct buf out = {0};

	for (char **a = argv; *a; a++)
		buf_printf(&out, "%s%s", a == argv ? "" : " ", *a);
	return buf_steal_text(&out);
}

void top_options__parse(struct top_options *o, int argc, char **argv)
{
	*o = (struct top_options){
		.interval_ns = 1000000000ull,
		.span_ns = 5000000000ull,
		.target.optional = true,
		.target.reads_files = true,
	};
	o->command_line = join(argv);
	usage_parse(&top_argp, argc, argv, ARGP_IN_ORDER, o);
}

void top_options__free(struct top_options *o)
{
	target_options__free(&o->target);
	free(o->command_line);
}
