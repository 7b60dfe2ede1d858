/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer on the reader of recordings. The first byte chooses what the rest is: the content of a
 * chunk, for the record decoder, or a whole file, whose checksums are made right first or else
 * nearly every mutation would be stopped at the door. What comes out is looked at the way outputs
 * do it; sums that disagree are a crash. It links user/util, user/profile and the files of
 * user/format included here.
 */
#include "user/format/chunk.h"
#include "user/format/record.h"
#include "user/format/recording.h"
#include "user/profile/loss_words.h"
#include "user/profile/view.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <string.h>
#include <sys/mman.h>
#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int count_one(void *arg, const struct profile_sample *s)
{
	(void)s;
	++*(uint64_t *)arg;
	return 0;
}

static void look_at(const struct profile *p)
{
	__cleanup_free char *loss = loss_text(p);
	uint64_t each = 0, in_trees = 0;

	if (strpbrk(loss, "\n\r\x1b"))
		abort();
	for (uint32_t type = 0; type < p->type_cnt; type++) {
		struct view views[] = {{.threads = true, .type = type},
				       {.by_function = true, .gil_only = true, .type = type}};

		for (size_t i = 0; i < ARRAY_SIZE(views); i++) {
			struct view_tree *t = view_tree__new(&views[i], p);

			in_trees += i ? 0 : t->nodes[0].samples;
			view_tree__free(t);
		}
	}
	if (in_trees != p->sample_cnt)
		abort();
	for (uint32_t i = 0; i <= p->function_cnt; i++)
		free(view__function_text(p, i));
	if (!profile__each_sample(p, count_one, &each) && each != p->sample_cnt)
		abort();
}

static struct profile *from_records(const uint8_t *data, size_t size)
{
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to = profile_builder__sink(b);
	struct buf raw = {(char *)data, size, size};
	uint64_t unknown = 0;

	record_decode(&raw, &to, &unknown);
	return profile_builder__finish(b);
}

static void mend_checksums(uint8_t *file, size_t size)
{
	for (size_t at = CHUNK_FILE_HEADER; at + CHUNK_HEADER <= size;) {
		uint32_t stored, crc;

		memcpy(&stored, file + at + 4, sizeof(stored));
		if (stored > size - at - CHUNK_HEADER)
			break;
		crc = (uint32_t)crc32(crc32(0, file + at, 12), file + at + CHUNK_HEADER, stored);
		memcpy(file + at + 12, &crc, sizeof(crc));
		at += CHUNK_HEADER + stored;
	}
}

static struct profile *from_file(uint8_t *data, size_t size)
{
	__cleanup_close int fd = memfd_create("fuzz", MFD_CLOEXEC);
	__cleanup_free char *path = xasprintf("/proc/self/fd/%d", fd);
	struct profile *p = NULL;

	mend_checksums(data, size);
	if (write(fd, data, size) != (ssize_t)size || recording_read(path, &p))
		return NULL;
	return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	__cleanup_free uint8_t *copy = xmalloc(size);
	struct profile *p;

	log_set_level(LOG_ERROR);
	if (!size)
		return 0;
	memcpy(copy, data, size);
	p = copy[0] & 1 ? from_records(copy + 1, size - 1) : from_file(copy + 1, size - 1);
	if (p)
		look_at(p);
	profile__free(p);
	return 0;
}
