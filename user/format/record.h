/* SPDX-License-Identifier: MIT */
/*
 * The records inside a recording's chunks: varint kind, varint length, body. Fields are only ever added at a body's
 * end, and a reader skips kinds it does not know. Texts are a varint length and bytes; ids as in user/profile/sink.h.
 *
 * Samples that follow each other share one record. Each is a byte of flags and what differs: time from the sample
 * before; thread, stack and value from the sample before on the same CPU. Every chunk begins with a fresh state, so no
 * chunk is needed to read another.
 *
 * Samples of another type than the first, or with a task, are in records that begin with a varint length and as many
 * bytes that say so for all of them; more of that may follow there one day. They are encoded against each other, so a
 * reader that does not know them has all the rest. A sample may also have a varint length and bytes of its own, which
 * is how samples grow.
 */
#pragma once
#include "user/profile/sink.h"
#include "user/util/buf.h"

#define RECORD_MAX_TEXT 65535 /* bytes of a text that are kept */
#define RECORD_CPUS     1024

enum record_kind {
	RECORD_META = 1,
	RECORD_PROCESS = 2,
	RECORD_THREAD = 3,
	RECORD_FUNCTION = 4,
	RECORD_FRAME = 5,
	RECORD_STACK = 6,
	RECORD_SAMPLES = 7,
	RECORD_LOSS = 8,
	RECORD_VALUE_TYPE = 9,
	RECORD_TASK = 10,
	RECORD_LABEL = 11,
	RECORD_TYPED_SAMPLES = 12,
	RECORD_SOURCE = 13,
	RECORD_KINDS
};

/* The last sample, which the next one is encoded against. */
struct record_state {
	uint64_t time_unix_ns;
	uint16_t cpu;
	struct {
		uint64_t value;
		uint32_t thread, stack;
	} cpus[RECORD_CPUS];
};

struct record_encoder {
	struct buf raw;  /* whole records */
	struct buf body; /* of the record being made */
	struct buf run;  /* samples since the last other record, all of one type and task */
	uint32_t run_task;
	uint8_t run_type;
	struct record_state state, typed; /* of samples of the first type without a task; of all others */
	/* Called when `limit` bytes are there; expected to take them and reset. */
	void (*full)(void *ctx);
	void *ctx;
	size_t limit;
};

/* A zeroed encoder is ready for use once its last three members are set. */
struct profile_sink record_encoder__sink(struct record_encoder *e);
/* Everything since the last reset, as the content of one chunk. */
const struct buf *record_encoder__content(struct record_encoder *e);
void record_encoder__reset(struct record_encoder *e);
void record_encoder__free(struct record_encoder *e);

/*
 * Calls `to` for each record of a chunk. A body that makes no sense is left out and counted as loss
 * "damaged"; -EBADMSG where not even its end can be found. Records of unknown kinds are
 * passed over and counted in `*unknown`. The second passes over all but samples.
 */
int record_decode(const struct buf *raw, const struct profile_sink *to, uint64_t *unknown);
int record_decode_samples(const struct buf *raw, const struct profile_sink *to);
