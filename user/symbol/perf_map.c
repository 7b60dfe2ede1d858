/* SPDX-License-Identifier: MIT */
#include "user/symbol/perf_map.h"
#include "user/os/container.h"
#include "user/os/procfs.h"
#include "user/os/untrusted.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/search.h"
#include <stdbool.h>
#include <string.h>

#define MAX_FILE    (128u << 20)
#define MAX_ENTRIES (1u << 20)
#define CHUNK       (1u << 16)
#define NAME_LEN    1024
#define STEPS       4096 /* back from an address to what covers it */

struct entry {
	uint64_t start, end;
	uint64_t reach; /* up to where any of those up to this one goes */
	uint32_t name;  /* in `names`; the later one was written later */
};

struct perf_map {
	pid_t pid;
	struct entry *items;
	size_t cnt, cap;
	struct buf names, rest; /* of a line whose end is not written yet */
	uint64_t offset;
	dev_t dev;
	ino_t inode;
	bool sorted;
};

struct perf_map *perf_map__new(pid_t pid)
{
	struct perf_map *m = xcalloc(1, sizeof(*m));

	m->pid = pid;
	return m;
}

static void forget(struct perf_map *m)
{
	free(m->items);
	buf_free(&m->names);
	buf_free(&m->rest);
	*m = (struct perf_map){.pid = m->pid};
}

void perf_map__free(struct perf_map *m)
{
	if (!m)
		return;
	forget(m);
	free(m);
}

size_t perf_map__bytes(const struct perf_map *m)
{
	return sizeof(*m) + m->cap * sizeof(*m->items) + m->names.cap + m->rest.cap;
}

/* ---- reading --------------------------------------------------------------------------------------------- */

static void add_line(struct perf_map *m, const char *line, size_t len)
{
	char *at = (char *)line;
	uint64_t start = strtoull(line, &at, 16), bytes;

	if (at == line || *at != ' ')
		return;
	bytes = strtoull(at, &at, 16);
	at += strspn(at, " ");
	len -= (size_t)(at - line) < len ? (size_t)(at - line) : len;
	if (!bytes || !len || start + bytes < start || m->cnt == MAX_ENTRIES)
		return;
	if (len > NAME_LEN)
		len = NAME_LEN;
	xgrow(m->items, m->cnt, m->cap);
	m->items[m->cnt++] = (struct entry){.start = start, .end = start + bytes, .name = (uint32_t)m->names.len};
	buf_put(&m->names, at, len);
	buf_put(&m->names, "", 1);
	m->sorted = false;
}

void perf_map__parse(struct perf_map *m, const char *text, size_t len)
{
	const char *end;

	buf_put(&m->rest, text, len);
	text = m->rest.data;
	len = m->rest.len;
	while ((end = memchr(text, '\n', len))) {
		__cleanup_free char *line = xstrndup(text, (size_t)(end - text));

		add_line(m, line, strlen(line));
		len -= (size_t)(end + 1 - text);
		text = end + 1;
	}
	if (len > CHUNK) /* no line is so long */
		len = 0;
	memmove(m->rest.data, text, len);
	m->rest.len = len;
}

/* That of the process's user, or root's. */
static int open_map(const struct perf_map *m, struct stat *st)
{
	pid_t inner = container_inner_pid(m->pid);
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", inner ? inner : m->pid);
	fd = open_untrusted(m->pid, path, MAX_FILE);
	if (fd >= 0 && (fstat(fd, st) || (st->st_uid && st->st_uid != procfs_user(m->pid)))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

void perf_map__refresh(struct perf_map *m)
{
	__cleanup_free char *chunk = xmalloc(CHUNK);
	struct stat st;
	__cleanup_close int fd = open_map(m, &st);
	ssize_t n;

	if (fd < 0)
		return;
	if (st.st_dev != m->dev || st.st_ino != m->inode || (uint64_t)st.st_size < m->offset)
		forget(m); /* another one */
	m->dev = st.st_dev;
	m->inode = st.st_ino;
	while (m->offset < MAX_FILE && (n = pread(fd, chunk, CHUNK, (off_t)m->offset)) > 0) {
		m->offset += (uint64_t)n;
		perf_map__parse(m, chunk, (size_t)n);
	}
}

/* ---- look-up --------------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

static void sort(struct perf_map *m)
{
	if (m->cnt)
		qsort(m->items, m->cnt, sizeof(*m->items), compare);
	for (size_t i = 0; i < m->cnt; i++) {
		m->items[i].reach = m->items[i].end;
		if (i && m->items[i - 1].reach > m->items[i].reach)
			m->items[i].reach = m->items[i - 1].reach;
	}
	m->sorted = true;
}

const char *perf_map__find(struct perf_map *m, uint64_t addr, uint64_t *start)
{
	const struct entry *best = NULL;
	size_t low;

	if (!m->sorted)
		sort(m);
	low = search_first(m->cnt, i, m->items[i].start > addr);
	for (size_t steps = 0; low-- && m->items[low].reach > addr && steps < STEPS; steps++)
		if (m->items[low].end > addr && (!best || m->items[low].name > best->name))
			best = &m->items[low];
	if (!best)
		return NULL;
	*start = best->start;
	return m->names.data + best->name;
}
