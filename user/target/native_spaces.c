/* SPDX-License-Identifier: MIT */
#include "user/target/native_spaces.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"

#define WAIT_MIN_NS 20000000ull
#define WAIT_MAX_NS 1000000000ull
#define KEEP_NS     10000000000ull /* longer than a sample waits for its names */
#define POLL_MAX_NS 50000000ull    /* spent on reading, at a time */
#define REST        50             /* times as long as a reading took */
#define MAX_PAST    16

struct native_spaces {
	struct native_files *files;
	struct native_space *by_image;
};

struct native_spaces *native_spaces__new(struct native_files *files)
{
	struct native_spaces *t = xcalloc(1, sizeof(*t));

	t->files = files;
	return t;
}

static void put_files(struct native_spaces *t, struct native_file **files, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		if (files[i])
			native_files__put(t->files, files[i]);
	free(files);
}

/* What was known until then, or before. */
static void drop_past(struct native_spaces *t, struct native_space *s, uint64_t until_ns)
{
	struct native_past **at = &s->past, *p;

	for (size_t i = 0; *at && i < MAX_PAST && (*at)->until_ns > until_ns; i++)
		at = &(*at)->older;
	while ((p = *at)) {
		*at = p->older;
		put_files(t, p->files, p->maps.cnt);
		mappings_clear(&p->maps);
		free(p);
	}
}

static void drop(struct native_spaces *t, struct native_space *s)
{
	HASH_DEL(t->by_image, s);
	drop_past(t, s, UINT64_MAX);
	put_files(t, s->files, s->maps.cnt);
	mappings_clear(&s->maps);
	free(s);
}

void native_spaces__free(struct native_spaces *t)
{
	struct native_space *s, *next;

	if (!t)
		return;
	HASH_ITER(hh, t->by_image, s, next)
	drop(t, s);
	free(t);
}

struct native_space *native_spaces__find(const struct native_spaces *t, uint32_t image_id)
{
	struct native_space *s;

	HASH_FIND(hh, t->by_image, &image_id, sizeof(image_id), s);
	return s;
}

void native_spaces__want(struct native_spaces *t, uint32_t image_id, pid_t pid)
{
	struct native_space *s = native_spaces__find(t, image_id);

	if (!s) {
		s = xcalloc(1, sizeof(*s));
		s->image_id = image_id;
		s->pid = pid;
		s->wait_ns = WAIT_MIN_NS;
		HASH_ADD(hh, t->by_image, image_id, sizeof(s->image_id), s);
	}
	s->wanted |= !s->gone;
}

void native_spaces__gone(struct native_spaces *t, uint32_t image_id, uint64_t now_ns)
{
	struct native_space *s = native_spaces__find(t, image_id);

	if (!s || s->gone)
		return;
	s->gone = true;
	s->wanted = false;
	s->gone_ns = now_ns;
}

void native_spaces__touch(struct native_spaces *t, const struct native_file *f)
{
	struct native_space *s, *next;

	HASH_ITER(hh, t->by_image, s, next)
	for (size_t i = 0; i < s->maps.cnt && !s->changed; i++)
		s->changed = s->files[i] == f;
}

/* ---- reading -------------------------------------------------------------------------------------------- */

static bool are_equal(const struct mappings *a, const struct mappings *b)
{
	if (a->cnt != b->cnt)
		return false;
	for (size_t i = 0; i < a->cnt; i++) {
		const struct mapping *x = &a->items[i], *y = &b->items[i];

		if (x->start != y->start || x->end != y->end || x->offset != y->offset || x->kind != y->kind ||
		    x->file.inode != y->file.inode || x->file.dev != y->file.dev ||
		    x->file.changed_ns != y->file.changed_ns)
			return false;
	}
	return true;
}

static struct native_file **get_files(struct native_spaces *t, pid_t pid, const struct mappings *m)
{
	struct native_file **files = xcalloc(m->cnt + 1, sizeof(*files));

	for (size_t i = 0; i < m->cnt; i++)
		if (m->items[i].kind != MAPPING_ANONYMOUS)
			files[i] = native_files__get(t->files, pid, &m->items[i], mappings_path(m, &m->items[i]));
	return files;
}

/* In vain, the next time is later; and what takes long is not done often. */
static void set_next(struct native_space *s, bool same, uint64_t now_ns, uint64_t took_ns)
{
	s->wait_ns = same ? 2 * s->wait_ns : s->wait_ns / 2;
	if (s->wait_ns < REST * took_ns)
		s->wait_ns = REST * took_ns;
	if (s->wait_ns < WAIT_MIN_NS)
		s->wait_ns = WAIT_MIN_NS;
	if (s->wait_ns > WAIT_MAX_NS)
		s->wait_ns = WAIT_MAX_NS;
	s->next_ns = now_ns + s->wait_ns;
}

static void take_over(struct native_spaces *t, struct native_space *s, struct mappings *fresh)
{
	struct native_file **files = get_files(t, s->pid, fresh);
	struct native_past *past = xcalloc(1, sizeof(*past));

	*past = (struct native_past){s->maps, s->files, clock_now_ns(), s->past};
	s->past = past;
	s->maps = *fresh;
	s->files = files;
}

/* The kernel side counts pages of code: it waits to hear, too, that all is as it was. */
static void read_again(struct native_spaces *t, struct native_space *s, uint64_t now_ns)
{
	uint64_t start = clock_now_ns();
	struct mappings fresh = {0};
	bool same =
		mappings_read(&fresh, s->pid) || !fresh.cnt || are_equal(&fresh, &s->maps); /* none: it is exiting */

	if (same)
		mappings_clear(&fresh);
	else
		take_over(t, s, &fresh);
	set_next(s, same, now_ns, clock_now_ns() - start);
	s->wanted = false;
	s->changed = true;
}

void native_spaces__poll(struct native_spaces *t, uint64_t now_ns, const struct native_spaces_ops *ops, void *ctx)
{
	uint64_t start = clock_now_ns();
	struct native_space *s, *next;

	HASH_ITER(hh, t->by_image, s, next)
	{
		if (s->wanted && now_ns >= s->next_ns && clock_now_ns() - start < POLL_MAX_NS)
			read_again(t, s, now_ns);
		s->changed = s->changed && s->maps.cnt && !s->gone && !ops->changed(ctx, s);
		drop_past(t, s, now_ns > KEEP_NS ? now_ns - KEEP_NS : 0);
		if (s->gone && now_ns - s->gone_ns > KEEP_NS) {
			ops->forget(ctx, s);
			drop(t, s);
		}
	}
}

bool native_spaces__is_busy(const struct native_spaces *t)
{
	struct native_space *s, *next;

	HASH_ITER(hh, t->by_image, s, next)
	{
		if (s->wanted)
			return true;
		for (size_t i = 0; i < s->maps.cnt; i++)
			if (s->files[i] && s->files[i]->state == NATIVE_FILE_ASKED)
				return true;
	}
	return false;
}

/* ---- looking up ------------------------------------------------------------------------------------------- */

/* A mapping begins where a page does, and a segment anywhere in it. */
bool native_space__bias(const struct mapping *m, const struct native_file *f, uint64_t *bias)
{
	const struct unwind_table *t = &f->table;

	for (uint32_t i = 0; i < t->part_cnt && i < UNWIND_MAX_PARTS; i++) {
		const struct elf_part *part = &t->parts[i];

		if (part->offset >= m->offset + (m->end - m->start) || part->offset + part->bytes <= m->offset)
			continue;
		*bias = m->start + (part->offset - m->offset) - part->vaddr;
		return true;
	}
	return false;
}

static struct native_place find_in(const struct mappings *maps, struct native_file *const *files, uint64_t addr)
{
	const struct mapping *m = mappings_find(maps, addr);
	struct native_place place = {.known = m};
	uint64_t bias;

	if (!m)
		return place;
	place.kind = m->kind;
	place.file = files[m - maps->items];
	place.asked = place.file && place.file->state == NATIVE_FILE_ASKED;
	place.vaddr = addr - m->start + m->offset;
	if (place.file && native_space__bias(m, place.file, &bias))
		place.vaddr = addr - bias;
	return place;
}

struct native_place native_space__find(const struct native_space *s, uint64_t addr, uint64_t time_ns)
{
	struct native_place first = {0};

	for (const struct native_past *p = s->past; p && p->until_ns > time_ns; p = p->older) {
		struct native_place place = find_in(&p->maps, p->files, addr);

		if (place.known)
			first = place;
	}
	return first.known ? first : find_in(&s->maps, s->files, addr);
}
