/* SPDX-License-Identifier: MIT */
/*
 * Messages for people, always on stderr (stdout is only ever the profile). The function that detects
 * a failure says it, with the object's name; callers pass the error code on in silence.
 */
#pragma once
#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_VERBOSE, LOG_DEBUG };

/* Messages above `level` are dropped; the default is LOG_INFO. */
void log_set_level(enum log_level level);
bool log_says(enum log_level level);
/* One -v more: LOG_VERBOSE, then LOG_DEBUG. */
void log_say_more(void);

void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Messages go on below themselves, behind `columns` columns; 0, as it is at first: they are not broken. */
void log_set_width(unsigned columns);

/* Messages go to `fn` instead of stderr, as clean text; NULL: to stderr again. It says nothing itself. */
void log_divert(void (*fn)(enum log_level level, const char *text));

/*
 * Until log_capture_end() warnings and errors are kept instead of written; it gives them, a line each (the
 * caller frees). For commands that try something to say how it went.
 */
void log_capture(void);
char *log_capture_end(void);

/*
 * A status line that is redrawn in place on a terminal. `log_status(NULL)` removes it; any message
 * written meanwhile goes above it.
 */
void log_status(const char *text);

#define log_error(...)   log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)    log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...)    log_write(LOG_INFO, __VA_ARGS__)
#define log_verbose(...) log_write(LOG_VERBOSE, __VA_ARGS__)
#define log_debug(...)   log_write(LOG_DEBUG, __VA_ARGS__)
