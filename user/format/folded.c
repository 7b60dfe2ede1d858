/* SPDX-License-Identifier: MIT */
/*
 * Collapsed stacks, the lowest common denominator: `root;…;leaf NANOSECONDS`, one line per stack, ordered frame by
 * frame. Only ';' and the line's end have a meaning there (newlines never reach a profile), and the number, which
 * readers call a count, is what follows the last blank. Nothing but stacks is written: readers take comments for
 * stacks, so losses are shown by the summary and the other formats. With --timestamps there is a line for each sample,
 * in the order of time (what flamegraph.pl --flamechart wants), its time in front.
 */
#include "user/format/format.h"
#include "user/profile/process_groups.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * Makes a text fit to stand in a line; doing it twice changes nothing. The separator becomes ':'. flamegraph.pl and
 * inferno take a number before the last for a second count (a differential profile), and inferno trims blanks first. So
 * a last blank becomes '_', and so does the one in a text that ends in " 12".
 */
static void make_fit(char *text)
{
	size_t len = strlen(text), i = len;

	for (char *c = text; *c; c++)
		if (*c == ';')
			*c = ':';
	if (len && text[len - 1] == ' ')
		text[len - 1] = '_';
	while (i && (isdigit((unsigned char)text[i - 1]) || text[i - 1] == '.'))
		i--;
	if (i && i < len && text[i - 1] == ' ')
		text[i - 1] = '_';
}

static int by_text(const void *a, const void *b, void *nodes)
{
	const struct view_node *n = nodes;

	return strcmp(n[*(const uint32_t *)a].text, n[*(const uint32_t *)b].text);
}

struct folding {
	const struct view_tree *tree;
	FILE *out;
	struct buf line; /* frames from the root down to here */
};

/* The children of some nodes, ordered by text; the caller frees. */
static uint32_t *children_of(const struct folding *f, const uint32_t *nodes, size_t n, size_t *count)
{
	const struct view_node *all = f->tree->nodes;
	uint32_t *out = NULL;
	size_t cap = 0;

	*count = 0;
	for (size_t i = 0; i < n; i++)
		for (uint32_t c = all[nodes[i]].child; c; c = all[c].next) {
			xgrow(out, *count, cap);
			out[(*count)++] = c;
		}
	if (*count > 1)
		qsort_r(out, *count, sizeof(*out), by_text, f->tree->nodes);
	return out;
}

static size_t same_text(const struct folding *f, const uint32_t *nodes, size_t n)
{
	size_t same = 1;

	while (same < n && !by_text(nodes, nodes + same, f->tree->nodes))
		same++;
	return same;
}

/* Writes the lines below the nodes of one path: several where make_fit made them equal. */
static void put_below(struct folding *f, const uint32_t *nodes, size_t n)
{
	size_t count, len = f->line.len, same;
	__cleanup_free uint32_t *children = children_of(f, nodes, n, &count);

	for (size_t i = 0; i < count; i += same) {
		uint64_t own_value = 0;

		same = same_text(f, children + i, count - i);
		for (size_t j = i; j < i + same; j++)
			own_value += f->tree->nodes[children[j]].own_value;
		buf_printf(&f->line, "%s%s", len ? ";" : "", f->tree->nodes[children[i]].text);
		if (own_value)
			fprintf(f->out, "%s %llu\n", f->line.data, (unsigned long long)own_value);
		put_below(f, children + i, same);
		f->line.len = len;
	}
}

/* ---- a line per sample ----------------------------------------------------------------------- */

struct moment {
	uint64_t time_unix_ns, value;
	uint32_t thread, stack;
};

struct moments {
	const struct profile *p;
	const struct view *v;
	FILE *out;
	struct moment *items;
	size_t cnt, cap;
	char **texts; /* by frame, made on sight */
	uint32_t *room;
	bool process_roots;
	struct process_groups *groups;   /* NULL: no roots for them */
	struct process_groups *programs; /* NULL: processes are not merged */
};

static int add_moment(void *arg, const struct profile_sample *s)
{
	struct moments *m = arg;

	if (!view__takes_of(m->v, m->p, s))
		return 0;
	xgrow(m->items, m->cnt, m->cap);
	m->items[m->cnt++] = (struct moment){s->time_unix_ns, s->value, s->thread, s->stack};
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct moment *x = a, *y = b;

	if (x->time_unix_ns != y->time_unix_ns)
		return x->time_unix_ns < y->time_unix_ns ? -1 : 1;
	return x->thread != y->thread ? (x->thread < y->thread ? -1 : 1) : 0;
}

/* Takes over `text`. */
static void put_root(const struct moments *m, char *text)
{
	make_fit(text);
	fprintf(m->out, ";%s", text);
	free(text);
}

static const char *text_of(struct moments *m, uint32_t frame)
{
	char **text = &m->texts[frame];

	if (!*text) {
		*text = view__frame_text(m->v, m->p, view__frame(m->v, m->p, frame));
		make_fit(*text);
	}
	return *text;
}

/* `1795371891.326937;root;…;leaf 10123456` */
static void put_moment(struct moments *m, const struct moment *at)
{
	size_t depth = profile__stack_frames(m->p, at->stack, m->room, profile__max_depth(m->p));
	uint64_t us = (at->time_unix_ns + 500) / 1000;

	fprintf(m->out, "%llu.%06llu", (unsigned long long)(us / 1000000), (unsigned long long)(us % 1000000));
	if (m->groups)
		put_root(m, process_groups__root(m->groups, m->p->threads[at->thread].process));
	if (m->programs)
		put_root(m, process_groups__root(m->programs, m->p->threads[at->thread].process));
	else if (m->process_roots)
		put_root(m, view__process_text(m->p, m->p->threads[at->thread].process));
	if (m->v->threads)
		put_root(m, view__thread_text(m->p, at->thread));
	for (size_t i = 0; i < depth; i++)
		fprintf(m->out, ";%s", text_of(m, m->room[m->v->from_leaf ? depth - 1 - i : i]));
	fprintf(m->out, " %llu\n", (unsigned long long)at->value);
}

static int write_moments(const struct profile *p, const struct view *v, FILE *out)
{
	struct moments m = {.p = p, .v = v, .out = out};
	int err = profile__each_sample(p, add_moment, &m);

	m.texts = xcalloc((size_t)p->frame_cnt + 1, sizeof(*m.texts));
	m.room = xcalloc(profile__max_depth(p) + 1, sizeof(*m.room));
	m.process_roots = view__process_roots(v, p);
	m.groups = v->containers ? process_groups__new(p) : NULL;
	m.programs = v->merge_processes && m.process_roots ? process_groups__programs(v, p) : NULL;
	if (m.cnt)
		qsort(m.items, m.cnt, sizeof(*m.items), by_time);
	for (size_t i = 0; i < m.cnt && !err; i++)
		put_moment(&m, &m.items[i]);
	for (uint32_t i = 1; i <= p->frame_cnt; i++)
		free(m.texts[i]);
	free(m.texts);
	process_groups__free(m.groups);
	process_groups__free(m.programs);
	free(m.room);
	free(m.items);
	return err;
}

static int write_sums(const struct profile *p, const struct view *v, FILE *out)
{
	struct view_tree *tree = view_tree__new(v, p);
	struct folding f = {.tree = tree, .out = out};
	static const uint32_t all = 0;

	/* The tree is this writer's own. Its equal texts share memory. */
	for (uint32_t i = 0; i < tree->count; i++)
		make_fit(tree->nodes[i].text);
	put_below(&f, &all, 1);
	buf_free(&f.line);
	view_tree__free(tree);
	return 0;
}

static int write_folded(const struct profile *p, const struct view *v, FILE *out)
{
	int err = v->timestamps ? write_moments(p, v, out) : write_sums(p, v, out);

	return ferror(out) ? -EIO : err;
}

static const char *const suffixes[] = {".folded", ".collapsed", ".txt", NULL};

const struct format format_folded = {
	.name = "folded",
	.help = "a line per stack with its nanoseconds, for flamegraph.pl, inferno, speedscope and grep",
	.suffixes = suffixes,
	.is_picture = true,
	.write = write_folded,
};
