/* SPDX-License-Identifier: MIT */
/*
 * A text is what ran only if it was the only one of its name: where another one is found later, there is none. The number
 * of a cell is that of its last run.
 */
#include "user/resolve/held.h"
#include "user/os/worker.h"
#include "user/resolve/aside.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/clock.h"
#include "user/util/digest.h"
#include <string.h>

#define FILES_MAX   4096        /* of a process */
#define NAMES_MAX   (64u << 10) /* bytes of names in a question */
#define PROCESS_MAX (1u << 20)  /* bytes of texts */
#define ALL_MAX     (8u << 20)
#define ON_DISK_MAX 65536 /* then all are asked for again */
#define EVERY_NS    100000000ull
#define PAUSE_NS    5000000000ull /* at most */
#define REST        100           /* so many times as long as it took: 1 % of a core … */
#define AHEAD_NS    2000000000ull /* … in all processes together, on average over so long */
#define LAST_MAX_NS 200000000ull  /* of our own time as sampling ends */

struct held_file {
	UT_hash_handle hh;
	char *text, *label; /* NULL: none */
	bool is_mixed;      /* there was more than one text */
	bool is_file;       /* one of a disk after all, or taken for one */
	char name[];
};

void held__init(struct held_sources *h, struct profile_sink sink)
{
	*h = (struct held_sources){.sink = sink, .segment = 1};
}

void held__free(struct held_sources *h)
{
	pair_map__free(&h->on_disk);
}

void held__begin_segment(struct held_sources *h, struct profile_sink sink)
{
	h->sink = sink;
	h->segment++;
}

static struct held_file *find_file(const struct known *k, const char *name)
{
	struct held_file *f;

	HASH_FIND_STR(k->held.files, name, f);
	return f;
}

/* Where it is known what is on a disk for this process. */
static struct pair_map *disk_of(struct held_sources *h, struct known *k)
{
	return k->process->own_root ? &h->on_disk : &k->held.on_disk;
}

static bool is_on_disk(struct held_sources *h, struct known *k, const char *name)
{
	uint64_t digest = digest_of(name, strlen(name));

	return pair_map__get(disk_of(h, k), (uint32_t)(digest >> 32), (uint32_t)digest);
}

static void note_on_disk(struct held_sources *h, struct known *k, const char *name)
{
	uint64_t digest = digest_of(name, strlen(name));
	struct pair_map *disk = disk_of(h, k);

	if (disk->count >= ON_DISK_MAX)
		pair_map__free(disk);
	*pair_map__slot(disk, (uint32_t)(digest >> 32), (uint32_t)digest) = 1;
}

/* Frozen modules have no text; "[unreadable]" is no file. */
static bool may_be_held(const char *name)
{
	static const char frozen[] = "<frozen ";

	return *name && *name != '[' && strncmp(name, frozen, strlen(frozen)) != 0;
}

void held__meet(struct held_sources *h, struct known *k, const char *name)
{
	size_t len = strlen(name);
	struct held_file *f;

	if (!may_be_held(name) || HASH_COUNT(k->held.files) >= FILES_MAX || find_file(k, name) ||
	    is_on_disk(h, k, name))
		return;
	f = xmalloc(sizeof(*f) + len + 1);
	*f = (struct held_file){0};
	memcpy(f->name, name, len + 1);
	HASH_ADD_STR(k->held.files, name, f);
	k->held.is_fresh = true;
}

static void free_file(struct held *own, struct held_file *f)
{
	HASH_DEL(own->files, f);
	free(f->text);
	free(f->label);
	free(f);
}

void held__clear(struct held *own)
{
	struct held_file *f, *next;

	HASH_ITER(hh, own->files, f, next)
	free_file(own, f);
	pair_map__free(&own->on_disk);
	*own = (struct held){0};
}

void held__forget(struct held_sources *h, struct known *k)
{
	h->text_bytes -= k->held.text_bytes;
	held__clear(&k->held);
}

/* ---- what there is ------------------------------------------------------------------------------------- */

struct reading {
	struct held_sources *h;
	struct known *k;
};

static void set_text(struct reading *g, struct held_file *f, const char *text)
{
	struct held *own = &g->k->held;
	size_t len = text ? strlen(text) : 0, had = f->text ? strlen(f->text) : 0;

	if (len > had && (own->text_bytes + len - had > PROCESS_MAX || g->h->text_bytes + len - had > ALL_MAX))
		return;
	own->text_bytes += len - had;
	g->h->text_bytes += len - had;
	free(f->text);
	f->text = text ? xstrdup(text) : NULL;
	own->is_sent = false;
}

static void take_text(struct reading *g, struct held_file *f, const char *text)
{
	if (f->is_mixed || (f->text && !strcmp(f->text, text)))
		return;
	f->is_mixed = f->text;
	set_text(g, f, f->is_mixed ? NULL : text);
}

static void take_label(struct reading *g, struct held_file *f, const char *label)
{
	if (f->label && !strcmp(f->label, label))
		return;
	free(f->label);
	f->label = xstrdup(label);
	g->k->held.is_sent = false;
}

static void take(void *ctx, const struct held_source *s)
{
	struct reading *g = ctx;
	struct held_file *f = find_file(g->k, s->file);

	if (!f)
		return;
	if (s->text)
		take_text(g, f, s->text);
	if (s->label)
		take_label(g, f, s->label);
	if (s->text || s->label)
		return;
	set_text(g, f, NULL);
	free(f->label);
	f->label = NULL;
	f->is_file = true;
	if (s->is_file || !g->k->process->own_root)
		note_on_disk(g->h, g->k, s->file);
}

/* Those that may have one, or another one. */
static void list_names(const struct known *k, struct buf *names)
{
	for (const struct held_file *f = k->held.files; f && names->len < NAMES_MAX; f = f->hh.next)
		if (!f->is_file)
			buf_put(names, f->name, strlen(f->name) + 1);
}

/* Of what turned out to be on a disk the digest is enough; a disk of ours is known to all. */
static void drop_files(struct held_sources *h, struct known *k)
{
	struct held_file *f, *next;

	HASH_ITER(hh, k->held.files, f, next)
	if (f->is_file || is_on_disk(h, k, f->name))
		free_file(&k->held, f);
}

static void ask(struct held_sources *h, struct known *k)
{
	struct aside_sources q = {.pid = k->process->pid, .runtime_addr = k->process->runtime_addr};
	struct reading g = {h, k};
	struct buf names = {0};

	drop_files(h, k);
	list_names(k, &names);
	q.names = names.data;
	q.names_len = names.len;
	if (names.len)
		aside_sources(&q, &k->process->interp->build, take, &g);
	buf_free(&names);
	drop_files(h, k);
}

/* ---- when ---------------------------------------------------------------------------------------------- */

static bool is_due(const struct held_sources *h, const struct known *k, uint64_t now_ns, bool last)
{
	if (!k->held.files || k->process->exited || !k->process->interp || !k->process->runtime_addr)
		return false;
	if (last)
		return h->last_took_ns < LAST_MAX_NS;
	return k->held.is_fresh && now_ns >= k->held.next_ns && now_ns >= h->rest_until_ns;
}

static uint64_t cpu_ns(void)
{
	return clock_cpu_ns() + worker_cpu_ns();
}

static void plan_next(struct held_sources *h, struct known *k, uint64_t now_ns, uint64_t took_ns)
{
	uint64_t pause = took_ns * REST, earliest = now_ns > AHEAD_NS ? now_ns - AHEAD_NS : 0;

	k->held.is_fresh = false;
	k->held.next_ns = now_ns + (pause < EVERY_NS ? EVERY_NS : pause > PAUSE_NS ? PAUSE_NS : pause);
	h->rest_until_ns =
		(h->rest_until_ns > earliest ? h->rest_until_ns : earliest) + pause * (h->frugal ? h->frugal : 1);
}

void held__send(struct held_sources *h, struct known *k)
{
	if (!k->profile_id || (k->held.is_sent && k->held.segment == h->segment))
		return;
	for (const struct held_file *f = k->held.files; f; f = f->hh.next)
		if (f->text || f->label || f->is_mixed)
			h->sink.ops->source(h->sink.ctx, &(struct profile_source){
								 .process = k->profile_id,
								 .file = f->name,
								 .label = f->label ? f->label : "",
								 .text = f->text ? f->text : "",
							 });
	k->held.is_sent = true;
	k->held.segment = h->segment;
}

void held__read(struct held_sources *h, struct known *k, uint64_t now_ns, bool last)
{
	uint64_t start_ns, took_ns;

	if (!is_due(h, k, now_ns, last))
		return;
	start_ns = cpu_ns();
	ask(h, k);
	took_ns = cpu_ns();
	took_ns -= took_ns < start_ns ? took_ns : start_ns; /* the worker may be another one by now */
	h->last_took_ns += last ? took_ns : 0;
	plan_next(h, k, now_ns, took_ns);
	held__send(h, k);
}
