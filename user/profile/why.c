/* SPDX-License-Identifier: MIT */
#include "user/profile/why.h"
#include "user/profile/libraries.h"
#include "user/profile/waits.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/intern.h"
#include "user/util/units.h"
#include <inttypes.h>
#include <string.h>

#define NAME_MAX_BYTES 80 /* of what a part is made of: a line is to be read */

/* What stacks of one leaf are counted as, found once per stack. */
struct place {
	enum why_part part;
	uint32_t name; /* in `names`; 0: none */
};

struct finder {
	const struct profile *p;
	const uint64_t *own; /* values by bucket; NULL: the buckets' */
	struct why *out;
	struct intern *names;
	uint64_t *values[WHY_PARTS]; /* by name */
	bool *collects;              /* by stack: is the collector on it? */
};

static const struct profile_function *function_of(const struct profile *p, uint32_t stack)
{
	return &p->functions[p->frames[p->stacks[stack].frame].function];
}

/* A parent is older than its children. */
static bool *find_collector(const struct profile *p)
{
	bool *on = xcalloc((size_t)p->stack_cnt + 1, sizeof(*on));

	for (uint32_t s = 1; s <= p->stack_cnt; s++)
		on[s] = on[p->stacks[s].parent] || wait__is_collector(function_of(p, s));
	return on;
}

static uint32_t name_of(struct finder *f, const char *text, size_t len)
{
	return len ? intern__id(f->names, text, len) : 0;
}

/* "[socket read 5432]" → "socket read 5432" */
static uint32_t bare_name(struct finder *f, const char *name)
{
	size_t len = strlen(name);

	if (len > 2 && name[0] == '[' && name[len - 1] == ']')
		return name_of(f, name + 1, len - 2);
	return name_of(f, name, len);
}

/* The last `what` that begins before `end` (NULL: anywhere). */
static const char *last_of(const char *text, const char *what, const char *end)
{
	const char *found = NULL;

	for (const char *at = text; (at = strstr(at, what)) && (!end || at < end); at++)
		found = at;
	return found;
}

/* "[held by worker-3 in work (app.py)]" → "held in work (app.py)": what it is held for, whichever of a pool's threads does. */
static uint32_t holder_name(struct finder *f, const char *name)
{
	const char *function = last_of(name, " in ", last_of(name, " (", NULL));
	__cleanup_free char *text = function ? xasprintf("[held%s", function) : NULL;

	return bare_name(f, text ? text : name);
}

/* The file that holds the interpreter is Python itself, whatever its name. */
static bool is_interpreter(const struct profile_process *q, const struct profile_function *f)
{
	const char *slash = q->interpreter ? strrchr(q->interpreter, '/') : NULL;

	return q->interpreter && *f->module && !strcmp(f->module, slash ? slash + 1 : q->interpreter);
}

static struct place place_on_cpu(struct finder *f, const struct profile_bucket *b)
{
	const struct profile_function *leaf = function_of(f->p, b->stack);
	const struct profile_process *q = &f->p->processes[f->p->threads[b->thread].process];
	struct place at = {WHY_PYTHON, 0};

	if (f->collects[b->stack])
		at.part = WHY_COLLECTOR;
	else if (leaf->kind == PROFILE_KERNEL)
		at.part = WHY_KERNEL;
	else if (view__is_native(leaf) && !is_interpreter(q, leaf))
		at = (struct place){WHY_NATIVE, name_of(f, leaf->module, library_object_length(leaf->module))};
	else if (leaf->kind == PROFILE_SYNTHETIC && !strcmp(leaf->name, "[native threads]"))
		at = (struct place){WHY_NATIVE, bare_name(f, leaf->name)};
	return at;
}

static struct place place_of_wait(struct finder *f, const struct profile_bucket *b)
{
	static const enum why_part parts[WAIT_KINDS] = {
		[WAIT_NONE] = WHY_BLOCKED,
		[WAIT_GIL] = WHY_GIL,
		[WAIT_BLOCKED] = WHY_BLOCKED,
		[WAIT_SCHEDULER] = WHY_SCHEDULER,
	};
	const struct profile_function *leaf = function_of(f->p, b->stack);
	enum wait wait = wait__of(leaf);
	struct place at = {parts[wait], 0};

	if (wait == WAIT_GIL)
		at.name = wait__is_holder(leaf) ? holder_name(f, leaf->name) : 0;
	else if (leaf->kind == PROFILE_SYNTHETIC)
		at.name = bare_name(f, leaf->name);
	return at;
}

/* Of what adds up to wall time, CPU time and all that is not. */
static bool is_cpu(const struct profile *p, const struct profile_bucket *b)
{
	return !strcmp(p->types[b->type].name, profile_cpu_type.name);
}

static void add_to(struct finder *f, const struct place *at, uint64_t value)
{
	f->out->parts[at->part] += value;
	f->out->all += value;
	if (at->name)
		f->values[at->part][at->name] += value;
}

static void add_buckets(struct finder *f, uint64_t types)
{
	__cleanup_free bool *busy = xcalloc((size_t)f->p->thread_cnt + 1, sizeof(*busy));

	for (size_t i = 0; i < f->p->bucket_cnt; i++) {
		const struct profile_bucket *b = &f->p->buckets[i];
		uint64_t value = f->own ? f->own[i] : b->value;
		struct place at;

		if (!value || !(types >> b->type & 1) || !b->stack || b->stack > f->p->stack_cnt ||
		    b->thread > f->p->thread_cnt)
			continue; /* of a profile that still grows, they may be dangling */
		if (wait__of_stack(f->p, b->stack) == WAIT_IDLE) {
			f->out->idle += value;
			continue;
		}
		at = is_cpu(f->p, b) ? place_on_cpu(f, b) : place_of_wait(f, b);
		add_to(f, &at, value);
		f->out->has_waits |= !is_cpu(f->p, b);
		f->out->has_native |= view__is_native(function_of(f->p, b->stack));
		f->out->threads += !busy[b->thread];
		busy[b->thread] = true;
	}
}

/* By largest remainders, so that they add up. */
static void make_percents(struct why *w)
{
	double left[WHY_PARTS];
	unsigned sum = 0;

	for (unsigned i = 0; i < WHY_PARTS && w->all; i++) {
		double exact = 100.0 * (double)w->parts[i] / (double)w->all;

		w->percents[i] = (unsigned)exact;
		left[i] = exact - w->percents[i];
		sum += w->percents[i];
	}
	for (; w->all && sum < 100; sum++) {
		unsigned most = 0;

		for (unsigned i = 1; i < WHY_PARTS; i++)
			most = left[i] > left[most] ? i : most;
		w->percents[most]++;
		left[most] = -1;
	}
}

static void take_largest(struct finder *f, enum why_part part)
{
	for (unsigned n = 0; n < WHY_NAMED; n++) {
		uint32_t most = 0;

		for (uint32_t i = 1; i <= intern__count(f->names); i++)
			if (f->values[part][i] > f->values[part][most])
				most = i;
		if (!most)
			return;
		f->out->named[part][n] = (struct why_share){.value = f->values[part][most],
							    .name = xstrdup(intern__bytes(f->names, most, NULL))};
		f->values[part][most] = 0;
	}
}

void why_find(const struct profile *p, const uint64_t *values, struct why *out)
{
	struct finder f = {.p = p, .own = values, .out = out, .names = intern__new(), .collects = find_collector(p)};
	size_t room = (size_t)p->function_cnt * 2 + 2; /* a function gives a name or two */

	*out = (struct why){0};
	for (unsigned i = 0; i < WHY_PARTS; i++)
		f.values[i] = xcalloc(room, sizeof(*f.values[i]));
	add_buckets(&f, view__wall_types(p));
	make_percents(out);
	for (unsigned i = 0; i < WHY_PARTS; i++) {
		take_largest(&f, (enum why_part)i);
		free(f.values[i]);
	}
	intern__free(f.names);
	free(f.collects);
}

void why_free(struct why *w)
{
	for (unsigned i = 0; i < WHY_PARTS; i++)
		for (unsigned n = 0; n < WHY_NAMED; n++)
			free(w->named[i][n].name);
}

/* ---- words ------------------------------------------------------------------------------------------- */

static const char *const words[WHY_PARTS] = {
	[WHY_PYTHON] = "Python",
	[WHY_NATIVE] = "native",
	[WHY_KERNEL] = "kernel",
	[WHY_GIL] = "waiting for the GIL",
	[WHY_BLOCKED] = "blocked",
	[WHY_SCHEDULER] = "not scheduled",
	[WHY_COLLECTOR] = "in the garbage collector",
};

static unsigned share_of(const struct why *w, uint64_t value)
{
	return (unsigned)(100.0 * (double)value / (double)w->all + 0.5);
}

static int length_of(const char *name)
{
	size_t len = strnlen(name, NAME_MAX_BYTES);

	while (len && (name[len] & 0xc0) == 0x80) /* amid a character */
		len--;
	return (int)len;
}

/* " (41 % libopenblas.so, 12 % _json.so)": what is at least a percent of all. */
static void put_named(struct buf *out, const struct why *w, enum why_part part, unsigned names)
{
	unsigned left = w->percents[part]; /* rounded alone, they could be more than the whole that they are of */
	const char *before = " (";

	for (unsigned n = 0; n < names; n++) {
		const struct why_share *s = &w->named[part][n];
		unsigned percent = share_of(w, s->value);

		percent = percent > left ? left : percent;
		if (!percent)
			break;
		if (percent == w->percents[part]) { /* it is all of it */
			buf_printf(out, " (%.*s)", length_of(s->name), s->name);
			return;
		}
		left -= percent;
		buf_printf(out, "%s%u %% %.*s", before, percent, length_of(s->name), s->name);
		before = ", ";
	}
	if (*before == ',')
		buf_puts(out, ")");
}

static void put_parts(struct buf *out, const struct why *w, unsigned names, const char *between)
{
	const char *before = "";

	for (unsigned i = 0; i < WHY_PARTS; i++) {
		if (!w->percents[i])
			continue;
		buf_printf(out, "%s%u %% %s", before, w->percents[i], words[i]);
		put_named(out, w, (enum why_part)i, names);
		before = between;
	}
}

/* Of CPU time without native frames other sentences say as much, also of the collector. */
static bool is_worth_it(const struct why *w)
{
	return w->all && (w->has_waits || w->has_native || w->idle);
}

char *why_text(const struct profile *p)
{
	struct buf out = {0};
	struct why w;

	why_find(p, NULL, &w);
	if (is_worth_it(&w)) {
		__cleanup_free char *all = units_duration_text(w.all), *idle = units_duration_text(w.idle);

		if (w.has_waits || w.idle)
			buf_printf(&out, "Of %s of wall time of %" PRIu32 " busy thread%s: ", all, w.threads,
				   w.threads == 1 ? "" : "s");
		else
			buf_puts(&out, "Of the CPU time: ");
		put_parts(&out, &w, WHY_NAMED, ", ");
		buf_puts(&out, ".");
		if (w.idle)
			buf_printf(&out, " Idle waits, %s, are left out.", idle);
	}
	why_free(&w);
	return out.len ? buf_steal_text(&out) : NULL;
}

char *why_line(const struct why *w, unsigned names)
{
	struct buf out = {0};

	put_parts(&out, w, names < WHY_NAMED ? names : WHY_NAMED, " · ");
	return buf_steal_text(&out);
}

const char *why_key(enum why_part part)
{
	static const char *const keys[WHY_PARTS] = {
		[WHY_PYTHON] = "python",
		[WHY_NATIVE] = "native",
		[WHY_KERNEL] = "kernel",
		[WHY_GIL] = "gil_wait",
		[WHY_BLOCKED] = "blocked",
		[WHY_SCHEDULER] = "not_scheduled",
		[WHY_COLLECTOR] = "garbage_collector",
	};

	return keys[part];
}
