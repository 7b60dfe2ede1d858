/* SPDX-License-Identifier: MIT */
/*
 * A window's samples by whose they are and what was measured: of each group and type of values one profile is sent. Types are
 * apart, as a back end names a profile by what it measures, and multiplies numbers of samples by the period of that.
 */
#pragma once
#include "user/profile/view.h"
#include "user/push/group.h"

struct push_set {
	const struct push_group *group;
	uint32_t type;
	const struct profile_bucket *const *buckets;
	size_t cnt;
};

struct push_sets {
	struct push_set *items; /* by group and type; none is empty */
	size_t cnt;
	const struct profile_bucket **buckets; /* of all of them */
	uint64_t period[PROFILE_MAX_TYPES];    /* of each type: the mean value of the window's samples */
	size_t sample_bytes_max; /* what a sample of this profile takes at most, with all that it refers to */
	struct view view;        /* by which they are looked at */
};

void push_sets__init(struct push_sets *s, const struct push_window *w);
void push_sets__free(struct push_sets *s);

/* What back ends take. Texts of more bytes are cut; stacks lose their root. */
#define PUSH_TEXT_MAX  4096
#define PUSH_DEPTH_MAX 1000
/* Of a profile: Pyroscope refuses more samples … */
#define PUSH_SAMPLES_MAX 16000
/*
 * … and a request with more than its burst of 2 MB, for ever; others take 4 MiB and more. Uncompressed, of all profiles in a request
 * with their labels.
 */
#define PUSH_BYTES_MAX 1900000
/* Two profiles of one series and one time are taken for the same by Pyroscope's stores, whose time is in ms: parts are so far apart. */
#define PUSH_PART_NS 1000000

/* What a type is called elsewhere; a table. */
struct push_type_names {
	const char *type;
	const char *profile; /* Pyroscope's name of the profile: `__name__` */
	const char *otlp;    /* OpenTelemetry's of the type */
	bool is_counted;     /* OpenTelemetry: numbers of samples are sent, which are multiplied by the period */
	bool no_period;      /* OpenTelemetry: each sample is an event that has its own length */
};
/* NULL: it has no other name. */
const struct push_type_names *push_type_names(const char *type);
