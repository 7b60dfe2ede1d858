/* SPDX-License-Identifier: MIT */
#include "user/target/mappings.h"
#include "user/os/procfs.h"
#include "user/os/worker.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/search.h"
#include <errno.h>
#include <string.h>

/* What the worker makes: mappings and, behind all of them, their paths. */
struct collection {
	struct mapping *items;
	size_t cnt, cap;
	struct buf texts;
};

static enum mapping_kind kind_of(const struct procfs_map *m)
{
	if (m->inode)
		return MAPPING_FILE;
	return strcmp(m->path, "[vdso]") ? MAPPING_ANONYMOUS : MAPPING_VDSO;
}

/* The last one, if this one only goes on with it: makers of code often map it in pieces. */
static bool extend(struct collection *c, const struct procfs_map *m)
{
	struct mapping *last = c->cnt ? &c->items[c->cnt - 1] : NULL;

	if (!last || last->kind != MAPPING_ANONYMOUS || kind_of(m) != MAPPING_ANONYMOUS || last->end != m->start)
		return false;
	last->end = m->end;
	return true;
}

static struct abi_file file_of(const struct collection *c, const struct procfs_map *m)
{
	const struct mapping *last = c->cnt ? &c->items[c->cnt - 1] : NULL;

	if (!m->inode)
		return (struct abi_file){0};
	if (last && last->file.inode == m->inode && last->file.dev == m->dev)
		return last->file;
	return (struct abi_file){.inode = m->inode, .dev = m->dev, .changed_ns = procfs_mapped_changed_ns(m)};
}

/* Where the path is in the texts; the last one's is not put again. */
static uint32_t put_path(struct collection *c, const char *path)
{
	uint32_t at = c->cnt ? c->items[c->cnt - 1].path : 0;

	if (c->cnt && !strcmp(c->texts.data + at, path))
		return at;
	at = (uint32_t)c->texts.len;
	buf_put(&c->texts, path, strlen(path) + 1);
	return at;
}

static int collect(void *ctx, const struct procfs_map *m)
{
	struct collection *c = ctx;
	struct mapping one = {.start = m->start, .end = m->end, .offset = m->offset, .kind = kind_of(m)};

	if (m->end <= m->start || (int64_t)m->start < 0 || extend(c, m)) /* vsyscall is the kernel's */
		return 0;
	if (c->cnt == MAPPINGS_MAX)
		return 1;
	one.file = file_of(c, m);
	one.path = put_path(c, m->path);
	xgrow(c->items, c->cnt, c->cap);
	c->items[c->cnt++] = one;
	return 0;
}

/* In the worker. */
static int read_all(const void *arg, struct buf *reply)
{
	struct collection c = {0};
	int err = procfs_code_maps(*(const pid_t *)arg, collect, &c);

	buf_put(reply, &c.cnt, sizeof(c.cnt));
	if (c.cnt)
		buf_put(reply, c.items, c.cnt * sizeof(*c.items));
	if (c.texts.len)
		buf_put(reply, c.texts.data, c.texts.len);
	free(c.items);
	buf_free(&c.texts);
	return err < 0 ? err : 0;
}

static void unpack(struct mappings *m, const struct buf *reply)
{
	struct cursor c = cursor_of(reply->data, reply->len);
	size_t cnt = 0;

	cursor_copy(&c, &cnt, sizeof(cnt));
	if (!cnt || cnt > MAPPINGS_MAX || cnt * sizeof(*m->items) > cursor_left(&c))
		return;
	m->items = xmalloc(cnt * sizeof(*m->items));
	m->cnt = cnt;
	cursor_copy(&c, m->items, cnt * sizeof(*m->items));
	m->text_bytes = cursor_left(&c);
	m->texts = xcalloc(1, m->text_bytes + 1);
	cursor_copy(&c, m->texts, m->text_bytes);
}

int mappings_read(struct mappings *m, pid_t pid)
{
	const struct worker_task t = {.pid = pid, .fn = read_all, .arg = &pid, .len = sizeof(pid)};
	struct buf reply = {0};
	int err = worker_call(&t, &reply);

	mappings_clear(m);
	if (!err)
		unpack(m, &reply);
	buf_free(&reply);
	return err == -EIO ? -ESRCH : err;
}

void mappings_clear(struct mappings *m)
{
	free(m->items);
	free(m->texts);
	*m = (struct mappings){0};
}

const struct mapping *mappings_find(const struct mappings *m, uint64_t addr)
{
	size_t low = search_first(m->cnt, i, m->items[i].end > addr);

	return low < m->cnt && m->items[low].start <= addr ? &m->items[low] : NULL;
}

const char *mappings_path(const struct mappings *m, const struct mapping *one)
{
	return one->path < m->text_bytes ? m->texts + one->path : "";
}
