/* SPDX-License-Identifier: MIT */
/* A compiler leaves names of its own in the modules that it makes, which are there in a stripped one too. */
#include "user/target/compiled.h"
#include "user/os/procfs.h"
#include "user/os/worker.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include <stdbool.h>
#include <string.h>

#define MAX_BYTES (256u << 20) /* that are read of all files */
#define CHUNK     (1u << 20)
#define MARK_MAX  64

static const struct compiler {
	const char *name, *mark, *seen;
} compilers[] = {
#define CALLERS "their functions have no Python frames, their time is that of the functions that call them"
	/* Cython/Utility: ImportExport.c (to 3.1), CythonFunction.c */
	{"Cython", "cython_runtime", CALLERS},
	{"Cython", "cython_function_or_method", CALLERS},
	/* mypyc/codegen/emitmodule.py, emitclass.py */
	{"mypyc", "mypyc", CALLERS},
	/* nuitka/build/static_src, generated frames: CompiledFrameType.c */
	{"Nuitka", "__nuitka_version__", "their functions are seen as any other is"},
};

struct search {
	struct compiled_modules of[ARRAY_SIZE(compilers)];
	uint64_t left; /* bytes that may be read */
	uint64_t inode;
};

/* The first whose mark is in the file; ARRAY_SIZE() of them: none. */
static size_t search_file(int fd, uint64_t *left)
{
	__cleanup_free char *bytes = xmalloc(MARK_MAX + CHUNK);
	size_t kept = 0, best = ARRAY_SIZE(compilers);

	for (off_t at = 0; *left >= CHUNK; at += CHUNK) {
		ssize_t got = pread(fd, bytes + kept, CHUNK, at);
		size_t len = kept + (got > 0 ? (size_t)got : 0);

		if (got <= 0)
			break;
		*left -= (size_t)got;
		for (size_t i = 0; i < best; i++) {
			if (memmem(bytes, len, compilers[i].mark, strlen(compilers[i].mark)))
				best = i;
		}
		kept = len < MARK_MAX ? len : MARK_MAX;
		memmove(bytes, bytes + len - kept, kept);
	}
	return best;
}

/* The program, or a module: those have no "lib" before their name. */
static bool is_candidate(const struct procfs_map *m)
{
	const char *name = strrchr(m->path, '/');

	if (!m->exec || !name)
		return false;
	return strstr(name, ".so") ? strncmp(name, "/lib", 4) && strncmp(name, "/ld-", 4) : true;
}

static int look_at_file(void *ctx, const struct procfs_map *m)
{
	struct search *s = ctx;
	__cleanup_close int fd = -1;
	size_t at;

	if (!is_candidate(m) || m->inode == s->inode)
		return 0;
	s->inode = m->inode;
	fd = procfs_open_mapped(m);
	at = fd < 0 ? ARRAY_SIZE(compilers) : search_file(fd, &s->left);
	if (at == ARRAY_SIZE(compilers))
		return 0;
	while (at && !strcmp(compilers[at - 1].name, compilers[at].name))
		at--;
	if (!s->of[at].cnt++)
		s->of[at].example = xstrdup(strrchr(m->path, '/') + 1);
	return 0;
}

static int search_aside(const void *arg, struct buf *reply)
{
	struct search s = {.left = MAX_BYTES};
	int err = procfs_maps(*(const pid_t *)arg, look_at_file, &s);

	for (size_t i = 0; i < ARRAY_SIZE(compilers); i++) {
		buf_put_varint(reply, s.of[i].cnt);
		buf_put_text(reply, s.of[i].example ? s.of[i].example : "");
		free(s.of[i].example);
	}
	return err;
}

size_t compiled_modules(pid_t pid, struct compiled_modules *found, size_t max)
{
	const struct worker_task task = {
		.pid = pid, .fn = search_aside, .arg = &pid, .len = sizeof(pid), .stall_ms = 1000, .total_ms = 3000};
	struct buf reply = {0};
	int err = worker_call(&task, &reply);
	struct cursor c = cursor_of(reply.data, reply.len);
	size_t cnt = 0;

	for (size_t i = 0; !err && i < ARRAY_SIZE(compilers); i++) {
		size_t modules = (size_t)cursor_varint(&c);
		char *example = cursor_text(&c);

		if (modules && cnt < max)
			found[cnt++] =
				(struct compiled_modules){compilers[i].name, compilers[i].seen, modules, example};
		else
			free(example);
	}
	buf_free(&reply);
	return cnt;
}

void compiled_modules_clear(struct compiled_modules *found, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		free(found[i].example);
}
