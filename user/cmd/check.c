/* SPDX-License-Identifier: MIT */
/* `check`: the kernel's features, privileges, a self-test, and the Pythons of a target. It changes nothing. */
#include "user/cmd/check/check_list.h"
#include "user/cmd/check/check_system.h"
#include "user/cmd/check/check_target.h"
#include "user/cmd/messages.h"
#include "user/cmd/push_options.h"
#include "user/cmd/terminal.h"
#include "user/cmd/usage.h"
#include "user/os/cgroup.h"
#include "user/util/alloc.h"
#include <argp.h>

struct args {
	struct target_options target;
	struct push_options_list names;
	bool json;
};

static const struct argp_option options[] = {
	{"json", 'j', NULL, 0, "For scripts: everything as JSON", 3},
	{0},
};

/* An argument without an option: a process id, a cgroup, or a program. */
static void parse_target(struct args *a, char *word, struct argp_state *state)
{
	struct target_options *o = &a->target;

	if (o->command) /* its own arguments; options among them go behind `--` */
		return;
	if (target_is_pids(word)) {
		target_parse_pids(state, word, &o->pids, &o->pid_cnt);
		return;
	}
	if (cgroup_exists(word)) {
		o->cgroups = xrealloc(o->cgroups, (o->cgroup_cnt + 1) * sizeof(*o->cgroups));
		o->cgroups[o->cgroup_cnt++] = word;
		return;
	}
	o->command = &state->argv[state->next - 1];
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		a->target.optional = true;
		state->child_inputs[0] = &a->target;
		state->child_inputs[1] = &a->names;
		return 0;
	case 'j':
		a->json = true;
		return 0;
	case ARGP_KEY_ARG:
		parse_target(a, arg, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {
	{&target_options, 0, NULL, 0}, {&push_naming_options, 0, NULL, 0}, {&messages_options, 0, NULL, 0}, {0}};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Find out whether profiling works here: the kernel's features, privileges, settings, and a short "
	       "recording. With a target (a process id, a cgroup, a program; or the options of record): which Pythons "
	       "it runs, why each can or cannot be profiled, and what back ends would call it.\v"
	       "Exit status: 0 it works, 3 missing privileges, 4 the kernel lacks something, 5 no such target or no "
	       "Python in it that can be walked. Without root it says as much as it can.",
	.children = children,
};

static void print_json(const struct check_list *l, const struct check_targets *t)
{
	struct json_put json = {.out = stdout, .is_indented = true}, *j = &json;

	json_put_map(j, NULL);
	json_put_text(j, "schema", "pybpfprof-check/1");
	json_put_text(j, "tool", "pybpfprof " PYBPFPROF_VERSION);
	json_put_int(j, "status", check_list__status(l));
	check_list__put(l, j);
	check_targets__put(t, j);
	json_put_end_map(j);
}

static void print_text(const struct check_list *l)
{
	static const char *const verdicts[] = {
		[CMD_OK] = "It works here.",
		[CMD_FAILED] = "It does not work here: see above.",
		[CMD_NOT_PERMITTED] = "Missing privileges: see above.",
		[CMD_NO_FEATURE] = "This kernel lacks something: see above.",
		[CMD_NO_TARGET] = "There is no Python in the target that could be profiled: see above.",
	};

	check_list__print(l, stdout, terminal_columns(), terminal_has_colour());
	printf("\n%s\n", verdicts[check_list__status(l)]);
}

static int run(int argc, char **argv)
{
	struct session_options how = {0};
	struct check_targets *t = NULL;
	struct check_list l = {0};
	struct args a = {0};
	int status;

	usage_parse(&argp, argc, argv, ARGP_IN_ORDER, &a);
	target_options__fill(&a.target, &how);
	check_system(&l, &how);
	if (a.target.text)
		t = check_targets__find(&l, &a.target, a.names.naming);
	if (a.json)
		print_json(&l, t);
	else
		print_text(&l);
	status = check_list__status(&l);
	check_list__free(&l);
	check_targets__free(t);
	target_options__free(&a.target);
	push_options__free(&a.names);
	return fflush(stdout) || ferror(stdout) ? CMD_FAILED : status;
}

const struct cmd cmd_check = {
	.name = "check",
	.args = "[TARGET]",
	.summary = "will it work here? kernel, privileges, the Pythons of a target",
	.examples = {{"sudo pybpfprof check", "does it work here?"},
		     {"sudo pybpfprof check 4242", "can this process be profiled?"},
		     {"pybpfprof check python3", "can this interpreter?"},
		     {"sudo pybpfprof check --all --json", "every Python here, and what back ends would call it"}},
	.argp = &argp,
	.run = run,
};
