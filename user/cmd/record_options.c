/* SPDX-License-Identifier: MIT */
#include "user/cmd/record_options.h"
#include "user/cmd/cmd.h"
#include "user/cmd/messages.h"
#include "user/cmd/pyspy_compat.h"
#include "user/cmd/usage.h"
#include "user/cmd/view_options.h"
#include "user/util/alloc.h"
#include "user/source/source.h"
#include "user/util/log.h"
#include "user/util/nearest.h"
#include "user/util/units.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_TYPES 8 /* of a source */

enum { KEY_MAX_LOSS = 0x1000, KEY_ROTATE, KEY_KEEP, KEY_HIDEPROGRESS };

static const struct argp_option options[] = {
	{"duration", 'd', "TIME", 0, "10, 10s, 5m, 1h30m (default: until Ctrl-C or the end of the target)", 2},
	{"rotate", KEY_ROTATE, "TIME|SIZE", 0,
	 "Begin new outputs each TIME (60, 5m) or whenever the recording has SIZE (10MB), without a pause; each has "
	 "the time when it begins (UTC) in its name",
	 2},
	{"keep", KEY_KEEP, "TIME|SIZE", 0,
	 "With --rotate: remove files that were written longer than TIME (24h) ago, or the oldest while all have more "
	 "than SIZE (2GB)",
	 2},
	{"max-loss", KEY_MAX_LOSS, "PERCENT", 0, "Exit with 7 when more samples than this were lost or failed", 2},
	{"hideprogress", KEY_HIDEPROGRESS, NULL, OPTION_HIDDEN, "As in py-spy: no line that changes", 2},
	{0},
};

static void parse_loss(struct record_options *o, const char *arg, struct argp_state *state)
{
	char *end;

	o->max_loss = strtod(arg, &end);
	if (end == arg || (*end && strcmp(end, "%")) || !(o->max_loss >= 0 && o->max_loss <= 100))
		argp_error(state, "--max-loss %s: give a percentage from 0 to 100", arg);
}

/* What is not sampled cannot be shown later. */
static void check_type(const struct record_options *o, struct argp_state *state)
{
	const struct source *const *chosen = o->target.event_cnt ? o->target.events : sources;
	size_t cnt = o->target.event_cnt ? o->target.event_cnt : 1;
	const char *names[ABI_SOURCE_CNT * MAX_TYPES + 1] = {0};
	__cleanup_free char *hint = NULL;
	size_t known = 0, walls = 0;

	for (size_t i = 0; i < cnt; i++)
		for (size_t k = 0; k < chosen[i]->type_cnt && k < MAX_TYPES; k++) {
			names[known++] = chosen[i]->types[k].name;
			walls += view__is_wall_type(chosen[i]->types[k].name);
			if (!strcmp(chosen[i]->types[k].name, o->view.type_name))
				return;
		}
	if (walls > 1 && !strcmp(o->view.type_name, view_wall))
		return;
	hint = nearest_hint(o->view.type_name, names);
	argp_error(state, "--type %s: %s", o->view.type_name, hint);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct record_options *o = state->input;
	const char *why = "";

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->target;
		state->child_inputs[1] = &o->outputs;
		state->child_inputs[2] = &o->view;
		state->child_inputs[3] = &o->quiet;
		return 0;
	case 'd':
		o->duration_ns = target_parse_duration(state, arg);
		return 0;
	case KEY_ROTATE:
		if (rotation__parse(&o->rotation, arg, &why))
			argp_error(state, "--rotate %s: %s", arg, why);
		return 0;
	case KEY_KEEP:
		if (keep__parse(&o->rotation.keep, arg, &why))
			argp_error(state, "--keep %s: %s", arg, why);
		o->rotation.keep.outputs = &o->outputs;
		return 0;
	case KEY_MAX_LOSS:
		parse_loss(o, arg, state);
		return 0;
	case KEY_HIDEPROGRESS:
		o->hide_progress = true;
		return 0;
	case ARGP_KEY_END:
		if (o->rotation.keep.outputs && !rotation__is_on(&o->rotation))
			argp_error(state, "--keep goes with --rotate");
		if (o->target.wall && !o->view.type_name)
			o->view.type_name = view_wall;
		if (o->view.type_name)
			check_type(o, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {
	{&target_options, 0, NULL, 0},   {&outputs_options, 0, NULL, 0}, {&view_options, 0, NULL, 0},
	{&messages_options, 0, NULL, 0}, {&pyspy_compat, 0, NULL, 0},    {0},
};

const struct argp record_argp = {
	.options = options,
	.parser = parse,
	.doc = "Sample Python programs from the kernel and write what was seen.\v"
	       "Without -o a flame graph (.svg; another format with -f) and the recording (.pybpf) are written here. "
	       "Formats: .svg, .html, .prof, .json, .folded, .speedscope.json, .pb.gz (pprof), .profile.json.gz "
	       "(Firefox Profiler), .trace.json, .callgrind, .jsonl, .pybpf. Ctrl-C stops and writes; a second one "
	       "keeps only the recording; SIGUSR1 writes what there is so far and goes on. On a terminal that the "
	       "target prints to no progress is shown.\n\n"
	       "Exit status: 0 ok, 1 failed, 2 usage, 3 not permitted, 4 the kernel lacks a feature, 5 no such target "
	       "or no Python in it, 6 nothing could be walked, 7 lossier than --max-loss; with a command, the "
	       "command's own.",
	.children = children,
};

/* Without -o: pybpfprof-<target>-<time>.svg, or what -f says, and .pybpf in the working directory. */
static void add_default_outputs(struct record_options *o)
{
	const struct format *f = o->outputs.format_name ? format_by_name(o->outputs.format_name) : &format_svg;
	const char *const suffixes[] = {f ? f->suffixes[0] : ".svg", format_recording.suffixes[0]};
	__cleanup_free char *target = target_options__file_text(&o->target);
	time_t now = time(NULL);
	struct tm tm;
	char when[32];

	localtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%S", &tm);
	for (size_t i = f == &format_recording; i < ARRAY_SIZE(suffixes); i++) {
		/* segments have times of their own */
		o->default_paths[i] = rotation__is_on(&o->rotation)
					      ? xasprintf("pybpfprof-%.80s%s", target, suffixes[i])
					      : xasprintf("pybpfprof-%.80s-%s%s", target, when, suffixes[i]);
		outputs__add(&o->outputs, o->default_paths[i]);
	}
}

/* Segments are files. */
static int check_rotation(const struct record_options *o)
{
	for (size_t i = 0; rotation__is_on(&o->rotation) && i < o->outputs.cnt; i++)
		if (!strcmp(o->outputs.items[i].path, "-")) {
			log_error("-o -: standard output cannot be rotated; name a file");
			return CMD_USAGE;
		}
	return 0;
}

int record_options__parse(struct record_options *o, int argc, char **argv)
{
	*o = (struct record_options){.max_loss = -1};
	usage_parse(&record_argp, argc, argv, ARGP_IN_ORDER, o);
	if (!o->outputs.cnt)
		add_default_outputs(o);
	o->rotation.view = &o->view;
	return check_rotation(o) ? CMD_USAGE : outputs__check(&o->outputs);
}

void record_options__free(struct record_options *o)
{
	outputs__free(&o->outputs);
	target_options__free(&o->target);
	free(o->default_paths[0]);
	free(o->default_paths[1]);
}
