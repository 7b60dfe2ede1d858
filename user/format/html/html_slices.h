/* SPDX-License-Identifier: MIT */
/*
 * Samples in slices of time: what a page needs to follow a selection of time, bounded however long
 * the recording is. A part is (value type, thread, stack, with the GIL or not); a row is one part in one slice.
 *
 * The value of a part is exact. That of its rows is in units of 1/32 of what a sample stands for on
 * average, since nanoseconds of random intervals are bytes that nothing compresses. The rest
 * that a row loses by that goes to the next row of its part, so rows in sequence are right to a unit, however many they are.
 */
#pragma once
#include "user/profile/view.h"

#define HTML_SLICES_MAX 16384   /* what a page can zoom into; more than a screen has pixels */
#define HTML_ROWS_MAX   4000000 /* beyond, slices become longer */
#define HTML_UNITS      32      /* of an average sample */

struct html_part {
	uint32_t thread, stack;
	uint64_t samples, value;
	uint8_t type;
	bool held;
	uint32_t last_row; /* while filling: the newest row, */
	uint64_t rest;     /* and less than a unit, for the next row */
};

struct html_row {
	uint32_t slice, part, samples, units; /* units: of the value */
};

struct html_slices {
	uint64_t slice_ns;
	uint64_t unit[PROFILE_MAX_TYPES]; /* by type: of the value */
	uint32_t slice_cnt;
	struct html_part *parts;
	struct html_row *rows; /* by part, then by slice; none where times are not known */
	size_t part_cnt, row_cnt;
	size_t row_max; /* set before filling; 0: HTML_ROWS_MAX */
};

/* Of all types. 0, or the error of reading the samples. */
int html_slices__fill(struct html_slices *s, const struct profile *p);
void html_slices__free(struct html_slices *s);
