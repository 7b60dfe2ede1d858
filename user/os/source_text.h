/*
 * Lines of Python source files, to be shown beside what was measured. A profile names its files
 * itself, so a file is trusted only as far as it proves to be the one that ran: one that
 * source_file__read gives, no newer than the recording, with the function where it should be.
 * Everything else has no text.
 */
#pragma once
#include <stdint.h>

struct source_text;

/* Files changed after this moment have no text; 0: none has. */
struct source_text *source_text__new(uint64_t newest_unix_ns);
void source_text__free(struct source_text *s);

/*
 * Line `line` of the function of that qualified name which begins at `first_line`: clean and
 * without the blanks around it. NULL when it cannot be had. Valid until source_text__free.
 */
const char *source_text__line(struct source_text *s, const char *path, const char *function,
			      int32_t first_line, int32_t line);
