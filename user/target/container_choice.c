/* SPDX-License-Identifier: MIT */
/*
 * The best kind of match decides: what is called exactly so comes before what begins so, containers before pods and
 * units, and what the host runs before what its users do. Of that kind there must be one.
 */
#include "user/target/container_choice.h"
#include "user/os/cgroup.h"
#include "user/target/container_state.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/log.h"
#include "user/util/text.h"
#include <errno.h>
#include <string.h>

#define MOST 8 /* containers in a message */

enum kind { CONTAINER, POD, UNIT };

/* The lower the better. */
enum rank {
	EXACT,
	EXACT_POD,
	EXACT_UNIT,
	BEGINS,
	BEGINS_POD,
	BEGINS_UNIT,
	NO_MATCH,
};

struct container_choice {
	enum kind kind;
	struct container *of; /* as it was found; of a pod one of its containers */
	char *text;
};

/* ---- which ---------------------------------------------------------------------------------------------- */

struct match {
	enum kind kind;
	struct container *k;
};

struct search {
	const char *text;
	unsigned best;
	struct match *items;
	size_t cnt, cap;
};

/* How well a word fits; none does that is not known. */
static enum rank fits(const char *word, const char *text, enum rank exact)
{
	size_t len = strlen(text);

	if (strncmp(word, text, len))
		return NO_MATCH;
	return word[len] ? exact + BEGINS : exact;
}

static enum rank better(enum rank a, enum rank b)
{
	return a < b ? a : b;
}

/* "pod/name" only where a pod is meant: "po" is the pod. */
static enum rank fits_container(const struct container *k, const char *text)
{
	__cleanup_free char *whole = container__text(k);
	enum rank rank = better(fits(k->id, text, EXACT), fits(k->name, text, EXACT));

	return strchr(text, '/') ? better(rank, fits(whole, text, EXACT)) : rank;
}

/* With and without its suffix. */
static enum rank fits_unit(const struct container *k, const char *text)
{
	__cleanup_free char *service = xasprintf("%s.service", text);

	return better(fits(k->unit, text, EXACT_UNIT), strcmp(k->unit, service) ? NO_MATCH : EXACT_UNIT);
}

static enum rank fits_pod(const struct container *k, const char *text)
{
	return k->pod_len ? better(fits(k->pod, text, EXACT_POD), fits(k->pod_id, text, EXACT_POD)) : NO_MATCH;
}

static bool is_same_pod(const struct container *a, const struct container *b)
{
	return a->pod_len && b->pod_len && a->owner == b->owner && !strcmp(a->pod_id, b->pod_id);
}

static void add(struct search *s, enum rank rank, const struct match *m)
{
	unsigned at = 2 * rank + (m->k->owner != 0);

	if (rank == NO_MATCH || at > s->best)
		return;
	for (size_t i = 0; at < s->best && i < s->cnt; i++)
		container__put(s->items[i].k);
	if (at < s->best)
		s->cnt = 0;
	s->best = at;
	for (size_t i = 0; m->kind == POD && i < s->cnt; i++)
		if (is_same_pod(s->items[i].k, m->k))
			return;
	xgrow(s->items, s->cnt, s->cap);
	s->items[s->cnt++] = *m;
	container__hold(m->k);
}

static void compare(void *ctx, struct container *k)
{
	struct search *s = ctx;

	if (!k->runtime) {
		add(s, fits_unit(k, s->text), &(struct match){UNIT, k});
		return;
	}
	add(s, fits_container(k, s->text), &(struct match){CONTAINER, k});
	add(s, fits_pod(k, s->text), &(struct match){POD, k});
}

static void clear(struct search *s)
{
	for (size_t i = 0; i < s->cnt; i++)
		container__put(s->items[i].k);
	free(s->items);
}

/* ---- what is said ----------------------------------------------------------------------------------------- */

static char *describe(enum kind kind, const struct container *k)
{
	__cleanup_free char *name = container__text(k);

	if (kind == POD)
		return xasprintf("pod %s", *k->pod ? k->pod : k->pod_id);
	if (kind == UNIT)
		return k->owner ? xasprintf("%s of user %u", name, k->owner) : xstrdup(name);
	return xasprintf("%s (%s %.12s%s)", name, k->runtime, k->id, k->owner ? ", a user's" : "");
}

struct list {
	struct buf text;
	size_t cnt;
};

static void append(struct list *l, enum kind kind, const struct container *k)
{
	__cleanup_free char *one = describe(kind, k);

	if (l->cnt++ < MOST)
		buf_printf(&l->text, "%s%s", l->cnt > 1 ? ", " : "", one);
}

static void append_container(void *ctx, struct container *k)
{
	if (k->runtime)
		append(ctx, CONTAINER, k);
}

static void end(struct list *l)
{
	if (l->cnt > MOST)
		buf_printf(&l->text, " and %zu more", l->cnt - MOST);
}

static void complain_of_none(struct containers *c, const char *text)
{
	struct list l = {0};

	containers__each(c, append_container, &l);
	end(&l);
	if (l.cnt)
		log_error("no container, pod, unit or machine that runs is called '%s' or has an id that begins so. "
			  "Containers that run: %s",
			  text, l.text.data);
	else
		log_error(
			"no container, pod, unit or machine that runs is called '%s' or has an id that begins so, and "
			"none that runs shows in the cgroups below the mount of version 2: --pid PID --subprocesses "
			"profiles a process of it",
			text);
	buf_free(&l.text);
}

static void complain_of_several(const struct search *s)
{
	struct list l = {0};

	for (size_t i = 0; i < s->cnt; i++)
		append(&l, s->items[i].kind, s->items[i].k);
	end(&l);
	log_error("'%s' may be any of these: %s. Give more of the name or of the id", s->text, l.text.data);
	buf_free(&l.text);
}

/* ---- finding ------------------------------------------------------------------------------------------------ */

static void search(struct containers *c, struct search *s)
{
	s->best = 2 * NO_MATCH;
	containers__each(c, compare, s);
}

/* A machine may live in a unit of another name. */
static void search_machine(struct containers *c, struct search *s)
{
	const char *text = s->text;
	char unit[CONTAINER_ID];

	container_read_machine(containers__root(c), text, unit);
	if (!*unit)
		return;
	s->text = unit;
	search(c, s);
	s->text = text;
}

int container_choice__find(struct containers *c, const char *text, struct container_choice **out)
{
	__cleanup_free char *mount = cgroup_mount(), *shown = text_clean(text, strlen(text), 0);
	struct search s = {.text = text};
	struct container_choice *h;

	*out = NULL;
	if (!mount) {
		log_error("cgroup v2 is not mounted here, and --container works on it: mount -t cgroup2 none "
			  "/sys/fs/cgroup/unified (or profile by --pid PID --subprocesses)");
		return -EOPNOTSUPP;
	}
	search(c, &s);
	if (!s.cnt)
		search_machine(c, &s);
	if (!s.cnt)
		complain_of_none(c, shown);
	else if (s.cnt > 1)
		complain_of_several(&s);
	if (s.cnt == 1) {
		h = xcalloc(1, sizeof(*h));
		h->kind = s.items->kind;
		h->of = container__hold(s.items->k);
		h->text = describe(h->kind, h->of);
		*out = h;
	}
	clear(&s);
	return *out ? 0 : -ESRCH;
}

void container_choice__free(struct container_choice *h)
{
	if (!h)
		return;
	container__put(h->of);
	free(h->text);
	free(h);
}

const char *container_choice__text(const struct container_choice *h)
{
	return h->text;
}

/* ---- finding again ---------------------------------------------------------------------------------------- */

struct again {
	const struct container_choice *h;
	void (*fn)(void *ctx, const char *path);
	void *ctx;
	struct container *pod; /* the last one that was told of */
};

static bool is_named_alike(const struct container *a, const struct container *b)
{
	return !strcmp(a->name, b->name) && !strcmp(a->pod, b->pod) && !strcmp(a->namespace, b->namespace);
}

static bool is_it(const struct container_choice *h, const struct container *k)
{
	const struct container *of = h->of;

	if (k->owner != of->owner || !k->runtime != !of->runtime || (k->runtime && strcmp(k->runtime, of->runtime)))
		return false;
	if (h->kind == UNIT)
		return !strcmp(k->path, of->path);
	if (h->kind == CONTAINER)
		return !strcmp(k->id, of->id) || is_named_alike(k, of);
	return k->pod_len && (!strcmp(k->pod_id, of->pod_id) ||
			      (*of->pod && !strcmp(k->pod, of->pod) && !strcmp(k->namespace, of->namespace)));
}

static void tell(void *ctx, struct container *k)
{
	struct again *a = ctx;
	__cleanup_free char *path = NULL;

	if (!is_it(a->h, k) || (a->h->kind == POD && a->pod && is_same_pod(a->pod, k)))
		return;
	path = xstrndup(k->path, a->h->kind == POD ? k->pod_len : strlen(k->path));
	if (a->h->kind == POD)
		a->pod = k;
	a->fn(a->ctx, path);
}

void container_choice__each_path(const struct container_choice *h, struct containers *c,
				 void (*fn)(void *ctx, const char *path), void *ctx)
{
	struct again a = {.h = h, .fn = fn, .ctx = ctx};

	containers__each(c, tell, &a);
}

struct members {
	procfs_pid_fn fn;
	void *ctx;
};

static void tell_members(void *ctx, const char *path)
{
	const struct members *m = ctx;
	struct cgroup group;

	if (!cgroup_exists(path) || cgroup_find(path, &group))
		return;
	cgroup_members(group.dir, m->fn, m->ctx);
	cgroup_clear(&group);
}

void container_choice__each_process(const struct container_choice *h, struct containers *c, procfs_pid_fn fn, void *ctx)
{
	container_choice__each_path(h, c, tell_members, &(struct members){fn, ctx});
}
