#include "user/target/native_names.h"
#include "user/symbol/demangle.h"
#include "user/symbol/kallsyms.h"
#include "user/target/native_parts.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include <poll.h>
#include <string.h>
#include <uthash.h>

#define MAX_PLACES (2u << 20) /* addresses that are asked for; of more nothing is known */

/* One address. */
struct place {
	UT_hash_handle hh;
	struct key {
		uint64_t addr;
		uint32_t file; /* 0: of no file, but of … */
		pid_t pid;     /* … a process */
	} key;
	struct native_name *name; /* NULL: asked for */
};

struct function {
	UT_hash_handle hh;
	struct native_name name;
	char key[]; /* what it is known by: kind and start, module, name */
};

struct native_names {
	struct native_files *files;
	struct kallsyms *kallsyms;
	struct place *places;
	struct function *functions;
	struct native_name *unknown;
	struct native_request batch; /* that is being filled */
};

/* ---- functions ------------------------------------------------------------------------------------------- */

/* The one function of that kind, start, module and name. */
static struct native_name *get_function(struct native_names *n, const struct native_name *like)
{
	size_t module = strlen(like->module) + 1, name = strlen(like->name) + 1;
	size_t head = sizeof(like->start) + sizeof(uint32_t), len = head + module + name;
	struct function *f = xcalloc(1, sizeof(*f) + len), *known;
	uint32_t kind = like->kind;

	memcpy(f->key, &like->start, sizeof(like->start));
	memcpy(f->key + sizeof(like->start), &kind, sizeof(kind));
	memcpy(f->key + head, like->module, module);
	memcpy(f->key + head + module, like->name, name);
	HASH_FIND(hh, n->functions, f->key, len, known);
	if (known) {
		free(f);
		return &known->name;
	}
	f->name = *like;
	f->name.module = f->key + head;
	f->name.name = f->key + head + module;
	HASH_ADD_KEYPTR(hh, n->functions, f->key, len, f);
	return &f->name;
}

/* Of a file: without a symbol by where it begins. */
static struct native_name *name_in_file(struct native_names *n, const char *module, uint64_t start, const char *symbol)
{
	__cleanup_free char *made = NULL;

	if (!*symbol)
		made = start ? xasprintf("%s+0x%llx", module, (unsigned long long)start) : xasprintf("[%s]", module);
	return get_function(n, &(struct native_name){made ? made : symbol, module, NATIVE_FUNCTION, start});
}

static struct native_name *name_made(struct native_names *n, uint64_t start, const char *symbol)
{
	return get_function(n, &(struct native_name){*symbol ? symbol : "[made at run time]", "", NATIVE_CODE_MADE,
						     *symbol ? start : 0});
}

/* ---- answers --------------------------------------------------------------------------------------------- */

static struct place *find_place(struct native_names *n, const struct key *key)
{
	struct place *p;

	HASH_FIND(hh, n->places, key, sizeof(*key), p);
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

static void answered(void *ctx, const struct native_request *q, int result, const struct buf *reply)
{
	struct cursor c = cursor_of(reply->data, result ? 0 : reply->len);
	struct native_names *n = ctx;

	for (uint32_t i = 0; i < q->addr_cnt; i++) {
		struct key key = key_of(q, q->addrs[i]);
		struct place *p = find_place(n, &key);
		uint64_t start = cursor_varint(&c);
		__cleanup_free char *name = NULL;

		cursor_varint(&c);
		name = cursor_text(&c);
		if (!p || p->name)
			continue;
		p->name = q->op == NATIVE_MADE ? name_made(n, c.bad ? 0 : start, name)
					       : name_in_file(n, q->module, c.bad ? 0 : start, name);
	}
}

/* ---- questions ------------------------------------------------------------------------------------------- */

static void flush(void *ctx)
{
	struct native_names *n = ctx;

	if (n->batch.addr_cnt)
		native_files__ask(n->files, &n->batch);
	n->batch.addr_cnt = 0;
}

/* A batch is about one file, or one process. */
static void ask(struct native_names *n, const struct native_request *q, uint64_t addr)
{
	struct native_request *b = &n->batch;

	if (b->addr_cnt == NATIVE_BATCH || b->op != q->op || b->file != q->file || b->pid != q->pid)
		flush(n);
	if (!b->addr_cnt)
		*b = *q;
	b->addrs[b->addr_cnt++] = addr;
}

static struct place *add_place(struct native_names *n, const struct key *key)
{
	struct place *p;

	if (HASH_COUNT(n->places) >= MAX_PLACES)
		return NULL;
	p = xcalloc(1, sizeof(*p));
	p->key = *key;
	HASH_ADD(hh, n->places, key, sizeof(p->key), p);
	return p;
}

const struct native_name *native_names__in_file(struct native_names *n, const struct native_file *f, uint64_t vaddr)
{
	struct native_request q = {.op = NATIVE_NAMES, .file = f->id};
	struct key key = key_of(&q, vaddr);
	struct place *p = find_place(n, &key);

	if (p)
		return p->name;
	p = add_place(n, &key);
	if (!p)
		return n->unknown;
	native_file__place(f, &q);
	snprintf(q.module, sizeof(q.module), "%s", f->module);
	ask(n, &q, vaddr);
	return NULL;
}

const struct native_name *native_names__in_memory(struct native_names *n, pid_t pid, uint64_t addr)
{
	struct native_request q = {.op = NATIVE_MADE, .pid = pid};
	struct key key = key_of(&q, addr);
	struct place *p = find_place(n, &key);

	if (p)
		return p->name;
	p = add_place(n, &key);
	if (!p)
		return n->unknown;
	ask(n, &q, addr);
	return NULL;
}

const struct native_name *native_names__in_kernel(struct native_names *n, uint64_t addr)
{
	struct key key = {.addr = addr};
	struct place *p = find_place(n, &key);
	const char *module = "", *found;
	__cleanup_free char *shown = NULL, *name = NULL;
	uint64_t start = 0;

	if (p)
		return p->name;
	p = add_place(n, &key);
	if (!p)
		return n->unknown;
	found = n->kallsyms ? kallsyms__find(n->kallsyms, addr, &start, &module) : NULL;
	shown = xasprintf("[%s]", *module ? module : "kernel");
	name = demangle(found ? found : "[kernel]");
	p->name = get_function(n, &(struct native_name){name, shown, NATIVE_KERNEL, start});
	return p->name;
}

const struct native_name *native_names__unknown(const struct native_names *n)
{
	return n->unknown;
}

/* ---- the whole ------------------------------------------------------------------------------------------- */

struct native_names *native_names__new(struct native_files *files, bool kernel)
{
	struct native_names *n = xcalloc(1, sizeof(*n));

	n->files = files;
	n->kallsyms = kernel ? kallsyms__read() : NULL;
	n->unknown = get_function(n, &(struct native_name){"[unknown]", "", NATIVE_UNKNOWN, 0});
	native_files__set_names(files, &(struct native_names_calls){answered, flush, n});
	return n;
}

void native_names__free(struct native_names *n)
{
	struct function *f, *next_function;
	struct place *p, *next;

	if (!n)
		return;
	native_files__set_names(n->files, &(struct native_names_calls){0});
	HASH_ITER(hh, n->places, p, next)
	{
		HASH_DEL(n->places, p);
		free(p);
	}
	HASH_ITER(hh, n->functions, f, next_function)
	{
		HASH_DEL(n->functions, f);
		free(f);
	}
	kallsyms__free(n->kallsyms);
	free(n);
}

bool native_names__wait(struct native_names *n, unsigned ms)
{
	uint64_t end = clock_now_ns() + ms * 1000000ull;

	native_files__poll(n->files);
	while (native_files__open(n->files) && clock_now_ns() < end) {
		struct pollfd p = {.fd = native_files__fd(n->files), .events = POLLIN};

		poll(&p, 1, 20);
		native_files__poll(n->files);
	}
	return !native_files__open(n->files);
}
