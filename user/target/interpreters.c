/* SPDX-License-Identifier: MIT */
#include "user/target/interpreters.h"
#include "user/os/worker.h"
#include "user/python/asyncio_debug.h"
#include "user/python/tstates.h"
#include "user/symbol/elf.h"
#include "user/util/alloc.h"
#include "user/util/intern.h"
#include "user/util/log.h"
#include "user/util/pair_map.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <uthash.h>

#define MAX_CHILDREN 64
#define USER_LAYOUTS 256   /* of a user, or of a container's root */
#define CROWD        1024  /* interpreters, and twice those that were in use the last time */
#define FILES_MAX    20000 /* other files that were looked at */

/* A file that was looked at; `interp` is NULL when it is none. */
struct seen_file {
	UT_hash_handle hh;
	struct abi_file file;
	struct interpreter *interp;
	bool libc_unseen; /* the process had no C library that could be read: it is taken for glibc as it mostly is */
};

struct interpreters {
	struct seen_file *files;
	const struct interpreter *by_layout[ABI_MAX_LAYOUTS];
	uint32_t layouts;
	unsigned crowd;          /* so many files are too many */
	struct pair_map by_user; /* how many of them each user brought; each container's root by its cgroup */
	struct intern *cgroups;
	interpreter_fn found;
	void *ctx;
};

#define PAGE          4096u
#define MAX_LOCATIONS 16
#define MAX_IN_ONE    8 /* interpreters in a process */

/* One file of a process, where it is mapped privately: as programs and libraries are, and few of a database's files. */
struct candidate {
	UT_hash_handle hh;
	struct {
		uint64_t inode, dev;
	} key;
	struct procfs_map first; /* with a path of its own */
	struct {
		uint64_t start, offset;
	} locations[MAX_LOCATIONS];
	size_t location_cnt;
	bool exec, write;
};

struct interpreters *interpreters__new(interpreter_fn found, void *ctx)
{
	struct interpreters *t = xcalloc(1, sizeof(*t));

	t->found = found;
	t->ctx = ctx;
	t->layouts = 1; /* id 0 means none */
	t->crowd = CROWD;
	t->cgroups = intern__new();
	return t;
}

static void forget_file(struct interpreters *t, struct seen_file *f)
{
	HASH_DEL(t->files, f);
	if (f->interp)
		free(f->interp->path);
	free(f->interp);
	free(f);
}

void interpreters__free(struct interpreters *t)
{
	struct seen_file *f, *next;

	if (!t)
		return;
	HASH_ITER(hh, t->files, f, next)
	forget_file(t, f);
	pair_map__free(&t->by_user);
	intern__free(t->cgroups);
	free(t);
}

bool interpreters__is_crowded(const struct interpreters *t)
{
	return HASH_COUNT(t->files) > t->crowd;
}

void interpreters__use(const struct interpreter *i)
{
	((struct interpreter *)i)->used = true;
}

void interpreters__forget(struct interpreters *t)
{
	struct seen_file *f, *next;

	for (uint32_t id = 1; id < t->layouts; id++)
		interpreters__use(t->by_layout[id]);
	HASH_ITER(hh, t->files, f, next)
	{
		if (f->interp && f->interp->used)
			f->interp->used = false;
		else
			forget_file(t, f);
	}
	t->crowd = CROWD + 2 * HASH_COUNT(t->files);
}

const struct interpreter *interpreters__by_layout(const struct interpreters *t, uint32_t layout_id)
{
	return layout_id && layout_id < t->layouts ? t->by_layout[layout_id] : NULL;
}

void interpreters__set_asyncio(struct interpreters *t, uint32_t layout_id, const struct py_asyncio_debug *debug)
{
	struct interpreter *i =
		layout_id && layout_id < t->layouts ? (struct interpreter *)t->by_layout[layout_id] : NULL;

	if (!i || i->build.layout.ts_task_off)
		return;
	asyncio_debug_apply(debug, &i->build);
	if (i->build.layout.ts_task_off && t->found)
		t->found(t->ctx, i);
}

/* Root in a container is not the host's. Which one it is, its cgroup tells, which it cannot leave. */
static uint32_t container_of(struct interpreters *t, pid_t pid)
{
	__cleanup_free char *cgroup = NULL;

	if (procfs_mounts(pid) == procfs_mounts(getpid()))
		return 0;
	cgroup = procfs_cgroup(pid);
	return intern__id(t->cgroups, cgroup, strlen(cgroup));
}

/*
 * Anybody who can start programs can make up interpreters, as many as there is room for. None is given up when its last
 * process ends: programs on the kernel side go by its number, and would be read by another's layout.
 */
static bool is_exhausted(struct interpreters *t, pid_t pid)
{
	uid_t user;
	uint32_t container;

	if (t->layouts == ABI_MAX_LAYOUTS) /* and no room for what can never be used */
		return true;
	user = procfs_user(pid);
	container = user ? 0 : container_of(t, pid);
	return (user || container) && ++*pair_map__slot(&t->by_user, user, container) > USER_LAYOUTS;
}

static uint32_t refuse_layout(struct interpreter *i)
{
	i->build.supported = false;
	i->build.refusal = PY_UNKNOWN_LAYOUT;
	snprintf(i->build.why_not, sizeof(i->build.why_not),
		 "too many different builds of Python were met before (%d at once, %d of one user)",
		 ABI_MAX_LAYOUTS - 1, USER_LAYOUTS);
	return ABI_LAYOUT_UNSUPPORTED;
}

/* Builds that are laid out alike share an id, so many containers of one image cost one. */
static uint32_t layout_id_of(struct interpreters *t, pid_t pid, struct interpreter *i)
{
	for (uint32_t id = 1; id < t->layouts; id++) {
		const struct py_build *b = &t->by_layout[id]->build;

		if (b->version_hex == i->build.version_hex && b->lines == i->build.lines &&
		    !memcmp(&b->layout, &i->build.layout, sizeof(b->layout)))
			return id;
	}
	if (is_exhausted(t, pid))
		return refuse_layout(i);
	t->by_layout[t->layouts] = i;
	return t->layouts++;
}

static struct candidate *add_candidate(struct candidate **all, const struct procfs_map *m)
{
	struct candidate *c = xcalloc(1, sizeof(*c));

	c->key.inode = m->inode;
	c->key.dev = m->dev;
	c->first = *m;
	c->first.path = xstrdup(m->path);
	HASH_ADD(hh, *all, key, sizeof(c->key), c);
	return c;
}

static int collect(void *ctx, const struct procfs_map *m)
{
	struct candidate **all = ctx, *c, key = {.key = {m->inode, m->dev}};

	if (m->shared)
		return 0;
	HASH_FIND(hh, *all, &key.key, sizeof(key.key), c);
	if (!c)
		c = add_candidate(all, m);
	c->exec |= m->exec;
	c->write |= m->write;
	if (c->location_cnt < MAX_LOCATIONS) {
		c->locations[c->location_cnt].start = m->start;
		c->locations[c->location_cnt++].offset = m->offset;
	}
	return 0;
}

static void free_candidates(struct candidate **all)
{
	struct candidate *c, *next;

	HASH_ITER(hh, *all, c, next)
	{
		HASH_DEL(*all, c);
		free((char *)c->first.path);
		free(c);
	}
}

/* The load address of linked address 0 by one mapping, if that is of this part of the file. */
static bool bias_of(const struct elf_part *p, uint64_t start, uint64_t offset, uint64_t *bias)
{
	uint64_t first = p->offset & ~(uint64_t)(PAGE - 1);

	if (offset < first || offset >= p->offset + p->bytes)
		return false;
	*bias = start - offset - (p->vaddr - p->offset);
	return true;
}

/* How many mappings agree; those that begin where a part begins count twice. */
static unsigned count_votes(const struct candidate *c, const struct py_build *b, uint64_t bias)
{
	unsigned votes = 0;

	for (size_t i = 0; i < c->location_cnt; i++) {
		unsigned best = 0;

		for (size_t k = 0; k < b->part_cnt; k++) {
			bool exact = c->locations[i].offset == (b->parts[k].offset & ~(uint64_t)(PAGE - 1));
			uint64_t own;

			if (bias_of(&b->parts[k], c->locations[i].start, c->locations[i].offset, &own) && own == bias &&
			    best < 1u + exact)
				best = 1u + exact;
		}
		votes += best;
	}
	return votes;
}

/*
 * The address at which the file is loaded. Some of its parts may lie elsewhere by now (code that was moved to huge
 * pages), and others may be mapped a second time (by who reads it as a file): what most mappings agree on counts.
 */
static uint64_t load_bias(const struct candidate *c, const struct py_build *b)
{
	uint64_t found = 0, bias;
	unsigned most = 0;

	for (size_t i = 0; i < c->location_cnt; i++) {
		for (size_t k = 0; k < b->part_cnt; k++) {
			unsigned votes;

			if (!bias_of(&b->parts[k], c->locations[i].start, c->locations[i].offset, &bias))
				continue;
			votes = count_votes(c, b, bias);
			if (votes > most) {
				most = votes;
				found = bias;
			}
		}
	}
	return found;
}

static bool is_libc(const struct candidate *c)
{
	static const char *const names[] = {"/libc.", "/libc-", "/libpthread", "/ld-musl"};
	const char *name = strrchr(c->first.path, '/');

	for (size_t i = 0; name && i < ARRAY_SIZE(names); i++) {
		if (!strncmp(name, names[i], strlen(names[i])))
			return true;
	}
	return false;
}

/*
 * Where a thread has its values comes from the C library that the process really uses: one of its own, or in the file
 * that has the interpreter. Else `unseen`.
 */
static int read_libc(const struct candidate *all, int interpreter_fd, struct py_build *build, bool *unseen)
{
	int err = 0;

	*unseen = false;

	for (const struct candidate *c = all; c; c = c->hh.next) {
		__cleanup_close int fd = is_libc(c) ? procfs_open_mapped(&c->first) : -1;

		if (fd < 0)
			continue;
		err = py_build_tls_from_libc(fd, build);
		if (!err)
			return 0;
	}
	if (!py_build_tls_from_program(interpreter_fd, build))
		return 0;
	*unseen = !err;
	return err;
}

static void announce(struct interpreters *t, struct interpreter *i)
{
	if (i->layout_id == ABI_LAYOUT_UNSUPPORTED)
		log_warn("%s holds Python %s, which cannot be profiled: %s", i->path,
			 i->build.version[0] ? i->build.version : "(version unknown)", i->build.why_not);
	else if (i->build.newer)
		log_warn("%s holds Python %s, newer than any that is known: as its file shows no difference, it is "
			 "read as the "
			 "last of those; lines may be wrong",
			 i->path, i->build.version);
	else
		log_verbose("%s holds Python %s", i->path, i->build.version);
	if (t->found)
		t->found(t->ctx, i);
}

static struct interpreter *identify(const struct candidate *all, const struct candidate *at, bool *libc_unseen)
{
	__cleanup_close int fd = procfs_open_mapped(&at->first);
	struct interpreter *i;
	struct py_build build;

	if (fd < 0 || py_build_identify(fd, at->first.path, &build))
		return NULL;
	i = xcalloc(1, sizeof(*i));
	i->build = build;
	i->path = xstrdup(at->first.path);
	if (build.supported && read_libc(all, fd, &i->build, libc_unseen)) {
		i->build.supported = false;
		i->build.refusal = PY_OTHER_LIBC;
		snprintf(i->build.why_not, sizeof(i->build.why_not),
			 "CPython %s runs on a C library that is neither glibc nor musl", build.version);
	}
	return i;
}

static struct seen_file *look_up(struct interpreters *t, const struct candidate *all, const struct candidate *at)
{
	struct abi_file key = {
		.inode = at->first.inode, .dev = at->first.dev, .changed_ns = procfs_mapped_changed_ns(&at->first)};
	struct seen_file *f;

	HASH_FIND(hh, t->files, &key, sizeof(key), f);
	if (f)
		return f;
	f = xcalloc(1, sizeof(*f));
	f->file = key;
	f->interp = identify(all, at, &f->libc_unseen);
	if (f->interp)
		f->interp->file = key;
	HASH_ADD(hh, t->files, file, sizeof(f->file), f);
	return f;
}

/* ---- the one of a process ------------------------------------------------------------------------------- */

struct search {
	struct interpreters *t;
	struct candidate *all;
	struct interpreter_found *found;
	size_t cnt, max;
};

static int read_memory(void *ctx, uint64_t addr, void *out, size_t len)
{
	return procfs_read_memory(*(pid_t *)ctx, addr, out, len);
}

/* How much speaks for it; 0: it is no more than a file that somebody reads. */
static unsigned rank(const struct candidate *c, const struct interpreter_found *f)
{
	pid_t task = c->first.task;
	enum py_life life;
	size_t running;

	if (!f->interp->build.supported)
		return c->exec ? INTERPRETER_OTHER : 0;
	life = py_life_read(&f->interp->build, f->runtime_addr, read_memory, &task, &running);
	if (life == PY_NOT_STARTED)
		return c->exec ? INTERPRETER_NOT_STARTED : 0;
	return INTERPRETER_IDLE + (unsigned)running;
}

static void try_candidate(struct search *s, const struct candidate *c)
{
	struct seen_file *file = look_up(s->t, s->all, c);
	struct interpreter_found f = {.interp = file->interp};

	if (!f.interp || s->cnt == s->max)
		return;
	f.runtime_addr = load_bias(c, &f.interp->build) + f.interp->build.runtime_vaddr;
	f.rank = rank(c, &f);
	if (file->libc_unseen && f.rank == INTERPRETER_NOT_STARTED) {
		forget_file(s->t, file); /* its libraries are not loaded yet */
		return;
	}
	if (f.rank)
		s->found[s->cnt++] = f;
}

/* Its code may have been moved to memory without a file, its data too: what has code in a file comes first. */
static void try_candidates(struct search *s)
{
	for (unsigned kind = 0; kind < 3 && !s->cnt; kind++)
		for (const struct candidate *c = s->all; c; c = c->hh.next)
			if (kind == (c->exec ? 0 : c->write ? 1 : 2))
				try_candidate(s, c);
}

/* The best first; among equals, as they are in memory. */
static void sort(struct interpreter_found *f, size_t cnt)
{
	for (size_t i = 1; i < cnt; i++) {
		struct interpreter_found one = f[i];
		size_t at = i;

		for (; at && f[at - 1].rank < one.rank; at--)
			f[at] = f[at - 1];
		f[at] = one;
	}
}

/* As interpreters__list(), in no order; reads whatever files the process has mapped. */
static int list_here(struct interpreters *t, pid_t pid, struct interpreter_found *found, size_t max, size_t *cnt)
{
	struct search s = {.t = t, .found = found, .max = max};
	int err = procfs_maps(pid, collect, &s.all);

	if (!err && !s.all)
		err = -ESRCH;
	if (!err)
		try_candidates(&s);
	if (!err && s.cnt && procfs_borrows_memory(pid))
		s.cnt = 0;
	if (!err && !s.cnt)
		err = -ENOENT;
	*cnt = s.cnt;
	free_candidates(&s.all);
	return err;
}

static int find_program(pid_t pid, const struct interpreter *i, struct abi_program *out)
{
	__cleanup_close int program_fd = procfs_open_program(pid);
	__cleanup_close int library_fd = procfs_open_by_path(pid, i->path, i->file.inode);
	struct elf_file *program = program_fd < 0 ? NULL : elf_file__open(program_fd);
	struct elf_file *library = library_fd < 0 ? NULL : elf_file__open(library_fd);
	struct stat st = {0};
	int err = -ENOENT;

	*out = (struct abi_program){.runtime_vaddr = i->build.runtime_vaddr, .layout_id = i->layout_id};
	if (program && !fstat(program_fd, &st) && elf_file__start_code(program, (uint64_t *)&out->start_code)) {
		uint64_t slot = 0, symbol = 0;

		if (st.st_ino == i->file.inode)
			err = 0;
		else if (library && elf_file__import(program, library, &slot, &symbol))
			err = 0;
		out->import_slot = slot;
		out->import_symbol = symbol;
	}
	elf_file__free(library);
	elf_file__free(program);
	return err;
}

/* ---- aside: files are read by the worker, which has a table of its own ---------------------------------- */

struct list_arg {
	pid_t pid;
	size_t max;
};

static void emit_found(struct buf *reply, const struct interpreter_found *f)
{
	buf_put(reply, &f->interp->file, sizeof(f->interp->file));
	buf_put(reply, &f->interp->build, sizeof(f->interp->build));
	buf_put_text(reply, f->interp->path);
	buf_put_varint(reply, f->runtime_addr);
	buf_put_varint(reply, f->rank);
}

/* In the worker, which remembers what it has seen. */
static int list_aside(const void *arg, struct buf *reply)
{
	static struct interpreters *mine;
	const struct list_arg *a = arg;
	__cleanup_free struct interpreter_found *found = xcalloc(a->max, sizeof(*found));
	size_t cnt;
	int err;

	if (mine && HASH_COUNT(mine->files) > FILES_MAX) { /* they are looked at again when they are met */
		interpreters__free(mine);
		mine = NULL;
	}
	if (!mine)
		mine = interpreters__new(NULL, NULL);
	err = list_here(mine, a->pid, found, a->max, &cnt);
	for (size_t i = 0; i < cnt; i++)
		emit_found(reply, &found[i]);
	return err;
}

static struct seen_file *find_file(struct interpreters *t, const struct abi_file *file)
{
	struct seen_file *f;

	HASH_FIND(hh, t->files, file, sizeof(*file), f);
	return f;
}

static struct seen_file *learn_file(struct interpreters *t, pid_t pid, const struct interpreter *sent)
{
	struct seen_file *f = xcalloc(1, sizeof(*f));
	struct interpreter *i = xcalloc(1, sizeof(*i));

	*i = *sent;
	i->path = xstrdup(sent->path);
	i->layout_id = i->build.supported ? layout_id_of(t, pid, i) : ABI_LAYOUT_UNSUPPORTED;
	f->file = i->file;
	f->interp = i;
	HASH_ADD(hh, t->files, file, sizeof(f->file), f);
	announce(t, i);
	return f;
}

/* The entry known here counts, not the one that was sent: it may have been refused since there are too many. */
static void on_found(struct interpreters *t, pid_t pid, struct cursor *c, struct interpreter_found *found)
{
	__cleanup_free char *path = NULL;
	struct interpreter sent = {0};
	const struct seen_file *f;

	cursor_copy(c, &sent.file, sizeof(sent.file));
	cursor_copy(c, &sent.build, sizeof(sent.build));
	sent.path = path = cursor_text(c);
	f = find_file(t, &sent.file);
	if (!f)
		f = learn_file(t, pid, &sent);
	found->interp = f->interp;
	found->runtime_addr = cursor_varint(c);
	found->rank = (unsigned)cursor_varint(c);
	if (!f->interp->build.supported && found->rank > INTERPRETER_OTHER)
		found->rank = INTERPRETER_OTHER;
}

static int ask(pid_t pid, size_t max, struct buf *reply)
{
	const struct list_arg a = {pid, max};
	const struct worker_task task = {.pid = pid, .fn = list_aside, .arg = &a, .len = sizeof(a)};

	return worker_call(&task, reply);
}

bool interpreters__is_python(pid_t pid)
{
	struct buf reply = {0};
	int err = ask(pid, 1, &reply);

	buf_free(&reply);
	return !err;
}

static int is_linked_aside(const void *arg, struct buf *reply)
{
	__cleanup_close int fd = procfs_open_program(*(const pid_t *)arg);
	struct elf_file *program = fd < 0 ? NULL : elf_file__open(fd);
	__cleanup_free char *library = program ? elf_file__needed(program, ELF_LIBPYTHON) : NULL;

	(void)reply;
	elf_file__free(program);
	return library ? 0 : -ENOENT;
}

bool interpreters__is_linked(pid_t pid)
{
	const struct worker_task task = {.pid = pid, .fn = is_linked_aside, .arg = &pid, .len = sizeof(pid)};
	struct buf reply = {0};
	int err = worker_call(&task, &reply);

	buf_free(&reply);
	return !err;
}

int interpreters__list(struct interpreters *t, pid_t pid, struct interpreter_found *found, size_t max, size_t *cnt)
{
	struct buf reply = {0};
	int err = ask(pid, max, &reply);
	struct cursor c = cursor_of(reply.data, reply.len);

	*cnt = 0;
	while (!err && cursor_left(&c) && *cnt < max)
		on_found(t, pid, &c, &found[(*cnt)++]);
	sort(found, *cnt);
	buf_free(&reply);
	return err;
}

int interpreters__discover(struct interpreters *t, pid_t pid, const struct interpreter **out, uint64_t *runtime_addr)
{
	struct interpreter_found found[MAX_IN_ONE] = {0};
	size_t cnt;
	int err = interpreters__list(t, pid, found, MAX_IN_ONE, &cnt);

	*out = err ? NULL : found[0].interp;
	*runtime_addr = err ? 0 : found[0].runtime_addr;
	return err;
}

struct children {
	struct interpreters *t;
	size_t looked_at, cnt;
};

static void look_at_child(void *ctx, pid_t pid)
{
	struct children *c = ctx;
	const struct interpreter *found;
	uint64_t addr;

	c->cnt += c->looked_at++ < MAX_CHILDREN && !interpreters__discover(c->t, pid, &found, &addr);
}

size_t interpreters__children(struct interpreters *t, pid_t pid)
{
	struct children c = {.t = t};

	procfs_descendants(pid, look_at_child, &c);
	return c.cnt;
}

struct program_look {
	pid_t pid;
	struct interpreter interp;
	char path[]; /* its */
};

static int program_aside(const void *arg, struct buf *reply)
{
	struct program_look l;
	struct abi_program program;
	int err;

	memcpy(&l, arg, sizeof(l));
	l.interp.path = (char *)arg + sizeof(l);
	err = find_program(l.pid, &l.interp, &program);
	buf_put(reply, &program, sizeof(program));
	return err;
}

int interpreters__program(pid_t pid, const struct interpreter *i, struct abi_program *out)
{
	size_t len = sizeof(struct program_look) + strlen(i->path) + 1;
	__cleanup_free struct program_look *l = xcalloc(1, len);
	const struct worker_task task = {.pid = pid, .fn = program_aside, .arg = l, .len = len};
	struct buf reply = {0};
	int err;

	l->pid = pid;
	l->interp = *i;
	strcpy(l->path, i->path);
	err = worker_call(&task, &reply);
	if (!err)
		memcpy(out, reply.data, sizeof(*out));
	buf_free(&reply);
	return err;
}
