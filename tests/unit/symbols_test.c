/* SPDX-License-Identifier: MIT */
/* The oracle is the dynamic loader; then made-up tables, for what compilers and linkers seldom make. */
#include "tests/unit/file_bytes.h"
#include "user/symbol/symbols.h"
#include "user/symbol/debug_file.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <lzma.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <cmocka.h>

/* ---- real files ------------------------------------------------------------------------------------------ */

/* As .dynsym has them, in a file that is stripped of all else. */
static void test_libc(void **state)
{
	static const char *const names[] = {"read", "malloc", "qsort", "printf", "getpid", "fork", "abort"};
	void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD); /* no sanitizer's own is meant */
	Dl_info info;
	size_t len;

	(void)state;
	assert_true(dladdr(dlsym(libc, "qsort"), &info));
	__cleanup_free char *bytes = slurp(info.dli_fname, &len);
	((Elf64_Ehdr *)bytes)->e_shoff = ((Elf64_Ehdr *)bytes)->e_shnum = 0;
	__cleanup_close int fd = memory_file(bytes, len);
	struct elf_file *e = elf_file__open(fd);
	struct symbols *s = symbols__read(e);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		uint64_t at = (uint64_t)((char *)dlsym(libc, names[i]) - (char *)info.dli_fbase);
		struct symbols_found f = symbols__find(s, at + 1);

		assert_non_null(f.name);
		assert_string_equal(f.name, names[i]);
		assert_int_equal(f.start, at);
		assert_true(f.end > at);
	}
	assert_false(symbols__has_all(s));
	symbols__free(s);
	elf_file__free(e);
	dlclose(libc);
}

static uint64_t vaddr_of(const struct elf_file *e, const char *name)
{
	uint64_t vaddr = 0, size;

	assert_true(elf_file__symbol(e, name, &vaddr, &size));
	return vaddr;
}

/* Without a name a function is known by where it starts: the same file, without its section headers. */
static void test_functions_without_names(void **state)
{
	size_t len;
	__cleanup_free char *bytes = slurp("/proc/self/exe", &len);
	__cleanup_close int whole = memory_file(bytes, len);
	struct elf_file *e = elf_file__open(whole);
	uint64_t at = vaddr_of(e, "main");
	struct symbols *s = symbols__read(e);
	struct symbols_found f = symbols__find(s, at + 8);

	(void)state;
	assert_true(symbols__has_all(s));
	assert_string_equal(f.name, "main");
	assert_int_equal(f.start, at);
	symbols__free(s);
	elf_file__free(e);

	((Elf64_Ehdr *)bytes)->e_shoff = ((Elf64_Ehdr *)bytes)->e_shnum = 0;
	__cleanup_close int stripped = memory_file(bytes, len);
	e = elf_file__open(stripped);
	s = symbols__read(e);
	f = symbols__find(s, at + 8);
	assert_null(f.name);
	assert_int_equal(f.start, at);
	f = symbols__find(s, 1);
	assert_null(f.name);
	assert_int_equal(f.start, 0);
	symbols__free(s);
	elf_file__free(e);
}

/* ---- made-up files --------------------------------------------------------------------------------------- */

#define TEXT 0x1000u
#define FUNC ELF64_ST_INFO(STB_GLOBAL, STT_FUNC)
#define WEAK ELF64_ST_INFO(STB_WEAK, STT_FUNC)
#define OWN  ELF64_ST_INFO(STB_LOCAL, STT_FUNC)
#define NONE ELF64_ST_INFO(STB_LOCAL, STT_NOTYPE)
#define DATA ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT)

struct made {
	const char *name;
	uint64_t at, size;
	unsigned char info;
};

/* Code from TEXT on; a section with `bytes`: of symbols, or of what is given. */
static struct elf_file *make_file(const struct made *made, size_t cnt, const char *section, const struct buf *content)
{
	static const char heads[] = "\0.symtab\0.strtab\0.shstrtab\0";
	struct buf names = {0}, head = {0};
	Elf64_Sym symbols[32] = {0};
	Elf64_Ehdr h = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			.e_type = ET_DYN,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_phoff = sizeof(h),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 1,
			.e_shoff = 256,
			.e_shentsize = sizeof(Elf64_Shdr),
			.e_shnum = 5,
			.e_shstrndx = 3};
	Elf64_Phdr p = {PT_LOAD, PF_R | PF_X, 0, TEXT, TEXT, 0x40000, 0x40000, 4096};
	Elf64_Shdr s[5] = {{0}};

	buf_put(&head, heads, sizeof(heads) - 1);
	buf_put(&names, "", 1);
	for (size_t i = 0; i < cnt; i++) {
		symbols[i + 1] = (Elf64_Sym){.st_name = (uint32_t)names.len,
					     .st_info = made[i].info,
					     .st_shndx = 1,
					     .st_value = made[i].at,
					     .st_size = made[i].size};
		buf_put(&names, made[i].name, strlen(made[i].name) + 1);
	}
	s[1] = (Elf64_Shdr){.sh_name = 1,
			    .sh_type = cnt ? SHT_SYMTAB : SHT_PROGBITS,
			    .sh_offset = 1024,
			    .sh_size = (cnt + 1) * sizeof(*symbols),
			    .sh_link = 2};
	s[2] = (Elf64_Shdr){.sh_name = 9, .sh_type = SHT_STRTAB, .sh_offset = 2048, .sh_size = names.len};
	s[4] = (Elf64_Shdr){.sh_name = (uint32_t)head.len,
			    .sh_type = SHT_PROGBITS,
			    .sh_offset = 8192,
			    .sh_size = content ? content->len : 0};
	buf_put(&head, section, strlen(section) + 1);
	s[3] = (Elf64_Shdr){.sh_name = 17, .sh_type = SHT_STRTAB, .sh_offset = 3072, .sh_size = head.len};

	int fd = memfd_create("symbols_test", MFD_CLOEXEC);
	assert_int_equal(ftruncate(fd, 8192), 0);
	assert_int_equal(pwrite(fd, &h, sizeof(h), 0), sizeof(h));
	assert_int_equal(pwrite(fd, &p, sizeof(p), sizeof(h)), sizeof(p));
	assert_int_equal(pwrite(fd, s, sizeof(s), 256), sizeof(s));
	assert_int_equal(pwrite(fd, symbols, s[1].sh_size, 1024), s[1].sh_size);
	assert_int_equal(pwrite(fd, names.data, names.len, 2048), names.len);
	assert_int_equal(pwrite(fd, head.data, head.len, 3072), head.len);
	if (content)
		assert_int_equal(pwrite(fd, content->data, content->len, 8192), content->len);
	buf_free(&names);
	buf_free(&head);
	return elf_file__open(fd); /* the descriptor stays open: this is a test */
}

static void check(struct symbols *s, uint64_t at, const char *name)
{
	struct symbols_found f = symbols__find(s, at);

	if (name ? !f.name || strcmp(f.name, name) : f.name != NULL)
		fail_msg("%llx: %s, not %s", (unsigned long long)at, f.name ? f.name : "(none)",
			 name ? name : "(none)");
}

static void test_which_name(void **state)
{
	static const struct made made[] = {
		{"__libc_read", 0x1100, 0x20, FUNC}, {"read", 0x1100, 0x20, WEAK}, {"__read", 0x1100, 0x20, FUNC},
		{"a_mark", 0x1100, 0, NONE},         {"$x", 0x1100, 0, NONE},      {"b", 0x1200, 0x20, OWN},
		{"ab", 0x1200, 0x20, FUNC},          {"aa", 0x1200, 0x20, FUNC},   {"variable", 0x1300, 8, DATA},
		{"outer", 0x1400, 0x100, FUNC},      {"inner", 0x1410, 0x10, OWN}, {"label", 0x1600, 0, NONE},
		{"after", 0x1640, 0x10, FUNC},       {"far", 0x90000, 0x10, FUNC}, {"huge", 0x1800, UINT64_MAX, FUNC},
	};
	struct elf_file *e = make_file(made, ARRAY_SIZE(made), ".none", NULL);
	struct symbols *s = symbols__read(e);

	(void)state;
	check(s, 0x10ff, NULL);
	check(s, 0x1100, "read");
	check(s, 0x111f, "read");
	check(s, 0x1120, NULL);
	check(s, 0x1200, "aa"); /* of equals the shorter, and the first by the alphabet */
	check(s, 0x1300, NULL);
	check(s, 0x1405, "outer");
	check(s, 0x1415, "inner");
	check(s, 0x1420, "outer");
	check(s, 0x14ff, "outer");
	check(s, 0x1500, NULL);
	check(s, 0x1600, "label");
	check(s, 0x163f, "label");
	check(s, 0x1645, "after");
	check(s, 0x1650, NULL);
	check(s, 0x1801, "huge");
	check(s, 0x90000, NULL); /* no code */
	symbols__free(s);
	elf_file__free(e);
}

/* An ELF file packed into a section, as Fedora's packages have it. */
static void test_packed_symbols(void **state)
{
	struct buf packed = {0};
	size_t len, used = 0;
	__cleanup_free char *bytes = slurp("/proc/self/exe", &len);
	__cleanup_free uint8_t *out = xmalloc(2 * len);
	__cleanup_close int whole = memory_file(bytes, len);
	struct elf_file *own = elf_file__open(whole), *e;
	uint64_t at = vaddr_of(own, "main");
	struct symbols *s;

	(void)state;
	assert_int_equal(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC64, NULL, (uint8_t *)bytes, len, out, &used, 2 * len),
			 LZMA_OK);
	buf_put(&packed, out, used);
	e = make_file(NULL, 0, ".gnu_debugdata", &packed);
	s = symbols__read(e);
	assert_true(symbols__has_all(s));
	assert_in_range(at, TEXT, TEXT + 0x40000 - 1);
	check(s, at, "main");
	symbols__free(s);
	elf_file__free(e);
	for (size_t cut = 0; cut < packed.len; cut += 997) {
		struct buf part = {packed.data, cut, cut};

		e = make_file(NULL, 0, ".gnu_debugdata", &part);
		assert_int_equal(debug_data_open(e), -1);
		elf_file__free(e);
	}
	buf_free(&packed);
	elf_file__free(own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_libc),
		cmocka_unit_test(test_functions_without_names),
		cmocka_unit_test(test_which_name),
		cmocka_unit_test(test_packed_symbols),
	};

	return cmocka_run_group_tests_name("symbols", tests, NULL, NULL);
}
