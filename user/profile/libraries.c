/* SPDX-License-Identifier: MIT */
/*
 * A slot is chosen by the name, so that a library has the same colour in most pictures of a program, and the next free
 * one where a larger library has it.
 */
#include "user/profile/libraries.h"
#include "user/profile/view.h"
#include "user/util/alloc.h"
#include "user/util/intern.h"
#include <string.h>

#define WHEEL_HASH_MIN 8

struct library {
	uint32_t id;
	uint64_t area;
	const char *name;
};

/* What stands behind the last folder of that name in a path; NULL: nothing does. */
static const char *behind(const char *path, const char *folder)
{
	const char *found = NULL;

	while ((path = strstr(path, folder)))
		found = path += strlen(folder);
	return found;
}

/* "flask", "six", "pytest" for _pytest: what stands in site-packages, or else the package of the module. */
static uint32_t library_of(struct intern *texts, const struct profile_function *f)
{
	const char *name = behind(f->file, "/site-packages/"), *dist = behind(f->file, "/dist-packages/");
	size_t len;

	name = dist > name ? dist : name;
	name = name ? name : *f->module ? f->module : f->short_file;
	name += strspn(name, "_/");
	len = strcspn(name, "/."); /* of a.py, too */
	return len ? intern__id(texts, name, len) : 0;
}

/* "libpq-a17e3caa": wheels have copies of libraries under names of their own, by eight digits or more of a hash. */
static size_t without_hash(const char *name, size_t len)
{
	size_t at = len;

	while (at && strchr("0123456789abcdef", name[at - 1]))
		at--;
	return at > 1 && name[at - 1] == '-' && len - at >= WHEEL_HASH_MIN ? at - 1 : len;
}

size_t library_object_length(const char *name)
{
	static const char *const ends[] = {".cpython-", ".abi3.", ".so"};
	size_t len = strlen(name);

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		const char *end = strstr(name, ends[i]);

		if (end && end != name && (size_t)(end - name) < len)
			len = (size_t)(end - name);
	}
	return without_hash(name, len);
}

static int larger_first(const void *a, const void *b)
{
	const struct library *x = a, *y = b;

	if (x->area != y->area)
		return x->area < y->area ? 1 : -1;
	return strcmp(x->name, y->name);
}

static unsigned wanted_slot(const char *name)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	return (hash ^ hash >> 15) % LIBRARIES_NAMED;
}

/* Slots by library, of those that have some area. */
static uint8_t *give_slots(struct libraries *l, struct library *all, size_t cnt)
{
	uint8_t *slots = xcalloc((size_t)intern__count(l->texts) + 1, 1);

	qsort(all, cnt, sizeof(*all), larger_first);
	for (size_t i = 0; i < cnt; i++) {
		unsigned slot = i < LIBRARIES_NAMED ? wanted_slot(all[i].name) : LIBRARIES_OTHER;

		while (i < LIBRARIES_NAMED && l->names[slot])
			slot = (slot + 1) % LIBRARIES_NAMED;
		slots[all[i].id] = (uint8_t)slot;
		l->names[slot] = slot < LIBRARIES_OTHER ? all[i].name : "others";
	}
	return slots;
}

static uint32_t object_of(struct intern *texts, const struct profile_function *f)
{
	size_t len = library_object_length(f->module);

	return len ? intern__id(texts, f->module, len) : 0;
}

typedef uint32_t (*name_fn)(struct intern *texts, const struct profile_function *f);

/* Of functions of one class, by names. */
static struct libraries *find(const struct profile *p, const uint64_t *area, enum view_class class, name_fn name)
{
	struct libraries *l = xcalloc(1, sizeof(*l));
	__cleanup_free uint32_t *of = xcalloc((size_t)p->function_cnt + 1, sizeof(*of));
	__cleanup_free struct library *all = NULL;
	__cleanup_free uint8_t *slots = NULL;
	size_t cnt = 0;

	l->texts = intern__new();
	for (uint32_t i = 1; i <= p->function_cnt; i++)
		if (view__class(&p->functions[i]) == class)
			of[i] = name(l->texts, &p->functions[i]);
	all = xcalloc((size_t)intern__count(l->texts) + 1, sizeof(*all));
	for (uint32_t i = 1; i <= p->function_cnt; i++)
		all[of[i]].area += of[i] ? area[i] : 0;
	for (uint32_t id = 1; id <= intern__count(l->texts); id++)
		if (all[id].area)
			all[cnt++] = (struct library){id, all[id].area, intern__bytes(l->texts, id, NULL)};
	if (cnt < 2) {
		libraries__free(l);
		return NULL;
	}
	slots = give_slots(l, all, cnt);
	l->slots = xcalloc((size_t)p->function_cnt + 1, 1);
	for (uint32_t i = 1; i <= p->function_cnt; i++)
		l->slots[i] = slots[of[i]];
	return l;
}

struct libraries *libraries__new(const struct profile *p, const uint64_t *area)
{
	return find(p, area, VIEW_SITE, library_of);
}

struct libraries *libraries__objects(const struct profile *p, const uint64_t *area)
{
	return find(p, area, VIEW_NATIVE, object_of);
}

uint64_t *libraries__areas(const struct view *v, const struct profile *p)
{
	__cleanup_free uint64_t *values = xcalloc((size_t)p->stack_cnt + 1, sizeof(*values));
	uint64_t *area = xcalloc((size_t)p->function_cnt + 1, sizeof(*area));

	for (size_t i = 0; i < p->bucket_cnt; i++)
		values[p->buckets[i].stack] += view__value(v, &p->buckets[i]);
	for (uint32_t s = p->stack_cnt; s; s--) { /* a parent is older than its children */
		values[p->stacks[s].parent] += values[s];
		area[p->frames[p->stacks[s].frame].function] += values[s];
	}
	return area;
}

void libraries__free(struct libraries *l)
{
	if (!l)
		return;
	free(l->slots);
	intern__free(l->texts);
	free(l);
}
