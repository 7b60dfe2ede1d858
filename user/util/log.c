/* SPDX-License-Identifier: MIT */
#include "user/util/log.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/columns.h"
#include "user/util/text.h"
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static enum log_level log_level = LOG_INFO;
static unsigned log_width;
static char *status_line;
static void (*diverted)(enum log_level level, const char *text);
/*
 * One message at a time, for threads that post to back ends. A child that is forked while another thread says something must
 * be able to speak, too (user/os/worker.h).
 */
static pthread_mutex_t speaking = PTHREAD_MUTEX_INITIALIZER;

static void begin_to_speak(void)
{
	pthread_mutex_lock(&speaking);
}

static void end_to_speak(void)
{
	pthread_mutex_unlock(&speaking);
}

__attribute__((constructor)) static void keep_speaking_in_children(void)
{
	pthread_atfork(begin_to_speak, end_to_speak, end_to_speak);
}

void log_set_level(enum log_level level)
{
	log_level = level;
}

bool log_says(enum log_level level)
{
	return level <= log_level;
}

void log_set_width(unsigned columns)
{
	log_width = columns;
}

void log_say_more(void)
{
	log_level = log_level < LOG_VERBOSE ? LOG_VERBOSE : LOG_DEBUG;
}

void log_divert(void (*fn)(enum log_level level, const char *text))
{
	begin_to_speak();
	diverted = fn;
	end_to_speak();
}

static const char *const prefixes[] = {
	[LOG_ERROR] = "pybpfprof: error: ", [LOG_WARN] = "pybpfprof: warning: ", [LOG_INFO] = "pybpfprof: ",
	[LOG_VERBOSE] = "pybpfprof: ",      [LOG_DEBUG] = "pybpfprof: debug: ",
};

static void put_line(const char *prefix, const char *line, size_t len)
{
	size_t blanks = strspn(line, " "), indent = strlen(prefix) + blanks;
	__cleanup_free char *text = xstrndup(line + blanks, len - blanks);
	__cleanup_free char *lines = log_width ? columns_wrap(text, log_width, indent) : NULL;

	fprintf(stderr, "%s%*s%s\n", prefix, (int)blanks, "", lines ? lines : text);
}

static void put_lines(const char *prefix, const char *text)
{
	for (const char *end; (end = strchr(text, '\n')); text = end + 1, prefix = "")
		put_line(prefix, text, (size_t)(end - text));
	put_line(prefix, text, strlen(text));
}

static void say(enum log_level level, const char *text)
{
	if (diverted) {
		diverted(level, text);
		return;
	}
	if (status_line)
		fputs("\r\x1b[K", stderr);
	put_lines(prefixes[level], text);
	if (status_line)
		fputs(status_line, stderr);
	fflush(stderr);
}

void log_write(enum log_level level, const char *fmt, ...)
{
	__cleanup_free char *raw = NULL, *clean = NULL;
	va_list args;

	if (level > log_level)
		return;
	va_start(args, fmt);
	if (vasprintf(&raw, fmt, args) < 0)
		raw = xstrdup(fmt);
	va_end(args);
	/* Names of files, commands and functions come from the profiled processes: make them inert. */
	clean = text_clean(raw, strlen(raw), TEXT_KEEP_NEWLINES);
	begin_to_speak();
	say(level, clean);
	end_to_speak();
}

void log_status(const char *text)
{
	begin_to_speak();
	if (status_line)
		fputs("\r\x1b[K", stderr);
	free(status_line);
	status_line = text ? xstrdup(text) : NULL;
	if (status_line)
		fputs(status_line, stderr);
	fflush(stderr);
	end_to_speak();
}

static struct buf captured;
static void (*before_capture)(enum log_level level, const char *text);

static void keep(enum log_level level, const char *text)
{
	if (level <= LOG_WARN)
		buf_printf(&captured, "%s\n", text);
}

void log_capture(void)
{
	buf_reset(&captured);
	before_capture = diverted;
	log_divert(keep);
}

char *log_capture_end(void)
{
	log_divert(before_capture);
	return buf_steal_text(&captured);
}
