/* SPDX-License-Identifier: MIT */
#include "user/target/native_files.h"
#include "user/target/native_parts.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include "user/util/text.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <uthash.h>

#define UNUSED_BYTES (64u << 20) /* of tables that nobody holds any more, and … */
#define UNUSED_FILES 4096        /* … so many files */

struct entry {
	struct native_file f;
	UT_hash_handle hh;
	struct entry *prev, *next; /* of those that nobody holds, the oldest first */
	struct {
		struct abi_file file;
		uint64_t kind;
	} key;
	/* where it was seen last */
	pid_t pid;
	struct mapping at;
	char *path;
};

struct native_files {
	struct entry *entries;
	struct entry *oldest, *newest;
	size_t unused_cnt, unused_bytes, bytes;
	uint32_t last_id;
	struct unwind_rules *rules;
	struct native_channel *channel, *lines;
	struct native_files_calls calls;
	struct native_names_calls names;
	bool rules_told;
};

/* ---- those that nobody holds ----------------------------------------------------------------------------- */

static size_t bytes_of(const struct entry *e)
{
	return unwind_table__bytes(&e->f.table);
}

static void unlink_unused(struct native_files *t, struct entry *e)
{
	*(e->prev ? &e->prev->next : &t->oldest) = e->next;
	*(e->next ? &e->next->prev : &t->newest) = e->prev;
	e->prev = e->next = NULL;
	t->unused_cnt--;
	t->unused_bytes -= bytes_of(e);
}

static void link_unused(struct native_files *t, struct entry *e)
{
	e->prev = t->newest;
	*(t->newest ? &t->newest->next : &t->oldest) = e;
	t->newest = e;
	t->unused_cnt++;
	t->unused_bytes += bytes_of(e);
}

static void destroy(struct native_files *t, struct entry *e)
{
	if (t->calls.forget)
		t->calls.forget(t->calls.ctx, &e->f);
	HASH_DEL(t->entries, e);
	t->bytes -= bytes_of(e);
	unwind_rules__release(t->rules, &e->f.table);
	unwind_table__clear(&e->f.table);
	free(e->f.module);
	free(e->path);
	free(e);
}

static void forget_oldest(struct native_files *t)
{
	while (t->unused_cnt > UNUSED_FILES || t->unused_bytes > UNUSED_BYTES) {
		struct entry *e = t->oldest;

		unlink_unused(t, e);
		destroy(t, e);
	}
}

/* ---- tables ---------------------------------------------------------------------------------------------- */

static bool fits(const struct native_table *h, size_t bytes)
{
	return h->page_cnt <= UNWIND_MAX_PAGES + 1 && h->row_cnt <= UNWIND_MAX_ROWS && h->rule_cnt &&
	       h->rule_cnt <= UNWIND_MAX_RULES && h->part_cnt <= UNWIND_MAX_PARTS &&
	       bytes == h->page_cnt * sizeof(struct abi_unwind_page) + h->row_cnt * sizeof(struct abi_unwind_row) +
				h->rule_cnt * sizeof(struct abi_unwind_rule);
}

/* The child has read a hostile file: what comes of it is not trusted to be a table. */
static bool is_sound(const struct unwind_table *t)
{
	for (uint32_t i = 0; i < t->page_cnt; i++)
		if (t->pages[i].rule >= t->rule_cnt || t->pages[i].first_row > t->row_cnt ||
		    t->pages[i].row_cnt > t->row_cnt - t->pages[i].first_row)
			return false;
	for (uint32_t i = 0; i < t->row_cnt; i++)
		if (t->rows[i].rule >= t->rule_cnt)
			return false;
	return true;
}

static void *take(struct cursor *c, size_t bytes)
{
	void *copy = xmalloc(bytes + 1);

	cursor_copy(c, copy, bytes);
	return copy;
}

static bool unpack(struct unwind_table *t, const struct buf *reply)
{
	struct cursor c = cursor_of(reply->data, reply->len);
	struct native_table h;

	cursor_copy(&c, &h, sizeof(h));
	if (c.bad || !fits(&h, cursor_left(&c)))
		return false;
	*t = (struct unwind_table){.first = h.first,
				   .page_cnt = h.page_cnt,
				   .row_cnt = h.row_cnt,
				   .rule_cnt = h.rule_cnt,
				   .part_cnt = h.part_cnt};
	memcpy(t->parts, h.parts, sizeof(t->parts));
	t->pages = take(&c, t->page_cnt * sizeof(*t->pages));
	t->rows = take(&c, t->row_cnt * sizeof(*t->rows));
	t->rules = take(&c, t->rule_cnt * sizeof(*t->rules));
	if (is_sound(t))
		return true;
	unwind_table__clear(t);
	return false;
}

static void adopt(struct native_files *t, struct entry *e)
{
	if (!unwind_rules__adopt(t->rules, &e->f.table) && !t->rules_told) {
		t->rules_told = true;
		log_warn("the files of native code have more than %d unwind rules: stacks through the latest ones are "
			 "cut there",
			 ABI_UNWIND_RULES);
	}
	e->f.state = NATIVE_FILE_READY;
	t->bytes += bytes_of(e);
	if (!e->f.refs)
		t->unused_bytes += bytes_of(e);
}

static struct entry *find_id(const struct native_files *t, uint32_t id)
{
	for (struct entry *e = t->entries; e; e = e->hh.next)
		if (e->f.id == id)
			return e;
	return NULL;
}

static void on_table(struct native_files *t, const struct native_request *q, int result, const struct buf *reply)
{
	struct entry *e = find_id(t, q->file);

	if (!e || e->f.state != NATIVE_FILE_ASKED)
		return;
	if (!result && unpack(&e->f.table, reply))
		adopt(t, e);
	else
		e->f.state = NATIVE_FILE_NONE;
	if (result)
		log_debug("%s has no unwind table: %s", e->path, strerror(-result));
	if (t->calls.ready)
		t->calls.ready(t->calls.ctx, &e->f);
}

static void answered(void *ctx, const struct native_request *q, int result, const struct buf *reply)
{
	struct native_files *t = ctx;

	if (q->op == NATIVE_TABLE)
		on_table(t, q, result, reply);
	else if (t->names.answered)
		t->names.answered(t->names.ctx, q, result, reply);
}

/* ---- files ----------------------------------------------------------------------------------------------- */

struct native_files *native_files__new(const struct native_files_calls *calls)
{
	struct native_files *t = xcalloc(1, sizeof(*t));

	t->calls = *calls;
	t->rules = unwind_rules__new();
	t->channel = native_channel__new(answered, t);
	t->lines = native_channel__new(answered, t);
	return t;
}

void native_files__free(struct native_files *t)
{
	struct entry *e, *next;

	if (!t)
		return;
	native_channel__free(t->channel);
	native_channel__free(t->lines);
	HASH_ITER(hh, t->entries, e, next)
	destroy(t, e);
	unwind_rules__free(t->rules);
	free(t);
}

static char *module_of(const struct mapping *m, const char *path)
{
	static const char gone[] = " (deleted)";
	const char *name = strrchr(path, '/');
	size_t len;

	if (m->kind == MAPPING_VDSO)
		return xstrdup("[vdso]");
	name = name ? name + 1 : path;
	len = strlen(name);
	if (len > strlen(gone) && !strcmp(name + len - strlen(gone), gone))
		len -= strlen(gone);
	return text_clean(name, len, 0);
}

static void see(struct entry *e, pid_t pid, const struct mapping *m, const char *path)
{
	e->pid = pid;
	e->at = *m;
	if (!e->path || strcmp(e->path, path)) {
		free(e->path);
		e->path = xstrdup(path);
	}
}

static struct entry *add(struct native_files *t, const struct entry *like, const char *path)
{
	struct entry *e = xcalloc(1, sizeof(*e));
	struct native_request q = {.op = NATIVE_TABLE};

	e->key = like->key;
	e->f.file = like->key.file;
	e->f.id = ++t->last_id;
	e->f.module = module_of(&like->at, path);
	HASH_ADD(hh, t->entries, key, sizeof(e->key), e);
	see(e, like->pid, &like->at, path);
	q.file = e->f.id;
	native_file__place(&e->f, &q);
	native_channel__ask(t->channel, &q);
	q.op = NATIVE_LINES; /* it is opened while its process is there */
	native_channel__ask(t->lines, &q);
	return e;
}

struct native_file *native_files__get(struct native_files *t, pid_t pid, const struct mapping *m, const char *path)
{
	struct entry like = {.pid = pid, .at = *m, .key = {m->file, m->kind}}, *e;

	if (m->kind == MAPPING_ANONYMOUS)
		return NULL;
	HASH_FIND(hh, t->entries, &like.key, sizeof(like.key), e);
	if (!e) {
		e = add(t, &like, path);
	} else {
		see(e, pid, m, path);
		if (!e->f.refs)
			unlink_unused(t, e);
	}
	e->f.refs++;
	return &e->f;
}

void native_files__put(struct native_files *t, struct native_file *f)
{
	struct entry *e = (struct entry *)f;

	if (!f || --f->refs)
		return;
	link_unused(t, e);
	forget_oldest(t);
}

bool native_file__is(const struct native_file *f, const struct abi_file *file)
{
	return f && f->file.inode == file->inode && f->file.dev == file->dev && f->file.changed_ns == file->changed_ns;
}

void native_file__place(const struct native_file *f, struct native_request *q)
{
	const struct entry *e = (const struct entry *)f;

	q->pid = e->pid;
	q->at = e->at;
	snprintf(q->path, sizeof(q->path), "%s", e->path);
}

void native_files__set_names(struct native_files *t, const struct native_names_calls *calls)
{
	t->names = *calls;
}

void native_files__ask(struct native_files *t, const struct native_request *q)
{
	native_channel__ask(q->op == NATIVE_LINES ? t->lines : t->channel, q);
}

static void flush(struct native_files *t)
{
	if (t->names.flush)
		t->names.flush(t->names.ctx);
}

/* Lines are asked for once there is a name. */
void native_files__poll(struct native_files *t)
{
	flush(t);
	native_channel__poll(t->channel);
	flush(t);
	native_channel__poll(t->lines);
}

void native_files__rest(const struct native_files *t, int ms)
{
	struct pollfd fds[] = {{.fd = native_channel__fd(t->channel), .events = POLLIN},
			       {.fd = native_channel__fd(t->lines), .events = POLLIN}};

	poll(fds, ARRAY_SIZE(fds), ms);
}

size_t native_files__open(const struct native_files *t)
{
	return native_channel__open(t->channel) + native_channel__open(t->lines);
}

size_t native_files__bytes(const struct native_files *t)
{
	return t->bytes;
}

struct unwind_rules *native_files__rules(struct native_files *t)
{
	return t->rules;
}
