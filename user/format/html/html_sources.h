/* SPDX-License-Identifier: MIT */
/* The source texts that go into a page: files in which samples are, as far as this machine has
 * them. */
#pragma once
#include "user/profile/view.h"

enum html_source_state {
	HTML_SOURCE_TEXT = VIEW_SOURCE_TEXT,
	HTML_SOURCE_CHANGED = VIEW_SOURCE_CHANGED,
	HTML_SOURCE_MISSING = VIEW_SOURCE_MISSING,
	HTML_SOURCE_DIFFERS, /* another file of that name: not embedded */
};

struct html_source {
	const char *file; /* lives as long as the profile */
	char *text;       /* NULL unless TEXT */
	enum html_source_state state;
};

struct html_sources {
	struct html_source *items;
	size_t cnt;
};

void html_sources__fill(struct html_sources *s, const struct profile *p, const struct view *v);
void html_sources__free(struct html_sources *s);
