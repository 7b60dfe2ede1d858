#include "user/session/cgroups.h"
#include "pybpfprof.skel.h"
#include "user/os/cgroup.h"
#include "user/source/cpu.h"
#include "user/target/lookalikes.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

struct cgroups {
	struct {
		struct cgroup group;
		uint64_t made; /* times that it was made anew, as far as we have seen */
	} items[ABI_MAX_CGROUPS];
	size_t cnt;
	bool scoped;
	uint32_t node_cnt;
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

static int find_one(const char *path, struct cgroup *out)
{
	int err = cgroup_find(path, out);
	__cleanup_free char *near = err == -ESRCH ? lookalikes_of_cgroup(path) : NULL;

	if (near && *near)
		log_info("%s", near);
	return err;
}

int cgroups__find(const struct session_options *o, struct cgroups **out)
{
	struct cgroups *c = xcalloc(1, sizeof(*c));
	int err = 0;

	*out = c;
	c->scoped = o->scoped;
	if (o->cgroup_cnt > ABI_MAX_CGROUPS) {
		log_error("at most %d cgroups at once", ABI_MAX_CGROUPS);
		return -EINVAL;
	}
	for (; c->cnt < o->cgroup_cnt && !err; c->cnt++)
		err = find_one(o->cgroups[c->cnt], &c->items[c->cnt].group);
	if (!err)
		leave_out_nested(c);
	return err;
}

void cgroups__free(struct cgroups *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->cnt; i++)
		cgroup_clear(&c->items[i].group);
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
		w->err = bpf_map__update_elem(w->skel->maps.cgroup_steps, &step, sizeof(step), &node, sizeof(node), BPF_ANY);
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

int cgroups__watch(struct cgroups *c, struct pybpfprof_bpf *skel)
{
	for (size_t i = 0; i < c->cnt; i++) {
		struct way w = {.c = c, .skel = skel, .chosen = (uint32_t)i + 1};

		cgroup_steps(&c->items[i].group, count_step, &w.left);
		cgroup_steps(&c->items[i].group, add_step, &w);
		if (!w.err)
			continue;
		log_error("cannot tell the kernel side of cgroup %s: %s", c->items[i].group.dir, strerror(-w.err));
		return w.err;
	}
	return 0;
}

/* ---- what becomes of them -------------------------------------------------------------------------------- */

void cgroups__tend(struct cgroups *c, const struct pybpfprof_bpf *skel, struct cpu_source *cpu, uint64_t now_ns)
{
	for (size_t i = 0; i < c->cnt; i++) {
		uint64_t made = __atomic_load_n(&skel->bss->cgroups_made[i], __ATOMIC_ACQUIRE);

		if (made == c->items[i].made)
			continue;
		c->items[i].made = made;
		log_info("cgroup %s was made anew; the new one is recorded, too", c->items[i].group.path);
		if (!c->scoped || cpu_source__renew_cgroup(cpu, i, c->items[i].group.dir))
			continue;
		log_verbose("its timers began %.1f ms after it", (double)(now_ns - skel->bss->cgroups_made_ns[i]) / 1e6);
	}
}

bool cgroups__are_there(const struct cgroups *c)
{
	for (size_t i = 0; i < c->cnt; i++)
		if (!access(c->items[i].group.dir, F_OK))
			return true;
	return false;
}

uint64_t cgroups__made(const struct cgroups *c)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < c->cnt; i++)
		sum += c->items[i].made;
	return sum;
}
