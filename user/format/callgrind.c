/* SPDX-License-Identifier: MIT */
/*
 * Callgrind's profile format (valgrind's manual, "Callgrind Format Specification"): own cost per line, and calls with
 * what they cost inclusively. A reader adds up the calls into a function to get its total, so a sample is charged to
 * one call into each function on its stack, the outermost; calls within a recursion are listed with cost 0. For the
 * same reason every function has to be called: what no Python function called is called by its process (or thread),
 * whose name stands where a function's would, in no file.
 */
#include "user/format/format.h"
#include "user/profile/function_ids.h"
#include "user/profile/loss_words.h"
#include "user/util/alloc.h"
#include "user/util/intern.h"
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#define NO_FILE "???" /* as callgrind itself writes it */

/* Own cost of a line (callee 0), or calls from it. Nodes: functions, then roots. */
struct cost_key {
	uint32_t node;
	int32_t line;
	uint32_t callee;
};
struct cost {
	uint64_t seen; /* samples, however they are charged: what stands for the count of calls */
	uint64_t samples, value;
};

struct writer {
	const struct profile *p;
	const struct view *v;
	FILE *out;
	struct function_ids *function_ids;
	struct intern *roots;         /* text → root */
	struct intern *keys;          /* struct cost_key → index of its cost */
	struct intern *files, *names; /* ids of the file; a text is written with its first use */
	uint32_t files_written, names_written;
	struct cost *costs;
	size_t cost_cap;
	char **texts;   /* by function_id: its name, unlike any other of its file */
	uint32_t *room; /* frames of the stack at hand */
	bool *is_open;  /* by function_id: on the stack at hand already */
};

/* ---- adding up ------------------------------------------------------------------------------- */

static struct cost *cost_of(struct writer *w, uint32_t node, int32_t line, uint32_t callee)
{
	const struct cost_key key = {node, line > 0 ? line : 0, callee};
	uint32_t i = intern__id(w->keys, &key, sizeof(key));

	if (i >= w->cost_cap) {
		size_t cap = w->cost_cap ? 2 * w->cost_cap : 256;

		w->costs = xrealloc(w->costs, cap * sizeof(*w->costs));
		memset(w->costs + w->cost_cap, 0, (cap - w->cost_cap) * sizeof(*w->costs));
		w->cost_cap = cap;
	}
	return &w->costs[i];
}

static void charge(const struct writer *w, struct cost *to, const struct profile_bucket *b)
{
	to->samples += view__samples(w->v, b);
	to->value += view__value(w->v, b);
}

static void add_call(struct writer *w, struct cost_key call, const struct profile_bucket *b, bool charged)
{
	struct cost *c = cost_of(w, call.node, call.line, call.callee);

	c->seen += view__samples(w->v, b);
	if (charged)
		charge(w, c, b);
}

/* Nodes of roots are numbered behind those of functions. */
static uint32_t root_node(struct writer *w, char *text)
{
	uint32_t id = intern__id(w->roots, text, strlen(text));

	free(text);
	return w->function_ids->cnt + id;
}

/* The process, with --threads the thread below it. */
static uint32_t add_roots(struct writer *w, const struct profile_bucket *b)
{
	uint32_t process = w->p->threads[b->thread].process;
	uint32_t node = root_node(w, view__process_text(w->p, process)), thread;

	if (!w->v->threads)
		return node;
	thread = root_node(w, view__thread_text(w->p, b->thread));
	add_call(w, (struct cost_key){node, 0, thread}, b, true);
	return thread;
}

static void add_bucket(struct writer *w, const struct profile_bucket *b)
{
	const struct profile *p = w->p;
	size_t depth = profile__stack_frames(p, b->stack, w->room, profile__max_depth(p));
	struct cost_key from = {.node = add_roots(w, b)};

	for (size_t i = 0; i < depth; i++) {
		uint32_t frame = view__frame(w->v, p, w->room[i]);
		uint32_t function_id = w->function_ids->of_function[p->frames[frame].function];

		from.callee = function_id;
		add_call(w, from, b, !w->is_open[function_id]);
		w->is_open[function_id] = true;
		from = (struct cost_key){function_id, view__line(w->v, p, frame), 0};
	}
	charge(w, cost_of(w, from.node, from.line, 0), b);
	for (size_t i = 0; i < depth; i++)
		w->is_open[w->function_ids->of_function[p->frames[w->room[i]].function]] = false;
}

/* ---- names ----------------------------------------------------------------------------------- */

static bool is_blank(const char *text)
{
	return !text[strspn(text, " \t")];
}

/* Code of which no source is known is in its object. */
static const char *file_of(const struct writer *w, uint32_t function_id)
{
	const struct profile_function *f = &w->p->functions[w->function_ids->function[function_id]];
	const char *file = *f->file || !view__is_native(f) ? f->file : f->module;

	return is_blank(file) ? NO_FILE : file;
}

/* A blank name would read as a reference to an earlier one. */
static const char *name_of(const struct writer *w, uint32_t function_id)
{
	const char *name = view__name(w->p, w->function_ids->function[function_id]);

	return is_blank(name) ? "[blank]" : name;
}

static uint32_t name_id(struct intern *names, const char *file, const char *name)
{
	__cleanup_free char *key = xasprintf("%s\n%s", file, name);

	return intern__id(names, key, strlen(key));
}

/* Readers know a function by file and name. Those that share both are told apart by their lines. */
static char *text_among(const struct writer *w, struct intern *taken, uint32_t function_id, bool shared)
{
	int32_t line = w->p->functions[w->function_ids->function[function_id]].first_line;
	const char *name = name_of(w, function_id);

	if (!shared)
		return xstrdup(name);
	for (unsigned i = 1;; i++) {
		char *text =
			i == 1 ? xasprintf("%s:%" PRId32, name, line) : xasprintf("%s:%" PRId32 "#%u", name, line, i);
		uint32_t known = intern__count(taken);

		if (name_id(taken, file_of(w, function_id), text) > known)
			return text;
		free(text);
	}
}

static void make_texts(struct writer *w)
{
	size_t cnt = (size_t)w->function_ids->cnt + 1;
	__cleanup_free uint32_t *sharing = xcalloc(cnt, sizeof(*sharing)); /* by name's id */
	struct intern *names = intern__new();

	w->texts = xcalloc(cnt, sizeof(*w->texts));
	for (uint32_t function_id = 1; function_id < cnt; function_id++)
		sharing[name_id(names, file_of(w, function_id), name_of(w, function_id))]++;
	for (uint32_t function_id = 1; function_id < cnt; function_id++) {
		uint32_t id = name_id(names, file_of(w, function_id), name_of(w, function_id));

		w->texts[function_id] = text_among(w, names, function_id, sharing[id] > 1);
	}
	intern__free(names);
}

/* `fn=(3) name` at first, then `fn=(3)`. */
static void put_name(struct writer *w, const char *position, const char *text, bool is_file)
{
	struct intern *texts = is_file ? w->files : w->names;
	uint32_t *written = is_file ? &w->files_written : &w->names_written;
	uint32_t id = intern__id(texts, text, strlen(text));

	if (id > *written)
		fprintf(w->out, "%s=(%" PRIu32 ") %s\n", position, id, text);
	else
		fprintf(w->out, "%s=(%" PRIu32 ")\n", position, id);
	if (id > *written)
		*written = id;
}

static const char *node_file(const struct writer *w, uint32_t node)
{
	return node <= w->function_ids->cnt ? file_of(w, node) : NO_FILE;
}

static const char *node_name(const struct writer *w, uint32_t node)
{
	if (node <= w->function_ids->cnt)
		return w->texts[node];
	return intern__bytes(w->roots, node - w->function_ids->cnt, NULL);
}

static int32_t first_line(const struct writer *w, uint32_t node)
{
	int32_t line = 0;

	if (node <= w->function_ids->cnt)
		line = w->p->functions[w->function_ids->function[node]].first_line;
	return line > 0 ? line : 0;
}

/* ---- the file -------------------------------------------------------------------------------- */

static int by_node(const void *a, const void *b, void *keys)
{
	const struct cost_key *x = intern__bytes(keys, *(const uint32_t *)a, NULL);
	const struct cost_key *y = intern__bytes(keys, *(const uint32_t *)b, NULL);

	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->callee < y->callee ? -1 : x->callee > y->callee;
}

static void put_call(struct writer *w, const struct cost_key *k, uint64_t count)
{
	const char *file = node_file(w, k->callee);

	/* callgrind_annotate makes paths relative to its own directory everywhere but in this line */
	if (strcmp(file, node_file(w, k->node)))
		put_name(w, "cfi", file, true);
	put_name(w, "cfn", node_name(w, k->callee), false);
	fprintf(w->out, "calls=%" PRIu64 " %" PRId32 "\n", count, first_line(w, k->callee));
}

static void put_costs(struct writer *w)
{
	uint32_t cnt = intern__count(w->keys), last = 0;
	__cleanup_free uint32_t *order = xcalloc((size_t)cnt + 1, sizeof(*order));

	for (uint32_t i = 0; i < cnt; i++)
		order[i] = i + 1;
	qsort_r(order, cnt, sizeof(*order), by_node, w->keys);
	for (uint32_t i = 0; i < cnt; i++) {
		const struct cost_key *k = intern__bytes(w->keys, order[i], NULL);
		const struct cost *c = &w->costs[order[i]];

		if (k->node != last) {
			fputc('\n', w->out);
			put_name(w, "fl", node_file(w, k->node), true);
			put_name(w, "fn", node_name(w, k->node), false);
			/* callgrind_annotate stumbles over a file without any own cost */
			if (k->callee)
				fprintf(w->out, "%" PRId32 " 0 0\n", first_line(w, k->node));
		}
		last = k->node;
		if (k->callee)
			put_call(w, k, c->seen);
		fprintf(w->out, "%" PRId32 " %" PRIu64 " %" PRIu64 "\n", k->line, c->value, c->samples);
	}
}

/* "CPU_ns": the label, of what a reader takes for a word, and the unit. */
static void put_events(const struct writer *w)
{
	static const char *const units[PROFILE_UNITS] = {"_ns", "_bytes", ""};
	const struct profile_value_type *t = view__type(w->v, w->p);
	__cleanup_free char *name = xasprintf("%s%s", t->label, units[t->unit]);

	for (char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c))
			*c = '_';
	fprintf(w->out,
		"positions: line\n"
		"event: %s : %s in %s\n"
		"event: Samples : Samples\n"
		"events: %s Samples\n",
		name, t->sentence, value_unit(t)->name, name);
}

/* The value first: it is what viewers show and sort by until they are told otherwise. */
static void put_header(const struct writer *w)
{
	const struct profile_meta *m = &w->p->meta;
	__cleanup_free char *lost = loss_text(w->p);

	fprintf(w->out, "# callgrind format\nversion: 1\ncreator: %s\n", m->tool);
	if (w->p->process_cnt == 1)
		fprintf(w->out, "pid: %u\n", w->p->processes[1].pid);
	fprintf(w->out, "cmd: %s\n", w->v->title ? w->v->title : m->target);
	fprintf(w->out, "desc: Recorded by: %s\ndesc: Losses: %s\n", m->command, lost);
	put_events(w);
}

static void put_sums(const struct writer *w)
{
	struct view_sum sum = view__sum(w->v, w->p);

	fprintf(w->out, "summary: %" PRIu64 " %" PRIu64 "\n", sum.value, sum.samples);
}

static void release(struct writer *w)
{
	for (uint32_t function_id = 1; function_id <= w->function_ids->cnt; function_id++)
		free(w->texts[function_id]);
	free(w->texts);
	free(w->costs);
	free(w->is_open);
	free(w->room);
	intern__free(w->roots);
	intern__free(w->keys);
	intern__free(w->files);
	intern__free(w->names);
	function_ids__free(w->function_ids);
}

static int write_callgrind(const struct profile *p, const struct view *v, FILE *out)
{
	struct writer w = {.p = p, .v = v, .out = out, .function_ids = function_ids__new(v, p)};

	w.roots = intern__new();
	w.keys = intern__new();
	w.files = intern__new();
	w.names = intern__new();
	w.is_open = xcalloc((size_t)w.function_ids->cnt + 1, sizeof(*w.is_open));
	w.room = xcalloc(profile__max_depth(p) + 1, sizeof(*w.room));
	for (size_t i = 0; i < p->bucket_cnt; i++)
		if (view__samples(v, &p->buckets[i]))
			add_bucket(&w, &p->buckets[i]);
	make_texts(&w);
	put_header(&w);
	put_sums(&w);
	put_costs(&w);
	release(&w);
	return 0;
}

static const char *const suffixes[] = {".callgrind", ".callgrind.out", NULL};
static const char *const prefixes[] = {"callgrind.out", NULL};

const struct format format_callgrind = {
	.name = "callgrind",
	.help = "for KCachegrind, callgrind_annotate, gprof2dot",
	.suffixes = suffixes,
	.prefixes = prefixes,
	.write = write_callgrind,
};
