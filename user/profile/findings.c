/* SPDX-License-Identifier: MIT */
#include "user/profile/findings.h"
#include "user/profile/chance.h"
#include "user/profile/collector.h"
#include "user/profile/cpu_check.h"
#include "user/profile/gil_waits.h"
#include "user/profile/hot.h"
#include "user/profile/loss_words.h"
#include "user/profile/waits.h"
#include "user/profile/why.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/units.h"
#include <inttypes.h>
#include <string.h>

#define FLAT_PERCENT      5  /* where no function has so much the profile is flat */
#define MOST_PERCENT      80 /* so much of a function is nearly all of it */
#define SECOND_PERCENT    10 /* a second function is named from here on, if it has half of the first */
#define COLLECTOR_PERCENT 2
#define GIL_BUSY_PERCENT  70 /* threads wait for it */
#define GIL_FREE_PERCENT  30 /* no limit */
#define FEW_SAMPLES       100
#define WAITING_MIN_NS    1000000000ull
#define WAITING_PERCENT   5 /* of the time on a CPU, or less */
#define LOST_PERCENT      1 /* worth saying why */

struct saying {
	const struct view *v;
	const struct profile *p;
	const struct profile_value_type *type;
	struct hot hot;
	struct buf out;
};

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

/* "62 %", "3.1 %": as exact as it is worth; of few samples with its error, "62 ± 28 %". */
static char *share(const struct saying *s, uint64_t part)
{
	struct chance_share c = chance_share_of(part, s->hot.all, s->hot.samples);
	int decimals = c.decimals && c.percent < 9.95 ? 1 : 0;

	if (s->hot.samples < FEW_SAMPLES)
		return xasprintf("%.*f ± %.*f %%", decimals, c.percent, decimals, c.error);
	return xasprintf("%.*f %%", decimals, c.percent);
}

/* "CPU time", "page faults" */
static const char *what(const struct profile_value_type *t)
{
	return t->unit == PROFILE_COUNT ? t->label : t->sentence;
}

static bool is_cpu(const struct saying *s)
{
	return !strcmp(s->type->name, profile_cpu_type.name);
}

/* "parse (orders.py:12)", "the top level of app.py", "dgemm (libblas.so)" */
static char *place_text(const struct saying *s, const struct hot_place *at)
{
	const struct profile_function *f = at->function;
	const char *file = s->v->full_filenames || !*f->short_file ? f->file : f->short_file;
	const char *name = *f->name ? f->name : "[unnamed]";

	if (!*file && view__is_native(f))
		file = f->module;
	if (!*file || f->kind == PROFILE_SYNTHETIC)
		return xstrdup(name);
	if (!strcmp(name, "<module>"))
		return xasprintf("the top level of %s", file);
	if (f->first_line <= 0)
		return xasprintf("%s (%s)", name, file);
	return xasprintf("%s (%s:%" PRId32 ")", name, file, f->first_line);
}

static void put_place(struct saying *s, const struct hot_place *at)
{
	__cleanup_free char *text = place_text(s, at);

	buf_puts(&s->out, text);
}

/* ---- where ------------------------------------------------------------------------------------------- */

/* "62 % of the CPU time", of how many processes where they are several. */
static void put_share_of_all(struct saying *s, uint64_t part)
{
	__cleanup_free char *text = share(s, part);

	buf_printf(&s->out, "%s of the %s", text, what(s->type));
	if (s->v->gil_only || s->p->meta.gil_only)
		buf_puts(&s->out, " with the GIL");
	if (s->hot.process_cnt > 1)
		buf_printf(&s->out, " of %" PRIu32 " processes", s->hot.process_cnt);
}

static void put_line(struct saying *s, const struct hot_place *at)
{
	if (at->line <= 0 || at->line == at->function->first_line || 2 * at->line_value < at->value)
		return;
	buf_printf(&s->out, ", %s at line %" PRId32,
		   percent(at->line_value, at->value) > MOST_PERCENT ? "nearly all" : "most", at->line);
}

static void put_caller(struct saying *s, const struct hot *h)
{
	if (!h->caller.function || 2 * h->caller.value < h->first.value)
		return;
	buf_puts(&s->out, "; called from ");
	put_place(s, &h->caller);
}

static void put_second(struct saying *s, const struct hot *h)
{
	__cleanup_free char *part = share(s, h->second.value);

	if (!h->second.function || percent(h->second.value, h->all) < SECOND_PERCENT ||
	    2 * h->second.value < h->first.value)
		return;
	buf_puts(&s->out, "; next is ");
	put_place(s, &h->second);
	buf_printf(&s->out, ", %s", part);
}

/* "itself", "and what it calls, most of it in …" */
static void put_called(struct saying *s, const struct hot *h)
{
	uint64_t rest = h->first.value - h->own_value;

	if (percent(h->own_value, h->first.value) > MOST_PERCENT) {
		buf_puts(&s->out, " itself");
		put_line(s, &h->first);
		return;
	}
	buf_printf(&s->out, " and the %s that it calls", h->whose == VIEW_USER ? "library code" : "code of others");
	put_line(s, &h->first);
	if (!h->called.function)
		return;
	buf_printf(&s->out, "; %s of that ", 2 * h->called.value > rest ? "most" : "the largest part");
	buf_puts(&s->out, wait__of(h->called.function) == WAIT_NONE ? "runs in " : "is spent in ");
	put_place(s, &h->called);
}

static void say_first(struct saying *s, const struct hot *h)
{
	put_share_of_all(s, h->first.value);
	buf_puts(&s->out, " is in ");
	put_place(s, &h->first);
	if (h->whose == VIEW_STDLIB)
		put_line(s, &h->first);
	else
		put_called(s, h);
	put_caller(s, h);
	if (h->first_process && h->process_cnt > 1)
		buf_printf(&s->out, "; all in process %" PRIu32, s->p->processes[h->first_process].pid);
	put_second(s, h);
}

static void say_flat(struct saying *s, const struct hot *h)
{
	__cleanup_free char *first = share(s, h->first.value), *module = share(s, h->module_value);

	buf_printf(&s->out, "No function has more than %d %% of the %s: the most has ", FLAT_PERCENT, what(s->type));
	put_place(s, &h->first);
	buf_printf(&s->out, ", %s", first);
	if (h->module)
		buf_printf(&s->out, "; of modules %s, %s", h->module, module);
}

static void say_imports(struct saying *s, const struct hot *h)
{
	const struct profile_function *module = h->imported.function;
	__cleanup_free char *most = share(s, h->imported.value);

	put_share_of_all(s, h->imports);
	buf_puts(&s->out, " goes into imports");
	if (module)
		buf_printf(&s->out, "; the largest is of %s, %s", *module->module ? module->module : module->short_file,
			   most);
	if (!h->importer.function)
		return;
	buf_puts(&s->out, ", by ");
	put_place(s, &h->importer);
	if (h->importer.line > 0)
		buf_printf(&s->out, " at line %" PRId32, h->importer.line);
}

/* Libraries and native threads that no code of the user's led to. */
static void say_outside(struct saying *s, const struct hot *h)
{
	__cleanup_free char *mine = share(s, h->first.value), *most = share(s, h->outside_place.value);
	bool native = 2 * h->no_python > h->outside;

	put_share_of_all(s, native ? h->no_python : h->outside);
	buf_puts(&s->out, native ? " is in no Python function" : " is in code that none of yours called");
	if (h->outside_place.function && (native || h->outside_place.function->kind != PROFILE_SYNTHETIC)) {
		buf_puts(&s->out, ", the most of it in ");
		put_place(s, &h->outside_place);
		buf_printf(&s->out, ", %s", most);
	}
	if (!h->first.function)
		return;
	buf_printf(&s->out, "; %s the most is in ", h->whose == VIEW_USER ? "of yours" : "of Python code");
	put_place(s, &h->first);
	buf_printf(&s->out, ", %s", mine);
}

static void say_nothing(struct saying *s)
{
	__cleanup_free char *took = units_duration_text(s->p->meta.duration_ns);
	bool gil = s->v->gil_only || s->p->meta.gil_only;
	uint64_t failed = loss_total(s->p);

	if (failed) {
		buf_printf(&s->out, "Nothing could be read: all %" PRIu64 " samples were lost or failed", failed);
		return;
	}
	buf_printf(&s->out, "No samples%s", gil ? " that held the GIL" : "");
	if (is_cpu(s))
		buf_puts(&s->out, ": no Python code was on a CPU");
	else
		buf_printf(&s->out, " of %s", what(s->type));
	if (s->p->meta.duration_ns)
		buf_printf(&s->out, " in %s", took);
}

static void put_collector(struct saying *s)
{
	uint64_t value = collector_value(s->v, s->p);
	__cleanup_free char *part = share(s, value);

	if (percent(value, s->hot.all) >= COLLECTOR_PERCENT)
		buf_printf(&s->out, "; %s goes into the garbage collector", part);
}

static void say_where(struct saying *s)
{
	const struct hot *h = &s->hot;

	if (!h->samples)
		say_nothing(s);
	else if (2 * h->imports >= h->all)
		say_imports(s, h);
	else if (!h->first.function || 2 * h->outside >= h->all)
		say_outside(s, h);
	else if (percent(h->first.value, h->all) < FLAT_PERCENT)
		say_flat(s, h);
	else
		say_first(s, h);
	put_collector(s);
}

/* ---- the GIL ----------------------------------------------------------------------------------------- */

struct gil_use {
	uint32_t threads, most_threads; /* that have values: of all, of the process that has most of them */
	uint64_t held, none;
	uint64_t most_held; /* of a process; the GIL is its own */
};

static void look_at_gil(const struct saying *s, struct gil_use *use)
{
	__cleanup_free bool *threads = xcalloc((size_t)s->p->thread_cnt + 1, sizeof(*threads));
	__cleanup_free uint32_t *counts = xcalloc((size_t)s->p->process_cnt + 1, sizeof(*counts));
	__cleanup_free uint64_t *held = xcalloc((size_t)s->p->process_cnt + 1, sizeof(*held));

	*use = (struct gil_use){0};
	for (size_t i = 0; i < s->p->bucket_cnt; i++) {
		const struct profile_bucket *b = &s->p->buckets[i];
		uint32_t process = s->p->threads[b->thread].process;

		if (!view__samples(s->v, b))
			continue;
		held[process] += view__gil_value(s->v, b);
		use->held += view__gil_value(s->v, b);
		use->none += view__no_gil_value(s->v, b);
		use->threads += !threads[b->thread];
		counts[process] += !threads[b->thread];
		threads[b->thread] = true;
		if (counts[process] > use->most_threads)
			use->most_threads = counts[process];
		if (held[process] > use->most_held)
			use->most_held = held[process];
	}
}

static bool has_gil_waits(const struct profile *p)
{
	const struct profile_value_type *t = profile__type(p, GIL_TYPE_NAME);

	for (size_t i = 0; t && i < p->bucket_cnt; i++)
		if (p->buckets[i].type == t->id && p->buckets[i].samples)
			return true;
	return false;
}

static void put_holder(struct saying *s)
{
	const struct hot *h = &s->hot;
	const struct profile_thread *t = &s->p->threads[h->gil_thread];

	if (h->gil_thread) {
		buf_printf(&s->out, "; longest by thread %s", *t->name ? t->name : "");
		buf_printf(&s->out, "%s%" PRIu32 " (%.0f %% of that)", *t->name ? " " : "", t->tid,
			   percent(h->gil_thread_value, h->gil_value));
	}
	if (h->in_gil.function) {
		buf_puts(&s->out, ", in code by ");
		put_place(s, &h->in_gil);
	}
}

/* Of the time where values are times and it is known how long it took, else of the values. */
static void say_held(struct saying *s, const struct gil_use *use)
{
	bool timed = is_cpu(s) && s->p->meta.duration_ns;
	double busy = timed ? percent(use->most_held, s->p->meta.duration_ns) : percent(use->held, s->hot.all);

	if (busy > 100)
		busy = 100;
	buf_puts(&s->out, !timed                     ? "The GIL was held"
			  : busy >= GIL_BUSY_PERCENT ? "Threads wait for the GIL: it was held"
			  : busy < GIL_FREE_PERCENT  ? "The GIL is no limit: it was held"
						     : "The GIL was held");
	buf_printf(&s->out, " %s %.0f %% of the %s", timed ? "for" : "during", busy, timed ? "time" : what(s->type));
	if (s->hot.process_cnt > 1 && timed)
		buf_puts(&s->out, " in the process that holds it most");
	put_holder(s);
}

static void say_gil(struct saying *s)
{
	struct gil_use use;

	look_at_gil(s, &use);
	if (s->v->gil_only || s->p->meta.gil_only)
		buf_puts(&s->out, "Only samples that held the GIL are shown, so who waits for it is not");
	else if (!use.threads)
		buf_puts(&s->out, "Nothing is known of the GIL");
	else if (use.none && !use.held)
		buf_puts(&s->out, "There is no GIL: the threads of this Python run beside each other");
	else if (profile__type(s->p, GIL_TYPE_NAME) && !has_gil_waits(s->p))
		buf_puts(&s->out, "No thread waited for the GIL");
	else if (!use.held)
		buf_puts(&s->out, "Who held the GIL was not recorded");
	else if (use.threads == 1 && is_cpu(s))
		buf_puts(&s->out, "One thread has all samples, so none was seen to wait for the GIL");
	else if (use.most_threads == 1 && is_cpu(s))
		buf_puts(&s->out, "One thread of each process has its samples, so none was seen to wait for the GIL");
	else
		say_held(s, &use);
}

/* ---- what it lacks ----------------------------------------------------------------------------------- */

static void put_and(struct saying *s)
{
	if (s->out.len)
		buf_puts(&s->out, "; ");
}

/* The reason of most failures. */
static const char *main_reason(const struct profile *p)
{
	const struct profile_loss *most = NULL;

	for (size_t i = 0; i < p->loss_cnt; i++)
		if (p->losses[i].failure && (!most || p->losses[i].count > most->count))
			most = &p->losses[i];
	return most ? most->sentence : "";
}

static void say_lost(struct saying *s)
{
	uint64_t failed = loss_total(s->p);
	double part = percent(failed, failed + s->p->sample_cnt);

	if (!failed || part < LOST_PERCENT)
		return;
	buf_printf(&s->out, "%.*f %% of the samples were lost or failed, most because %s", part < 9.95 ? 1 : 0, part,
		   main_reason(s->p));
}

/* What `dump` would be asked for. */
static void put_dump(struct saying *s)
{
	uint32_t pid = s->p->process_cnt == 1 ? s->p->processes[1].pid : 0;

	if (pid)
		buf_printf(&s->out, "`pybpfprof dump --pid %" PRIu32 "` shows where it waits while it runs", pid);
	else
		buf_puts(&s->out, "`pybpfprof dump --pid PID` shows where one waits while it runs");
}

/* On a CPU; by the kernel's clocks where they are known. */
static uint64_t cpu_ns(const struct saying *s)
{
	__cleanup_free struct cpu_check *checks = cpu_checks_new(s->p);

	return checks[0].clock_ns ? checks[0].clock_ns : s->hot.all;
}

static void say_waiting(struct saying *s)
{
	uint64_t took = s->p->meta.duration_ns;
	double part;
	__cleanup_free char *text = units_duration_text(took);

	if (!is_cpu(s) || view__has_wall(s->p) || took < WAITING_MIN_NS || s->v->gil_only || s->p->meta.gil_only)
		return;
	part = percent(cpu_ns(s), took);
	if (part > WAITING_PERCENT)
		return;
	put_and(s);
	buf_printf(&s->out, "It was on a CPU for %.2g %% of the %s, and only that is shown: ", part, text);
	put_dump(s);
}

static void say_few(struct saying *s)
{
	if (!s->hot.samples || s->hot.samples >= FEW_SAMPLES)
		return;
	put_and(s);
	buf_printf(&s->out, "%" PRIu64 " sample%s are few, so shares are rough: record for longer, or with --rate 999",
		   s->hot.samples, s->hot.samples == 1 ? "" : "s");
}

static void say_lacks(struct saying *s)
{
	__cleanup_free char *samples = units_count_text(s->hot.samples);
	__cleanup_free char *losses = loss_text(s->p);

	say_lost(s);
	say_waiting(s);
	say_few(s);
	if (!s->p->meta.complete) {
		put_and(s);
		buf_puts(&s->out, "The recording was cut short: its end is missing");
	}
	if (!s->out.len && loss_total(s->p))
		buf_printf(&s->out, "Hardly anything is missing: %s samples, %s", samples, losses);
	else if (!s->out.len)
		buf_printf(&s->out, "Nothing was lost: %s samples", samples);
}

/* ---- together ---------------------------------------------------------------------------------------- */

static char *sentence(struct saying *s, void (*say)(struct saying *s))
{
	s->out = (struct buf){0};
	say(s);
	buf_puts(&s->out, ".");
	return buf_steal_text(&s->out);
}

/* What waits does not hold it: beside waits it is told of CPU time. */
static char *gil_sentence(const struct saying *of)
{
	struct saying s = *of;
	struct view cpu = *of->v;
	const struct profile_value_type *t = profile__type(of->p, profile_cpu_type.name);

	if (t && view__has_wall(of->p)) {
		cpu.type = t->id;
		cpu.more_types = 0;
		s.v = &cpu;
		s.type = t;
		hot_find(&cpu, of->p, &s.hot);
	}
	return sentence(&s, say_gil);
}

void findings_make(const struct view *v, const struct profile *p, struct findings *out)
{
	struct saying s = {.v = v, .p = p, .type = view__type(v, p)};

	hot_find(v, p, &s.hot);
	out->why = v->gil_only ? NULL : why_text(p);
	out->where = sentence(&s, say_where);
	out->gil = gil_sentence(&s);
	out->lacks = sentence(&s, say_lacks);
}

void findings_free(struct findings *f)
{
	free(f->why);
	free(f->where);
	free(f->gil);
	free(f->lacks);
}
