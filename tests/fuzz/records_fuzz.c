/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as records of the ring buffer, through drain and the resolver into a profile. A record
 * is a kind, a flush or not, a length and that many bytes behind the header. Every sample record
 * that drain takes must be a sample or a loss of the profile, and nothing in it may be damaged.
 */
#include "user/profile/profile.h"
#include "user/python/versions.h"
#include "user/resolve/resolve.h"
#include "user/session/drain.h"
#include "user/util/alloc.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NO_SUCH_PID 0x3ffffff0 /* nothing may be read from a real process */
#define IMAGES      4
#define SECOND      1000000000ull

static struct interpreter interpreters[3] = {{.path = "a"}, {.path = "b"}, {.path = "c"}};

/* Stands in for the table that is filled from live processes. */
const struct interpreter *interpreters__by_layout(const struct interpreters *t, uint32_t layout_id)
{
	(void)t;
	return layout_id < 3 ? &interpreters[layout_id] : NULL;
}

static uint64_t samples_taken;

static void on_sample(void *ctx, const struct abi_sample *rec)
{
	samples_taken++;
	resolve__sample(ctx, rec);
}

static void on_code(void *ctx, const struct abi_code *rec)
{
	resolve__code(ctx, rec);
}

static void on_lines(void *ctx, const struct abi_lines *rec)
{
	resolve__lines(ctx, rec);
}

static void on_process(void *ctx, const struct abi_proc_rec *rec)
{
	resolve__process(ctx, rec);
}

static void on_exit_record(void *ctx, const struct abi_exit *rec)
{
	resolve__exit(ctx, rec);
}

static void on_invalidate(void *ctx, const struct abi_invalidate *rec)
{
	resolve__invalidate(ctx, rec);
}

static void on_cpu(void *ctx, const struct abi_cpu_rec *rec)
{
	resolve__cpu(ctx, rec);
}

static void on_tasks(void *ctx, const struct abi_tasks *rec)
{
	resolve__tasks(ctx, rec);
}

static void on_program(void *ctx, const struct abi_program_rec *rec)
{
	(void)ctx;
	(void)rec;
}

static void on_cgroup(void *ctx, const struct abi_cgroup_rec *rec)
{
	(void)ctx;
	(void)rec;
}

/* Small ids, so that records have to do with each other. */
static void tame(struct abi_hdr *hdr, size_t bytes)
{
	uint64_t *word = (uint64_t *)(hdr + 1);

	if (hdr->kind == ABI_REC_SAMPLE && bytes >= sizeof(struct abi_sample)) {
		struct abi_sample *s = (struct abi_sample *)hdr;
		struct abi_frame *f = (struct abi_frame *)(s + 1);

		s->image_id %= IMAGES;
		s->value %= SECOND;
		s->type = 0; /* the kernel side's sources have no types but those they told of */
		s->thread_start_ns %= 4;
		s->tasks_key %= 4;
		for (size_t i = 0; (char *)(f + i + 1) <= (char *)hdr + bytes; i++)
			f[i].code_key %= 8;
	} else if (hdr->kind == ABI_REC_CODE && bytes >= sizeof(struct abi_code)) {
		struct abi_code *c = (struct abi_code *)hdr;

		c->code_key %= 8;
		c->image_id %= IMAGES;
		c->layout_id %= 4;
	} else if (hdr->kind == ABI_REC_LINES && bytes >= sizeof(struct abi_lines)) {
		*word %= 8;
	} else if (hdr->kind == ABI_REC_EXIT && bytes >= sizeof(struct abi_exit)) {
		((struct abi_exit *)hdr)->image_id %= IMAGES;
	} else if (hdr->kind == ABI_REC_INVALIDATE && bytes >= sizeof(struct abi_invalidate)) {
		((struct abi_invalidate *)hdr)->image_id %= IMAGES;
	} else if (hdr->kind == ABI_REC_CPU && bytes >= sizeof(struct abi_cpu_rec)) {
		((struct abi_cpu_rec *)hdr)->image_id %= IMAGES;
	} else if (hdr->kind == ABI_REC_TASKS && bytes >= sizeof(struct abi_tasks)) {
		*word %= 4;
	} else if (hdr->kind == ABI_REC_PROC && bytes >= sizeof(struct abi_proc_rec)) {
		((struct abi_proc_rec *)hdr)->image_id %= IMAGES;
	}
}

static size_t feed(struct resolve *r, const uint8_t *data, size_t size, uint64_t now)
{
	static const struct drain_handlers handlers = {
		on_sample,     on_code, on_lines, on_process, on_exit_record,
		on_invalidate, on_cpu,  on_tasks, on_program, on_cgroup,
	};
	size_t want = data[2] | (size_t)data[3] << 8, len, bytes;
	struct abi_hdr *hdr;

	len = want < size - 4 ? want : size - 4;
	bytes = sizeof(*hdr) + len;
	hdr = xcalloc(1, bytes);
	memcpy(hdr + 1, data + 4, len);
	hdr->kind = data[0] % 7;
	hdr->size = (uint32_t)bytes;
	hdr->tgid = NO_SUCH_PID;
	hdr->tid = data[1] % 3;
	hdr->time_ns = now;
	tame(hdr, bytes);
	drain_record(hdr, bytes, &handlers, r);
	free(hdr);
	if (data[1] & 8)
		resolve__flush(r, now + (data[1] & 16 ? 4 * SECOND : 0), false);
	return 4 + len;
}

static void check(const struct profile *p)
{
	uint64_t lost = 0;

	for (size_t i = 0; i < p->loss_cnt; i++) {
		lost += p->losses[i].count;
		if (!strcmp(p->losses[i].reason, "damaged"))
			abort();
	}
	if (p->sample_cnt + lost != samples_taken)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct profile_builder *b = profile_builder__new(true);
	struct processes *processes = processes__new("");
	struct resolve *r = resolve__new(profile_builder__sink(b), processes, NULL);
	uint64_t now = 10 * SECOND;
	struct profile *p;

	for (unsigned i = 0; i < 3; i++)
		interpreters[i].build.lines = (enum line_table_kind)i;
	samples_taken = 0;
	while (size > 4) {
		size_t used = feed(r, data, size, now);

		data += used;
		size -= used;
		now += SECOND / 100;
	}
	resolve__flush(r, now, true);
	resolve__free(r);
	processes__free(processes);
	p = profile_builder__finish(b);
	check(p);
	profile__free(p);
	return 0;
}
