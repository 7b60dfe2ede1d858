/* SPDX-License-Identifier: MIT */
#include "user/symbol/debug_file.h"
#include "user/os/procfs.h"
#include "user/os/untrusted.h"
#include "user/symbol/elf_file.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include <lzma.h>
#include <string.h>
#include <sys/mman.h>

#define MAX_UNPACKED (64u << 20)
#define MAX_MEMORY   (128u << 20) /* of the decoder; what is made for this purpose needs 8 MB */
#define MAX_ID       32
#define MIN_ID       8
#define MAX_LINKED   (1ull << 30) /* a checksum is of all of a file */
#define DEBUG_ROOT   "/usr/lib/debug"

/* ---- .gnu_debugdata -------------------------------------------------------------------------------------- */

/* Unpacks as much as there is, a piece at a time. */
static bool unpack(lzma_stream *z, int fd)
{
	uint8_t out[16384];
	size_t bytes = 0;
	lzma_ret ret;

	do {
		z->next_out = out;
		z->avail_out = sizeof(out);
		ret = lzma_code(z, LZMA_FINISH);
		bytes += sizeof(out) - z->avail_out;
		if ((ret != LZMA_OK && ret != LZMA_STREAM_END) || bytes > MAX_UNPACKED ||
		    write(fd, out, sizeof(out) - z->avail_out) != (ssize_t)(sizeof(out) - z->avail_out))
			return false;
	} while (ret == LZMA_OK);
	return true;
}

int debug_data_open(const struct elf_file *e)
{
	size_t len;
	__cleanup_free uint8_t *packed = elf_file__section_blob(e, ".gnu_debugdata", &len);
	lzma_stream z = LZMA_STREAM_INIT;
	bool whole;
	int fd;

	if (!packed || lzma_stream_decoder(&z, MAX_MEMORY, 0) != LZMA_OK)
		return -1;
	z.next_in = packed;
	z.avail_in = len;
	fd = memfd_create("debugdata", MFD_CLOEXEC);
	whole = fd >= 0 && unpack(&z, fd);
	lzma_end(&z);
	if (fd >= 0 && !whole) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* ---- by build id ----------------------------------------------------------------------------------------- */

/* An ELF note: {bytes of its name, bytes of what it says, kind}, both follow. 0: there is none. */
static size_t build_id(const struct elf_file *e, uint8_t id[MAX_ID])
{
	size_t len;
	__cleanup_free uint8_t *note = elf_file__section_blob(e, ".note.gnu.build-id", &len);
	Elf64_Nhdr n;
	size_t head = sizeof(n) + sizeof(ELF_NOTE_GNU);

	if (!note || len < head)
		return 0;
	memcpy(&n, note, sizeof(n));
	if (n.n_type != NT_GNU_BUILD_ID || n.n_namesz != sizeof(ELF_NOTE_GNU) || n.n_descsz < MIN_ID ||
	    n.n_descsz > MAX_ID || n.n_descsz > len - head)
		return 0;
	memcpy(id, note + head, n.n_descsz);
	return n.n_descsz;
}

static bool has_id(int fd, const uint8_t *id, size_t len)
{
	struct elf_file *e = elf_file__open(fd);
	uint8_t own[MAX_ID];
	bool same = e && build_id(e, own) == len && !memcmp(own, id, len);

	elf_file__free(e);
	return same;
}

static int open_with_id(pid_t pid, const char *path, const uint8_t *id, size_t len)
{
	int fd = open_untrusted(pid, path, UNTRUSTED_ELF_MAX);

	if (fd >= 0 && has_id(fd, id, len))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int open_by_id(const struct elf_file *e, pid_t pid)
{
	uint8_t id[MAX_ID];
	size_t len = build_id(e, id);
	struct buf path = {0};
	int fd;

	if (!len)
		return -1;
	buf_printf(&path, DEBUG_ROOT "/.build-id/%02x/", id[0]);
	for (size_t i = 1; i < len; i++)
		buf_printf(&path, "%02x", id[i]);
	buf_puts(&path, ".debug");
	fd = open_with_id(pid, path.data, id, len);
	if (fd < 0 && pid)
		fd = open_with_id(0, path.data, id, len);
	buf_free(&path);
	return fd;
}

/* ---- .gnu_debuglink -------------------------------------------------------------------------------------- */

/* A name with its zero, filled up to four bytes, and the CRC-32 of the file (binutils: bfd/opncls.c). */
struct link {
	char *name;
	uint32_t checksum;
};

static bool read_link(const struct elf_file *e, struct link *l)
{
	size_t len, name_len, at;
	char *section = elf_file__section_blob(e, ".gnu_debuglink", &len);

	name_len = section ? strnlen(section, len) : 0;
	at = (name_len + 4) / 4 * 4;
	if (!name_len || at + sizeof(l->checksum) > len || strchr(section, '/')) {
		free(section);
		return false;
	}
	memcpy(&l->checksum, section + at, sizeof(l->checksum));
	l->name = section;
	return true;
}

static bool has_checksum(int fd, uint32_t wanted)
{
	uint8_t bytes[65536];
	uint32_t sum = 0;
	uint64_t at = 0;
	ssize_t n;

	while ((n = pread(fd, bytes, sizeof(bytes), (off_t)at)) > 0 && at < MAX_LINKED) {
		sum = lzma_crc32(bytes, (size_t)n, sum);
		at += (uint64_t)n;
	}
	return !n && sum == wanted;
}

/* As gdb looks for it. */
static int open_by_link(const struct elf_file *e, pid_t pid, const char *path)
{
	static const char *const places[][2] = {{"", "/"}, {"", "/.debug/"}, {DEBUG_ROOT, "/"}};
	const char *own = procfs_path_in_root(pid, path), *last = strrchr(own, '/');
	struct link l;
	int fd = -1;

	if (!last || !read_link(e, &l))
		return -1;
	for (size_t i = 0; fd < 0 && i < ARRAY_SIZE(places); i++) {
		__cleanup_free char *one =
			xasprintf("%s%.*s%s%s", places[i][0], (int)(last - own), own, places[i][1], l.name);

		fd = open_untrusted(pid, one, MAX_LINKED);
		if (fd >= 0 && !has_checksum(fd, l.checksum)) {
			close(fd);
			fd = -1;
		}
	}
	free(l.name);
	return fd;
}

int debug_file_open(const struct elf_file *e, pid_t pid, const char *path)
{
	int fd = open_by_id(e, pid);

	return fd < 0 ? open_by_link(e, pid, path) : fd;
}
