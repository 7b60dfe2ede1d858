/* SPDX-License-Identifier: MIT */
/*
 * A recording names source files by path; whether the file that has the path now is the one that
 * ran is never quite certain. So a text is taken only when the functions of the profile are where
 * they should be in it. Hot files come first: the sum is bounded.
 */
#include "user/format/html/html_sources.h"
#include "user/profile/totals.h"
#include "user/util/alloc.h"
#include "user/util/intern.h"
#include <string.h>

#define TEXT_SUM_MAX (12u << 20)
#define FILES_MAX    20000
#define SEARCH_LINES 40 /* a function's first line is that of its first decorator */

struct file {
	uint32_t id, function; /* function: one of the file */
	uint64_t own, total;   /* samples: values of several types are not comparable */
};

/* "Worker.run" → "run"; NULL for what has no name in a source: <lambda>, <module>. */
static const char *plain_name(const char *name)
{
	const char *dot = strrchr(name, '.');

	name = dot ? dot + 1 : name;
	return *name && *name != '<' ? name : NULL;
}

/* Where the text goes on after so many lines; NULL when it has fewer. */
static const char *skip_lines(const char *text, int32_t cnt)
{
	for (; text && cnt > 0; cnt--) {
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	return text;
}

static bool has_definition(const char *from, const char *end, const char *keyword, const char *name)
{
	__cleanup_free char *words = xasprintf("%s %s", keyword, name);

	return memmem(from, (size_t)(end - from), words, strlen(words));
}

static bool is_where_it_should_be(const char *text, const struct profile_function *f)
{
	const char *name = plain_name(f->name), *from = skip_lines(text, f->first_line - 1), *end;

	if (!name || !from)
		return from;
	end = skip_lines(from, SEARCH_LINES);
	end = end ? end : strchr(from, 0);
	return has_definition(from, end, "def", name) || has_definition(from, end, "class", name);
}

/* Of the functions of a file a few may have been renamed while it ran; most must be there. */
static bool is_same_file(const struct profile *p, const char *text, const uint32_t *file_of, uint32_t file)
{
	size_t found = 0, cnt = 0;

	for (uint32_t f = 1; f <= p->function_cnt; f++) {
		if (file_of[f] != file)
			continue;
		cnt++;
		found += is_where_it_should_be(text, &p->functions[f]);
	}
	return found * 4 >= cnt * 3;
}

static int hot_first(const void *a, const void *b)
{
	const struct file *x = a, *y = b;

	if (x->own != y->own)
		return x->own < y->own ? 1 : -1;
	if (x->total != y->total)
		return x->total < y->total ? 1 : -1;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* The files that samples are in, the hottest first. */
static struct file *sampled_files(const struct profile *p, const uint32_t *file_of, uint32_t *cnt)
{
	uint32_t *groups = xcalloc(p->frame_cnt + 1, sizeof(*groups)), n = 0;
	struct file *files = xcalloc(*cnt + 1, sizeof(*files));
	const struct view all = {.all_types = true};
	struct totals *t;

	for (uint32_t i = 1; i <= p->frame_cnt; i++)
		groups[i] = file_of[p->frames[i].function];
	t = totals__new(&all, p, groups, *cnt);
	for (uint32_t f = p->function_cnt; f; f--)
		files[file_of[f]].function = f;
	for (uint32_t i = 1; i <= *cnt; i++)
		if (t->rows[i].samples)
			files[n++] = (struct file){i, files[i].function, t->rows[i].own_samples, t->rows[i].samples};
	qsort(files, n, sizeof(*files), hot_first);
	totals__free(t);
	free(groups);
	*cnt = n;
	return files;
}

static void read_source(struct html_source *s, const struct view *v)
{
	s->state = HTML_SOURCE_MISSING;
	if (v->sources.read)
		s->state = (enum html_source_state)v->sources.read(v->sources.ctx, s->file, &s->text);
}

void html_sources__fill(struct html_sources *s, const struct profile *p, const struct view *v)
{
	struct intern *names = intern__new();
	uint32_t *file_of = xcalloc(p->function_cnt + 1, sizeof(*file_of)), cnt;
	struct file *files;
	size_t sum = 0;

	for (uint32_t f = 1; f <= p->function_cnt; f++)
		if (*p->functions[f].file && p->functions[f].kind == PROFILE_PYTHON)
			file_of[f] = intern__id(names, p->functions[f].file, strlen(p->functions[f].file));
	cnt = intern__count(names);
	files = sampled_files(p, file_of, &cnt);
	s->items = xcalloc(cnt + 1, sizeof(*s->items));
	for (; s->cnt < cnt && s->cnt < FILES_MAX && sum < TEXT_SUM_MAX; s->cnt++) {
		struct html_source *one = &s->items[s->cnt];

		one->file = p->functions[files[s->cnt].function].file;
		read_source(one, v);
		if (one->text && !is_same_file(p, one->text, file_of, files[s->cnt].id)) {
			one->state = HTML_SOURCE_DIFFERS;
			free(one->text);
			one->text = NULL;
		}
		sum += one->text ? strlen(one->text) : 0;
	}
	free(files);
	free(file_of);
	intern__free(names);
}

void html_sources__free(struct html_sources *s)
{
	for (size_t i = 0; i < s->cnt; i++)
		free(s->items[i].text);
	free(s->items);
}
