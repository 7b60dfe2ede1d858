/* SPDX-License-Identifier: MIT */
/*
 * The container of a recording: a file header, then chunks that are compressed and checksummed each
 * by itself. All numbers little-endian.
 *
 *   file header   8 bytes magic, u16 major, u16 minor, u32 0
 *   chunk         u16 mark, u8 type, u8 flags, u32 stored bytes, u32 raw bytes,
 *                 u32 crc32 of the 12 bytes before it and of the stored bytes; the stored bytes
 *
 * A reader skips types it does not know. A higher major version is refused; a higher minor one only
 * adds chunk types, record kinds and fields at the end of records.
 */
#pragma once
#include "user/util/buf.h"
#include <sys/types.h>

#define CHUNK_MAJOR       1
#define CHUNK_MINOR       1 /* value types, kinds, tasks, labels */
#define CHUNK_FILE_HEADER 16
#define CHUNK_HEADER      16
#define CHUNK_MAX_RAW     (16u << 20)

enum chunk_type { CHUNK_RECORDS = 1 };

bool chunk_is_magic(const unsigned char *head, size_t len);
void chunk_put_file_header(struct buf *out);

struct chunk_packer;
struct chunk_packer *chunk_packer__new(void);
void chunk_packer__free(struct chunk_packer *p);
/* Appends `raw` to `out` as one chunk of records. */
void chunk_packer__pack(struct chunk_packer *p, const struct buf *raw, struct buf *out);

struct chunk_reader {
	int fd;
	off_t at, size; /* of the next chunk; of the file when it was opened */
	struct buf stored, raw;
	struct libdeflate_decompressor *z; /* NULL until one is needed */
	uint64_t unknown;                  /* chunks of types that are not known */
};

/* `fd` stays the caller's. -EBADMSG when it is no recording, -ENOTSUP when of another version. */
int chunk_reader__open(struct chunk_reader *r, int fd, const char *path);
/*
 * The content of the next chunk of records into `raw`. 0; -ENODATA at the end, -EBADMSG where the
 * file is damaged or cut (`at` stays in front of it), else what the system said.
 */
int chunk_reader__next(struct chunk_reader *r);
void chunk_reader__close(struct chunk_reader *r);
