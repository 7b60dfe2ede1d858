/* SPDX-License-Identifier: MIT */
/* Files are read whole and once; what could not be read is remembered as well. */
#include "user/profile/source_text.h"
#include "user/util/alloc.h"
#include "user/util/intern.h"
#include "user/util/text.h"
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define ALL_MAX    (64 << 20)
#define DECORATORS 30 /* lines a function's name may be below its first line */

struct file {
	char *bytes; /* NUL-terminated; NULL: no text */
	size_t len;
	const char **lines; /* by line - 1 */
	size_t line_cnt, line_cap;
	enum view_source state;
};

struct source_text {
	const struct view_sources *from;
	struct intern *paths, *texts;
	struct file *files; /* by path - 1 */
	size_t cnt, cap, held;
};

struct source_text *source_text__new(const struct view_sources *from)
{
	struct source_text *s = xcalloc(1, sizeof(*s));

	s->from = from;
	s->paths = intern__new();
	s->texts = intern__new();
	return s;
}

void source_text__free(struct source_text *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->cnt; i++) {
		free(s->files[i].bytes);
		free(s->files[i].lines);
	}
	free(s->files);
	intern__free(s->paths);
	intern__free(s->texts);
	free(s);
}

static void find_lines(struct file *f)
{
	char *end;

	for (char *at = f->bytes; at; at = end ? end + 1 : NULL) {
		end = memchr(at, '\n', f->len - (size_t)(at - f->bytes));
		xgrow(f->lines, f->line_cnt, f->line_cap);
		f->lines[f->line_cnt++] = at;
	}
}

static void load(struct source_text *s, const char *path, struct file *f)
{
	f->state = s->held < ALL_MAX ? s->from->read(s->from->ctx, path, &f->bytes) : VIEW_SOURCE_MISSING;
	if (f->state != VIEW_SOURCE_TEXT)
		return;
	f->len = strlen(f->bytes);
	s->held += f->len;
	find_lines(f);
}

static struct file *file_of(struct source_text *s, const char *path)
{
	uint32_t id = intern__id(s->paths, path, strlen(path));

	if (id > s->cnt) {
		xgrow(s->files, s->cnt, s->cap);
		s->files[s->cnt] = (struct file){0};
		load(s, path, &s->files[s->cnt++]);
	}
	return &s->files[id - 1];
}

static size_t line_len(const struct file *f, size_t line)
{
	const char *end = line < f->line_cnt ? f->lines[line] - 1 : f->bytes + f->len;

	return (size_t)(end - f->lines[line - 1]);
}

/* A line holds a word that no other letter touches. */
static bool has_word(const struct file *f, size_t line, const char *word, size_t word_len)
{
	const char *at = f->lines[line - 1], *end = at + line_len(f, line);

	for (; (at = memmem(at, (size_t)(end - at), word, word_len)); at++) {
		bool begins = at == f->lines[line - 1] || !(isalnum((unsigned char)at[-1]) || at[-1] == '_');

		if (begins && (at + word_len == end || !(isalnum((unsigned char)at[word_len]) || at[word_len] == '_')))
			return true;
	}
	return false;
}

/*
 * Is the function where the recording says? Its name, or `lambda`, must be on its first line or,
 * below decorators, soon after. `<module>` and comprehensions have no name to look for.
 */
static bool has_function(const struct file *f, const char *function, int32_t first_line)
{
	const char *dot = strrchr(function, '.'), *name = dot ? dot + 1 : function;
	size_t first = (size_t)first_line;

	if (!strcmp(name, "<lambda>"))
		name = "lambda";
	if (!*name || *name == '<')
		return true;
	if (first_line < 1)
		return false;
	for (size_t i = first; i <= f->line_cnt && i < first + DECORATORS; i++)
		if (has_word(f, i, name, strlen(name)))
			return true;
	return false;
}

bool source_text__is_changed(struct source_text *s, const struct profile_function *fn)
{
	return *fn->file && file_of(s, fn->file)->state == VIEW_SOURCE_CHANGED;
}

const char *source_text__line(struct source_text *s, const struct profile_function *fn, int32_t line)
{
	const struct file *f = *fn->file ? file_of(s, fn->file) : NULL;
	__cleanup_free char *clean = NULL;
	const char *at;
	size_t len;

	if (!f || !f->bytes || line < 1 || (size_t)line > f->line_cnt || !has_function(f, fn->name, fn->first_line))
		return NULL;
	at = f->lines[line - 1];
	len = line_len(f, (size_t)line);
	for (; len && isspace((unsigned char)*at); len--)
		at++;
	while (len && isspace((unsigned char)at[len - 1]))
		len--;
	clean = text_clean(at, len, 0);
	return intern__bytes(s->texts, intern__id(s->texts, clean, strlen(clean)), NULL);
}
