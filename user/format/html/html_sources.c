/*
 * A recording names source files by path; whether the file that has the path now is the one that
 * ran is not known to anybody. So a text is taken only when the functions of the profile are where
 * they should be in it, and one written after the recording is marked. Hot files come first: the
 * sum is bounded.
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
	uint32_t id, checked, found;
	uint64_t own_ns, total_ns;
};

/* The beginnings of a text's lines. */
struct lines {
	const char **at;
	size_t cnt, cap;
};

static void split(struct lines *l, const char *text)
{
	while (text) {
		xgrow(l->at, l->cnt, l->cap);
		l->at[l->cnt++] = text;
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
}

static bool has_word(const char *line, const char *word)
{
	size_t len = strcspn(line, "\n"), n = strlen(word);

	for (size_t i = 0; i + n <= len; i++)
		if (!memcmp(line + i, word, n) &&
		    (i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t'))
			return true;
	return false;
}

/* "Worker.run" → "run"; NULL for what has no name in a source: <lambda>, <module>. */
static const char *plain_name(const char *name)
{
	const char *dot = strrchr(name, '.');

	name = dot ? dot + 1 : name;
	return *name && *name != '<' ? name : NULL;
}

static bool is_where_it_should_be(const struct lines *l, const struct profile_function *f)
{
	const char *name = plain_name(f->name);
	size_t first = f->first_line > 0 ? (size_t)f->first_line - 1 : 0;

	if (!name)
		return first < l->cnt;
	for (size_t i = first; i < l->cnt && i < first + SEARCH_LINES; i++)
		if (has_word(l->at[i], name) &&
		    (has_word(l->at[i], "def") || has_word(l->at[i], "class")))
			return true;
	return false;
}

/* A few that are not found may have been renamed while it ran; most must be there. */
static bool is_same_file(const struct profile *p, const char *text, const uint32_t *functions,
			 size_t cnt)
{
	struct lines lines = {0};
	size_t found = 0;

	split(&lines, text);
	for (size_t i = 0; i < cnt; i++)
		found += is_where_it_should_be(&lines, &p->functions[functions[i]]);
	free(lines.at);
	return found * 4 >= cnt * 3;
}

static void read_one(struct html_source *s, const struct profile *p, const struct view *v,
		     const uint32_t *functions, size_t cnt)
{
	uint64_t changed = 0;

	s->state = HTML_SOURCE_MISSING;
	s->text = v->read_source ? v->read_source(s->file, &changed) : NULL;
	if (!s->text)
		return;
	if (is_same_file(p, s->text, functions, cnt)) {
		bool newer = changed > p->meta.start_unix_ns + p->meta.duration_ns;

		s->state = newer ? HTML_SOURCE_NEWER : HTML_SOURCE_TEXT;
		return;
	}
	s->state = HTML_SOURCE_DIFFERS;
	free(s->text);
	s->text = NULL;
}

static int hot_first(const void *a, const void *b)
{
	const struct file *x = a, *y = b;

	if (x->own_ns != y->own_ns)
		return x->own_ns < y->own_ns ? 1 : -1;
	if (x->total_ns != y->total_ns)
		return x->total_ns < y->total_ns ? 1 : -1;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* Functions by file: `out[begin[file]]` to `out[begin[file + 1]]`. */
static uint32_t *group_functions(const struct profile *p, const uint32_t *file_of, size_t *begin,
				 uint32_t files)
{
	uint32_t *out = xcalloc(p->function_cnt + 1, sizeof(*out));

	for (uint32_t f = 1; f <= p->function_cnt; f++)
		begin[file_of[f] + 1]++;
	for (uint32_t i = 1; i <= files + 1; i++)
		begin[i] += begin[i - 1];
	for (uint32_t f = p->function_cnt; f; f--)
		out[--begin[file_of[f] + 1]] = f;
	memmove(begin, begin + 1, (files + 1) * sizeof(*begin));
	begin[files + 1] = p->function_cnt;
	return out;
}

/* The files that samples are in, the hottest first. */
static struct file *sampled_files(const struct profile *p, const uint32_t *file_of, uint32_t *cnt)
{
	uint32_t *groups = xcalloc(p->frame_cnt + 1, sizeof(*groups)), n = 0;
	struct file *files = xcalloc(*cnt + 1, sizeof(*files));
	const struct view all = {0};
	struct totals *t;

	for (uint32_t i = 1; i <= p->frame_cnt; i++)
		groups[i] = file_of[p->frames[i].function];
	t = totals__new(&all, p, groups, *cnt);
	for (uint32_t i = 1; i <= *cnt; i++)
		if (t->rows[i].samples)
			files[n++] = (struct file){.id = i,
						   .own_ns = t->rows[i].own_value_ns,
						   .total_ns = t->rows[i].value_ns};
	qsort(files, n, sizeof(*files), hot_first);
	totals__free(t);
	free(groups);
	*cnt = n;
	return files;
}

void html_sources__fill(struct html_sources *s, const struct profile *p, const struct view *v)
{
	struct intern *names = intern__new();
	uint32_t *file_of = xcalloc(p->function_cnt + 1, sizeof(*file_of)), cnt, *functions;
	struct file *files;
	size_t *begin, sum = 0;

	for (uint32_t f = 1; f <= p->function_cnt; f++)
		if (*p->functions[f].file && p->functions[f].origin != PROFILE_MARK)
			file_of[f] = intern__id(names, p->functions[f].file,
						strlen(p->functions[f].file));
	cnt = intern__count(names);
	begin = xcalloc(cnt + 3, sizeof(*begin));
	functions = group_functions(p, file_of, begin, cnt);
	files = sampled_files(p, file_of, &cnt);
	cnt = cnt < FILES_MAX ? cnt : FILES_MAX;
	s->items = xcalloc(cnt + 1, sizeof(*s->items));
	for (uint32_t i = 0; i < cnt && sum < TEXT_SUM_MAX; i++) {
		struct html_source *one = &s->items[s->cnt++];
		size_t first = begin[files[i].id], end = begin[files[i].id + 1];

		one->file = p->functions[functions[first]].file;
		read_one(one, p, v, functions + first, end - first);
		sum += one->text ? strlen(one->text) : 0;
	}
	free(files);
	free(functions);
	free(begin);
	free(file_of);
	intern__free(names);
}

void html_sources__free(struct html_sources *s)
{
	for (size_t i = 0; i < s->cnt; i++)
		free(s->items[i].text);
	free(s->items);
}
