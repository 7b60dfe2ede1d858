/* SPDX-License-Identifier: MIT */
/* Goes through the processes of a target, shows each Python, and says why there is nothing to profile. */
#include "user/cmd/check/check_target.h"
#include "user/cmd/check/check_names.h"
#include "user/cmd/check/check_program.h"
#include "user/os/cgroup.h"
#include "user/os/container.h"
#include "user/os/procfs.h"
#include "user/python/build.h"
#include "user/target/container_choice.h"
#include "user/target/compiled.h"
#include "user/target/explain.h"
#include "user/target/interpreters.h"
#include "user/target/suggest.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include "user/util/text.h"
#include <errno.h>
#include <string.h>

#define MOST_IN_ONE    8 /* interpreters of a process that are told of */
#define MOST_COMPILERS 4

/* One Python that a target runs. */
struct check_python {
	pid_t pid, inner_pid; /* 0: of a program that does not run; the same as here */
	char *command, *cgroup, *interpreter, *version;
	char *why_not; /* NULL: can be walked */
	const char *remedy;
	bool deleted; /* the file was replaced since; what is mapped is still there */
};

struct check_targets {
	struct check_python *rows;
	size_t cnt, cap;
	char *title;
	struct interpreters *interpreters;
	struct check_names *names;
	struct check_list *list;
	size_t without, forbidden; /* processes: not Python, may not be looked into */
	bool chosen;               /* those that are looked at were named one by one */
};

/* ---- one Python ----------------------------------------------------------------------------- */

static char *clean(const char *text)
{
	return text_clean(text, strlen(text), 0);
}

/* The way out for a build that cannot be walked; NULL none. */
static const char *remedy_of(enum py_refusal refusal)
{
	static const char *const remedies[] = {
		[PY_UNKNOWN_VERSION] =
			"use the interpreter as its makers ship it: this file is packed, stripped or altered too far",
		[PY_OTHER_VERSION] = "run the program with a supported version, or look for a newer pybpfprof",
		[PY_PRE_RELEASE] = "update to the release",
		[PY_DEBUG_BUILD] = "run the program with a build without --with-trace-refs (up to 3.7 also without "
				   "--with-pydebug)",
		[PY_OTHER_PROCESSOR] = "profile it on such a machine",
		[PY_OTHER_LIBC] = "use an image that is built on glibc or musl",
		[PY_UNKNOWN_LAYOUT] = "use an ordinary build of that version; a patched one has other structures",
		[PY_OTHER_PYTHON] = "run the program with CPython",
	};

	return refusal < ARRAY_SIZE(remedies) ? remedies[refusal] : NULL;
}

/* Pids, command and cgroup are the caller's to fill in. `holder`: the interpreter's file. */
static struct check_python *add_row(struct check_targets *t, const char *holder, const struct py_build *build)
{
	static const char deleted[] = " (deleted)";
	struct check_python *p;
	size_t len;

	xgrow(t->rows, t->cnt, t->cap);
	p = &t->rows[t->cnt++];
	*p = (struct check_python){.version = clean(build->version), .interpreter = clean(holder)};
	len = strlen(p->interpreter);
	/* how the kernel marks a mapping whose file has no name any more: fs/d_path.c */
	if (len > strlen(deleted) && !strcmp(p->interpreter + len - strlen(deleted), deleted)) {
		p->deleted = true;
		p->interpreter[len - strlen(deleted)] = 0;
	}
	if (!build->supported) {
		p->why_not = clean(build->why_not);
		p->remedy = remedy_of(build->refusal);
	}
	return p;
}

static void show(struct check_targets *t, const struct check_python *p)
{
	__cleanup_free char *pid = p->pid ? xasprintf("%d", p->pid) : xstrdup("");
	__cleanup_free char *inner = p->inner_pid ? xasprintf("; pid %d in its container", p->inner_pid) : xstrdup("");
	struct check_item *i =
		check_list__add(t->list, p->why_not ? CHECK_MISSING : CHECK_OK, pid, "Python %s: %s (%s%s%s)%s%s",
				*p->version ? p->version : "(version unknown)", p->command, p->interpreter,
				p->deleted ? ", replaced since: read from what is mapped" : "", inner,
				p->why_not ? " cannot be profiled: " : "", p->why_not ? p->why_not : "");

	if (p->why_not && p->remedy)
		check_item__remedy(i, CMD_OK, "%s", p->remedy);
	if (p->why_not && t->chosen)
		i->status = CMD_NO_TARGET;
}

/* ---- processes ------------------------------------------------------------------------------ */

/* A process that was asked for by its number and holds no Python that could be seen. */
static void explain_none(struct check_targets *t, pid_t pid, int err)
{
	__cleanup_free char *command = procfs_command(pid), *name = xasprintf("%d", pid);
	size_t children = err == -ENOENT ? interpreters__children(t->interpreters, pid) : 0;
	struct explanation why = {0};
	struct check_item *i;

	if (err == -EPERM) {
		explain_no_access(&why);
		i = check_list__add(t->list, CHECK_UNKNOWN, name, "not permitted to look into it: %s; %s",
				    command ? command : "?", why.what);
		check_item__remedy(i, CMD_NOT_PERMITTED, "%s", why.remedy);
		explanation_clear(&why);
		return;
	}
	i = check_list__add(t->list, CHECK_MISSING, name, "no Python in it: %s", command ? command : "it has ended");
	if (children)
		check_item__remedy(i, CMD_NO_TARGET, "%zu of its children run%s Python: add --subprocesses", children,
				   children == 1 ? "s" : "");
	else if (explain_no_python(pid, &why))
		check_item__remedy(i, CMD_NO_TARGET, "%s%s%s", why.what, *why.remedy ? "; " : "", why.remedy);
	else
		i->status = CMD_NO_TARGET;
	explanation_clear(&why);
}

/* Only one of them is profiled. */
static void show_others(struct check_targets *t, pid_t pid, const struct interpreter_found *others, size_t cnt)
{
	__cleanup_free char *name = xasprintf("%d", pid);

	for (size_t i = 0; i < cnt; i++) {
		const struct interpreter *o = others[i].interp;
		__cleanup_free char *path = clean(o->path), *version = clean(o->build.version);

		check_list__add(t->list, CHECK_NOTE, name, "it also holds Python %s (%s), which is left alone: %s",
				*version ? version : "(version unknown)", path,
				others[i].rank == INTERPRETER_NOT_STARTED ? "it has not started"
				: others[i].rank == INTERPRETER_IDLE      ? "it runs nothing now"
				: others[i].rank == INTERPRETER_OTHER     ? o->build.why_not
									  : "fewer of its threads run");
	}
}

static void show_compiled(struct check_targets *t, pid_t pid)
{
	__cleanup_free char *name = xasprintf("%d", pid);
	struct compiled_modules found[MOST_COMPILERS];
	size_t cnt = compiled_modules(pid, found, MOST_COMPILERS);

	for (size_t i = 0; i < cnt; i++) {
		__cleanup_free char *example = clean(found[i].example);

		check_list__add(t->list, CHECK_NOTE, name, "%zu of its modules %s compiled by %s (%s%s): %s",
				found[i].cnt, found[i].cnt == 1 ? "was" : "were", found[i].compiler, example,
				found[i].cnt == 1 ? "" : ", …", found[i].seen);
	}
	compiled_modules_clear(found, cnt);
}

static void look(void *ctx, pid_t pid)
{
	struct check_targets *t = ctx;
	struct interpreter_found found[MOST_IN_ONE];
	struct check_python *r;
	char *command;
	size_t cnt;
	int err;

	if (pid == getpid())
		return;
	err = interpreters__list(t->interpreters, pid, found, MOST_IN_ONE, &cnt);
	if (err && t->chosen) {
		explain_none(t, pid, err);
		return;
	}
	if (err) {
		/* without mappings: kernel threads and what is dying */
		t->forbidden += err == -EPERM;
		t->without += err == -ENOENT;
		return;
	}
	command = procfs_command(pid);
	r = add_row(t, found->interp->path, &found->interp->build);
	r->pid = pid;
	r->inner_pid = container_inner_pid(pid);
	r->command = clean(command ? command : "?");
	r->cgroup = procfs_cgroup(pid);
	check_names__add(t->names, pid, command ? command : "", r->version);
	free(command);
	show(t, r);
	show_others(t, pid, found + 1, cnt - 1);
	if (t->chosen)
		show_compiled(t, pid);
}

static void look_at_pids(struct check_targets *t, const struct target_options *o)
{
	for (size_t i = 0; i < o->pid_cnt; i++) {
		pid_t pid = (pid_t)o->pids[i], tgid = procfs_tgid(pid);
		__cleanup_free char *name = xasprintf("%d", pid);
		size_t children;

		if (!tgid) {
			__cleanup_free char *hint = suggest_for_pid(pid);

			check_item__remedy(check_list__add(t->list, CHECK_MISSING, name, "no such process"),
					   CMD_NO_TARGET, "%s", hint ? hint : "");
			continue;
		}
		if (tgid != pid)
			check_list__add(t->list, CHECK_NOTE, name, "a thread of process %d", tgid);
		t->chosen = !o->subprocesses;
		look(t, tgid);
		children = o->subprocesses ? 0 : interpreters__children(t->interpreters, tgid);
		if (o->subprocesses)
			procfs_descendants(tgid, look, t);
		else if (children && t->cnt)
			check_list__add(t->list, CHECK_NOTE, "",
					"%zu Python child%s of %d would be left out: --subprocesses includes them",
					children, children == 1 ? "" : "ren", tgid);
		t->chosen = false;
	}
}

/* The first line that was said since the last time; what is said from now on is for the next. */
static char *take_said(void)
{
	char *said = log_capture_end();

	log_capture();
	said[strcspn(said, "\n")] = 0;
	return said;
}

static void look_at_cgroups(struct check_targets *t, const struct target_options *o)
{
	for (size_t i = 0; i < o->cgroup_cnt; i++) {
		__cleanup_free char *said = NULL, *near = NULL;
		struct cgroup group = {0};
		int err;

		log_capture(); /* anew: what was said before is in the list */
		err = cgroup_find(o->cgroups[i], &group);
		said = take_said();
		if (err) {
			near = suggest_for_cgroup(o->cgroups[i]);
			check_item__remedy(check_list__add(t->list, CHECK_MISSING, "", "%s", said), CMD_NO_TARGET, "%s",
					   near ? near : "");
			continue;
		}
		cgroup_members(group.dir, look, t);
		cgroup_clear(&group);
	}
}

static void look_at_containers(struct check_targets *t, const struct target_options *o)
{
	struct containers *all = containers__new("");

	for (size_t i = 0; i < o->container_cnt; i++) {
		__cleanup_free char *said = NULL;
		struct container_choice *choice;
		int err;

		log_capture();
		err = container_choice__find(all, o->containers[i], &choice);
		said = take_said();
		if (err)
			check_list__add(t->list, CHECK_MISSING, "", "%s", said)->status = CMD_NO_TARGET;
		else
			container_choice__each_process(choice, all, look, t);
		container_choice__free(choice);
	}
	containers__free(all);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void sum_up(struct check_targets *t)
{
	size_t walked = 0;
	struct check_item *i;

	for (size_t k = 0; k < t->cnt; k++)
		walked += !t->rows[k].why_not;
	if (t->forbidden) {
		i = check_list__add(t->list, CHECK_UNKNOWN, "", "%zu process%s of other users may not be looked into",
				    t->forbidden, t->forbidden == 1 ? "" : "es");
		check_item__remedy(i, CMD_OK, "%s",
				   geteuid() ? "run it with sudo"
					     : "a security module or a user namespace keeps us out");
	}
	if (t->without)
		check_list__add(t->list, CHECK_NOTE, "", "%zu process%s without Python", t->without,
				t->without == 1 ? "" : "es");
	for (size_t k = 0; k < t->list->cnt && !walked; k++)
		if (t->list->items[k].section == t->title && t->list->items[k].status)
			return; /* said already, of each */
	if (walked)
		return;
	i = check_list__add(t->list, CHECK_MISSING, "",
			    t->cnt ? "none of these Pythons can be walked" : "no Python runs there now");
	i->status = t->forbidden && !t->cnt ? CMD_NOT_PERMITTED : CMD_NO_TARGET;
}

static struct check_targets *new_targets(struct check_list *l, const char *title, const struct naming *rules)
{
	struct check_targets *t = xcalloc(1, sizeof(*t));
	__cleanup_free char *safe = clean(title);

	t->interpreters = interpreters__new(NULL, NULL);
	t->names = check_names__new(rules);
	t->title = xasprintf("Pythons of %s", safe);
	t->list = l;
	l->section = t->title;
	return t;
}

/* A program that does not run yet: a command, a script or an interpreter, by its name or path. */
static void look_at_program(struct check_targets *t, const char *name)
{
	struct check_program p;
	int err = check_program_find(name, &p);
	struct check_item *i;
	struct check_python *r;

	t->chosen = true;
	if (!err) {
		r = add_row(t, p.holder, &p.build);
		r->command = clean(p.path);
		r->cgroup = xstrdup("");
		show(t, r);
	} else if (err == -ENOENT) {
		i = check_list__add(t->list, CHECK_UNKNOWN, p.path, "no Python interpreter shows in this file%s",
				    strcmp(basename(p.path), basename(name)) ? ", which would run it" : "");
		check_item__remedy(i, CMD_NO_TARGET,
				   "if it starts Python, record it with --subprocesses; or start it and check its pid");
	} else if (err == -ESRCH) {
		__cleanup_free char *group = suggest_for_cgroup(name), *names = suggest_for_name(name);

		/* it may have been meant for a process or a cgroup as well */
		i = check_list__add(t->list, CHECK_MISSING, name, "no such program");
		check_item__remedy(i, CMD_NO_TARGET,
				   "a process is given by its number, a cgroup by its path, a program by its name. %s",
				   group ? group : names);
	} else {
		i = check_list__add(t->list, CHECK_MISSING, name, "%s", strerror(-err));
		i->status = CMD_NO_TARGET;
	}
	check_program_clear(&p);
}

struct check_targets *check_targets__find(struct check_list *l, const struct target_options *o,
					  const struct naming *rules)
{
	struct check_targets *t = new_targets(l, o->all ? "this host" : o->text, rules);

	log_capture(); /* what cannot be profiled is in the list */
	if (o->command) {
		look_at_program(t, o->command[0]);
	} else {
		look_at_pids(t, o);
		look_at_cgroups(t, o);
		look_at_containers(t, o);
		if (o->all)
			procfs_all(look, t);
		sum_up(t);
		check_names__show(t->names, l);
	}
	free(log_capture_end());
	return t;
}

static void put_optional(struct json_put *j, const char *key, const char *text)
{
	if (text && *text)
		json_put_text(j, key, text);
}

static void put_python(const struct check_python *p, const struct check_names *names, struct json_put *j)
{
	json_put_map(j, NULL);
	if (p->pid)
		json_put_int(j, "pid", p->pid);
	if (p->inner_pid)
		json_put_int(j, "pid_in_container", p->inner_pid);
	json_put_text(j, "command", p->command);
	put_optional(j, "cgroup", p->cgroup);
	json_put_text(j, "python", p->version);
	json_put_text(j, "interpreter", p->interpreter);
	json_put_bool(j, "replaced", p->deleted);
	json_put_bool(j, "walkable", !p->why_not);
	put_optional(j, "why_not", p->why_not);
	put_optional(j, "remedy", p->why_not ? p->remedy : NULL);
	if (p->pid)
		check_names__put(names, p->pid, j);
	json_put_end_map(j);
}

void check_targets__put(const struct check_targets *t, struct json_put *j)
{
	json_put_list(j, "pythons");
	for (size_t i = 0; t && i < t->cnt; i++)
		put_python(&t->rows[i], t->names, j);
	json_put_end_list(j);
}

void check_targets__free(struct check_targets *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->cnt; i++) {
		free(t->rows[i].command);
		free(t->rows[i].cgroup);
		free(t->rows[i].interpreter);
		free(t->rows[i].version);
		free(t->rows[i].why_not);
	}
	free(t->rows);
	free(t->title);
	interpreters__free(t->interpreters);
	check_names__free(t->names);
	free(t);
}
