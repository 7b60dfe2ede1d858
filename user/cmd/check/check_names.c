/* SPDX-License-Identifier: MIT */
/* By way of a profile without samples, so that nothing is found out here that a recording would not have. */
#include "user/cmd/check/check_names.h"
#include "user/os/container.h"
#include "user/os/procfs.h"
#include "user/profile/profile.h"
#include "user/resolve/labels.h"
#include "user/resolve/place.h"
#include "user/target/identity.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include <string.h>

#define SECTION   "What back ends call them"
#define PIDS_MOST 5 /* in a line */

struct named {
	pid_t pid;
	struct push_group labels;
	bool sent, shown;
};

struct check_names {
	const struct naming *rules;
	struct processes *processes;
	struct profile_builder *builder;
	struct named *items; /* by the profile's id - 1 */
	size_t cnt, cap;
};

struct check_names *check_names__new(const struct naming *rules)
{
	struct check_names *n = xcalloc(1, sizeof(*n));

	n->rules = rules;
	n->processes = processes__new("");
	processes__identify(n->processes);
	n->builder = profile_builder__new(false);
	return n;
}

void check_names__free(struct check_names *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < n->cnt; i++)
		naming_clear_group(&n->items[i].labels);
	free(n->items);
	if (n->builder)
		profile__free(profile_builder__finish(n->builder));
	processes__free(n->processes);
	free(n);
}

void check_names__add(struct check_names *n, pid_t pid, const char *command, const char *python)
{
	struct profile_sink to = profile_builder__sink(n->builder);
	struct abi_proc_rec where = {.inner_pid = (uint32_t)container_inner_pid(pid)};
	struct process *p = processes__get(n->processes, (uint32_t)n->cnt + 1, pid);

	xgrow(n->items, n->cnt, n->cap);
	n->items[n->cnt++] = (struct named){.pid = pid};
	procfs_stat(pid, &p->start_ns, &p->ppid);
	free(p->command);
	p->command = xstrdup(command);
	place_set(n->processes, p, &where);
	identity_set(n->processes, p);
	to.ops->process(to.ctx, &(struct profile_process){.id = (uint32_t)n->cnt,
							  .pid = (uint32_t)pid,
							  .command = command,
							  .python = python,
							  .interpreter = "",
							  .rights = "",
							  .cgroup = p->cgroup});
	labels_send(to, (uint32_t)n->cnt, p);
}

/* ---- as a list ------------------------------------------------------------------------------------------- */

static bool are_equal(const struct push_group *a, const struct push_group *b)
{
	size_t i = 0;

	while (i < a->label_cnt && i < b->label_cnt && !strcmp(a->labels[i].name, b->labels[i].name) &&
	       !strcmp(a->labels[i].value, b->labels[i].value))
		i++;
	return i == a->label_cnt && i == b->label_cnt;
}

/* Marks those that are one with the first; "4242, 4243 and 7 more". */
static void put_pids(struct check_names *n, size_t first, struct buf *out)
{
	const struct named *a = &n->items[first];
	size_t cnt = 0;

	for (size_t i = first; i < n->cnt; i++) {
		struct named *b = &n->items[i];

		if (b->shown || b->sent != a->sent || (a->sent && !are_equal(&a->labels, &b->labels)))
			continue;
		b->shown = true;
		if (++cnt <= PIDS_MOST)
			buf_printf(out, "%s%d", cnt > 1 ? ", " : "", b->pid);
	}
	if (cnt > PIDS_MOST)
		buf_printf(out, " and %zu more", cnt - PIDS_MOST);
}

static void show_one(struct check_names *n, size_t i, struct check_list *l)
{
	const struct named *one = &n->items[i];
	const char *between = "; ";
	struct buf text = {0};

	put_pids(n, i, &text);
	for (size_t k = 0; one->sent && k < one->labels.label_cnt; k++) {
		const struct push_label *label = &one->labels.labels[k];

		if (!strcmp(label->name, "service_name"))
			continue;
		buf_printf(&text, "%s%s=%s", between, label->name, label->value);
		between = " ";
	}
	check_list__add(l, CHECK_NOTE, one->sent ? one->labels.service_name : "not sent, by --keep or --drop", "%.*s",
			(int)text.len, text.data);
	buf_free(&text);
}

void check_names__show(struct check_names *n, struct check_list *l)
{
	struct profile *p = profile_builder__finish(n->builder);

	n->builder = NULL;
	for (size_t i = 0; i < n->cnt; i++)
		n->items[i].sent = naming__of_process(n->rules, p, (uint32_t)i + 1, &n->items[i].labels);
	profile__free(p);
	l->section = SECTION;
	for (size_t i = 0; i < n->cnt; i++)
		if (!n->items[i].shown)
			show_one(n, i, l);
}

void check_names__put(const struct check_names *n, pid_t pid, struct json_put *j)
{
	for (size_t i = 0; i < n->cnt; i++) {
		const struct named *one = &n->items[i];

		if (one->pid != pid)
			continue;
		json_put_bool(j, "sent", one->sent);
		json_put_map(j, "labels");
		for (size_t k = 0; k < one->labels.label_cnt; k++)
			json_put_text(j, one->labels.labels[k].name, one->labels.labels[k].value);
		json_put_end_map(j);
		return;
	}
}
