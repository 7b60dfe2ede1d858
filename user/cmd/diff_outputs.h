/* What `diff` writes besides its exit status. */
#pragma once
#include "user/format/diff/diff_report.h"

struct diff_outputs {
	const char **files; /* -o; the caller frees the list */
	size_t cnt;
	const char *format; /* of standard output */
	bool width_of_a;    /* of the flame graph's frames */
};

void diff_outputs__add(struct diff_outputs *o, const char *path);
/* Names and formats, before anything is read: 0, or -EINVAL (said). */
int diff_outputs__check(const struct diff_outputs *o);
/* Files, then standard output, which is given its width and colour here. 0 or -EIO (said). */
int diff_outputs__write(const struct diff_outputs *o, struct diff_report *r, const struct view *v);
