/* SPDX-License-Identifier: MIT */
/* The names of values in help texts say what they are: PID, PATH, FILE, a|b. */
#include "user/cmd/complete.h"
#include "user/cmd/cmd.h"
#include "user/cmd/option_walk.h"
#include "user/cmd/usage.h"
#include "user/format/format.h"
#include "user/os/cgroup.h"
#include "user/target/containers.h"
#include "user/target/pythons.h"
#include "user/util/alloc.h"
#include "user/util/text.h"
#include <argp.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define LONGEST_LIST 5000 /* of cgroups: a shell is waiting */

struct answer {
	const char *typed; /* of the word at the cursor */
	size_t found;
};

static void offer(struct answer *a, const char *value, const char *text)
{
	if (strncmp(value, a->typed, strlen(a->typed)))
		return;
	printf("%s\t%s\n", value, text ? text : "");
	a->found++;
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Also behind a comma. A part of a command line stands for its process. */
static void offer_pids(struct answer *a)
{
	const char *comma = strrchr(a->typed, ',');
	const char *typed = comma ? comma + 1 : a->typed;
	struct pythons all;

	pythons__find(&all);
	for (size_t i = 0; i < all.cnt; i++) {
		__cleanup_free char *pid = xasprintf("%d", all.items[i].pid);

		if (strncmp(pid, typed, strlen(typed)) && !strcasestr(all.items[i].command, typed))
			continue;
		printf("%.*s%s\t%s\n", (int)(typed - a->typed), a->typed, pid, all.items[i].command);
		a->found++;
	}
	pythons__free(&all);
}

static void offer_cgroup(void *ctx, const char *path)
{
	__cleanup_free char *clean = text_clean(path, strlen(path), 0);
	struct answer *a = ctx;

	/* one whose name would have to be changed to be shown cannot be chosen by that */
	if (a->found < LONGEST_LIST && !strcmp(clean, path))
		offer(a, path, "");
}

static void offer_cgroups(struct answer *a)
{
	if (*a->typed == '/')
		puts(":dirs");
	else
		cgroup_each(offer_cgroup, a);
}

static void offer_container(void *ctx, struct container *k)
{
	__cleanup_free char *name = container__text(k);

	if (*name)
		offer(ctx, name, k->runtime ? k->runtime : "systemd");
}

static void offer_containers(struct answer *a)
{
	struct containers *all = containers__new("");

	containers__each(all, offer_container, a);
	containers__free(all);
}

static void offer_formats(struct answer *a)
{
	for (const struct format *const *f = formats; *f; f++)
		if ((*f)->write)
			offer(a, (*f)->name, (*f)->help);
}

static void offer_files(struct answer *a)
{
	(void)a;
	puts(":files");
}

/* The argument of `check`: a process, a cgroup or a program. */
static void offer_targets(struct answer *a)
{
	offer_pids(a);
	if (!*a->typed || !a->found)
		offer_files(a);
}

/* By the beginning of the name. A PATH is a cgroup's. */
static const struct {
	const char *name;
	void (*offer)(struct answer *a);
} kinds[] = {
	{"PID", offer_pids},       {"PATH", offer_cgroups},    {"FILE", offer_files},
	{"DIR", offer_files},      {"RECORDING", offer_files}, {"FORMAT", offer_formats},
	{"TARGET", offer_targets}, {"INPUT", offer_files},     {"CONTAINER", offer_containers},
	{"OUTPUT", offer_files},   {"BEFORE", offer_files},    {"AFTER", offer_files},
};

/* "flame|icicle": the words themselves. */
static bool is_choice(const char *name)
{
	return strchr(name, '|') && !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789|-_")];
}

/* False when values of that name are of no known kind. */
static bool offer_values(struct answer *a, const char *name)
{
	__cleanup_free char *words = xstrdup(name);
	char *save = NULL;

	if (is_choice(name)) {
		for (char *w = strtok_r(words, "|", &save); w; w = strtok_r(NULL, "|", &save))
			offer(a, w, "");
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t len = strlen(kinds[i].name);

		if (strncmp(name, kinds[i].name, len) || isupper((unsigned char)name[len]))
			continue;
		kinds[i].offer(a);
		return true;
	}
	return false;
}

bool complete_list(const char *name)
{
	struct answer a = {.typed = ""};

	if (!strcmp(name, "pids"))
		offer_pids(&a);
	else if (!strcmp(name, "cgroups"))
		offer_cgroups(&a);
	else if (!strcmp(name, "containers"))
		offer_containers(&a);
	else if (!strcmp(name, "formats"))
		offer_formats(&a);
	else
		return false;
	return true;
}

/* ---- options --------------------------------------------------------------------------------- */

static bool has_letter(const struct argp_option *o)
{
	return isalnum(o->key < 128 ? o->key : 0);
}

struct offering {
	struct answer *a;
	const char *word; /* an option as it is typed */
};

static bool is_hidden(const struct argp_option *o, const struct argp_option *real)
{
	return (o->flags | real->flags) & OPTION_HIDDEN;
}

static bool offer_option(void *ctx, const struct argp_option *o, const struct argp_option *real)
{
	__cleanup_free char *name = xasprintf("--%s", o->name ? o->name : "");
	const struct offering *f = ctx;

	if (is_hidden(o, real))
		return false;
	if (has_letter(o))
		offer(f->a, (const char[]){'-', (char)o->key, 0}, real->doc);
	if (o->name)
		offer(f->a, name, real->doc);
	return false;
}

static bool offer_value_of(void *ctx, const struct argp_option *o, const struct argp_option *real)
{
	const struct offering *f = ctx;
	bool is_name = o->name && !strncmp(f->word, "--", 2) && !strcmp(f->word + 2, o->name);
	bool is_letter = has_letter(o) && f->word[1] == o->key && !f->word[2];

	if (is_hidden(o, real) || *f->word != '-' || (!is_name && !is_letter) || !real->arg ||
	    real->flags & OPTION_ARG_OPTIONAL)
		return false;
	offer_values(f->a, real->arg);
	return true;
}

/* ---- words ----------------------------------------------------------------------------------- */

/* By a beginning of its name; none at all means the first. */
static const struct cmd *command_of(char **words, int cnt)
{
	for (const struct cmd *const *c = cmds; *c && cnt > 1 && *words[0] && *words[0] != '-'; c++)
		if (!(*c)->hidden && !strncmp((*c)->name, words[0], strlen(words[0])))
			return *c;
	return cmds[0];
}

static void offer_commands(struct answer *a)
{
	for (const struct cmd *const *c = cmds; *c; c++)
		if (!(*c)->hidden)
			offer(a, (*c)->name, (*c)->summary);
}

/* By the usage text: the first of its words that is no option. */
static void offer_argument(struct answer *a, const struct cmd *c)
{
	__cleanup_free char *text = xstrdup(c->args);
	bool value = false; /* of a long option: `--pid PID` */
	char *save = NULL;

	for (char *w = strtok_r(text, " []", &save); w; w = strtok_r(NULL, " []", &save)) {
		if (!strcmp(w, "|"))
			continue;
		if (!strcmp(w, "--") || (*w != '-' && !value && offer_values(a, w)))
			break;
		value = !strncmp(w, "--", 2);
	}
}

void complete_words(char **words, int cnt)
{
	struct answer a = {.typed = cnt ? words[cnt - 1] : ""};
	const struct cmd *c = command_of(words, cnt);
	char *option = cnt > 1 ? words[cnt - 2] : NULL;
	char *equals = !strncmp(a.typed, "--", 2) ? strchr(a.typed, '=') : NULL;

	if (equals) {
		*equals = 0;
		option = words[cnt - 1];
		a.typed = equals + 1;
	} else if (!strcmp(a.typed, "=")) { /* bash makes it a word of its own */
		a.typed = "";
	} else if (cnt > 2 && !strcmp(option, "=")) {
		option = words[cnt - 3];
	}
	if (option && option_walk(c->argp, offer_value_of, &(struct offering){&a, option}))
		return;
	if (*a.typed == '-') {
		option_walk(c->argp, offer_option, &(struct offering){&a, NULL});
		option_walk(&usage_everywhere, offer_option, &(struct offering){&a, NULL});
	} else if (cnt <= 1) {
		offer_commands(&a);
	} else {
		offer_argument(&a, c);
	}
}
