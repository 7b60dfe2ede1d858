/* SPDX-License-Identifier: MIT */
/*
 * Chunks of a recording, both directions. The reader trusts nothing before the checksum fits, and
 * the checksum covers the lengths. It reads with pread and not through a mapping: a recording that
 * is still growing, or is cut while it is read, must not end in SIGBUS.
 */
#include "user/format/chunk.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <errno.h>
#include <libdeflate.h> /* zlib's format, which it reads and writes in less than half of zlib's time */
#include <string.h>
#include <sys/stat.h>

#define FLAG_DEFLATE 1u
#define MARK         0x4b43u /* "CK" */
#define LEVEL        1       /* recording costs a running machine; rewriting costs nobody */

/* As PNG has it: the first byte tells it from text, the line end shows a transfer in text mode. */
static const unsigned char magic[8] = {0x89, 'P', 'Y', 'B', 'P', 'F', '\r', '\n'};

/* As they are in the file: both supported architectures are little-endian, and nothing is padded. */
struct file_header {
	unsigned char magic[8];
	uint16_t major, minor;
	uint32_t zero;
};

struct chunk_head {
	uint16_t mark;
	uint8_t type, flags;
	uint32_t stored, raw, crc;
};
_Static_assert(sizeof(struct file_header) == CHUNK_FILE_HEADER && sizeof(struct chunk_head) == CHUNK_HEADER, "layout");

bool chunk_is_magic(const unsigned char *head, size_t len)
{
	return len >= sizeof(magic) && !memcmp(head, magic, sizeof(magic));
}

void chunk_put_file_header(struct buf *out)
{
	struct file_header head = {.major = CHUNK_MAJOR, .minor = CHUNK_MINOR};

	memcpy(head.magic, magic, sizeof(magic));
	buf_put(out, &head, sizeof(head));
}

/* `len` bytes of content that the caller fills. */
static unsigned char *room(struct buf *b, size_t len)
{
	if (len + 1 > b->cap) {
		b->cap = len + 1;
		b->data = xrealloc(b->data, b->cap);
	}
	b->len = len;
	return (unsigned char *)b->data;
}

struct chunk_packer {
	struct libdeflate_compressor *z; /* kept: setting one up clears half a megabyte */
	struct buf packed;
};

struct chunk_packer *chunk_packer__new(void)
{
	struct chunk_packer *p = xcalloc(1, sizeof(*p));

	p->z = libdeflate_alloc_compressor(LEVEL);
	if (!p->z) {
		log_error("out of memory");
		abort();
	}
	return p;
}

void chunk_packer__free(struct chunk_packer *p)
{
	if (!p)
		return;
	libdeflate_free_compressor(p->z);
	buf_free(&p->packed);
	free(p);
}

static uint32_t checksum(const struct chunk_head *head, const void *stored)
{
	uint32_t crc = libdeflate_crc32(0, head, offsetof(struct chunk_head, crc));

	return libdeflate_crc32(crc, stored, head->stored);
}

void chunk_packer__pack(struct chunk_packer *p, const struct buf *raw, struct buf *out)
{
	struct chunk_head head = {.mark = MARK, .type = CHUNK_RECORDS, .raw = (uint32_t)raw->len};
	const struct buf *stored = raw;
	size_t len;

	/* No room for more than there was: 0 when it does not get smaller. */
	len = raw->len ? libdeflate_zlib_compress(p->z, raw->data, raw->len, room(&p->packed, raw->len), raw->len - 1)
		       : 0;
	if (len) {
		p->packed.len = len;
		stored = &p->packed;
	}
	head.flags = stored == raw ? 0 : FLAG_DEFLATE;
	head.stored = (uint32_t)stored->len;
	head.crc = checksum(&head, stored->data);
	buf_put(out, &head, sizeof(head));
	buf_put(out, stored->data, stored->len);
}

/* All of `len` bytes at `at`; -EBADMSG when the file ends before. */
static int read_at(int fd, void *into, size_t len, off_t at)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = pread(fd, (char *)into + got, len - got, at + (off_t)got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return -EBADMSG;
		got += (size_t)n;
	}
	return 0;
}

int chunk_reader__open(struct chunk_reader *r, int fd, const char *path)
{
	struct file_header head;
	struct stat st;
	int err;

	*r = (struct chunk_reader){.fd = fd, .at = CHUNK_FILE_HEADER};
	err = fstat(fd, &st) ? -errno : read_at(fd, &head, sizeof(head), 0);
	if (err && err != -EBADMSG) {
		log_error("%s: cannot be read: %s", path, strerror(-err));
		return err;
	}
	if (err || !chunk_is_magic(head.magic, sizeof(head))) {
		log_error("%s: not a recording", path);
		return -EBADMSG;
	}
	if (head.major != CHUNK_MAJOR) {
		log_error("%s: a recording of version %u, and this program reads version %u only", path, head.major,
			  CHUNK_MAJOR);
		return -ENOTSUP;
	}
	r->size = st.st_size;
	return 0;
}

static int unpack(struct chunk_reader *r, unsigned flags, uint32_t raw_len)
{
	size_t len = 0;

	if (flags & ~FLAG_DEFLATE)
		return -EBADMSG;
	if (!(flags & FLAG_DEFLATE)) {
		buf_reset(&r->raw);
		buf_put(&r->raw, r->stored.data, r->stored.len);
		return 0;
	}
	if (!r->z)
		r->z = libdeflate_alloc_decompressor();
	if (!r->z)
		return -ENOMEM;
	if (libdeflate_zlib_decompress(r->z, r->stored.data, r->stored.len, room(&r->raw, raw_len), raw_len, &len))
		return -EBADMSG;
	return len == raw_len ? 0 : -EBADMSG;
}

/* One chunk of any type; -EAGAIN for a type that is not known. */
static int read_chunk(struct chunk_reader *r)
{
	struct chunk_head head;
	int err = read_at(r->fd, &head, sizeof(head), r->at);

	if (err)
		return err;
	if (head.mark != MARK || head.raw > CHUNK_MAX_RAW || head.stored > CHUNK_MAX_RAW ||
	    (off_t)head.stored > r->size - r->at - CHUNK_HEADER)
		return -EBADMSG;
	err = read_at(r->fd, room(&r->stored, head.stored), head.stored, r->at + CHUNK_HEADER);
	if (err)
		return err;
	if (checksum(&head, r->stored.data) != head.crc)
		return -EBADMSG;
	if (head.type == CHUNK_RECORDS)
		err = unpack(r, head.flags, head.raw);
	if (!err)
		r->at += CHUNK_HEADER + (off_t)head.stored;
	return err ? err : head.type == CHUNK_RECORDS ? 0 : -EAGAIN;
}

int chunk_reader__next(struct chunk_reader *r)
{
	int err;

	do {
		err = r->at >= r->size ? -ENODATA : read_chunk(r);
		r->unknown += err == -EAGAIN;
	} while (err == -EAGAIN);
	return err;
}

void chunk_reader__close(struct chunk_reader *r)
{
	libdeflate_free_decompressor(r->z);
	buf_free(&r->stored);
	buf_free(&r->raw);
}
