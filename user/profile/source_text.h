/* SPDX-License-Identifier: MIT */
/*
 * Lines of Python source files, to be shown beside what was measured. A profile names its files itself, so a text is
 * shown only if it proves to be the one that ran: it comes from the view's `sources`, with the function on its line.
 * Everything else has no text.
 */
#pragma once
#include "user/profile/view.h"

struct source_text;

struct source_text *source_text__new(const struct view_sources *from);
void source_text__free(struct source_text *s);

/*
 * Line `line` of a function, clean and without the blanks around it. NULL when it cannot be had. Valid until
 * source_text__free.
 */
const char *source_text__line(struct source_text *s, const struct profile_function *f, int32_t line);
/* Was it written since the processes that ran it had started? Then it has no text. */
bool source_text__is_changed(struct source_text *s, const struct profile_function *f);
