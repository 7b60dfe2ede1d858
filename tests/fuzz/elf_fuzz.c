/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as an ELF file: through the reader and through everything that identifies an
 * interpreter or a libc by it. Seeds: any small ELF files.
 */
#include "user/python/build.h"
#include "user/symbol/elf.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(int fd)
{
	struct elf_file *e = elf_file__open(fd);
	uint64_t vaddr, bytes, value;
	struct elf_part part;
	char out[256];

	if (!e)
		return;
	elf_file__machine(e);
	if (elf_file__section(e, ".PyRuntime", &vaddr, &bytes))
		elf_file__read(e, vaddr, out, sizeof(out));
	if (elf_file__symbol(e, "_PyRuntime", &vaddr, &bytes))
		elf_file__read_pointer(e, vaddr, &value);
	if (elf_file__part(e, 0, &part))
		elf_file__read(e, part.vaddr, out, sizeof(out));
	elf_file__read(e, UINT64_MAX - 8, out, sizeof(out));
	free(elf_file__needed(e, "libc.so.6"));
	elf_file__is_static(e);
	elf_file__start_code(e, &vaddr);
	elf_file__import(e, e, &vaddr, &value);
	elf_file__free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct py_build build;

	if (fd < 0)
		fd = memfd_create("elf_fuzz", MFD_CLOEXEC);
	if (ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		return 0;
	read_all(fd);
	py_build_identify(fd, "libpython3.8.so.1.0", &build);
	/* what is unknown is zero, what is refused says why */
	if (strnlen(build.version, sizeof(build.version)) == sizeof(build.version) ||
	    (build.runtime_vaddr && !build.supported && !build.why_not[0]))
		__builtin_trap();
	py_build_tls_from_program(fd, &build);
	return 0;
}
