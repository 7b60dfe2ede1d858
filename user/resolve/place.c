/* SPDX-License-Identifier: MIT */
#include "user/resolve/place.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include <string.h>

#define REST_MIN_NS 2000000000ull /* those who move processes mostly do it by then */
#define REST_MAX_NS 64000000000ull

static void set_path(struct process *p, char *path)
{
	free(p->cgroup);
	p->cgroup = path;
}

static void rest(struct process *p, uint64_t ns)
{
	p->place_rest_ns = ns;
	p->place_look_ns = clock_now_ns() + ns;
}

void place_set(struct processes *t, struct process *p, const struct abi_proc_rec *rec)
{
	const struct process *parent = p->parent_image_id ? processes__find(t, p->parent_image_id) : NULL;
	char *path = NULL;
	struct container *k = containers__of_process(processes__containers(t), rec->cgroup_id, p->pid, &path);

	if (!*path && !*p->cgroup && parent) { /* it is gone, and so is its cgroup */
		free(path);
		path = xstrdup(parent->cgroup);
		k = k ? k : parent->container;
	}
	container__hold(k);
	if (*path)
		set_path(p, path);
	else
		free(path);
	container__put(p->container);
	p->container = k;
	p->inner_pid = (pid_t)rec->inner_pid;
	if (!p->place_look_ns)
		rest(p, REST_MIN_NS);
}

/* As seen from a cgroup namespace, which is not how the kernel side's groups are called. */
static bool is_relative(const char *path)
{
	return !strncmp(path, "/..", 3);
}

/* Takes the path. */
static bool move(struct process *p, struct container *k, char *path)
{
	if (p->container == k && !strcmp(p->cgroup, path)) {
		free(path);
		return false;
	}
	container__hold(k);
	container__put(p->container);
	p->container = k;
	set_path(p, path);
	p->moves++;
	return true;
}

bool place_look_again(struct processes *t, struct process *p, unsigned *budget)
{
	unsigned revision = p->container ? p->container->revision : 0;
	struct container *k;
	char *path = NULL;

	if (!p->place_look_ns || !*budget || clock_now_ns() < p->place_look_ns)
		return false;
	--*budget;
	rest(p, 2 * p->place_rest_ns < REST_MAX_NS ? 2 * p->place_rest_ns : REST_MAX_NS);
	if (p->exited || !process__is_there(p))
		return false;
	k = containers__of_process(processes__containers(t), 0, p->pid, &path);
	if (!*path || is_relative(path)) {
		free(path);
		return false;
	}
	return move(p, k, path) || (p->container && p->container->revision != revision);
}
