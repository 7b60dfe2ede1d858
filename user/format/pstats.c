/* SPDX-License-Identifier: MIT */
/*
 * pstats: what `python -m pstats`, snakeviz, tuna, gprof2dot and flameprof open. A marshalled dict
 *     (file, first line, name) → (cc, nc, tt, ct, {caller's key → (cc, nc, tt, ct)})
 * written by hand in the part of marshal that every CPython from 3.6 on reads (Python/marshal.c: no
 * references, no flags). Callers must be 4-tuples and there must be no other key: the viewers, and
 * pstats itself, fail on anything else. cc = nc = samples with the function on the stack, so that
 * "ncalls" shows one number.
 */
#include "user/format/format.h"
#include "user/profile/totals.h"
#include "user/util/alloc.h"
#include "user/util/intern.h"
#include <string.h>

struct key {
	const char *file, *name;
	int32_t line;
};

struct stats {
	struct key *keys; /* by group */
	uint32_t key_cnt, key_cap;
	uint32_t *order, *rank; /* groups sorted by key, and back */
	struct totals *totals;
	double scale; /* values per what is written */
};

static void put_u32(FILE *out, uint32_t v)
{
	unsigned char b[4] = {(unsigned char)v, (unsigned char)(v >> 8), (unsigned char)(v >> 16),
			      (unsigned char)(v >> 24)};

	fwrite(b, 1, sizeof(b), out);
}

/* An int; beyond 31 bits as 15-bit digits (PyLong_MARSHAL_SHIFT). */
static void put_int(FILE *out, uint64_t v)
{
	uint32_t digits = 0;

	if (v <= INT32_MAX) {
		putc('i', out);
		put_u32(out, (uint32_t)v);
		return;
	}
	for (uint64_t rest = v; rest; rest >>= 15)
		digits++;
	putc('l', out);
	put_u32(out, digits);
	for (; v; v >>= 15) {
		putc((int)(v & 0xff), out);
		putc((int)(v >> 8 & 0x7f), out);
	}
}

/* Seconds; of what is no time the value itself. */
static void put_value(FILE *out, double scale, uint64_t value)
{
	double amount = (double)value / scale;
	uint64_t bits;

	memcpy(&bits, &amount, sizeof(bits));
	putc('g', out);
	put_u32(out, (uint32_t)bits);
	put_u32(out, (uint32_t)(bits >> 32));
}

static void put_tuple(FILE *out, uint32_t cnt)
{
	putc('(', out);
	put_u32(out, cnt);
}

static void put_text(FILE *out, const char *text)
{
	size_t len = strlen(text);

	putc('u', out);
	put_u32(out, (uint32_t)len);
	fwrite(text, 1, len, out);
}

static void put_key(FILE *out, const struct key *k)
{
	put_tuple(out, 3);
	put_text(out, k->file);
	put_int(out, (uint64_t)k->line);
	put_text(out, k->name);
}

static void put_numbers(FILE *out, double scale, const struct totals_row *sum)
{
	put_int(out, sum->samples);
	put_int(out, sum->samples);
	put_value(out, scale, sum->own_value);
	put_value(out, scale, sum->value);
}

/* A frame that is no Python function is shown as pstats shows built-ins: file "~", line 0; native ones in <>. */
static struct key key_of(const struct profile_function *f, struct intern *texts)
{
	struct key k = {
		.file = f->file,
		.name = *f->name ? f->name : "[unnamed]", /* as in the other outputs */
		.line = f->first_line > 0 ? f->first_line : 0,
	};

	if (f->kind == PROFILE_SYNTHETIC) {
		k.line = 0;
		k.file = "~";
	} else if (!*f->file && *f->module && view__is_native(f)) {
		__cleanup_free char *name = xasprintf("<%s %s>", f->module, k.name);

		k.name = intern__bytes(texts, intern__id(texts, name, strlen(name)), NULL);
		k.line = 0;
		k.file = "~";
	} else if (!*f->file) {
		k.file = "~";
	}
	return k;
}

/* The group of a key; functions of several processes that agree in all three parts are one. */
static uint32_t group_of(struct stats *s, const struct key *k, struct intern *ids)
{
	__cleanup_free char *flat = xasprintf("%s\n%d\n%s", k->file, k->line, k->name);
	uint32_t group = intern__id(ids, flat, strlen(flat));

	if (group >= s->key_cnt) {
		xgrow(s->keys, group, s->key_cap);
		s->keys[group] = *k;
		s->key_cnt = group + 1;
	}
	return group;
}

static uint32_t *group_frames(struct stats *s, const struct profile *p, struct intern *texts)
{
	struct intern *ids = intern__new();
	uint32_t *by_function = xcalloc((size_t)p->function_cnt + 1, sizeof(*by_function));
	uint32_t *by_frame = xcalloc((size_t)p->frame_cnt + 1, sizeof(*by_frame));

	xgrow(s->keys, s->key_cnt, s->key_cap);
	s->keys[s->key_cnt++] = (struct key){"", "", 0};
	for (uint32_t f = 1; f <= p->function_cnt; f++) {
		struct key k = key_of(&p->functions[f], texts);

		by_function[f] = group_of(s, &k, ids);
	}
	for (uint32_t i = 1; i <= p->frame_cnt; i++)
		by_frame[i] = by_function[p->frames[i].function];
	free(by_function);
	intern__free(ids);
	return by_frame;
}

static int by_key(const void *a, const void *b, void *arg)
{
	const struct stats *s = arg;
	const struct key *x = &s->keys[*(const uint32_t *)a], *y = &s->keys[*(const uint32_t *)b];
	int cmp = strcmp(x->file, y->file);

	if (!cmp)
		cmp = x->line < y->line ? -1 : x->line > y->line;
	return cmp ? cmp : strcmp(x->name, y->name);
}

static int by_callee(const void *a, const void *b, void *arg)
{
	const struct totals_edge *x = a, *y = b;
	const uint32_t *rank = ((const struct stats *)arg)->rank;

	if (x->callee != y->callee)
		return rank[x->callee] < rank[y->callee] ? -1 : 1;
	return rank[x->caller] < rank[y->caller] ? -1 : rank[x->caller] > rank[y->caller];
}

/* By key, so that the file depends on what was measured only, not on the order it was seen in. */
static void sort(struct stats *s)
{
	s->order = xcalloc(s->key_cnt, sizeof(*s->order));
	s->rank = xcalloc(s->key_cnt, sizeof(*s->rank));
	for (uint32_t i = 0; i < s->key_cnt; i++)
		s->order[i] = i;
	qsort_r(s->order, s->key_cnt, sizeof(*s->order), by_key, s);
	for (uint32_t i = 0; i < s->key_cnt; i++)
		s->rank[s->order[i]] = i;
	if (s->totals->edge_cnt)
		qsort_r(s->totals->edges, s->totals->edge_cnt, sizeof(*s->totals->edges), by_callee, s);
}

/* pstats refuses a file without rows (Lib/pstats.py, Stats.load_stats). */
static void put_nothing(FILE *out)
{
	static const struct key key = {"~", "<no samples>", 0};
	static const struct totals_row none;

	put_key(out, &key);
	put_tuple(out, 5);
	put_numbers(out, 1, &none);
	putc('{', out);
	putc('0', out);
}

static void put_all(FILE *out, const struct stats *s)
{
	const struct totals *t = s->totals;
	size_t edge = 0;

	putc('{', out);
	if (!t->all.samples)
		put_nothing(out);
	for (uint32_t i = 0; i < s->key_cnt; i++) {
		uint32_t group = s->order[i];

		if (!t->rows[group].samples)
			continue;
		put_key(out, &s->keys[group]);
		put_tuple(out, 5);
		put_numbers(out, s->scale, &t->rows[group]);
		putc('{', out);
		for (; edge < t->edge_cnt && t->edges[edge].callee == group; edge++) {
			put_key(out, &s->keys[t->edges[edge].caller]);
			put_tuple(out, 4);
			put_numbers(out, s->scale, &t->edges[edge].sum);
		}
		putc('0', out);
	}
	putc('0', out);
}

static int write_pstats(const struct profile *p, const struct view *v, FILE *out)
{
	struct intern *texts = intern__new();
	struct stats s = {0};
	uint32_t *groups = group_frames(&s, p, texts);

	s.scale = view__type(v, p)->unit == PROFILE_NANOSECONDS ? 1e9 : 1;
	s.totals = totals__new(v, p, groups, s.key_cnt - 1);
	sort(&s);
	put_all(out, &s);
	totals__free(s.totals);
	free(groups);
	free(s.keys);
	free(s.order);
	free(s.rank);
	intern__free(texts);
	return 0;
}

static const char *const suffixes[] = {".prof", ".pstats", NULL};

const struct format format_pstats = {
	.name = "pstats",
	.help = "for python -m pstats, snakeviz, tuna, gprof2dot, flameprof",
	.suffixes = suffixes,
	.write = write_pstats,
};
