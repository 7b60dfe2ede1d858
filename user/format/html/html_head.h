/* The line of JSON before a page's columns: settings, names, losses, sources, and what columns
 * there are. */
#pragma once
#include "user/format/html/html_slices.h"
#include "user/format/html/html_sources.h"
#include "user/util/buf.h"
#include "user/util/intern.h"
#include <stdio.h>

struct html_column {
	const char *name;
	struct buf bytes;
	size_t cnt;
};

struct html_head {
	const struct profile *p;
	const struct view *v;
	const struct html_slices *slices;
	const struct html_sources *sources;
	const struct html_column *columns;
	size_t column_cnt;
	struct intern *texts; /* what columns refer to; ids are indexes of "texts" */
	FILE *out;            /* while it is written */
};

void html_head__write(struct html_head *w, struct buf *out);
