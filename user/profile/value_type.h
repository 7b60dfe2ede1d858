/* SPDX-License-Identifier: MIT */
/*
 * How values are written for people: time in seconds, memory in MiB, events as whole numbers, each beside the label of
 * its type. Nothing else knows what is measured.
 */
#pragma once
#include "user/profile/sink.h"

/* The type of a stream that announces none: recordings of before there were types. */
extern const struct profile_value_type profile_cpu_type;

struct value_unit {
	const char *name;              /* as pprof writes it: "nanoseconds" */
	const char *word, *short_word; /* of what people read: "seconds", "s"; "" for plain numbers */
	double scale;                  /* values per one of these */
	int decimals;                  /* of what people read */
};
const struct value_unit *value_unit(const struct profile_value_type *t);

/* In what people read: seconds, MiB, a number. */
double value_amount(const struct profile_value_type *t, double value);
/* "12.34 CPU seconds", "3.40 MiB allocated", "1234 page faults". Caller frees. */
char *value_text(const struct profile_value_type *t, double value);
/* "0.123 CPU s": with more decimals and a short word. */
char *value_short_text(const struct profile_value_type *t, double value);
/* The heading of a column of numbers without words: "CPU s", "MiB allocated", "page faults". */
char *value_heading(const struct profile_value_type *t);
/* In front of a noun: "CPU flame graph", "faults flame graph". */
const char *value_adjective(const struct profile_value_type *t);
/* value_text with any number already written: "12,345.67 CPU seconds". */
char *value_text_of(const struct profile_value_type *t, const char *number);
