/* SPDX-License-Identifier: MIT */
/*
 * Writing a recording, to a file while it happens or from a finished profile. A chunk that could
 * not be written whole is cut off again, so the file always ends with a chunk that can be read.
 */
#include "user/format/recording.h"
#include "user/format/chunk.h"
#include "user/format/format.h"
#include "user/format/record.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <errno.h>
#include <string.h>

#define CHUNK_BYTES (256u << 10) /* before compression */

struct recording {
	struct record_encoder encoder;
	struct chunk_packer *packer;
	struct buf out;
	int fd;
	FILE *file; /* instead of fd */
	uint64_t bytes;
	int err;
};

static int write_fd(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_file(FILE *file, const struct buf *out)
{
	errno = 0;
	if (fwrite(out->data, 1, out->len, file) == out->len)
		return 0;
	return errno ? -errno : -EIO;
}

static void cut_back(struct recording *r)
{
	if (r->file)
		return;
	if (ftruncate(r->fd, (off_t)r->bytes) || lseek(r->fd, (off_t)r->bytes, SEEK_SET) < 0)
		log_debug("recording: the cut chunk stays: %s", strerror(errno));
}

/* Writes `out` whole or not at all. */
static int put_out(struct recording *r)
{
	r->err = r->file ? write_file(r->file, &r->out) : write_fd(r->fd, r->out.data, r->out.len);
	if (!r->err) {
		r->bytes += r->out.len;
	} else {
		log_error("the recording ends here, after %llu bytes: %s", (unsigned long long)r->bytes,
			  strerror(-r->err));
		cut_back(r);
	}
	buf_reset(&r->out);
	return r->err;
}

static void write_chunk(void *ctx)
{
	struct recording *r = ctx;
	const struct buf *raw = record_encoder__content(&r->encoder);

	if (raw->len && !r->err) {
		chunk_packer__pack(r->packer, raw, &r->out);
		put_out(r);
	}
	record_encoder__reset(&r->encoder);
}

static int open_recording(int fd, FILE *file, struct recording **out)
{
	struct recording *r = xcalloc(1, sizeof(*r));
	int err;

	r->fd = fd;
	r->file = file;
	r->packer = chunk_packer__new();
	r->encoder.full = write_chunk;
	r->encoder.ctx = r;
	r->encoder.limit = CHUNK_BYTES;
	chunk_put_file_header(&r->out);
	err = put_out(r);
	if (err) {
		recording__close(r);
		r = NULL;
	}
	*out = r;
	return err;
}

int recording__create(int fd, struct recording **out)
{
	return open_recording(fd, NULL, out);
}

struct profile_sink recording__sink(struct recording *r)
{
	return record_encoder__sink(&r->encoder);
}

int recording__flush(struct recording *r)
{
	write_chunk(r);
	return r->err;
}

uint64_t recording__bytes(const struct recording *r)
{
	return r->bytes;
}

int recording__close(struct recording *r)
{
	int err;

	if (!r)
		return 0;
	err = recording__flush(r);
	record_encoder__free(&r->encoder);
	chunk_packer__free(r->packer);
	buf_free(&r->out);
	free(r);
	return err;
}

static void emit_tables(const struct profile *p, const struct profile_sink *to)
{
	for (uint32_t i = 0; i < p->type_cnt; i++)
		to->ops->value_type(to->ctx, &p->types[i]);
	for (uint32_t i = 1; i <= p->process_cnt; i++)
		to->ops->process(to->ctx, &p->processes[i]);
	for (uint32_t i = 1; i <= p->thread_cnt; i++)
		to->ops->thread(to->ctx, &p->threads[i]);
	for (uint32_t i = 1; i <= p->task_cnt; i++)
		to->ops->task(to->ctx, &p->tasks[i]);
	for (size_t i = 0; i < p->label_cnt; i++)
		to->ops->label(to->ctx, &p->labels[i]);
	for (size_t i = 0; i < p->source_cnt; i++)
		to->ops->source(to->ctx, &p->sources[i]);
	for (uint32_t i = 1; i <= p->function_cnt; i++)
		to->ops->function(to->ctx, &p->functions[i]);
	for (uint32_t i = 1; i <= p->frame_cnt; i++)
		to->ops->frame(to->ctx, &p->frames[i]);
	for (uint32_t i = 1; i <= p->stack_cnt; i++)
		to->ops->stack(to->ctx, &p->stacks[i]);
	for (size_t i = 0; i < p->loss_cnt; i++)
		to->ops->loss(to->ctx, &p->losses[i]);
}

static int emit_sample(void *arg, const struct profile_sample *s)
{
	const struct profile_sink *to = arg;

	to->ops->sample(to->ctx, s);
	return 0;
}

/* A recording holds everything; a view changes nothing in it. */
static int write_recording(const struct profile *p, const struct view *v, FILE *out)
{
	struct profile_meta begun = p->meta;
	struct profile_sink to;
	struct recording *r;
	int err, closed;

	(void)v;
	err = open_recording(-1, out, &r);
	if (err)
		return err;
	to = recording__sink(r);
	begun.complete = false;
	to.ops->meta(to.ctx, &begun);
	emit_tables(p, &to);
	err = profile__each_sample(p, emit_sample, &to);
	if (!err)
		to.ops->meta(to.ctx, &p->meta);
	closed = recording__close(r);
	return err ? err : closed;
}

static const char *const suffixes[] = {".pybpf", NULL};

const struct format format_recording = {
	.name = "recording",
	.help = "everything that was recorded; any other format can be made from it",
	.suffixes = suffixes,
	.keeps_texts = true,
	.write = write_recording,
	.read = recording_read,
	.probe = chunk_is_magic,
};
