#include "user/symbol/debug_file.h"
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

int debug_file_open(const struct elf_file *e, pid_t pid)
{
	uint8_t id[MAX_ID];
	size_t len = build_id(e, id);
	struct buf path = {0};
	int fd;

	if (!len)
		return -1;
	buf_printf(&path, "/usr/lib/debug/.build-id/%02x/", id[0]);
	for (size_t i = 1; i < len; i++)
		buf_printf(&path, "%02x", id[i]);
	buf_puts(&path, ".debug");
	fd = open_with_id(pid, path.data, id, len);
	if (fd < 0 && pid)
		fd = open_with_id(0, path.data, id, len);
	buf_free(&path);
	return fd;
}
