/* SPDX-License-Identifier: MIT */
/* The contents of records, for encoder and decoder: bits, and the members of each kind but samples. */
#pragma once
#include "user/format/record.h"

#define META_GIL_ONLY 1u
#define META_COMPLETE 2u

#define SAMPLE_GIL       0x03u /* enum profile_gil */
#define SAMPLE_TRUNCATED 0x04u
/* The field follows; else it is as it was before. */
#define SAMPLE_CPU    0x08u
#define SAMPLE_THREAD 0x10u
#define SAMPLE_STACK  0x20u
#define SAMPLE_VALUE  0x40u
#define SAMPLE_MORE   0x80u /* last: a varint length and bytes that are not known here */

/* enum profile_origin as it is written, from when synthetic frames were an origin. */
#define ORIGIN_SYNTHETIC 3u
#define ORIGIN_OBJECT    4u

/* Of structs of the sink, or of struct record_meta. Numbers are varints, signed ones by zigzag. */
enum record_field_type {
	RECORD_BOOL,
	RECORD_U8,
	RECORD_U32,
	RECORD_S32,
	RECORD_U64,
	RECORD_DOUBLE, /* 8 bytes */
	RECORD_TEXT,
};

struct record_field {
	uint16_t at;
	uint8_t type;  /* enum record_field_type */
	bool optional; /* older recordings end before it */
};

struct record_shape {
	const struct record_field *fields; /* in the order of the body */
	size_t cnt;
};
/* By enum record_kind; without fields: not made of fields. */
extern const struct record_shape record_shapes[RECORD_KINDS];

struct record_meta {
	struct profile_meta m;
	uint64_t flags; /* META_… */
};

/* The kinds whose bodies are their structs: RECORD_kind, struct profile_name and the sink's `name`. */
#define RECORD_STRUCTS(X)                                                                                              \
	X(PROCESS, process)                                                                                            \
	X(THREAD, thread)                                                                                              \
	X(FRAME, frame)                                                                                                \
	X(STACK, stack)                                                                                                \
	X(LOSS, loss)                                                                                                  \
	X(VALUE_TYPE, value_type)                                                                                      \
	X(TASK, task)                                                                                                  \
	X(LABEL, label)                                                                                                \
	X(SOURCE, source)
