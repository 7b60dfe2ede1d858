/* SPDX-License-Identifier: MIT */
/*
 * The dictionary of an OTLP request: what all its profiles refer to. Layout of opentelemetry-proto 1.10 (profiles/v1development): there
 * sample values moved to another field, and a server of another layout stores samples without values. Never to be changed by halves.
 */
#pragma once
#include "user/format/pprof_tables.h"

#define OTLP_LAYOUT "1.10"

struct otlp_tables {
	struct pprof_tables refs;
	struct intern *stacks;     /* u32 numbers of locations, the leaf first → number */
	struct intern *attributes; /* u32 text of the key, text of the value → number */
	size_t bytes;              /* of those two, at most */
};

void otlp_tables__init(struct otlp_tables *t, const struct profile *p, const struct view *v);
void otlp_tables__free(struct otlp_tables *t);
/* At most, of all tables. */
size_t otlp_tables__bytes(const struct otlp_tables *t);

uint32_t otlp_tables__text(struct otlp_tables *t, const char *text);
uint32_t otlp_tables__stack(struct otlp_tables *t, uint32_t process, uint32_t stack);
/* 0 when the value is empty. */
uint32_t otlp_tables__attribute(struct otlp_tables *t, const char *key, const char *value);

/* A ProfilesDictionary. */
void otlp_tables__put(struct otlp_tables *t, struct buf *out);

/* AnyValue { string_value } */
void otlp_put_any(struct buf *out, uint32_t field, const char *text, size_t len);
