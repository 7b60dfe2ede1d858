/* SPDX-License-Identifier: MIT */
/*
 * The offsets by which pthread_getspecific() finds its values, thread-local variables theirs, and where a thread's number
 * is: from the C library that the process itself has mapped. What is its own is a row here.
 */
#include "user/python/build.h"
#include "user/symbol/arch.h"
#include "user/symbol/elf.h"
#include "user/util/alloc.h"
#include <errno.h>

void py_build_threads(const struct arch_threads *libc, struct py_build *build)
{
	struct abi_py_layout *l = &build->layout;

	l->tss_first_off = libc->specific_first;
	l->tss_table_off = libc->specific;
	l->tss_inline = libc->inline_cnt;
	l->tss_per_block = libc->per_block;
	l->tss_entry_size = libc->entry_size;
	l->tss_value_off = libc->entry_value;
	l->dtv_off = (uint16_t)(libc->below + libc->dtv);
	l->thread_below = libc->below;
	l->dtv_entry_size = libc->dtv_entry_size;
	build->pthread_tid = libc->tid;
	build->cond_first = libc->cond_first;
	build->waiter_next = libc->waiter_next;
	build->waiter_futex = libc->waiter_futex;
	l->pthread_tid_off = (uint16_t)libc->tid;
	l->cond_first_off = libc->cond_first;
	l->waiter_next_off = libc->waiter_next;
	l->waiter_futex_off = libc->waiter_futex;
	/* The row's is of x86-64; between the conditions of the GIL there is one mutex. */
	l->gil_switch_off = build->objects.gil_switch;
	if (l->gil_switch_off)
		l->gil_switch_off += libc->mutex_more;
}

static bool read_symbol(const struct elf_file *e, const char *name, void *out, size_t len)
{
	uint64_t vaddr, size;

	return elf_file__symbol(e, name, &vaddr, &size) && size >= len && elf_file__read(e, vaddr, out, len);
}

/* ---- glibc: it exports descriptors of its own thread struct for debuggers (nptl_db/structs.def) -------------- */

struct thread_db_field {
	uint32_t bits, count, offset;
};

/* struct pthread.tid: the thread's number in its own pid namespace */
static void read_tid(const struct elf_file *e, struct arch_threads *t)
{
	struct thread_db_field tid;

	if (read_symbol(e, "_thread_db_pthread_tid", &tid, sizeof(tid)) && tid.bits == 32 && tid.offset <= 8192)
		t->tid = tid.offset;
}

/* Where the struct ends at the thread pointer, its size, which differs between versions, tells where it begins. */
static void read_size(const struct elf_file *e, struct arch_threads *t)
{
	uint32_t size;

	if (t->below && read_symbol(e, "_thread_db_sizeof_pthread", &size, sizeof(size)) && size <= 8192)
		t->below = (uint16_t)size;
}

/* struct pthread has specific_1stblock[n] (entries) right before specific[n] (pointers to blocks). */
static bool is_glibc(const struct elf_file *e, struct arch_threads *t)
{
	struct thread_db_field table, block, value;
	uint64_t first_block;
	uint32_t entry;

	if (!read_symbol(e, "_thread_db_pthread_specific", &table, sizeof(table)) ||
	    !read_symbol(e, "_thread_db_pthread_key_data_level2_data", &block, sizeof(block)) ||
	    !read_symbol(e, "_thread_db_pthread_key_data_data", &value, sizeof(value)) ||
	    !read_symbol(e, "_thread_db_sizeof_pthread_key_data", &entry, sizeof(entry)))
		return false;
	first_block = (uint64_t)block.count * entry;
	if (!block.count || entry < 16 || entry > 64 || value.offset > entry - 8 || table.offset < first_block ||
	    table.offset > 8192)
		return false;
	*t = arch_own->glibc;
	t->specific = (uint16_t)table.offset;
	t->specific_first = (uint16_t)(table.offset - first_block);
	t->inline_cnt = t->per_block = (uint16_t)block.count;
	t->entry_size = (uint16_t)entry;
	t->entry_value = (uint16_t)value.offset;
	read_tid(e, t);
	read_size(e, t);
	return true;
}

/* ---- musl: it has no descriptors, but a function that is short enough to be read --------------------------- */

#define GETTER_BYTES 64

static bool is_musl(const struct elf_file *e, struct arch_threads *t)
{
	uint8_t code[GETTER_BYTES];
	uint64_t start;
	size_t len = elf_file__code(e, "pthread_getspecific", code, sizeof(code), &start);
	int32_t off;

	if (!len || !arch_own->specific(code, len, &off))
		return false;
	*t = arch_own->musl[0];
	t->specific = (uint16_t)(off + t->below);
	t->tid = 0;
	for (size_t i = 0; i < arch_own->musl_cnt; i++) {
		if (arch_own->musl[i].specific == off + arch_own->musl[i].below)
			*t = arch_own->musl[i];
	}
	return true;
}

/* Stripped of all symbols, linked statically: glibc's start files have a note of the system that it is for (csu/abi-note.c). */
static bool is_bare_musl(const struct elf_file *e, struct arch_threads *t)
{
	*t = arch_own->musl[0];
	return elf_file__is_static(e) && !elf_file__has_abi_note(e);
}

static bool is_bare_glibc(const struct elf_file *e, struct arch_threads *t)
{
	*t = arch_own->glibc;
	return elf_file__is_static(e) && elf_file__has_abi_note(e);
}

static const struct c_library {
	bool (*is)(const struct elf_file *e, struct arch_threads *t);
	bool bare; /* nothing in the file says that it is one */
} libraries[] = {
	{is_glibc, false},
	{is_musl, false},
	{is_bare_glibc, true},
	{is_bare_musl, true},
};

static int take_libc(int fd, bool bare, struct py_build *build)
{
	struct elf_file *e = elf_file__open(fd);
	int err = -ENOENT;

	for (size_t i = 0; e && err && i < ARRAY_SIZE(libraries); i++) {
		struct arch_threads t;

		if ((libraries[i].bare && !bare) || !libraries[i].is(e, &t))
			continue;
		py_build_threads(&t, build);
		err = 0;
	}
	elf_file__free(e);
	return err;
}

int py_build_tls_from_libc(int fd, struct py_build *build)
{
	return take_libc(fd, false, build);
}

int py_build_tls_from_program(int fd, struct py_build *build)
{
	return take_libc(fd, true, build);
}
