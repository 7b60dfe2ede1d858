/*
 * Samples in slices of time: what a page needs to follow a selection of time, bounded however long
 * the recording is. A part is (thread, stack, with the GIL or not); a row is one part in one slice.
 */
#pragma once
#include "user/profile/profile.h"

#define HTML_SLICES_MAX 16384   /* what a page can zoom into; more than a screen has pixels */
#define HTML_ROWS_MAX   4000000 /* beyond, slices become longer */

struct html_part {
	uint32_t thread, stack;
	uint64_t samples, value_ns, truncated;
	bool held;
};

struct html_row {
	uint32_t slice, part, samples;
};

struct html_slices {
	uint64_t slice_ns;
	uint32_t slice_cnt;
	struct html_part *parts;
	struct html_row *rows; /* by part, then by slice; none where times are not known */
	size_t part_cnt, row_cnt;
	size_t row_max; /* set before filling; 0: HTML_ROWS_MAX */
};

/* 0, or what reading the samples said. */
int html_slices__fill(struct html_slices *s, const struct profile *p);
void html_slices__free(struct html_slices *s);
