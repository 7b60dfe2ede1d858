/* SPDX-License-Identifier: MIT */
/*
 * A cgroup has one path as long as it is there, and a path of a container's belongs to that container. Whoever may make
 * directories in a part of the hierarchy may call them as engines do: so a container is of the engine of the user
 * whose directory it was made in, and only that user's files are believed.
 */
#include "user/target/containers.h"
#include "user/os/cgroup.h"
#include "user/os/procfs.h"
#include "user/os/untrusted.h"
#include "user/target/container_state.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/text.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <uthash.h>

#define CROWD       4096 /* of either table; more than one host has */
#define SHORT_ID    12   /* digits, as engines show it */
#define UNKNOWN_UID ((uid_t) - 1)
#define ASK_REST_NS 20000000ull

/* By the path of its own directory. */
struct entry {
	UT_hash_handle hh;
	bool is_named;            /* or there are no names to ask for */
	uint64_t ask_ns, rest_ns; /* when they are asked for again, and how long after that */
	struct container k;
};

/* A cgroup that a process was seen in. */
struct seen {
	UT_hash_handle hh;
	uint64_t id;
	bool used;           /* since the last time that some were forgotten */
	struct entry *entry; /* NULL: in nothing that is known */
	char path[];
};

/* A cgroup as it was called when it was made. */
struct made {
	UT_hash_handle hh;
	uint64_t id;
	char path[];
};

struct containers {
	char *root;
	struct made *made; /* the oldest first */
	struct entry *entries;
	struct seen *seen;
};

struct containers *containers__new(const char *root)
{
	struct containers *c = xcalloc(1, sizeof(*c));

	c->root = xstrdup(root);
	return c;
}

const char *containers__root(const struct containers *c)
{
	return c->root;
}

static void drop_one_seen(struct containers *c, struct seen *s)
{
	HASH_DEL(c->seen, s);
	if (s->entry)
		container__put(&s->entry->k);
	free(s);
}

static void drop_seen(struct containers *c)
{
	struct seen *s, *next;

	HASH_ITER(hh, c->seen, s, next)
	drop_one_seen(c, s);
}

static void drop_unused(struct containers *c)
{
	struct entry *e, *next;

	HASH_ITER(hh, c->entries, e, next)
	{
		if (e->k.refs > 1)
			continue;
		HASH_DEL(c->entries, e);
		container__put(&e->k);
	}
}

void containers__tend(struct containers *c)
{
	struct seen *s, *next;

	HASH_ITER(hh, c->seen, s, next)
	{
		if (!s->used)
			drop_one_seen(c, s);
		else
			s->used = false;
	}
	drop_unused(c);
}

size_t containers__count(const struct containers *c)
{
	return HASH_COUNT(c->entries);
}

static void drop_made(struct containers *c, struct made *m)
{
	HASH_DEL(c->made, m);
	free(m);
}

void containers__made(struct containers *c, uint64_t cgroup_id, const char *path)
{
	struct made *m;

	HASH_FIND(hh, c->made, &cgroup_id, sizeof(cgroup_id), m);
	if (m)
		drop_made(c, m);
	if (HASH_COUNT(c->made) >= CROWD)
		drop_made(c, c->made);
	m = xcalloc(1, sizeof(*m) + strlen(path) + 1);
	m->id = cgroup_id;
	strcpy(m->path, path);
	HASH_ADD(hh, c->made, id, sizeof(m->id), m);
}

void containers__free(struct containers *c)
{
	struct entry *e, *next;

	if (!c)
		return;
	drop_seen(c);
	while (c->made)
		drop_made(c, c->made);
	HASH_ITER(hh, c->entries, e, next)
	{
		HASH_DEL(c->entries, e);
		container__put(&e->k);
	}
	free(c->root);
	free(c);
}

struct container *container__hold(struct container *k)
{
	if (k)
		k->refs++;
	return k;
}

void container__put(struct container *k)
{
	if (!k || --k->refs)
		return;
	free(k->id);
	free(k->name);
	free(k->pod);
	free(k->namespace);
	free(k->unit);
	free(k->path);
	free(k->pod_id);
	free(k->compose_project);
	free(k->compose_service);
	free((char *)k - offsetof(struct entry, k));
}

/* ---- one ---------------------------------------------------------------------------------------------- */

static void note_first(void *ctx, pid_t pid)
{
	pid_t *first = ctx;

	if (!*first)
		*first = pid;
}

/*
 * From a cgroup namespace directories beside it are not to be looked at. Users are given theirs in services (user@1000.service); what
 * is in none of those is root's.
 */
static uid_t owner_from_within(const char *path)
{
	return !strncmp(path, "/..", 3) && !strstr(path, ".service/") ? 0 : UNKNOWN_UID;
}

/* Of the directory that it was made in, in whichever hierarchy that is. */
static uid_t owner_of(const char *path)
{
	__cleanup_free char *v2 = cgroup_mount();
	const char *const mounts[] = {v2 ? v2 : "", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/memory"};
	int len = (int)(strrchr(path, '/') - path);
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		__cleanup_free char *dir = xasprintf("%s%.*s", mounts[i], len, path);

		if (*mounts[i] && !stat(dir, &st))
			return st.st_uid;
	}
	return owner_from_within(path);
}

/* runc and crun, when nobody tells them where, make a directory of the container's name below the root. */
static void find_bare(const struct containers *c, const char *path, struct container_place *p)
{
	static const char *const runtimes[] = {"runc", "crun"};
	const char *name = path + strspn(path, "/");
	size_t len = strlen(name);

	if (p->runtime || *p->unit || !len || len >= sizeof(p->id) || strchr(name, '/'))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(runtimes) && !p->runtime; i++) {
		__cleanup_free char *state = xasprintf("%s/run/%s/%s", c->root, runtimes[i], name);

		if (!has_untrusted(0, state))
			continue;
		p->runtime = runtimes[i];
		strcpy(p->id, name);
		p->len = strlen(path);
	}
}

static bool read_names(const struct containers *c, const struct container *k, pid_t pid, struct container_names *out)
{
	struct container_query q = {.runtime = k->runtime, .owner = k->owner, .pid = pid};

	if (k->owner == UNKNOWN_UID || strlen(c->root) >= sizeof(q.root) || strlen(k->path) >= sizeof(q.path))
		return false;
	strcpy(q.root, c->root);
	strcpy(q.path, k->path);
	snprintf(q.id, sizeof(q.id), "%s", k->id);
	snprintf(q.pod_id, sizeof(q.pod_id), "%s", k->pod_id);
	q.outer_len = k->outer_len;
	return container_read_names(&q, out);
}

static void set_text(char **field, const char *text)
{
	free(*field);
	*field = xstrdup(text);
}

/* A process that is in it, for its names; 0: the first that is found. */
static pid_t member_of(const struct container *k, pid_t pid)
{
	__cleanup_free char *mount = pid ? NULL : cgroup_mount();
	__cleanup_free char *dir = mount ? xasprintf("%s%s", mount, k->path) : NULL;

	if (dir)
		cgroup_members(dir, note_first, &pid);
	return pid;
}

/*
 * Engines may write them after they have made the cgroup, so they are asked for again while there are none, and more and
 * more rarely.
 */
static void find_names(const struct containers *c, struct entry *e, pid_t pid)
{
	uint64_t now = clock_now_ns();
	struct container_names names;

	if (e->is_named || now < e->ask_ns)
		return;
	e->ask_ns = now + e->rest_ns;
	e->rest_ns *= 2;
	if (!read_names(c, &e->k, member_of(&e->k, pid), &names))
		return;
	e->k.runtime = names.runtime;
	if (*names.name)
		set_text(&e->k.name, names.name);
	set_text(&e->k.pod, names.pod);
	set_text(&e->k.namespace, names.namespace);
	set_text(&e->k.compose_project, names.compose_project);
	set_text(&e->k.compose_service, names.compose_service);
	e->is_named = *names.name;
	e->k.revision++;
}

static char *clean(const char *text)
{
	return text_clean(text, strlen(text), 0);
}

/* Until there is a name it is called by the beginning of its id, as engines show it. */
static struct entry *new_entry(const char *path, const struct container_place *p)
{
	struct entry *e = xcalloc(1, sizeof(*e));
	__cleanup_free char *name = xstrndup(p->id, SHORT_ID);

	e->is_named = !p->runtime;
	e->rest_ns = ASK_REST_NS;
	e->k = (struct container){
		.runtime = p->runtime,
		.id = clean(p->id),
		.name = clean(name),
		.pod = xstrdup(""),
		.namespace = xstrdup(""),
		.compose_project = xstrdup(""),
		.compose_service = xstrdup(""),
		.unit = clean(p->unit),
		.pod_id = clean(p->pod_id),
		.pod_len = p->pod_len,
		.outer_len = p->outer_len,
		.path = xstrndup(path, p->runtime ? p->len : p->unit_len),
		.refs = 1,
	};
	e->k.owner = owner_of(e->k.path);
	return e;
}

static void make_room(struct containers *c)
{
	if (HASH_COUNT(c->entries) < CROWD)
		return;
	drop_seen(c);
	drop_unused(c);
}

static size_t own_len(const struct container_place *p)
{
	return p->runtime ? p->len : p->unit_len;
}

static struct entry *entry_of(struct containers *c, const char *path, const struct container_place *p, pid_t pid)
{
	size_t len = own_len(p);
	struct entry *e;

	if (!len)
		return NULL;
	HASH_FIND(hh, c->entries, path, len, e);
	if (!e) {
		make_room(c);
		e = new_entry(path, p);
		HASH_ADD_KEYPTR(hh, c->entries, e->k.path, len, e);
	}
	find_names(c, e, pid);
	return e;
}

static void place_of(const struct containers *c, const char *path, struct container_place *p)
{
	container_of_path(path, p);
	find_bare(c, path, p);
}

static struct entry *find(struct containers *c, const char *path, pid_t pid)
{
	struct container_place p;

	place_of(c, path, &p);
	return entry_of(c, path, &p, pid);
}

/* ---- of processes ---------------------------------------------------------------------------------------- */

static struct seen *keep(struct containers *c, uint64_t id, const char *path, struct entry *e)
{
	struct seen *s;

	if (HASH_COUNT(c->seen) >= CROWD)
		drop_seen(c);
	s = xcalloc(1, sizeof(*s) + strlen(path) + 1);
	s->id = id;
	s->used = true;
	s->entry = e;
	if (e)
		container__hold(&e->k);
	strcpy(s->path, path);
	HASH_ADD(hh, c->seen, id, sizeof(s->id), s);
	return s;
}

struct by_v1 {
	struct containers *c;
	pid_t pid;
	struct entry *unit, *container;
};

static int take_v1(void *ctx, const char *path)
{
	struct by_v1 *v = ctx;
	struct container_place p;
	struct entry *e;

	place_of(v->c, path, &p);
	if (v->unit && !p.runtime)
		return 0;
	e = entry_of(v->c, path, &p, v->pid);
	if (p.runtime)
		v->container = e;
	else
		v->unit = e;
	return p.runtime != NULL;
}

/*
 * Engines may know nothing of version 2 where there are both: its group is none of theirs then, but what started them has one. A
 * container of either comes before a unit.
 */
static struct entry *or_by_v1(struct containers *c, pid_t pid, struct entry *e)
{
	struct by_v1 v = {.c = c, .pid = pid, .unit = e};

	if (e && e->k.runtime)
		return e;
	container__hold(e ? &e->k : NULL); /* others may need its room */
	procfs_cgroups_v1(pid, take_v1, &v);
	container__put(e ? &e->k : NULL);
	return v.container ? v.container : v.unit;
}

/* One that is gone is called as it was when it was made. */
static char *path_of_id(const struct containers *c, uint64_t id)
{
	char *path = cgroup_path_of_id(id);
	struct made *m = NULL;

	if (!path)
		HASH_FIND(hh, c->made, &id, sizeof(id), m);
	return m ? xstrdup(m->path) : path;
}

/* By the id, which the kernel told as of the tick: the process may be gone, or elsewhere. */
static struct seen *see(struct containers *c, uint64_t cgroup_id, pid_t pid)
{
	__cleanup_free char *path = NULL;
	struct seen *s;

	HASH_FIND(hh, c->seen, &cgroup_id, sizeof(cgroup_id), s);
	if (s)
		s->used = true;
	if (s || !cgroup_id)
		return s;
	path = path_of_id(c, cgroup_id);
	return path ? keep(c, cgroup_id, path, find(c, path, pid)) : NULL;
}

struct container *containers__of_process(struct containers *c, uint64_t cgroup_id, pid_t pid, char **path)
{
	struct seen *s = see(c, cgroup_id, pid);
	struct entry *e;

	*path = s ? xstrdup(s->path) : procfs_cgroup(pid);
	if (s && s->entry && s->entry->is_named && s->entry->k.runtime)
		return &s->entry->k;
	e = or_by_v1(c, pid, find(c, *path, pid));
	return e ? &e->k : NULL;
}

/* ---- all -------------------------------------------------------------------------------------------------- */

struct round {
	struct containers *c;
	container_fn fn;
	void *ctx;
};

/* Only its own directory is it: others are below. */
static void look(void *ctx, const char *path)
{
	struct round *r = ctx;
	__cleanup_free char *whole = xasprintf("/%s", path);
	struct container_place p;

	place_of(r->c, whole, &p);
	if (own_len(&p) == strlen(whole))
		r->fn(r->ctx, &entry_of(r->c, whole, &p, 0)->k);
}

void containers__each(struct containers *c, container_fn fn, void *ctx)
{
	struct round r = {c, fn, ctx};

	cgroup_each(look, &r);
}

char *container__text(const struct container *k)
{
	if (!k->runtime)
		return xstrdup(k->unit);
	return *k->pod ? xasprintf("%s/%s", k->pod, k->name) : xstrdup(k->name);
}
