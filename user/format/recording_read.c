/* SPDX-License-Identifier: MIT */
/*
 * Reading a recording: tables and sums are built in one pass; the single samples stay in the file,
 * which is kept open and decoded again for whoever wants them one by one, so memory does not grow
 * with a recording's length. The first damaged or incomplete chunk ends it; all before it counts.
 */
#include "user/format/recording.h"
#include "user/format/chunk.h"
#include "user/format/record.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* `profile->samples` of a recording. */
struct source {
	int fd;
	off_t end; /* what was read the first time */
};

struct pass {
	profile_sample_fn fn;
	void *arg;
	int err;
};

static void pass_sample(void *ctx, const struct profile_sample *s)
{
	struct pass *p = ctx;

	if (!p->err)
		p->err = p->fn(p->arg, s);
}

static const struct profile_sink_ops pass_ops = {.sample = pass_sample};

static int source_each(void *ctx, profile_sample_fn fn, void *arg)
{
	const struct source *s = ctx;
	struct chunk_reader reader = {.fd = s->fd, .at = CHUNK_FILE_HEADER, .size = s->end};
	struct pass pass = {fn, arg, 0};
	struct profile_sink to = {&pass_ops, &pass};
	int err = 0;

	while (!err && !pass.err) {
		err = chunk_reader__next(&reader);
		if (!err)
			err = record_decode_samples(&reader.raw, &to);
	}
	chunk_reader__close(&reader);
	if (pass.err)
		return pass.err;
	if (err == -ENODATA || reader.at >= s->end)
		return 0;
	log_error("the recording changed while it was read");
	return err;
}

static void source_free(void *ctx)
{
	struct source *s = ctx;

	close(s->fd);
	free(s);
}

static void warn_of_end(const char *path, const struct chunk_reader *r, bool whole, bool complete)
{
	if (!whole)
		log_warn("%s: damaged or cut short at byte %lld of %lld; what came before was read", path,
			 (long long)r->at, (long long)r->size);
	else if (!complete)
		log_warn("%s: the recording was cut short; it was read up to its last chunk", path);
}

static struct profile *read_all(const char *path, struct chunk_reader *r)
{
	struct profile_builder *b = profile_builder__new(false);
	struct profile_sink to = profile_builder__sink(b);
	struct source *s = xmalloc(sizeof(*s));
	struct profile *p;
	int err;

	do {
		err = chunk_reader__next(r);
		if (!err)
			err = record_decode(&r->raw, &to, &r->unknown);
	} while (!err);
	p = profile_builder__finish(b);
	warn_of_end(path, r, err == -ENODATA, p->meta.complete);
	if (r->unknown)
		log_warn("%s: %llu part%s of it, of kinds that this program does not know, %s left out; %s wrote it",
			 path, (unsigned long long)r->unknown, r->unknown == 1 ? "" : "s",
			 r->unknown == 1 ? "was" : "were", *p->meta.tool ? p->meta.tool : "a newer one");
	if (err != -ENODATA)
		p->meta.complete = false;
	*s = (struct source){r->fd, r->at};
	p->samples = (struct profile_samples){source_each, source_free, s};
	return p;
}

int recording_read(const char *path, struct profile **out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct chunk_reader reader;
	int err;

	if (fd < 0) {
		err = -errno;
		log_error("%s: cannot be opened: %s", path, strerror(-err));
		return err;
	}
	err = chunk_reader__open(&reader, fd, path);
	if (err) {
		close(fd);
		return err;
	}
	*out = read_all(path, &reader);
	chunk_reader__close(&reader);
	return 0;
}
