/* Who is looked at, and what is said where there is nothing to profile; check_python.c says it of
 * each Python. */
#include "user/cmd/check/check_target.h"
#include "user/cmd/check/check_program.h"
#include "user/cmd/check/check_python.h"
#include "user/os/cgroup.h"
#include "user/os/container.h"
#include "user/os/procfs.h"
#include "user/target/interpreters.h"
#include "user/target/explain.h"
#include "user/target/lookalikes.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include "user/util/text.h"
#include <errno.h>
#include <string.h>

#define MOST_IN_ONE 8 /* interpreters of a process that are told of */

struct check_targets {
	struct check_python *rows;
	size_t cnt, cap;
	char *title;
	struct interpreters *interpreters;
	struct check_list *list;
	size_t without, forbidden; /* processes: not Python, may not be looked into */
	bool chosen;               /* those that are looked at were named one by one */
};

/* ---- processes ------------------------------------------------------------------------------ */

static char *clean(const char *text)
{
	return text_clean(text, strlen(text), 0);
}

static struct check_python *add_row(struct check_targets *t, const char *holder,
				    const struct py_build *build)
{
	xgrow(t->rows, t->cnt, t->cap);
	check_python__init(&t->rows[t->cnt], holder, build);
	return &t->rows[t->cnt++];
}

static void show(struct check_targets *t, const struct check_python *p)
{
	struct check_item *i = check_python__show(p, t->list);

	if (p->why_not && t->chosen)
		i->status = CMD_NO_TARGET;
}

static void count_child(void *ctx, pid_t pid)
{
	struct check_targets *t = ctx;
	const struct interpreter *found = NULL;
	uint64_t addr;

	t->without += !interpreters__discover(t->interpreters, pid, &found, &addr);
}

static size_t python_children(struct check_targets *t, pid_t pid)
{
	size_t before = t->without, cnt;

	procfs_descendants(pid, count_child, t);
	cnt = t->without - before;
	t->without = before;
	return cnt;
}

/* A process that was asked for by its number and holds no Python that could be seen. */
static void explain_none(struct check_targets *t, pid_t pid, int err)
{
	__cleanup_free char *command = procfs_command(pid), *name = xasprintf("%d", pid);
	size_t children = err == -ENOENT ? python_children(t, pid) : 0;
	struct explanation why = {0};
	struct check_item *i;

	if (err == -EPERM) {
		explain_no_access(&why);
		i = check_list__add(t->list, CHECK_UNKNOWN, name, "not permitted to look into it: %s; %s",
				    command ? command : "?", why.what);
		i->status = CMD_NOT_PERMITTED;
		if (*why.remedy)
			check_item__remedy(i, "%s", why.remedy);
		explanation_clear(&why);
		return;
	}
	i = check_list__add(t->list, CHECK_MISSING, name, "no Python in it: %s",
			    command ? command : "it has ended");
	i->status = CMD_NO_TARGET;
	if (children)
		check_item__remedy(i, "%zu of its children run%s Python: add --subprocesses",
				   children, children == 1 ? "s" : "");
	else if (explain_no_python(pid, &why))
		check_item__remedy(i, "%s%s%s", why.what, *why.remedy ? "; " : "", why.remedy);
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
				others[i].rank == INTERPRETER_NOT_STARTED ? "it has not started" :
				others[i].rank == INTERPRETER_IDLE	  ? "it runs nothing now" :
				others[i].rank == INTERPRETER_OTHER	  ? o->build.why_not :
									    "fewer of its threads run");
	}
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
	free(command);
	show(t, r);
	show_others(t, pid, found + 1, cnt - 1);
}

static void look_at_pids(struct check_targets *t, const struct target_options *o)
{
	for (size_t i = 0; i < o->pid_cnt; i++) {
		pid_t pid = (pid_t)o->pids[i], tgid = procfs_tgid(pid);
		__cleanup_free char *name = xasprintf("%d", pid);
		size_t children;

		if (!tgid) {
			__cleanup_free char *near = lookalikes_of_pid(pid);
			struct check_item *item =
				check_list__add(t->list, CHECK_MISSING, name, "no such process");

			item->status = CMD_NO_TARGET;
			if (*near)
				check_item__remedy(item, "%s", near);
			continue;
		}
		if (tgid != pid)
			check_list__add(t->list, CHECK_NOTE, name, "a thread of process %d", tgid);
		t->chosen = !o->subprocesses;
		look(t, tgid);
		children = o->subprocesses ? 0 : python_children(t, tgid);
		if (o->subprocesses)
			procfs_descendants(tgid, look, t);
		else if (children && t->cnt)
			check_list__add(
				t->list, CHECK_NOTE, "",
				"%zu Python child%s of %d would be left out: --subprocesses "
				"includes them",
				children, children == 1 ? "" : "ren", tgid);
		t->chosen = false;
	}
}

static void look_at_cgroups(struct check_targets *t, const struct target_options *o)
{
	for (size_t i = 0; i < o->cgroup_cnt; i++) {
		__cleanup_free char *said = NULL, *near = NULL;
		struct cgroup group = {0};
		struct check_item *item;
		int err;

		log_capture(); /* anew: what was said before is in the list */
		err = cgroup_find(o->cgroups[i], &group);
		said = log_capture_end();
		log_capture();
		if (err) {
			said[strcspn(said, "\n")] = 0;
			item = check_list__add(t->list, CHECK_MISSING, "", "%s", said);
			item->status = CMD_NO_TARGET;
			near = lookalikes_of_cgroup(o->cgroups[i]);
			if (*near)
				check_item__remedy(item, "%s", near);
			continue;
		}
		cgroup_members(group.dir, look, t);
		cgroup_clear(&group);
	}
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void sum_up(struct check_targets *t)
{
	size_t walked = 0;
	struct check_item *i;

	for (size_t k = 0; k < t->cnt; k++)
		walked += !t->rows[k].why_not;
	if (t->forbidden) {
		i = check_list__add(t->list, CHECK_UNKNOWN, "",
				    "%zu process%s of other users may not be looked into",
				    t->forbidden, t->forbidden == 1 ? "" : "es");
		check_item__remedy(i, "%s",
				   geteuid()
					   ? "run it with sudo"
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
			    t->cnt ? "none of these Pythons can be walked"
				   : "no Python runs there now");
	i->status = t->forbidden && !t->cnt ? CMD_NOT_PERMITTED : CMD_NO_TARGET;
}

static void found_nothing_to_do(void *ctx, const struct interpreter *i)
{
	(void)ctx;
	(void)i;
}

static struct check_targets *new_targets(struct check_list *l, const char *title)
{
	struct check_targets *t = xcalloc(1, sizeof(*t));
	__cleanup_free char *safe = clean(title);

	t->interpreters = interpreters__new(found_nothing_to_do, t);
	t->title = xasprintf("Pythons of %s", safe);
	t->list = l;
	l->section = t->title;
	return t;
}

struct check_targets *check_targets__find(struct check_list *l, const struct target_options *o)
{
	struct check_targets *t = new_targets(l, o->all ? "this host" : o->text);
	char *said;

	log_capture(); /* what cannot be profiled is in the list */
	if (o->command) {
		check_targets__program(t, l, o->command[0]);
	} else {
		look_at_pids(t, o);
		look_at_cgroups(t, o);
		if (o->all)
			procfs_all(look, t);
		sum_up(t);
	}
	said = log_capture_end();
	free(said);
	return t;
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* A word that is neither a process, nor a cgroup, nor a program. */
static void suggest(struct check_item *i, const char *word)
{
	__cleanup_free char *group = lookalikes_of_cgroup(word), *names = lookalikes_of_name(word);

	check_item__remedy(
		i,
		"a process is given by its number, a cgroup by its path, a program by its name. %s",
		*group ? group : names);
}

void check_targets__program(struct check_targets *t, struct check_list *l, const char *name)
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
		i = check_list__add(l, CHECK_UNKNOWN, p.path, "%s%s",
				    "no Python interpreter shows in this file",
				    strcmp(base_of(p.path), base_of(name)) ? ", which would run it"
									   : "");
		i->status = CMD_NO_TARGET;
		check_item__remedy(i, "if it starts Python, record it with --subprocesses; or "
				      "start it and check its pid");
	} else {
		i = check_list__add(l, CHECK_MISSING, name, "%s",
				    err == -ESRCH ? "no such program" : strerror(-err));
		i->status = CMD_NO_TARGET;
		if (err == -ESRCH)
			suggest(i, name);
	}
	check_program_clear(&p);
}

void check_targets__put(const struct check_targets *t, struct json_put *j)
{
	json_put_list(j, "pythons");
	for (size_t i = 0; t && i < t->cnt; i++)
		check_python__put(&t->rows[i], j);
	json_put_end_list(j);
}

void check_targets__free(struct check_targets *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->cnt; i++)
		check_python__clear(&t->rows[i]);
	free(t->rows);
	free(t->title);
	interpreters__free(t->interpreters);
	free(t);
}
