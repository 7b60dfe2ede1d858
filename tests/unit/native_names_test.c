/* SPDX-License-Identifier: MIT */
/* The files and names of this process, through the child that reads them. */
#include "user/target/native_names.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#define PATIENCE_MS 60000 /* on a machine that has other work */

struct world {
	struct mappings maps;
	struct native_files *files;
	struct native_names *names;
	size_t ready, forgotten;
	bool ending;
};

static void on_ready(void *ctx, struct native_file *f)
{
	struct world *w = ctx;

	assert_int_not_equal(f->state, NATIVE_FILE_ASKED);
	w->ready++;
}

static void on_forget(void *ctx, struct native_file *f)
{
	struct world *w = ctx;

	assert_true(w->ending || !f->refs);
	w->forgotten++;
}

static int set_up(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	*state = w;
	w->files = native_files__new(&(struct native_files_calls){on_ready, on_forget, w});
	w->names = native_names__new(w->files, true);
	return mappings_read(&w->maps, getpid());
}

static int tear_down(void **state)
{
	struct world *w = *state;

	w->ending = true;
	native_names__free(w->names);
	native_files__free(w->files);
	mappings_clear(&w->maps);
	free(w);
	return 0;
}

static const struct mapping *map_of(struct world *w, const void *function)
{
	const struct mapping *m = mappings_find(&w->maps, (uintptr_t)function);

	assert_non_null(m);
	return m;
}

static struct native_file *file_of(struct world *w, const void *function)
{
	const struct mapping *m = map_of(w, function);

	return native_files__get(w->files, getpid(), m, mappings_path(&w->maps, m));
}

/* Through its handle, so that no sanitizer's own is meant. */
static void *libc_qsort(void)
{
	return dlsym(dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD), "qsort");
}

static uint64_t vaddr_of(struct world *w, const struct native_file *f, const void *function)
{
	const struct mapping *m = map_of(w, function);
	uint64_t vaddr = 0;

	assert_true(unwind_table__vaddr(&f->table, (uintptr_t)function - m->start + m->offset, &vaddr));
	return vaddr;
}

/* Of the function that the code is of. NULL: still to come. */
static const struct native_name *own(const struct native_frames *frames)
{
	return frames ? frames->items[frames->cnt - 1].name : NULL;
}

static const struct native_name *in_file(struct world *w, const struct native_file *f, uint64_t vaddr)
{
	return own(native_names__in_file(w->names, f, vaddr, false));
}

static void wait_for_all(struct world *w)
{
	assert_true(native_names__wait(w->names, PATIENCE_MS));
}

/* As the child sends it, with the numbers of all rules, against what is built here. */
static void test_tables(void **state)
{
	struct world *w = *state;
	struct native_file *f = file_of(w, test_tables), *again = file_of(w, test_tables);
	__cleanup_close int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct elf_file *e = elf_file__open(fd);
	const struct abi_unwind_rule *rules;
	uint32_t cnt, changed;
	struct unwind_table own;

	assert_ptr_equal(f, again);
	assert_int_equal(f->refs, 2);
	assert_int_equal(f->state, NATIVE_FILE_ASKED);
	wait_for_all(w);
	assert_int_equal(f->state, NATIVE_FILE_READY);
	assert_int_equal(w->ready, 1);
	assert_string_equal(f->module, "native_names_test");
	assert_true(unwind_table__build(&own, e));
	rules = unwind_rules__all(native_files__rules(w->files), &cnt, &changed);
	assert_int_equal(f->table.row_cnt, own.row_cnt);
	assert_int_equal(f->table.page_cnt, own.page_cnt);
	for (uint32_t i = 0; i < own.row_cnt; i++) {
		assert_in_range(f->table.rows[i].rule, 0, cnt - 1);
		assert_int_equal(f->table.rows[i].at, own.rows[i].at);
		assert_memory_equal(&rules[f->table.rows[i].rule], &own.rules[own.rows[i].rule], sizeof(*rules));
	}
	assert_int_equal(native_files__bytes(w->files), unwind_table__bytes(&own));
	unwind_table__clear(&own);
	elf_file__free(e);
}

/* A file with no table, none at all, and the kernel's own library. */
static void test_other_mappings(void **state)
{
	struct world *w = *state;
	struct mapping gone = {.start = 0x1000, .end = 0x2000, .file = {.inode = 1, .dev = 1}},
		       made = {.start = 0x1000, .end = 0x2000, .kind = MAPPING_ANONYMOUS};
	struct native_file *none = native_files__get(w->files, getpid(), &gone, "/nowhere/lib.so (deleted)");
	struct native_file *vdso = file_of(w, (void *)getauxval(AT_SYSINFO_EHDR));

	assert_null(native_files__get(w->files, getpid(), &made, ""));
	wait_for_all(w);
	assert_int_equal(none->state, NATIVE_FILE_NONE);
	assert_string_equal(none->module, "lib.so");
	assert_int_equal(vdso->state, NATIVE_FILE_READY);
	assert_true(vdso->table.row_cnt > 0);
	assert_int_equal(w->ready, 2);
	assert_null(in_file(w, none, 0x1234));
	wait_for_all(w);
	assert_string_equal(in_file(w, none, 0x1234)->name, "[lib.so]");
}

__attribute__((noinline)) static int of_this_file(int n)
{
	return n * getpid();
}

static void test_names(void **state)
{
	struct world *w = *state;
	void *qsort_at = libc_qsort();
	struct native_file *self = file_of(w, of_this_file), *libc = file_of(w, qsort_at);
	const struct native_name *one, *other;
	uint64_t at;

	wait_for_all(w);
	at = vaddr_of(w, self, of_this_file);
	assert_null(in_file(w, self, at + 1));
	assert_null(in_file(w, self, at + 2));
	assert_null(in_file(w, libc, vaddr_of(w, libc, qsort_at) + 1));
	wait_for_all(w);
	one = in_file(w, self, at + 1);
	other = in_file(w, self, at + 2);
	assert_string_equal(one->name, "of_this_file");
	assert_string_equal(one->module, "native_names_test");
	assert_int_equal(one->kind, NATIVE_FUNCTION);
	assert_int_equal(one->start, at);
	assert_ptr_equal(one, other);
	one = in_file(w, libc, vaddr_of(w, libc, qsort_at) + 1);
	assert_string_equal(one->name, "qsort");
	assert_int_equal(strncmp(one->module, "libc", 4), 0);
}

/* Many at once, of several files: each has an answer, and it is its own. */
static void test_many(void **state)
{
	struct world *w = *state;
	struct native_file *files[] = {file_of(w, of_this_file), file_of(w, libc_qsort())};
	size_t named = 0;

	wait_for_all(w);
	for (int round = 0; round < 2; round++) {
		for (uint64_t i = 0; i < 1000; i++) {
			const struct native_file *f = files[i / 3 % 2];
			uint64_t at = f->table.first + i * 64;
			const struct native_name *name = in_file(w, f, at);

			assert_int_equal(name != NULL, round);
			if (!name)
				continue;
			assert_string_equal(name->module, f->module);
			assert_true(name->start <= at);
			named += name->start != 0;
		}
		wait_for_all(w);
	}
	assert_true(named > 500);
}

static void test_code_made_at_run_time(void **state)
{
	struct world *w = *state;
	const struct native_name *name;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	unlink(path);
	f = fopen(path, "we");
	assert_non_null(f);
	fprintf(f, "7000 100 made one\n");
	fclose(f);
	assert_null(native_names__in_memory(w->names, getpid(), 0x7010));
	assert_null(native_names__in_memory(w->names, getpid(), 0x8000));
	wait_for_all(w);
	name = own(native_names__in_memory(w->names, getpid(), 0x7010));
	assert_string_equal(name->name, "made one");
	assert_int_equal(name->kind, NATIVE_CODE_MADE);
	assert_string_equal(own(native_names__in_memory(w->names, getpid(), 0x8000))->name, "[made at run time]");
	assert_string_equal(own(native_names__unknown(w->names))->name, "[unknown]");
	unlink(path);
}

static void test_kernel(void **state)
{
	struct world *w = *state;
	__cleanup_file FILE *f = fopen("/proc/kallsyms", "re");
	unsigned long long addr = 0;
	char line[512], name[256], kind;
	const struct native_name *found;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx %c %255s", &addr, &kind, name) == 3 && !strcmp(name, "vfs_read"))
			break;
	found = own(native_names__in_kernel(w->names, addr ? addr + 1 : 0xffffffff81000001));
	assert_int_equal(found->kind, NATIVE_KERNEL);
	assert_string_equal(found->module, "[kernel]");
	assert_string_equal(found->name, addr ? "vfs_read" : "[kernel]");
	assert_ptr_equal(found, own(native_names__in_kernel(w->names, addr ? addr + 1 : 0xffffffff81000001)));
}

/* The youngest child, and the one before it. */
static void find_children(pid_t *youngest, pid_t *before)
{
	__cleanup_file FILE *f = NULL;
	char path[64];
	int pid;

	*youngest = *before = 0;
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	f = fopen(path, "re");
	while (f && fscanf(f, "%d", &pid) == 1) {
		*before = *youngest;
		*youngest = pid;
	}
}

/* The child ends: what it was about is given up, the others are answered by another one. */
static void test_a_child_that_ends(void **state)
{
	struct world *w = *state;
	struct native_file *self = file_of(w, of_this_file);
	struct mapping gone = {.start = 0x1000, .end = 0x2000, .file = {.inode = 1, .dev = 1}};
	struct native_file *libc;
	pid_t first, lines, youngest;

	wait_for_all(w);
	find_children(&lines, &first); /* that for lines is made last */
	assert_true(first > 0);
	kill(first, SIGSTOP);
	native_files__get(w->files, getppid(), &gone, "/nowhere"); /* asked first: it is to blame */
	libc = file_of(w, libc_qsort());
	in_file(w, self, vaddr_of(w, self, of_this_file));
	native_files__poll(w->files);
	kill(first, SIGKILL);
	wait_for_all(w);
	find_children(&youngest, &first);
	assert_int_not_equal(youngest, lines);
	assert_int_equal(libc->state, NATIVE_FILE_READY);
	assert_string_equal(in_file(w, self, vaddr_of(w, self, of_this_file))->name, "of_this_file");
}

/* Files that nobody holds are forgotten, when there are many. */
static void test_forgotten(void **state)
{
	struct world *w = *state;
	struct native_file *kept = file_of(w, of_this_file);

	for (uint64_t i = 1; i <= 6000; i++) {
		struct mapping gone = {.start = 0x1000, .end = 0x2000, .file = {.inode = i, .dev = 1}};

		native_files__put(w->files, native_files__get(w->files, getpid(), &gone, "/nowhere"));
		if (i % 500 == 0)
			native_files__poll(w->files);
	}
	assert_in_range(w->forgotten, 1000, 5999);
	native_files__put(w->files, kept);
	assert_ptr_equal(file_of(w, of_this_file), kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_tables, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_other_mappings, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_code_made_at_run_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_kernel, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_child_that_ends, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_forgotten, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("native_names", tests, NULL, NULL);
}
