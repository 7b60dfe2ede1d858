#include "user/target/interpreters.h"
#include "user/python/tstates.h"
#include "user/symbol/elf.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <uthash.h>

/* A file that was looked at; `interp` is NULL when it is none. */
struct seen_file {
	UT_hash_handle hh;
	struct abi_file file;
	struct interpreter *interp;
};

struct interpreters {
	struct seen_file *files;
	const struct interpreter *by_layout[ABI_MAX_LAYOUTS];
	uint32_t layouts;
	interpreter_fn found;
	void *ctx;
};

#define PAGE	     4096u
#define MAX_PLACES   16
#define MAX_IN_ONE   8 /* interpreters in a process */

/* One file of a process, where it is mapped privately: as programs and libraries are, and few of a database's files. */
struct candidate {
	UT_hash_handle hh;
	struct {
		uint64_t inode, dev;
	} key;
	struct procfs_map first; /* with a path of its own */
	struct {
		uint64_t start, offset;
	} places[MAX_PLACES];
	size_t place_cnt;
	bool exec, write;
};

struct interpreters *interpreters__new(interpreter_fn found, void *ctx)
{
	struct interpreters *t = xcalloc(1, sizeof(*t));

	t->found = found;
	t->ctx = ctx;
	t->layouts = 1; /* id 0 means none */
	return t;
}

void interpreters__free(struct interpreters *t)
{
	struct seen_file *f, *next;

	if (!t)
		return;
	HASH_ITER(hh, t->files, f, next) {
		HASH_DEL(t->files, f);
		if (f->interp)
			free(f->interp->path);
		free(f->interp);
		free(f);
	}
	free(t);
}

const struct interpreter *interpreters__by_layout(const struct interpreters *t, uint32_t layout_id)
{
	return layout_id && layout_id < t->layouts ? t->by_layout[layout_id] : NULL;
}

/* Builds that are laid out alike share an id, so many containers of one image cost one. */
static uint32_t layout_id_of(struct interpreters *t, const struct interpreter *i)
{
	for (uint32_t id = 1; id < t->layouts; id++) {
		const struct py_build *b = &t->by_layout[id]->build;

		if (b->version_hex == i->build.version_hex && b->lines == i->build.lines &&
		    !memcmp(&b->layout, &i->build.layout, sizeof(b->layout)))
			return id;
	}
	if (t->layouts == ABI_MAX_LAYOUTS)
		return ABI_LAYOUT_UNSUPPORTED;
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
	if (c->place_cnt < MAX_PLACES) {
		c->places[c->place_cnt].start = m->start;
		c->places[c->place_cnt++].offset = m->offset;
	}
	return 0;
}

static void free_candidates(struct candidate **all)
{
	struct candidate *c, *next;

	HASH_ITER(hh, *all, c, next) {
		HASH_DEL(*all, c);
		free((char *)c->first.path);
		free(c);
	}
}

/* What a mapping says of where linked address 0 is, if it is of this part of the file. */
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

	for (size_t i = 0; i < c->place_cnt; i++) {
		unsigned best = 0;

		for (size_t k = 0; k < b->part_cnt; k++) {
			bool exact = c->places[i].offset == (b->parts[k].offset & ~(uint64_t)(PAGE - 1));
			uint64_t own;

			if (bias_of(&b->parts[k], c->places[i].start, c->places[i].offset, &own) && own == bias &&
			    best < 1u + exact)
				best = 1u + exact;
		}
		votes += best;
	}
	return votes;
}

/*
 * Where the file is loaded. Some of its parts may lie elsewhere by now (code that was moved to huge pages), and others
 * may be mapped a second time (by who reads it as a file): what most mappings agree on counts.
 */
static uint64_t load_bias(const struct candidate *c, const struct py_build *b)
{
	uint64_t found = 0, bias;
	unsigned most = 0;

	for (size_t i = 0; i < c->place_cnt; i++) {
		for (size_t k = 0; k < b->part_cnt; k++) {
			unsigned votes;

			if (!bias_of(&b->parts[k], c->places[i].start, c->places[i].offset, &bias))
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

/* pthread_getspecific's offsets come from the libc that the process really uses. */
static int read_libc(const struct candidate *all, struct py_build *build)
{
	for (const struct candidate *c = all; c; c = c->hh.next) {
		const char *name = strrchr(c->first.path, '/');
		__cleanup_close int fd = -1;
		int err;

		if (!name || (strncmp(name, "/libc.", 6) && strncmp(name, "/libc-", 6) &&
			      strncmp(name, "/ld-musl", 8) && strncmp(name, "/libpthread", 11)))
			continue;
		fd = procfs_open_mapped(&c->first);
		err = fd < 0 ? -ENOENT : py_build_tls_from_libc(fd, build);
		if (err != -ENOENT)
			return err;
	}
	return 0; /* static libc: its constants are in the layout already */
}

static void announce(struct interpreters *t, struct interpreter *i)
{
	if (i->layout_id == ABI_LAYOUT_UNSUPPORTED)
		log_warn("%s holds Python %s, which cannot be profiled: %s", i->path,
			 i->build.version[0] ? i->build.version : "(version unknown)", i->build.why_not);
	else
		log_verbose("%s holds Python %s", i->path, i->build.version);
	t->found(t->ctx, i);
}

static struct interpreter *identify(struct interpreters *t, const struct candidate *all, const struct candidate *at)
{
	__cleanup_close int fd = procfs_open_mapped(&at->first);
	struct interpreter *i;
	struct py_build build;

	if (fd < 0 || py_build_identify(fd, at->first.path, &build))
		return NULL;
	i = xcalloc(1, sizeof(*i));
	i->build = build;
	i->path = xstrdup(at->first.path);
	if (build.supported && read_libc(all, &i->build) == -ENOTSUP) {
		i->build.supported = false;
		i->build.refusal = PY_OTHER_LIBC;
		snprintf(i->build.why_not, sizeof(i->build.why_not), "musl libc is not supported yet");
	}
	i->layout_id = i->build.supported ? layout_id_of(t, i) : ABI_LAYOUT_UNSUPPORTED;
	announce(t, i);
	return i;
}

static struct seen_file *look_up(struct interpreters *t, const struct candidate *all, const struct candidate *at)
{
	struct abi_file key = {.inode = at->first.inode, .dev = at->first.dev,
			       .changed_ns = procfs_mapped_changed_ns(&at->first)};
	struct seen_file *f;

	HASH_FIND(hh, t->files, &key, sizeof(key), f);
	if (f)
		return f;
	f = xcalloc(1, sizeof(*f));
	f->file = key;
	f->interp = identify(t, all, at);
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

int interpreters__list(struct interpreters *t, pid_t pid, struct interpreter_found *found, size_t max, size_t *cnt)
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
	sort(found, s.cnt);
	*cnt = s.cnt;
	free_candidates(&s.all);
	return err;
}

int interpreters__discover(struct interpreters *t, pid_t pid, const struct interpreter **out,
			   uint64_t *runtime_addr)
{
	struct interpreter_found found[MAX_IN_ONE] = {0};
	size_t cnt;
	int err = interpreters__list(t, pid, found, MAX_IN_ONE, &cnt);

	*out = err ? NULL : found[0].interp;
	*runtime_addr = err ? 0 : found[0].runtime_addr;
	return err;
}

int interpreters__program(pid_t pid, const struct interpreter *i, struct abi_program *out)
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
