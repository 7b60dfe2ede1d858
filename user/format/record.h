/*
 * The records inside a recording's chunks: varint kind, varint length, body. Fields are only ever
 * added at a body's end, and a reader skips kinds it does not know. Texts are a varint length and
 * bytes; ids as in user/profile/sink.h.
 *
 * Samples that follow each other share one record. Each is a byte of flags and what differs: time
 * from the sample before; thread, stack and value from the sample before on the same CPU. Every
 * chunk begins with a fresh state, so no chunk is needed to read another.
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
	RECORD_KINDS
};

/* What the next sample is told against. */
struct record_state {
	uint64_t time_unix_ns;
	uint16_t cpu;
	struct {
		uint64_t value_ns;
		uint32_t thread, stack;
	} cpus[RECORD_CPUS];
};

struct record_encoder {
	struct buf raw;  /* whole records */
	struct buf body; /* of the record being made */
	struct buf run;  /* samples since the last other record */
	struct record_state state;
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
 * Calls `to` for each record of a chunk. A body that makes no sense is left out and told as loss
 * "damaged"; -EBADMSG where not even its end can be found. The second passes over all but samples.
 */
int record_decode(const struct buf *raw, const struct profile_sink *to);
int record_decode_samples(const struct buf *raw, const struct profile_sink *to);
