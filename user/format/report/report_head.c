/* SPDX-License-Identifier: MIT */
/* The first lines of a report: what was recorded, when and how, and what it lacks. */
#include "user/format/report/report_parts.h"
#include "user/profile/collector.h"
#include "user/profile/cpu_check.h"
#include "user/profile/findings.h"
#include "user/profile/loss_words.h"
#include "user/profile/waits.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/intern.h"
#include "user/util/units.h"
#include <inttypes.h>
#include <string.h>
#include <time.h>

static char *time_text(uint64_t unix_ns)
{
	time_t seconds = (time_t)(unix_ns / 1000000000);
	struct tm tm;
	char text[64];

	if (!unix_ns || !localtime_r(&seconds, &tm) || !strftime(text, sizeof(text), ", %F %T", &tm))
		return xstrdup("");
	return xstrdup(text);
}

/* "3.12.1 (2), 3.8.18": the versions of the processes that have one. */
static char *pythons_text(const struct profile *p)
{
	struct intern *versions = intern__new();
	uint32_t *counts = xcalloc((size_t)p->process_cnt + 2, sizeof(*counts));
	struct buf out = {0};

	for (uint32_t i = 1; i <= p->process_cnt; i++)
		if (*p->processes[i].python)
			counts[intern__id(versions, p->processes[i].python, strlen(p->processes[i].python))]++;
	for (uint32_t i = 1; i <= intern__count(versions); i++) {
		buf_printf(&out, "%s%s", i > 1 ? ", " : "", (const char *)intern__bytes(versions, i, NULL));
		if (counts[i] > 1)
			buf_printf(&out, " (%" PRIu32 " processes)", counts[i]);
	}
	free(counts);
	intern__free(versions);
	return buf_steal_text(&out);
}

static void put_rate(const struct report_text *t, const struct profile_meta *m)
{
	if (!m->rate_hz)
		return;
	if (m->effective_rate_hz)
		report_fact(t, "rate", "%g Hz asked for, %.4g Hz achieved, per CPU (%" PRIu32 " of them)", m->rate_hz,
			    m->effective_rate_hz, m->cpus);
	else
		report_fact(t, "rate", "%g Hz asked for", m->rate_hz);
}

static void put_gil(const struct report_text *t, const struct profile *p)
{
	const char *what = t->type->unit == PROFILE_COUNT ? t->type->label : t->type->sentence;
	uint64_t held = 0, none = 0;

	if (p->meta.gil_only || t->r->view->gil_only) {
		report_fact(t, "GIL", "only samples that held it");
		return;
	}
	for (size_t i = 0; i < p->bucket_cnt; i++) {
		held += view__gil_value(t->r->view, &p->buckets[i]);
		none += view__no_gil_value(t->r->view, &p->buckets[i]);
	}
	if (held) /* else this was not recorded, or hardly worth a line */
		report_fact(t, "GIL", "held during %.1f %% of the %s", report_percent(held, t->all_value), what);
	if (none)
		report_fact(t, held ? "" : "GIL", "no GIL in %.1f %% of the %s (free-threaded Python)",
			    report_percent(none, t->all_value), what);
}

static void put_collector(const struct report_text *t, const struct profile *p)
{
	uint64_t value = collector_value(t->r->view, p);

	if (value)
		report_fact(t, "GC", "%.1f %% of the %s in the garbage collector", report_percent(value, t->all_value),
			    t->type->unit == PROFILE_COUNT ? t->type->label : t->type->sentence);
}

/* The other types, which --type chooses. */
static void put_other_types(const struct report_text *t, const struct profile *p)
{
	for (uint32_t i = 0; i < p->type_cnt; i++) {
		struct view v = *t->r->view;
		__cleanup_free char *value = NULL;

		v.type = i;
		v.more_types = 0;
		value = value_text(&p->types[i], (double)view__sum(&v, p).value);
		if (&p->types[i] != t->type)
			report_fact(t, "", "also %s (--type %s)", value, p->types[i].name);
	}
	if (view__has_wall(p) && !t->r->view->more_types)
		report_fact(t, "", "and all that a thread does or waits for, together (--type wall)");
	if (t->r->view->no_idle && wait__has_idle(p))
		report_fact(t, "", "idle waits are left out (--idle-waits shows them)");
}

/* Ticks without the GIL leave no trace, so nothing can be compared. */
static void put_cpu_check(const struct report_text *t, const struct profile *p)
{
	__cleanup_free struct cpu_check *checks = cpu_checks_new(p);
	uint32_t shown = 0;

	if (!checks[0].clock_ns || p->meta.gil_only)
		return;
	report_fact(t, "CPU clock", "%.2f s by the kernel's clocks, %.2f s sampled", (double)checks[0].clock_ns / 1e9,
		    (double)checks[0].sampled_ns / 1e9);
	for (uint32_t i = 1; i <= p->process_cnt && shown < t->r->rows; i++) {
		__cleanup_free char *text = NULL;

		if (!cpu_check_differs(&checks[i], p->meta.rate_hz))
			continue;
		text = cpu_check_text(&checks[i]);
		report_fact(t, "", "process %" PRIu32 ": %s", p->processes[i].pid, text);
		shown++;
	}
}

void report_put_head(const struct report_text *t, const struct profile *p, const struct totals_row *all)
{
	const struct profile_meta *m = &p->meta;
	__cleanup_free char *when = time_text(m->start_unix_ns);
	__cleanup_free char *took = units_duration_text(m->duration_ns);
	__cleanup_free char *samples = units_count_text(all->samples);
	__cleanup_free char *pythons = pythons_text(p);
	__cleanup_free char *value = value_text(t->type, (double)all->value);
	__cleanup_free char *losses = loss_text(p);

	report_fact(t, "target", "%s%s%s", *m->target ? m->target : "unknown", *m->host ? " on " : "", m->host);
	if (*m->command)
		report_fact(t, "command", "%s", m->command);
	report_fact(t, "recorded", "%s%s", m->duration_ns ? took : "for an unknown time", when);
	report_fact(t, "samples", "%s, %s", samples, value);
	if (all->samples)
		report_fact(t, "", "a percentage may be off by chance as far as its ± says, in 95 of 100 cases");
	put_other_types(t, p);
	put_rate(t, m);
	put_cpu_check(t, p);
	if (*pythons)
		report_fact(t, "Python", "%s", pythons);
	if (all->samples)
		put_gil(t, p);
	put_collector(t, p);
	report_fact(t, "losses", "%s", losses);
	if (!m->complete)
		report_fact(t, "", "the recording was cut short; this is what had been written");
}

void report_put_findings(const struct report_text *t, const struct profile *p)
{
	struct findings f;

	findings_make(t->r->view, p, &f);
	if (f.why)
		report_prose(t, "", f.why);
	if (t->r->colour)
		fputs("\x1b[1m", t->out);
	report_prose(t, "", f.where);
	if (t->r->colour)
		fputs("\x1b[0m", t->out);
	report_prose(t, "", f.gil);
	report_prose(t, "", f.lacks);
	putc('\n', t->out);
	findings_free(&f);
}
