#include "user/target/interpreters.h"
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

/* One file of a process, from its first mapping on. */
struct candidate {
	struct procfs_map first;
	bool exec;
	char *path;
};

struct candidates {
	struct candidate *items;
	size_t cnt, cap;
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

static int collect(void *ctx, const struct procfs_map *m)
{
	struct candidates *c = ctx;

	for (size_t i = c->cnt; i-- > 0;) {
		if (c->items[i].first.inode == m->inode && c->items[i].first.dev == m->dev) {
			c->items[i].exec |= m->exec;
			return 0;
		}
	}
	if (m->offset)
		return 0; /* the load address is where offset 0 is */
	xgrow(c->items, c->cnt, c->cap);
	c->items[c->cnt] = (struct candidate){.first = *m, .exec = m->exec, .path = xstrdup(m->path)};
	c->items[c->cnt].first.path = c->items[c->cnt].path;
	c->cnt++;
	return 0;
}

/* pthread_getspecific's offsets come from the libc that the process really uses. */
static int read_libc(pid_t pid, const struct candidates *c, struct py_build *build)
{
	for (size_t i = 0; i < c->cnt; i++) {
		const char *name = strrchr(c->items[i].path, '/');
		__cleanup_close int fd = -1;
		int err;

		if (!name || (strncmp(name, "/libc.", 6) && strncmp(name, "/libc-", 6) &&
			      strncmp(name, "/ld-musl", 8) && strncmp(name, "/libpthread", 11)))
			continue;
		fd = procfs_open_mapped(pid, &c->items[i].first);
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

static struct interpreter *identify(struct interpreters *t, pid_t pid, const struct candidates *c,
				    const struct candidate *at)
{
	__cleanup_close int fd = procfs_open_mapped(pid, &at->first);
	struct interpreter *i;
	struct py_build build;

	if (fd < 0 || py_build_identify(fd, at->path, &build))
		return NULL;
	i = xcalloc(1, sizeof(*i));
	i->build = build;
	i->path = xstrdup(at->path);
	if (build.supported && read_libc(pid, c, &i->build) == -ENOTSUP) {
		i->build.supported = false;
		i->build.refusal = PY_OTHER_LIBC;
		snprintf(i->build.why_not, sizeof(i->build.why_not), "musl libc is not supported yet");
	}
	i->layout_id = i->build.supported ? layout_id_of(t, i) : ABI_LAYOUT_UNSUPPORTED;
	announce(t, i);
	return i;
}

static struct seen_file *look_up(struct interpreters *t, pid_t pid, const struct candidates *c,
				   const struct candidate *at)
{
	struct abi_file key = {.inode = at->first.inode, .dev = at->first.dev,
			       .changed_ns = procfs_mapped_changed_ns(pid, &at->first)};
	struct seen_file *f;

	HASH_FIND(hh, t->files, &key, sizeof(key), f);
	if (f)
		return f;
	f = xcalloc(1, sizeof(*f));
	f->file = key;
	f->interp = identify(t, pid, c, at);
	if (f->interp)
		f->interp->file = key;
	HASH_ADD(hh, t->files, file, sizeof(f->file), f);
	return f;
}

int interpreters__discover(struct interpreters *t, pid_t pid, const struct interpreter **out,
			   uint64_t *runtime_addr)
{
	struct candidates c = {0};
	int err = procfs_maps(pid, collect, &c);

	*out = NULL;
	*runtime_addr = 0;
	for (size_t i = 0; !err && i < c.cnt && !*out; i++) {
		struct seen_file *f = c.items[i].exec ? look_up(t, pid, &c, &c.items[i]) : NULL;

		if (f && f->interp) {
			*out = f->interp;
			*runtime_addr = c.items[i].first.start + f->interp->build.runtime_vaddr -
					f->interp->build.base_vaddr;
		}
	}
	if (!err && !c.cnt)
		err = -ESRCH;
	else if (!err && !*out)
		err = -ENOENT;
	for (size_t i = 0; i < c.cnt; i++)
		free(c.items[i].path);
	free(c.items);
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
