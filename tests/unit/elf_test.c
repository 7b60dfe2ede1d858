/* SPDX-License-Identifier: MIT */
/*
 * The oracle is the dynamic loader: what it made of this program and of libc must be what the
 * reader finds in their files. Then the same files cut, altered and stripped of their section
 * headers.
 */
#include "tests/unit/file_bytes.h"
#include "user/symbol/arch.h"
#include "user/symbol/elf.h"
#include "user/util/alloc.h"
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <cmocka.h>

const char elf_test_text[] = "initialised data";
const char *const elf_test_pointer = elf_test_text + 4;
char elf_test_zeros[1 << 16];

static int open_self(void)
{
	return open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
}

static uint64_t vaddr_of(const struct elf_file *e, const char *name)
{
	uint64_t vaddr = 0, size;

	if (!elf_file__symbol(e, name, &vaddr, &size))
		fail_msg("no symbol %s", name);
	return vaddr;
}

static void assert_needed(const struct elf_file *e, const char *beginning, const char *library)
{
	__cleanup_free char *found = elf_file__needed(e, beginning);

	if (!library)
		assert_null(found);
	else
		assert_string_equal(found, library);
}

static void test_symbols_as_loaded(void **state)
{
	__cleanup_close int fd = open_self();
	struct elf_file *e = elf_file__open(fd);
	uint64_t bias, vaddr, size;
	struct elf_part part;

	(void)state;
	assert_non_null(e);
	assert_int_equal(elf_file__machine(e), arch_own->machine);
	assert_true(elf_file__part(e, 0, &part));
	assert_int_equal(part.vaddr - part.offset, 0);
	bias = (uint64_t)(uintptr_t)&elf_test_text - vaddr_of(e, "elf_test_text");
	assert_int_equal(bias & 4095, 0);
	assert_int_equal(vaddr_of(e, "elf_test_zeros") + bias, (uintptr_t)&elf_test_zeros);
	assert_true(elf_file__symbol(e, "elf_test_zeros", &vaddr, &size));
	assert_int_equal(size, sizeof(elf_test_zeros));
	assert_false(elf_file__symbol(e, "no such symbol", &vaddr, &size));
	/* referred to, not defined */
	assert_false(elf_file__symbol(e, "dlsym", &vaddr, &size));
	assert_needed(e, "libc.so.6", "libc.so.6");
	assert_needed(e, "libc.so", "libc.so.6");
	assert_needed(e, "libc.so.6.", NULL);
	elf_file__free(e);
}

/* What headers say of the whole: changed in a copy of this program. */
static void test_static_programs(void **state)
{
	static const struct {
		uint32_t without[2]; /* kinds of segments */
		bool is_static, has_note;
	} cases[] = {
		{{PT_NULL, PT_NULL}, false, true},     {{PT_INTERP, PT_NULL}, false, true}, /* as a library */
		{{PT_DYNAMIC, PT_NULL}, false, true},  /* as a program that has only its loader */
		{{PT_INTERP, PT_DYNAMIC}, true, true}, /* glibc's start files are in it */
		{{PT_NOTE, PT_NULL}, false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		__cleanup_close int self = open_self();
		__cleanup_close int fd = memfd_create("elf", MFD_CLOEXEC);
		struct elf_file *e;
		Elf64_Ehdr h;
		struct stat st;

		fstat(self, &st);
		assert_int_equal(sendfile(fd, self, NULL, (size_t)st.st_size), st.st_size);
		assert_int_equal(pread(fd, &h, sizeof(h), 0), sizeof(h));
		for (unsigned k = 0; k < h.e_phnum; k++) {
			off_t at = (off_t)(h.e_phoff + k * sizeof(Elf64_Phdr));
			uint32_t type, none = PT_NULL;

			assert_int_equal(pread(fd, &type, sizeof(type), at), sizeof(type));
			if (type == cases[i].without[0] || type == cases[i].without[1])
				assert_int_equal(pwrite(fd, &none, sizeof(none), at), sizeof(none));
		}
		e = elf_file__open(fd);
		assert_non_null(e);
		assert_int_equal(elf_file__is_static(e), cases[i].is_static);
		assert_int_equal(elf_file__has_abi_note(e), cases[i].has_note);
		elf_file__free(e);
	}
}

static void test_data_and_relocated_pointers(void **state)
{
	__cleanup_close int fd = open_self();
	struct elf_file *e = elf_file__open(fd);
	char text[sizeof(elf_test_text)], zeros[64];
	uint64_t value, bias, text_at = vaddr_of(e, "elf_test_text");

	(void)state;
	bias = (uint64_t)(uintptr_t)&elf_test_text - text_at;
	assert_true(elf_file__read(e, text_at, text, sizeof(text)));
	assert_string_equal(text, elf_test_text);
	memset(zeros, 1, sizeof(zeros));
	assert_true(elf_file__read(e, vaddr_of(e, "elf_test_zeros"), zeros, sizeof(zeros)));
	assert_memory_equal(zeros, elf_test_zeros, sizeof(zeros));
	assert_true(elf_file__read_pointer(e, vaddr_of(e, "elf_test_pointer"), &value));
	assert_int_equal(value + bias, (uintptr_t)elf_test_pointer);
	assert_false(elf_file__read(e, 1ull << 40, text, 1));
	assert_false(elf_file__read(e, UINT64_MAX - 3, text, sizeof(text)));
	elf_file__free(e);
}

static void test_sections(void **state)
{
	__cleanup_close int fd = open_self();
	struct elf_file *e = elf_file__open(fd);
	uint64_t vaddr, size, main_at = vaddr_of(e, "main");

	(void)state;
	assert_true(elf_file__section(e, ".text", &vaddr, &size));
	assert_true(main_at >= vaddr && main_at < vaddr + size);
	assert_false(elf_file__section(e, ".tex", &vaddr, &size));
	elf_file__free(e);
}

/* libc without section headers; asked through its handle, so that a sanitizer's own qsort is not
 * meant. */
static void test_without_section_headers(void **state)
{
	static const char *const names[] = {"printf", "pthread_getspecific", "qsort", "zzz"};
	void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	Dl_info info;
	size_t len;

	(void)state;
	assert_non_null(libc);
	assert_true(dladdr(dlsym(libc, "qsort"), &info));
	__cleanup_free char *bytes = slurp(info.dli_fname, &len);
	((Elf64_Ehdr *)bytes)->e_shoff = ((Elf64_Ehdr *)bytes)->e_shnum = 0;
	__cleanup_close int fd = memory_file(bytes, len);
	struct elf_file *e = elf_file__open(fd);

	assert_non_null(e);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		void *loaded = dlsym(libc, names[i]);
		uint64_t vaddr, size;

		assert_int_equal(elf_file__symbol(e, names[i], &vaddr, &size), loaded != NULL);
		if (loaded)
			assert_ptr_equal((char *)info.dli_fbase + vaddr, loaded);
	}
	elf_file__free(e);
	dlclose(libc);
}

static void use_everything(int fd)
{
	struct elf_file *e = elf_file__open(fd);
	struct elf_part part;
	uint64_t vaddr, size;
	char bytes[64];

	if (!e)
		return;
	elf_file__symbol(e, "main", &vaddr, &size);
	elf_file__section(e, ".rodata", &vaddr, &size);
	free(elf_file__needed(e, "libc.so.6"));
	elf_file__part(e, 0, &part);
	elf_file__read(e, part.vaddr + 4096, bytes, sizeof(bytes));
	elf_file__read_pointer(e, part.vaddr + 4096, &vaddr);
	elf_file__free(e);
}

static void test_cut_anywhere(void **state)
{
	size_t len;
	__cleanup_free char *bytes = slurp("/proc/self/exe", &len);
	__cleanup_close int fd = memory_file(bytes, len);

	(void)state;
	for (size_t cut = len; cut; cut -= cut > 8192 ? 4093 : cut > 1200 ? 97 : 1) {
		assert_int_equal(ftruncate(fd, (off_t)cut), 0);
		use_everything(fd);
	}
}

/* One byte of the headers at a time, set to the values that hurt most. */
static void test_altered_headers(void **state)
{
	static const char values[] = {0, 1, 0x7f, (char)0x80, (char)0xff};
	size_t len;
	__cleanup_free char *bytes = slurp("/proc/self/exe", &len);
	__cleanup_close int fd = memory_file(bytes, len);

	(void)state;
	for (size_t at = 0; at < 1024; at++) {
		for (size_t i = 0; i < sizeof(values); i++) {
			assert_int_equal(pwrite(fd, &values[i], 1, (off_t)at), 1);
			use_everything(fd);
		}
		assert_int_equal(pwrite(fd, bytes + at, 1, (off_t)at), 1);
	}
}

static void test_what_is_no_elf_file(void **state)
{
	int pipes[2];

	(void)state;
	__cleanup_close int dir = open("/", O_RDONLY | O_CLOEXEC);
	__cleanup_close int null = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	__cleanup_close int text = memory_file("#!/usr/bin/python3\n", 19);

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_null(elf_file__open(dir));
	assert_null(elf_file__open(null));
	assert_null(elf_file__open(text));
	assert_null(elf_file__open(pipes[0]));
	assert_null(elf_file__open(-1));
	elf_file__free(NULL);
	close(pipes[0]);
	close(pipes[1]);
}

/* A sparse file of a terabyte whose headers say that all of it is symbols. */
static void test_absurd_sizes(void **state)
{
	Elf64_Ehdr h = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			.e_type = ET_DYN,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_phoff = sizeof(h),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 2,
			.e_shoff = 4096,
			.e_shentsize = sizeof(Elf64_Shdr),
			.e_shnum = 2,
			.e_shstrndx = 1};
	Elf64_Phdr p[2] = {{.p_type = PT_LOAD, .p_filesz = 1ull << 40, .p_memsz = 1ull << 60},
			   {.p_type = PT_DYNAMIC, .p_filesz = 1ull << 39}};
	Elf64_Shdr s[2] = {{.sh_type = SHT_SYMTAB, .sh_link = 1, .sh_size = 1ull << 40},
			   {.sh_type = SHT_STRTAB, .sh_size = 1ull << 40}};
	__cleanup_close int fd = memory_file(&h, sizeof(h));
	uint64_t vaddr, size;
	struct elf_file *e;

	(void)state;
	assert_int_equal(write(fd, p, sizeof(p)), sizeof(p));
	assert_int_equal(pwrite(fd, s, sizeof(s), 4096), sizeof(s));
	assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
	e = elf_file__open(fd);
	assert_non_null(e);
	assert_false(elf_file__symbol(e, "main", &vaddr, &size));
	assert_false(elf_file__section(e, ".text", &vaddr, &size));
	use_everything(fd);
	elf_file__free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_symbols_as_loaded),
		cmocka_unit_test(test_static_programs),
		cmocka_unit_test(test_data_and_relocated_pointers),
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_without_section_headers),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_altered_headers),
		cmocka_unit_test(test_what_is_no_elf_file),
		cmocka_unit_test(test_absurd_sizes),
	};

	return cmocka_run_group_tests_name("elf", tests, NULL, NULL);
}
