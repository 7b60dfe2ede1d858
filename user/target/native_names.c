/* SPDX-License-Identifier: MIT */
#include "user/target/native_names.h"
#include "user/symbol/demangle.h"
#include "user/symbol/kallsyms.h"
#include "user/target/native_parts.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/pair_map.h"
#include <errno.h>
#include <string.h>
#include <uthash.h>

#define MAX_PLACES (2u << 20) /* addresses that are asked for; of more nothing is known */
#define MANY       32768      /* of them: such as no segment asks for any more go */
#define MAX_FRAMES 256        /* at one address, whatever the child says */

/* One address. */
struct place {
	UT_hash_handle hh;
	struct key {
		uint64_t addr;
		uint32_t file; /* 0: of no file, but of … */
		pid_t pid;     /* … a process */
	} key;
	struct native_frames *frames; /* NULL: asked for */
	bool nameless;                /* there is no symbol */
	bool waits;                   /* for its lines */
	bool used;                    /* in this segment */
};

struct function {
	UT_hash_handle hh;
	struct native_name name;
	bool used;  /* by a place, while some are forgotten */
	char key[]; /* what it is known by: numbers, then its texts, each with its zero */
};

struct native_names {
	struct native_files *files;
	struct kallsyms *kallsyms;
	struct place *places;
	struct function *functions;
	struct native_frames *unknown;
	struct native_request batch, lines; /* that are being filled */
	struct pair_map no_lines;           /* files that are not asked again for theirs */
};

/* ---- functions ------------------------------------------------------------------------------------------- */

/* The one function that is so in all. */
static struct native_name *get_function(struct native_names *n, const struct native_name *like)
{
	const char *texts[] = {like->module, like->name, like->source};
	struct function *f, *known;
	struct buf key = {0};
	size_t at;

	buf_put_varint(&key, like->start);
	buf_put_varint(&key, like->kind << 1 | like->inlined);
	buf_put_varint(&key, (uint64_t)like->first_line);
	at = key.len;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		buf_put(&key, texts[i], strlen(texts[i]) + 1);
	HASH_FIND(hh, n->functions, key.data, key.len, known);
	if (known) {
		buf_free(&key);
		return &known->name;
	}
	f = xcalloc(1, sizeof(*f) + key.len);
	memcpy(f->key, key.data, key.len);
	f->name = *like;
	f->name.module = f->key + at;
	f->name.name = f->name.module + strlen(like->module) + 1;
	f->name.source = f->name.name + strlen(like->name) + 1;
	HASH_ADD_KEYPTR(hh, n->functions, f->key, key.len, f);
	buf_free(&key);
	return &f->name;
}

static struct native_frames *new_frames(uint32_t cnt)
{
	struct native_frames *frames = xcalloc(1, sizeof(*frames) + cnt * sizeof(frames->items[0]));

	frames->cnt = cnt;
	return frames;
}

/* A function without a line. */
static struct native_frames *plain(struct native_names *n, const struct native_name *like)
{
	struct native_frames *frames = new_frames(1);

	frames->items[0].name = get_function(n, like);
	return frames;
}

/* Of a file: without a symbol by where it begins. */
static struct native_frames *name_in_file(struct native_names *n, const char *module, uint64_t start,
					  const char *symbol)
{
	__cleanup_free char *made = NULL;

	if (!*symbol)
		made = start ? xasprintf("%s+0x%llx", module, (unsigned long long)start) : xasprintf("[%s]", module);
	return plain(n, &(struct native_name){made ? made : symbol, module, NATIVE_FUNCTION, start, "", 0, false});
}

static struct native_frames *name_made(struct native_names *n, uint64_t start, const char *symbol)
{
	return plain(n, &(struct native_name){*symbol ? symbol : "[made at run time]", "", NATIVE_CODE_MADE,
					      *symbol ? start : 0, "", 0, false});
}

/* ---- answers --------------------------------------------------------------------------------------------- */

static struct place *find_place(struct native_names *n, const struct key *key)
{
	struct place *p;

	HASH_FIND(hh, n->places, key, sizeof(*key), p);
	if (p)
		p->used = true;
	return p;
}

static struct key key_of(const struct native_request *q, uint64_t addr)
{
	struct key key;

	memset(&key, 0, sizeof(key));
	key.addr = addr;
	key.file = q->file;
	key.pid = q->op == NATIVE_MADE ? q->pid : 0;
	return key;
}

static void ask_lines(struct native_names *n, const struct native_request *of, uint64_t addr);

static void on_names(struct native_names *n, const struct native_request *q, struct cursor *c)
{
	for (uint32_t i = 0; i < q->addr_cnt; i++) {
		struct key key = key_of(q, q->addrs[i]);
		struct place *p = find_place(n, &key);
		uint64_t start = cursor_varint(c);
		__cleanup_free char *name = NULL;

		cursor_varint(c);
		name = cursor_text(c);
		if (!p || p->frames)
			continue;
		start = c->bad ? 0 : start;
		p->frames = q->op == NATIVE_MADE ? name_made(n, start, name) : name_in_file(n, q->module, start, name);
		p->nameless = !*name;
		p->waits = start && q->op == NATIVE_NAMES && !pair_map__get(&n->no_lines, q->file, 0);
		if (p->waits)
			ask_lines(n, q, q->addrs[i]);
	}
}

/* One of the functions at an address; of the last one, whose code it is, the symbol says the name, if there is one. */
static struct native_frame read_frame(struct native_names *n, const struct place *p, bool last, struct cursor *c)
{
	const struct native_name *own = p->frames->items[0].name;
	__cleanup_free char *name = cursor_text(c), *source = cursor_text(c);
	int32_t line = (int32_t)cursor_varint(c), first_line = (int32_t)cursor_varint(c);
	struct native_name like = {.name = *name ? name : "[inlined]",
				   .module = own->module,
				   .kind = own->kind,
				   .start = last ? own->start : 0,
				   .source = source,
				   .first_line = first_line,
				   .inlined = !last};

	if (last && (!p->nameless || !*name))
		like.name = own->name;
	return (struct native_frame){get_function(n, &like), line};
}

static void on_lines(struct native_names *n, const struct native_request *q, int result, struct cursor *c)
{
	if (result == -ETIMEDOUT)
		*pair_map__slot(&n->no_lines, q->file, 0) = 1;
	for (uint32_t i = 0; i < q->addr_cnt; i++) {
		struct key key = key_of(q, q->addrs[i]);
		struct place *p = find_place(n, &key);
		uint64_t cnt = cursor_varint(c);
		struct native_frames *frames;

		if (p)
			p->waits = false;
		if (!p || !p->frames || !cnt || cnt > MAX_FRAMES)
			continue;
		frames = new_frames((uint32_t)cnt);
		for (uint32_t f = 0; f < cnt; f++)
			frames->items[f] = read_frame(n, p, f + 1 == cnt, c);
		if (c->bad) {
			free(frames);
			continue;
		}
		free(p->frames);
		p->frames = frames;
	}
}

static void answered(void *ctx, const struct native_request *q, int result, const struct buf *reply)
{
	struct cursor c = cursor_of(reply->data, result ? 0 : reply->len);

	if (q->op == NATIVE_LINES)
		on_lines(ctx, q, result, &c);
	else
		on_names(ctx, q, &c);
}

/* ---- questions ------------------------------------------------------------------------------------------- */

static void send_batch(struct native_names *n, struct native_request *b)
{
	if (b->addr_cnt)
		native_files__ask(n->files, b);
	b->addr_cnt = 0;
}

static void flush(void *ctx)
{
	struct native_names *n = ctx;

	send_batch(n, &n->batch);
	send_batch(n, &n->lines);
}

/* A batch is about one file, or one process. */
static void add_to_batch(struct native_names *n, struct native_request *b, const struct native_request *q,
			 uint64_t addr)
{
	if (b->addr_cnt == NATIVE_BATCH || b->op != q->op || b->file != q->file || b->pid != q->pid)
		send_batch(n, b);
	if (!b->addr_cnt) {
		*b = *q;
		b->addr_cnt = 0;
	}
	b->addrs[b->addr_cnt++] = addr;
}

static void ask(struct native_names *n, const struct native_request *q, uint64_t addr)
{
	add_to_batch(n, &n->batch, q, addr);
}

static void ask_lines(struct native_names *n, const struct native_request *of, uint64_t addr)
{
	struct native_request q = *of;

	q.op = NATIVE_LINES;
	add_to_batch(n, &n->lines, &q, addr);
}

static struct place *add_place(struct native_names *n, const struct key *key)
{
	struct place *p;

	if (HASH_COUNT(n->places) >= MAX_PLACES)
		return NULL;
	p = xcalloc(1, sizeof(*p));
	p->key = *key;
	p->used = true;
	HASH_ADD(hh, n->places, key, sizeof(p->key), p);
	return p;
}

const struct native_frames *native_names__in_file(struct native_names *n, const struct native_file *f, uint64_t vaddr,
						  bool now)
{
	struct native_request q = {.op = NATIVE_NAMES, .file = f->id};
	struct key key = key_of(&q, vaddr);
	struct place *p = find_place(n, &key);

	if (p)
		return p->waits && !now ? NULL : p->frames;
	p = add_place(n, &key);
	if (!p)
		return n->unknown;
	native_file__place(f, &q);
	snprintf(q.module, sizeof(q.module), "%s", f->module);
	ask(n, &q, vaddr);
	return NULL;
}

const struct native_frames *native_names__in_memory(struct native_names *n, pid_t pid, uint64_t addr)
{
	struct native_request q = {.op = NATIVE_MADE, .pid = pid};
	struct key key = key_of(&q, addr);
	struct place *p = find_place(n, &key);

	if (p)
		return p->frames;
	p = add_place(n, &key);
	if (!p)
		return n->unknown;
	ask(n, &q, addr);
	return NULL;
}

const struct native_frames *native_names__in_kernel(struct native_names *n, uint64_t addr)
{
	struct key key = {.addr = addr};
	struct place *p = find_place(n, &key);
	const char *module = "", *found;
	__cleanup_free char *shown = NULL, *name = NULL;
	uint64_t start = 0;

	if (p)
		return p->frames;
	p = add_place(n, &key);
	if (!p)
		return n->unknown;
	found = n->kallsyms ? kallsyms__find(n->kallsyms, addr, &start, &module) : NULL;
	shown = xasprintf("[%s]", *module ? module : "kernel");
	name = demangle(found ? found : "[kernel]");
	p->frames = plain(n, &(struct native_name){name, shown, NATIVE_KERNEL, start, "", 0, false});
	return p->frames;
}

const struct native_frames *native_names__unknown(const struct native_names *n)
{
	return n->unknown;
}

const struct native_frames *native_names__at(struct native_names *n, const struct native_place *place, pid_t pid,
					     uint64_t addr, bool now)
{
	if (place->file)
		return native_names__in_file(n, place->file, place->vaddr, now);
	return place->known ? native_names__in_memory(n, pid, addr) : native_names__unknown(n);
}

const char *native_name__file(const struct native_name *name)
{
	return *name->source ? name->source : name->module;
}

bool native_name__is_trampoline(const struct native_name *name)
{
	return name->kind == NATIVE_CODE_MADE && !strncmp(name->name, "py::", 4);
}

/* ---- the whole ------------------------------------------------------------------------------------------- */

struct native_names *native_names__new(struct native_files *files, bool kernel)
{
	struct native_names *n = xcalloc(1, sizeof(*n));

	n->files = files;
	n->kallsyms = kernel ? kallsyms__read() : NULL;
	n->unknown = plain(n, &(struct native_name){"[unknown]", "", NATIVE_UNKNOWN, 0, "", 0, false});
	native_files__set_names(files, &(struct native_names_calls){answered, flush, n});
	return n;
}

static void drop_place(struct native_names *n, struct place *p)
{
	HASH_DEL(n->places, p);
	free(p->frames);
	free(p);
}

static void use_functions(const struct native_frames *frames)
{
	for (uint32_t i = 0; i < frames->cnt; i++)
		((struct function *)((char *)frames->items[i].name - offsetof(struct function, name)))->used = true;
}

static void drop_functions(struct native_names *n)
{
	struct function *f, *next;

	use_functions(n->unknown);
	for (const struct place *p = n->places; p; p = p->hh.next)
		if (p->frames)
			use_functions(p->frames);
	HASH_ITER(hh, n->functions, f, next)
	{
		if (!f->used) {
			HASH_DEL(n->functions, f);
			free(f);
			continue;
		}
		f->used = false;
	}
}

/* One that is asked for stays: its answer is on the way. */
void native_names__begin_segment(struct native_names *n)
{
	bool many = HASH_COUNT(n->places) > MANY;
	struct place *p, *next;

	HASH_ITER(hh, n->places, p, next)
	{
		if (many && p->frames && !p->waits && !p->used)
			drop_place(n, p);
		else
			p->used = false;
	}
	if (many)
		drop_functions(n);
}

void native_names__free(struct native_names *n)
{
	struct function *f, *next_function;
	struct place *p, *next;

	if (!n)
		return;
	native_files__set_names(n->files, &(struct native_names_calls){0});
	HASH_ITER(hh, n->places, p, next)
	drop_place(n, p);
	HASH_ITER(hh, n->functions, f, next_function)
	{
		HASH_DEL(n->functions, f);
		free(f);
	}
	kallsyms__free(n->kallsyms);
	pair_map__free(&n->no_lines);
	free(n->unknown);
	free(n);
}

bool native_names__wait(struct native_names *n, unsigned ms)
{
	uint64_t end = clock_now_ns() + ms * 1000000ull;

	native_files__poll(n->files);
	while (native_files__open(n->files) && clock_now_ns() < end) {
		native_files__rest(n->files, 20);
		native_files__poll(n->files);
	}
	return !native_files__open(n->files);
}
