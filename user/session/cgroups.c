/* SPDX-License-Identifier: MIT */
#include "user/session/cgroups.h"
#include "pybpfprof.skel.h"
#include "user/os/cgroup.h"
#include "user/session/events.h"
#include "user/session/follow.h"
#include "user/target/suggest.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BY_PATH SIZE_MAX

struct cgroups {
	struct item {
		struct cgroup group;
		size_t choice; /* the container that it is of, by number; BY_PATH */
		uint64_t made; /* times that it was made anew, as far as we have seen */
	} items[ABI_MAX_CGROUPS];
	size_t cnt;
	struct follow *follow;
	bool scoped;
	uint32_t node_cnt;
	uint64_t moved;  /* times that a container came back in another one */
	uint32_t subsys; /* of a version 1 hierarchy: the controller's number */
};

/* ---- which ------------------------------------------------------------------------------------------- */

/* Timers of both would count it twice. */
static bool is_inside(const struct cgroups *c, size_t i)
{
	for (size_t k = 0; k < c->cnt; k++) {
		const struct cgroup *inner = &c->items[i].group, *outer = &c->items[k].group;

		/* of two that are the same the first stays */
		if (k != i && cgroup_holds(outer, inner) && (k < i || !cgroup_holds(inner, outer))) {
			log_verbose("cgroup %s lies in %s, which is profiled as a whole", inner->dir, outer->dir);
			return true;
		}
	}
	return false;
}

static void leave_out_nested(struct cgroups *c)
{
	size_t i = 0;

	while (i < c->cnt) {
		if (!is_inside(c, i)) {
			i++;
			continue;
		}
		cgroup_clear(&c->items[i].group);
		c->cnt--;
		memmove(&c->items[i], &c->items[i + 1], (c->cnt - i) * sizeof(*c->items));
	}
}

static int check_hierarchy(const struct cgroups *c)
{
	for (size_t i = 1; i < c->cnt; i++)
		if (c->items[i].group.hierarchy != c->items[0].group.hierarchy) {
			log_error("cgroups %s and %s are of two hierarchies: choose all from one",
				  c->items[0].group.dir, c->items[i].group.dir);
			return -EINVAL;
		}
	return 0;
}

static int find_one(const char *path, struct cgroup *out)
{
	int err = cgroup_find(path, out);
	__cleanup_free char *near = err == -ESRCH ? suggest_for_cgroup(path) : NULL;

	if (near)
		log_info("%s", near);
	return err;
}

struct finding {
	struct cgroups *c;
	int err;
};

static int add_one(struct cgroups *c, const char *path, size_t choice)
{
	int err;

	if (c->cnt == ABI_MAX_CGROUPS) {
		log_error("at most %d cgroups at once", ABI_MAX_CGROUPS);
		return -EINVAL;
	}
	err = find_one(path, &c->items[c->cnt].group);
	if (!err)
		c->items[c->cnt++].choice = choice;
	return err;
}

static void add_container(void *ctx, size_t choice, const char *path)
{
	struct finding *f = ctx;

	if (!f->err)
		f->err = add_one(f->c, path, choice);
}

int cgroups__find(const struct session_options *o, struct cgroups **out)
{
	struct finding f = {.c = xcalloc(1, sizeof(struct cgroups))};

	*out = f.c;
	f.c->scoped = o->scoped;
	for (size_t i = 0; i < o->cgroup_cnt && !f.err; i++)
		f.err = add_one(f.c, o->cgroups[i], BY_PATH);
	if (!f.err)
		f.err = follow__find(o, &f.c->follow);
	if (!f.err)
		follow__each(f.c->follow, add_container, &f);
	if (!f.err)
		f.err = check_hierarchy(f.c);
	if (!f.err)
		leave_out_nested(f.c);
	return f.err;
}

/* enum cgroup_subsys_id (include/linux/cgroup-defs.h) has what was configured, so numbers differ between kernels. */
static int subsys_of(const char *controller, const char *types)
{
	__cleanup_free char *name = xasprintf("%s_cgrp_id", strcmp(controller, "blkio") ? controller : "io");
	struct btf *btf = types ? btf__parse(types, NULL) : btf__load_vmlinux_btf();
	int id = btf ? btf__find_by_name_kind(btf, "cgroup_subsys_id", BTF_KIND_ENUM) : -errno, found = -ENOENT;

	for (int i = 0; id > 0 && i < btf_vlen(btf__type_by_id(btf, (uint32_t)id)); i++) {
		const struct btf_enum *e = btf_enum(btf__type_by_id(btf, (uint32_t)id)) + i;

		if (!strcmp(btf__name_by_offset(btf, e->name_off), name))
			found = e->val;
	}
	btf__free(btf);
	return found;
}

int cgroups__resolve(struct cgroups *c, const char *types)
{
	const struct cgroup *g = &c->items[0].group;
	int subsys = c->cnt && g->hierarchy ? subsys_of(g->controller, types) : 0;

	if (subsys < 0) {
		log_error("this kernel does not say which number its controller '%s' has: give a cgroup of version 2",
			  g->controller);
		return -EOPNOTSUPP;
	}
	c->subsys = (uint32_t)subsys;
	return 0;
}

void cgroups__configure(const struct cgroups *c, struct pybpfprof_bpf *skel)
{
	if (!c->cnt || !c->items[0].group.hierarchy)
		return;
	skel->rodata->cfg_hierarchy = c->items[0].group.hierarchy;
	skel->rodata->cfg_cgroup_subsys = c->subsys + 1;
}

void cgroups__free(struct cgroups *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->cnt; i++)
		cgroup_clear(&c->items[i].group);
	follow__free(c->follow);
	free(c);
}

size_t cgroups__dirs(const struct cgroups *c, const char **dirs)
{
	for (size_t i = 0; i < c->cnt; i++)
		dirs[i] = c->items[i].group.dir;
	return c->cnt;
}

/* ---- the way to them ----------------------------------------------------------------------------------- */

struct way {
	struct cgroups *c;
	struct pybpfprof_bpf *skel;
	uint32_t chosen, node; /* the last one so far; 0: at the start */
	size_t left;
	int err;
};

/* A cgroup that is seen through two mounts is one node; one that is not there is known by its place. */
static uint32_t find_node(const struct way *w, const struct abi_cgroup_step *step, uint64_t id)
{
	struct abi_cgroup_node known;

	if (!bpf_map__lookup_elem(w->skel->maps.cgroups, &id, sizeof(id), &known, sizeof(known), 0) ||
	    !bpf_map__lookup_elem(w->skel->maps.cgroup_steps, step, sizeof(*step), &known, sizeof(known), 0))
		return known.node;
	return ++w->c->node_cnt;
}

/* The place before the id: a mkdir meanwhile is not missed. */
static void add_step(void *ctx, const char *name, uint64_t id)
{
	struct way *w = ctx;
	struct abi_cgroup_step step = {.node = w->node};
	struct abi_cgroup_node node = {.chosen = --w->left ? 0 : w->chosen};

	if (w->err)
		return;
	memcpy(step.name, name, strnlen(name, sizeof(step.name) - 1));
	node.node = find_node(w, &step, id);
	if (w->node)
		w->err = bpf_map__update_elem(w->skel->maps.cgroup_steps, &step, sizeof(step), &node, sizeof(node),
					      BPF_ANY);
	if (!w->err && id)
		w->err = bpf_map__update_elem(w->skel->maps.cgroups, &id, sizeof(id), &node, sizeof(node), BPF_ANY);
	w->node = node.node;
}

static void count_step(void *ctx, const char *name, uint64_t id)
{
	(void)name;
	(void)id;
	++*(size_t *)ctx;
}

static int watch(struct cgroups *c, struct pybpfprof_bpf *skel, size_t i)
{
	struct way w = {.c = c, .skel = skel, .chosen = (uint32_t)i + 1};

	cgroup_steps(&c->items[i].group, count_step, &w.left);
	cgroup_steps(&c->items[i].group, add_step, &w);
	if (w.err)
		log_error("cannot pass cgroup %s to the BPF programs: %s", c->items[i].group.dir, strerror(-w.err));
	return w.err;
}

int cgroups__watch(struct cgroups *c, struct pybpfprof_bpf *skel)
{
	int err = 0;

	for (size_t i = 0; i < c->cnt && !err; i++)
		err = watch(c, skel, i);
	return err;
}

/* The last step, which leads to nothing that will be there again: there may be very many, one after the other. */
static void drop_step(void *ctx, const char *name, uint64_t id)
{
	struct way *w = ctx;
	struct abi_cgroup_step step = {.node = w->node};
	struct abi_cgroup_node node = {0};

	memcpy(step.name, name, strnlen(name, sizeof(step.name) - 1));
	if (!w->node)
		bpf_map__lookup_elem(w->skel->maps.cgroups, &id, sizeof(id), &node, sizeof(node), 0);
	else if (--w->left)
		bpf_map__lookup_elem(w->skel->maps.cgroup_steps, &step, sizeof(step), &node, sizeof(node), 0);
	else
		bpf_map__delete_elem(w->skel->maps.cgroup_steps, &step, sizeof(step), 0);
	w->node = node.node;
}

static void unwatch(struct cgroups *c, struct pybpfprof_bpf *skel, size_t i)
{
	struct way w = {.c = c, .skel = skel};

	cgroup_steps(&c->items[i].group, count_step, &w.left);
	w.left--; /* the root is no step */
	cgroup_steps(&c->items[i].group, drop_step, &w);
}

/* ---- what becomes of them -------------------------------------------------------------------------------- */

static bool is_there(const struct item *i)
{
	return !access(i->group.dir, F_OK);
}

/* Where a container goes on: in the place of the one that it was in, else in one more. Timers are for so many as there were. */
static size_t find_place(const struct cgroups *c, size_t choice)
{
	for (size_t i = 0; i < c->cnt; i++)
		if (c->items[i].choice == choice && !is_there(&c->items[i]))
			return i;
	return c->scoped ? ABI_MAX_CGROUPS : c->cnt;
}

static bool is_known(const struct cgroups *c, const struct cgroup *g)
{
	for (size_t i = 0; i < c->cnt; i++)
		if (cgroup_holds(&c->items[i].group, g))
			return true;
	return false;
}

struct tending {
	struct cgroups *c;
	struct pybpfprof_bpf *skel;
	struct events *e;
};

/* Takes `g` over. */
static void move_to(const struct tending *t, size_t i, size_t choice, const struct cgroup *g)
{
	struct cgroups *c = t->c;
	struct item *item = &c->items[i];

	if (i < c->cnt) {
		unwatch(c, t->skel, i);
		cgroup_clear(&item->group);
	} else {
		c->cnt++;
		item->made = 0;
	}
	item->group = *g;
	item->choice = choice;
	if (watch(c, t->skel, i))
		return;
	c->moved++;
	log_info("%s was started again in cgroup %s, which is recorded, too", follow__text(c->follow, choice), g->path);
	if (c->scoped)
		events__renew_cgroup(t->e, i, g->dir);
}

static void follow_to(void *ctx, size_t choice, const char *path)
{
	const struct tending *t = ctx;
	struct cgroup g;
	size_t i;

	if (!cgroup_exists(path) || cgroup_find(path, &g))
		return;
	i = find_place(t->c, choice);
	if (i < ABI_MAX_CGROUPS && !is_known(t->c, &g))
		move_to(t, i, choice, &g);
	else
		cgroup_clear(&g);
}

static void look_at_names(const struct tending *t)
{
	uint64_t made = __atomic_load_n(&t->skel->bss->cgroups_new, __ATOMIC_ACQUIRE), began_ns = clock_now_ns();

	if (!follow__is_due(t->c->follow, made, began_ns))
		return;
	follow__each(t->c->follow, follow_to, (void *)t);
	follow__looked(t->c->follow, began_ns, clock_now_ns());
}

int cgroups__fd(const struct cgroups *c)
{
	return follow__fd(c->follow);
}

void cgroups__tend(struct cgroups *c, struct pybpfprof_bpf *skel, struct events *e, uint64_t now_ns)
{
	look_at_names(&(struct tending){c, skel, e});
	for (size_t i = 0; i < c->cnt; i++) {
		uint64_t made = __atomic_load_n(&skel->bss->cgroups_made[i], __ATOMIC_ACQUIRE);

		if (made == c->items[i].made)
			continue;
		c->items[i].made = made;
		log_info("cgroup %s was recreated; the new one is recorded, too", c->items[i].group.path);
		if (!c->scoped || events__renew_cgroup(e, i, c->items[i].group.dir))
			continue;
		log_verbose("its timers began %.1f ms after it",
			    (double)(now_ns - skel->bss->cgroups_made_ns[i]) / 1e6);
	}
}

bool cgroups__are_there(const struct cgroups *c)
{
	for (size_t i = 0; i < c->cnt; i++)
		if (is_there(&c->items[i]))
			return true;
	return false;
}

uint64_t cgroups__made(const struct cgroups *c)
{
	uint64_t sum = c->moved;

	for (size_t i = 0; i < c->cnt; i++)
		sum += c->items[i].made;
	return sum;
}
