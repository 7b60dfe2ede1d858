/* SPDX-License-Identifier: MIT */
/*
 * The child: opens files of profiled processes, and reads them. Whatever is wrong with them happens here. A file stays open for
 * as long as there is room, since its names are asked for when the process may be gone.
 */
#include "user/target/native_channel.h"
#include "user/os/procfs.h"
#include "user/symbol/debug_file.h"
#include "user/symbol/debug_info.h"
#include "user/symbol/demangle.h"
#include "user/symbol/perf_map.h"
#include "user/symbol/symbols.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/text.h"
#include <errno.h>
#include <malloc.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define FILES       384 /* open at once */
#define MAPS        16  /* perf maps kept at once */
#define MAX_SYMBOLS (512u << 20)
#define MAX_LINES   (512u << 20) /* bytes of what is kept of debug information, and of all else here */
#define MAX_DATA    (1ull << 30) /* bytes of memory, beyond what the child begins with */
#define VDSO_MAX    (1u << 20)

struct file {
	struct abi_file key;
	int fd; /* -1: free */
	struct symbols *symbols;
	struct debug_info *lines;
	int lines_fd; /* of the file that they are in; -1: of this one */
	bool lines_tried;
	uint64_t used;
};

static struct {
	struct file files[FILES];
	struct {
		pid_t pid;
		struct perf_map *map;
		uint64_t used;
	} maps[MAPS];
	uint64_t clock;
	size_t heap_from; /* bytes that it began with */
} child;

/* ---- files ----------------------------------------------------------------------------------------------- */

/* The kernel's own library, which is in no file. */
static int open_vdso(const struct native_request *q)
{
	size_t len = q->at.end - q->at.start;
	__cleanup_free char *bytes = len <= VDSO_MAX ? xmalloc(len) : NULL;
	int fd;

	if (!bytes || procfs_read_memory(q->pid, q->at.start, bytes, len))
		return -ENOENT;
	fd = memfd_create("vdso", MFD_CLOEXEC);
	if (fd >= 0 && write(fd, bytes, len) == (ssize_t)len)
		return fd;
	if (fd >= 0)
		close(fd);
	return -ENOMEM;
}

/* Another one may be there by now, under the same number. */
static bool is_that(int fd, const struct abi_file *file)
{
	struct stat st;

	return !fstat(fd, &st) && st.st_ino == file->inode &&
	       (!file->changed_ns || clock_of(&st.st_ctim) == file->changed_ns);
}

static int open_at(const struct native_request *q)
{
	const struct procfs_map m = {.start = q->at.start,
				     .end = q->at.end,
				     .offset = q->at.offset,
				     .inode = q->at.file.inode,
				     .dev = q->at.file.dev,
				     .exec = true,
				     .task = procfs_living_task(q->pid),
				     .path = q->path};
	int fd;

	if (q->at.kind == MAPPING_VDSO)
		return open_vdso(q);
	fd = procfs_open_mapped(&m);
	if (fd >= 0 && !is_that(fd, &q->at.file)) {
		close(fd);
		return -ENOENT;
	}
	return fd;
}

static void drop_lines(struct file *f)
{
	debug_info__free(f->lines);
	if (f->lines_fd >= 0)
		close(f->lines_fd);
	f->lines = NULL;
	f->lines_fd = -1;
}

static void close_file(struct file *f)
{
	drop_lines(f);
	close(f->fd);
	symbols__free(f->symbols);
	*f = (struct file){.fd = -1};
}

/* The file; `*err` says why there is none. */
static struct file *get_file(const struct native_request *q, int *err)
{
	struct file *oldest = &child.files[0];

	for (size_t i = 0; i < FILES; i++) {
		struct file *f = &child.files[i];

		if (f->fd >= 0 && !memcmp(&f->key, &q->at.file, sizeof(f->key))) {
			f->used = ++child.clock;
			return f;
		}
		if (f->fd < 0 ? oldest->fd >= 0 : oldest->fd >= 0 && f->used < oldest->used)
			oldest = f;
	}
	*err = open_at(q);
	if (*err < 0)
		return NULL;
	if (oldest->fd >= 0)
		close_file(oldest);
	*oldest = (struct file){.key = q->at.file, .fd = *err, .lines_fd = -1, .used = ++child.clock};
	return oldest;
}

/* ---- tables ---------------------------------------------------------------------------------------------- */

static void put_table(struct buf *reply, const struct unwind_table *t)
{
	struct native_table head = {.first = t->first,
				    .page_cnt = t->page_cnt,
				    .row_cnt = t->row_cnt,
				    .rule_cnt = t->rule_cnt,
				    .part_cnt = t->part_cnt};

	memcpy(head.parts, t->parts, sizeof(head.parts));
	buf_put(reply, &head, sizeof(head));
	buf_put(reply, t->pages, t->page_cnt * sizeof(*t->pages));
	buf_put(reply, t->rows, t->row_cnt * sizeof(*t->rows));
	buf_put(reply, t->rules, t->rule_cnt * sizeof(*t->rules));
}

static int make_table(const struct native_request *q, struct buf *reply)
{
	struct unwind_table t;
	struct elf_file *e;
	struct file *f;
	int err;

	f = get_file(q, &err);
	if (!f)
		return err;
	e = elf_file__open(f->fd);
	err = e && unwind_table__build(&t, e) ? 0 : -ENOEXEC;
	if (!err) {
		put_table(reply, &t);
		unwind_table__clear(&t);
	}
	elf_file__free(e);
	return err;
}

/* ---- names ----------------------------------------------------------------------------------------------- */

/* Those that were not asked for longest go, where all are too many. */
static void limit_symbols(const struct file *but)
{
	struct file *oldest;
	size_t bytes;

	do {
		bytes = 0;
		oldest = NULL;
		for (struct file *f = child.files; f < child.files + FILES; f++) {
			if (!f->symbols || f == but)
				continue;
			bytes += symbols__bytes(f->symbols);
			if (!oldest || f->used < oldest->used)
				oldest = f;
		}
		if (bytes > MAX_SYMBOLS) {
			symbols__free(oldest->symbols);
			oldest->symbols = NULL;
		}
	} while (bytes > MAX_SYMBOLS);
}

static void read_symbols(struct file *f, const struct native_request *q)
{
	struct elf_file *e = elf_file__open(f->fd), *debug = NULL;

	if (!e)
		return;
	f->symbols = symbols__read(e);
	if (!symbols__has_all(f->symbols)) {
		__cleanup_close int fd = debug_file_open(e, q->pid, q->path);

		debug = fd < 0 ? NULL : elf_file__open(fd);
		if (debug)
			symbols__add(f->symbols, debug);
		elf_file__free(debug);
	}
	elf_file__free(e);
	limit_symbols(f);
}

static void put_name(struct buf *reply, uint64_t start, uint64_t end, const char *name)
{
	__cleanup_free char *text = name ? demangle(name) : NULL;

	buf_put_varint(reply, start);
	buf_put_varint(reply, end);
	buf_put_text(reply, text ? text : "");
}

static int find_names(const struct native_request *q, struct buf *reply)
{
	struct file *f;
	int err;

	f = get_file(q, &err);
	if (!f)
		return err;
	if (!f->symbols)
		read_symbols(f, q);
	if (!f->symbols)
		return -ENOEXEC;
	for (uint32_t i = 0; i < q->addr_cnt; i++) {
		struct symbols_found found = symbols__find(f->symbols, q->addrs[i]);

		put_name(reply, found.start, found.end, found.name);
	}
	return 0;
}

/* ---- lines ----------------------------------------------------------------------------------------------- */

/* Those of the file itself, or of one that they were split off into. */
static void open_lines(struct file *f, const struct native_request *q)
{
	struct elf_file *e;

	f->lines_tried = true;
	f->lines = debug_info__open(f->fd);
	e = f->lines ? NULL : elf_file__open(f->fd);
	if (!e)
		return;
	f->lines_fd = debug_file_open(e, q->pid, q->path);
	f->lines = f->lines_fd < 0 ? NULL : debug_info__open(f->lines_fd);
	elf_file__free(e);
	if (!f->lines)
		drop_lines(f);
}

static size_t heap_bytes(void)
{
	struct mallinfo2 heap = mallinfo2();

	return heap.uordblks + heap.hblkhd;
}

/* Those that were not asked for longest go, where all take too much. What comes of them is known by who asked. */
static void limit_lines(const struct file *but)
{
	struct file *oldest;

	do {
		oldest = NULL;
		if (heap_bytes() <= child.heap_from + MAX_LINES)
			return;
		for (struct file *f = child.files; f < child.files + FILES; f++)
			if (f->lines && f != but && (!oldest || f->used < oldest->used))
				oldest = f;
		if (oldest)
			drop_lines(oldest);
	} while (oldest);
}

/* The path of its source; "" not known. */
static char *source_of(const struct debug_frame *f)
{
	char path[NATIVE_PATH];

	snprintf(path, sizeof(path), "%s%s%s", f->folder ? f->folder : "", f->folder ? "/" : "",
		 f->file ? f->file : "");
	return text_clean(path, strlen(path), 0);
}

static void put_lines(struct buf *reply, const struct debug_frame *frames, size_t cnt)
{
	buf_put_varint(reply, cnt);
	for (size_t i = 0; i < cnt; i++) {
		const struct debug_frame *f = &frames[i];
		__cleanup_free char *source = source_of(f), *name = demangle(f->name ? f->name : "");

		buf_put_text(reply, name);
		buf_put_text(reply, source);
		buf_put_varint(reply, (uint64_t)f->line);
		buf_put_varint(reply, (uint64_t)f->first_line);
	}
}

static int find_lines(const struct native_request *q, struct buf *reply)
{
	struct debug_frame frames[DEBUG_FRAMES];
	struct file *f;
	int err;

	f = get_file(q, &err);
	if (!f)
		return err;
	if (q->addr_cnt && !f->lines_tried)
		open_lines(f, q);
	for (uint32_t i = 0; i < q->addr_cnt; i++)
		put_lines(reply, frames, f->lines ? debug_info__find(f->lines, q->addrs[i], frames) : 0);
	limit_lines(f);
	return 0;
}

/* ---- code made at run time -------------------------------------------------------------------------------- */

static struct perf_map *get_map(pid_t pid)
{
	size_t oldest = 0;

	for (size_t i = 0; i < MAPS; i++) {
		if (child.maps[i].pid == pid) {
			child.maps[i].used = ++child.clock;
			return child.maps[i].map;
		}
		if (child.maps[i].used < child.maps[oldest].used)
			oldest = i;
	}
	perf_map__free(child.maps[oldest].map);
	child.maps[oldest].pid = pid;
	child.maps[oldest].map = perf_map__new(pid);
	child.maps[oldest].used = ++child.clock;
	return child.maps[oldest].map;
}

/* The map grows: it is read on where one is not in it, once for all of a question. */
static int find_made(const struct native_request *q, struct buf *reply)
{
	struct perf_map *map = get_map(q->pid);
	bool fresh = false;

	for (uint32_t i = 0; i < q->addr_cnt; i++) {
		uint64_t start = 0;
		const char *name = perf_map__find(map, q->addrs[i], &start);

		if (!name && !fresh) {
			perf_map__refresh(map);
			fresh = true;
			name = perf_map__find(map, q->addrs[i], &start);
		}
		put_name(reply, start, 0, name);
	}
	return 0;
}

/* ---- serving --------------------------------------------------------------------------------------------- */

/* The bytes go in a file of their own: a message has no room for them. */
static bool answer(int fd, struct native_answer *a, const struct buf *reply)
{
	__cleanup_close int bytes = reply->len ? memfd_create("native", MFD_CLOEXEC) : -1;
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.head = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	struct iovec v = {a, sizeof(*a)};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};

	if (reply->len && (bytes < 0 || write(bytes, reply->data, reply->len) != (ssize_t)reply->len))
		a->result = -ENOMEM;
	else
		a->bytes = reply->len;
	if (a->bytes) {
		memcpy(CMSG_DATA(&control.head), &bytes, sizeof(bytes));
		m.msg_control = &control;
		m.msg_controllen = sizeof(control.room);
	}
	return sendmsg(fd, &m, MSG_NOSIGNAL) == sizeof(*a);
}

/* What a file makes us allocate ends the child, and not the machine. */
static void limit_memory(void)
{
	struct rlimit data;
	uint64_t bytes = procfs_own_data_bytes() + MAX_DATA;

	if (getrlimit(RLIMIT_DATA, &data) || data.rlim_cur < bytes)
		return;
	data.rlim_cur = bytes;
	setrlimit(RLIMIT_DATA, &data);
}

void native_child_serve(int fd)
{
	static int (*const answers[])(const struct native_request *q, struct buf *reply) = {
		[NATIVE_TABLE] = make_table,
		[NATIVE_NAMES] = find_names,
		[NATIVE_MADE] = find_made,
		[NATIVE_LINES] = find_lines,
	};
	static struct native_request q;

	limit_memory();
	child.heap_from = heap_bytes();

	for (size_t i = 0; i < FILES; i++)
		child.files[i].fd = -1;
	while (recv(fd, &q, sizeof(q), 0) == sizeof(q)) {
		struct native_answer a = {.id = q.id};
		struct buf reply = {0};
		bool sent;

		q.path[NATIVE_PATH - 1] = 0;
		a.result = answers[q.op](&q, &reply);
		sent = answer(fd, &a, &reply);
		buf_free(&reply);
		if (!sent)
			return;
	}
}
