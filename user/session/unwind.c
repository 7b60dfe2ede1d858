/* SPDX-License-Identifier: MIT */
#include "user/session/unwind.h"
#include "pybpfprof.skel.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/room.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define WORDS_ONE  (3u << 20)  /* 24 MB: 4.5 million rows, as some 250 MB of libraries have */
#define WORDS_MANY (5u << 20)  /* 40 MB: 10 million rows */
#define GRACE_NS   20000000ull /* a tick that began before is over */

struct shared {
	void *at;
	size_t bytes;
};

/* What the kernel side may still be looking at. */
struct given {
	struct room *room;
	struct room_stretch s;
	uint64_t ns;
};

struct table {
	uint32_t first, words; /* pages, then rows */
};

struct unwind {
	struct pybpfprof_bpf *skel;
	struct native_files *files;
	struct native_spaces *spaces;
	struct shared words, mappings, rules;
	struct room word_room, mapping_room;
	struct given *given;
	size_t given_cnt, given_cap;
	bool told_full;
};

/* bpf/maps.bpf.h: KEPT_NATIVE_WAIT; for sources that read a stack when its wait begins. */
static uint32_t kept_natives(const struct pybpfprof_bpf *skel)
{
	if (skel->rodata->cfg_keep_waits)
		return ABI_GIL_SLOTS + bpf_map__max_entries(skel->maps.kept_waits);
	return skel->rodata->cfg_gil_apart ? ABI_GIL_SLOTS : 1;
}

void unwind__configure(struct pybpfprof_bpf *skel, bool many)
{
	uint32_t ticks = bpf_map__max_entries(skel->maps.scratches);

	skel->rodata->cfg_wait_natives = ticks;
	bpf_map__set_max_entries(skel->maps.natives, ticks + bpf_map__max_entries(skel->maps.wait_scratches));
	bpf_map__set_max_entries(skel->maps.kept_natives, kept_natives(skel));
	bpf_map__set_max_entries(skel->maps.unwind_words, many ? WORDS_MANY : WORDS_ONE);
	bpf_map__set_max_entries(skel->maps.unwind_mappings, ABI_UNWIND_MAPPINGS);
	bpf_map__set_max_entries(skel->maps.unwind_rules, ABI_UNWIND_RULES);
	bpf_map__set_max_entries(skel->maps.unwind_gaps, ABI_MAX_LAYOUTS);
}

static int share(struct bpf_map *map, struct shared *out)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t value = ((size_t)bpf_map__value_size(map) + 7) & ~(size_t)7;

	out->bytes = (value * bpf_map__max_entries(map) + page - 1) & ~(page - 1);
	out->at = mmap(NULL, out->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	if (out->at != MAP_FAILED)
		return 0;
	out->at = NULL;
	log_error("cannot share the unwinding tables with the kernel: %s", strerror(errno));
	return -errno;
}

static void unshare(struct shared *s)
{
	if (s->at)
		munmap(s->at, s->bytes);
}

static void send_table(void *ctx, struct native_file *f);
static void forget_file(void *ctx, struct native_file *f);

struct unwind *unwind__new(struct pybpfprof_bpf *skel)
{
	struct unwind *u = xcalloc(1, sizeof(*u));

	u->skel = skel;
	u->files = native_files__new(&(struct native_files_calls){send_table, forget_file, u});
	u->spaces = native_spaces__new(u->files);
	room__init(&u->word_room, bpf_map__max_entries(skel->maps.unwind_words));
	room__init(&u->mapping_room, bpf_map__max_entries(skel->maps.unwind_mappings));
	if (share(skel->maps.unwind_words, &u->words) || share(skel->maps.unwind_mappings, &u->mappings) ||
	    share(skel->maps.unwind_rules, &u->rules)) {
		unwind__free(u);
		return NULL;
	}
	return u;
}

void unwind__free(struct unwind *u)
{
	if (!u)
		return;
	native_spaces__free(u->spaces);
	native_files__free(u->files);
	unshare(&u->words);
	unshare(&u->mappings);
	unshare(&u->rules);
	room__clear(&u->word_room);
	room__clear(&u->mapping_room);
	free(u->given);
	free(u);
}

struct native_files *unwind__files(struct unwind *u)
{
	return u->files;
}

struct native_spaces *unwind__spaces(struct unwind *u)
{
	return u->spaces;
}

/* ---- room ------------------------------------------------------------------------------------------------- */

static void give_later(struct unwind *u, struct room *room, struct room_stretch s)
{
	xgrow(u->given, u->given_cnt, u->given_cap);
	u->given[u->given_cnt++] = (struct given){room, s, clock_now_ns()};
}

static void take_back(struct unwind *u)
{
	uint64_t now = clock_now_ns();
	size_t kept = 0;

	for (size_t i = 0; i < u->given_cnt; i++)
		if (now - u->given[i].ns < GRACE_NS)
			u->given[kept++] = u->given[i];
		else
			room__give(u->given[i].room, u->given[i].s.first, u->given[i].s.cnt);
	u->given_cnt = kept;
}

static bool is_given(const struct unwind *u, const struct room *room)
{
	for (size_t i = 0; i < u->given_cnt; i++)
		if (u->given[i].room == room)
			return true;
	return false;
}

/* ROOM_NONE: there is no room, or not yet. */
static uint32_t take(struct unwind *u, struct room *room, uint32_t cnt)
{
	uint32_t first = room__take(room, cnt);

	if (first == ROOM_NONE && cnt && !u->told_full && !is_given(u, room)) {
		log_warn("the unwinding tables of all that is profiled have no room at once: some native stacks end "
			 "early");
		u->told_full = true;
	}
	return first;
}

/* ---- tables ------------------------------------------------------------------------------------------------ */

static void send_rules(struct unwind *u)
{
	uint32_t cnt = 0, changed = 0;
	const struct abi_unwind_rule *all = unwind_rules__all(native_files__rules(u->files), &cnt, &changed);

	if (cnt > ABI_UNWIND_RULES)
		cnt = ABI_UNWIND_RULES;
	if (changed < cnt)
		memcpy((struct abi_unwind_rule *)u->rules.at + changed, all + changed, (cnt - changed) * sizeof(*all));
}

/* Before any mapping says where it is. */
static void send_table(void *ctx, struct native_file *f)
{
	const struct unwind_table *t = &f->table;
	struct unwind *u = ctx;
	struct table *sent;
	uint64_t *words;
	uint32_t cnt, first;

	native_spaces__touch(u->spaces, f);
	if (f->state != NATIVE_FILE_READY || f->owner)
		return;
	send_rules(u);
	cnt = t->page_cnt + (t->row_cnt + 1) / 2;
	first = take(u, &u->word_room, cnt);
	if (first == ROOM_NONE)
		return;
	words = (uint64_t *)u->words.at + first;
	memcpy(words, t->pages, t->page_cnt * sizeof(*t->pages));
	memcpy(words + t->page_cnt, t->rows, t->row_cnt * sizeof(*t->rows));
	sent = xcalloc(1, sizeof(*sent));
	*sent = (struct table){first, cnt};
	f->owner = sent;
	unwind_table__shed(&f->table);
}

static void forget_file(void *ctx, struct native_file *f)
{
	struct table *sent = f->owner;
	struct unwind *u = ctx;

	if (sent)
		give_later(u, &u->word_room, (struct room_stretch){sent->first, sent->words});
	free(sent);
	f->owner = NULL;
}

/* ---- mappings ------------------------------------------------------------------------------------------------ */

static struct abi_unwind_mapping describe(const struct mapping *m, const struct native_file *f)
{
	const struct table *sent = f ? f->owner : NULL;
	struct abi_unwind_mapping out = {.start = m->start, .end = m->end, .made = m->kind == MAPPING_ANONYMOUS};
	uint64_t bias;

	if (!sent || !native_space__bias(m, f, &bias))
		return out;
	out.first = f->table.first + bias;
	out.pages = sent->first;
	out.rows = sent->first + f->table.page_cnt;
	out.page_cnt = f->table.page_cnt;
	return out;
}

static void forget_mappings(struct unwind *u, struct native_space *s)
{
	if (s->sent.there)
		give_later(u, &u->mapping_room, (struct room_stretch){s->sent.first, s->sent.cnt});
	s->sent.there = false;
}

/* False: later. */
static bool send_mappings(void *ctx, struct native_space *s)
{
	struct unwind *u = ctx;
	struct abi_unwind_process p = {.cnt = (uint32_t)s->maps.cnt};
	struct abi_unwind_mapping *at;

	p.first = take(u, &u->mapping_room, p.cnt);
	if (p.first == ROOM_NONE)
		return false;
	at = (struct abi_unwind_mapping *)u->mappings.at + p.first;
	for (size_t i = 0; i < s->maps.cnt; i++)
		at[i] = describe(&s->maps.items[i], s->files[i]);
	forget_mappings(u, s);
	bpf_map__update_elem(u->skel->maps.unwind_processes, &s->image_id, sizeof(s->image_id), &p, sizeof(p), BPF_ANY);
	s->sent.first = p.first;
	s->sent.cnt = p.cnt;
	s->sent.there = true;
	return true;
}

static void forget_space(void *ctx, struct native_space *s)
{
	struct unwind *u = ctx;

	bpf_map__delete_elem(u->skel->maps.unwind_processes, &s->image_id, sizeof(s->image_id), 0);
	forget_mappings(u, s);
}

/* ---- time passes ----------------------------------------------------------------------------------------------- */

void unwind__poll(struct unwind *u, uint64_t now_ns)
{
	static const struct native_spaces_ops ops = {send_mappings, forget_space};

	take_back(u);
	native_files__poll(u->files);
	native_spaces__poll(u->spaces, now_ns, &ops, u);
}

void unwind__settle(struct unwind *u, unsigned ms)
{
	uint64_t end = clock_now_ns() + ms * 1000000ull;

	do {
		unwind__poll(u, clock_now_ns());
		if (!native_spaces__is_busy(u->spaces))
			break;
		native_files__rest(u->files, 5);
	} while (clock_now_ns() < end);
	unwind__poll(u, clock_now_ns());
}
