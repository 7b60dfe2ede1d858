/*
 * A profile as text for a terminal. Percentages are of the CPU time of the samples, not of their
 * number: a sample says how much time it stands for.
 */
#include "user/format/report.h"
#include "user/format/report_table.h"
#include "user/profile/totals.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/intern.h"
#include "user/util/units.h"
#include <inttypes.h>
#include <string.h>
#include <time.h>

/* ---- head ------------------------------------------------------------------------------------ */

static char *time_text(uint64_t unix_ns)
{
	time_t seconds = (time_t)(unix_ns / 1000000000);
	struct tm tm;
	char text[64];

	if (!unix_ns || !localtime_r(&seconds, &tm) ||
	    !strftime(text, sizeof(text), ", %F %T", &tm))
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
			counts[intern__id(versions, p->processes[i].python,
					  strlen(p->processes[i].python))]++;
	for (uint32_t i = 1; i <= intern__count(versions); i++) {
		buf_printf(&out, "%s%s", i > 1 ? ", " : "",
			   (const char *)intern__bytes(versions, i, NULL));
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
		report_line(t,
			    "rate       %g Hz asked for, %.4g Hz achieved, per CPU (%" PRIu32
			    " of them)",
			    m->rate_hz, m->effective_rate_hz, m->cpus);
	else
		report_line(t, "rate       %g Hz asked for", m->rate_hz);
}

static void put_gil(const struct report_text *t, const struct profile *p)
{
	uint64_t held = 0;

	if (p->meta.gil_only || t->r->view->gil_only) {
		report_line(t, "GIL        only samples that held it");
		return;
	}
	for (size_t i = 0; i < p->bucket_cnt; i++)
		held += p->buckets[i].gil_value_ns;
	if (held) /* else this was not recorded, or hardly worth a line */
		report_line(t, "GIL        held during %.1f %% of the CPU time",
			    report_percent(held, p->value_ns));
}

static void put_head(const struct report_text *t, const struct profile *p,
		     const struct totals_row *all)
{
	const struct profile_meta *m = &p->meta;
	__cleanup_free char *when = time_text(m->start_unix_ns);
	__cleanup_free char *took = units_duration_text(m->duration_ns);
	__cleanup_free char *samples = units_count_text(all->samples);
	__cleanup_free char *pythons = pythons_text(p);
	__cleanup_free char *losses = profile__loss_text(p);

	report_line(t, "target     %s%s%s", *m->target ? m->target : "unknown",
		    *m->host ? " on " : "", m->host);
	if (*m->command)
		report_line(t, "command    %s", m->command);
	report_line(t, "recorded   %s%s", m->duration_ns ? took : "for an unknown time", when);
	report_line(t, "samples    %s, %.2f CPU seconds", samples, (double)all->value_ns / 1e9);
	put_rate(t, m);
	if (*pythons)
		report_line(t, "Python     %s", pythons);
	if (all->samples)
		put_gil(t, p);
	report_line(t, "losses     %s", losses);
	if (!m->complete)
		report_line(t, "           the recorder did not get to its end; this is what it "
			       "had written");
}

static void put_more(const struct report_text *t, size_t cnt)
{
	if (cnt > t->r->rows)
		report_line(t, "         … and %zu more", cnt - t->r->rows);
}

/* ---- hot functions and lines ----------------------------------------------------------------- */

/* Frames grouped by the two texts they are shown with. */
struct hot {
	struct intern *ids;
	struct report_row *rows; /* by group, from 0 */
	size_t cnt, cap;
	uint32_t *groups; /* by frame */
	struct intern *texts;
};

static const char *place_of(struct hot *h, const struct report *r, const struct profile_function *f,
			    int32_t line)
{
	const char *file = r->view->full_filenames || !*f->short_file ? f->file : f->short_file;
	__cleanup_free char *text = !*file     ? xstrdup("")
				    : line > 0 ? xasprintf("%s:%" PRId32, file, line)
					       : xstrdup(file);

	return intern__bytes(h->texts, intern__id(h->texts, text, strlen(text)), NULL);
}

static void group_frame(struct hot *h, const struct report *r, const struct profile *p,
			uint32_t frame, bool lines)
{
	const struct profile_function *f = &p->functions[p->frames[frame].function];
	struct report_row row = {.name = *f->name ? f->name : "[unnamed]"};
	__cleanup_free char *key = NULL;
	uint32_t id;

	row.place = place_of(h, r, f, lines ? p->frames[frame].line : f->first_line);
	key = xasprintf("%s\n%s", row.name, row.place); /* clean texts have no newlines */
	id = intern__id(h->ids, key, strlen(key));
	if (id > h->cnt) {
		xgrow(h->rows, h->cnt, h->cap);
		h->rows[h->cnt++] = row;
	}
	h->groups[frame] = id;
}

static int by_own(const void *a, const void *b)
{
	const struct report_row *x = a, *y = b;

	if (x->own_ns != y->own_ns)
		return x->own_ns < y->own_ns ? 1 : -1;
	if (x->total_ns != y->total_ns)
		return x->total_ns < y->total_ns ? 1 : -1;
	return strcmp(x->name, y->name) ? strcmp(x->name, y->name) : strcmp(x->place, y->place);
}

static void put_hot(const struct report_text *t, const struct profile *p, bool lines)
{
	struct hot h = {.ids = intern__new(), .texts = intern__new()};
	struct totals *totals;
	size_t seen = 0;

	h.groups = xcalloc((size_t)p->frame_cnt + 1, sizeof(*h.groups));
	for (uint32_t i = 1; i <= p->frame_cnt; i++)
		group_frame(&h, t->r, p, i, lines);
	totals = totals__new(t->r->view, p, h.groups, (uint32_t)h.cnt);
	for (size_t i = 0; i < h.cnt; i++) {
		h.rows[i].own_ns = totals->rows[i + 1].own_value_ns;
		h.rows[i].total_ns = totals->rows[i + 1].value_ns;
		h.rows[i].samples = totals->rows[i + 1].samples;
		seen += h.rows[i].samples != 0;
	}
	if (h.cnt)
		qsort(h.rows, h.cnt, sizeof(*h.rows), by_own);
	report_heading(t, "Hot %s", lines ? "lines" : "functions");
	report_rows(t, h.rows, seen < t->r->rows ? seen : t->r->rows, lines);
	put_more(t, seen);
	totals__free(totals);
	free(h.groups);
	free(h.rows);
	intern__free(h.ids);
	intern__free(h.texts);
}

/* ---- processes and threads ------------------------------------------------------------------- */

struct share {
	uint32_t id;
	uint64_t samples, value_ns, gil_ns, failed;
};

static int by_value(const void *a, const void *b)
{
	const struct share *x = a, *y = b;

	if (x->value_ns != y->value_ns)
		return x->value_ns < y->value_ns ? 1 : -1;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* Sums over buckets by thread or by their threads' process, the largest first; those without go. */
static struct share *share_out(const struct report_text *t, const struct profile *p, bool threads,
			       size_t *cnt)
{
	size_t n = (threads ? p->thread_cnt : p->process_cnt) + 1, kept = 0;
	struct share *out = xcalloc(n, sizeof(*out));

	for (size_t i = 0; i < p->bucket_cnt; i++) {
		const struct profile_bucket *b = &p->buckets[i];
		struct share *s = &out[threads ? b->thread : p->threads[b->thread].process];

		s->samples += view__samples(t->r->view, b);
		s->value_ns += view__value_ns(t->r->view, b);
		s->gil_ns += b->gil_value_ns;
	}
	for (size_t i = 0; i < p->loss_cnt && !threads; i++)
		if (p->losses[i].failure)
			out[p->losses[i].process].failed += p->losses[i].count;
	for (size_t i = 1; i < n; i++) {
		out[i].id = (uint32_t)i;
		if (out[i].samples || out[i].failed)
			out[kept++] = out[i];
	}
	qsort(out, kept, sizeof(*out), by_value);
	*cnt = kept;
	return out;
}

static void put_processes(const struct report_text *t, const struct profile *p)
{
	size_t cnt;
	__cleanup_free struct share *shares = share_out(t, p, false, &cnt);

	if (cnt < 2)
		return;
	report_heading(t, "By process");
	report_line(t, "   CPU %%     CPU s  samples   failed      pid  Python   command");
	for (size_t i = 0; i < cnt && i < t->r->rows; i++) {
		const struct share *s = &shares[i];
		const struct profile_process *q = &p->processes[s->id];

		report_line(t, "%8.2f %9.*f %8" PRIu64 " %8" PRIu64 " %8" PRIu32 "  %-8s %s",
			    report_percent(s->value_ns, t->all_ns), report_decimals(t),
			    (double)s->value_ns / 1e9, s->samples, s->failed, q->pid,
			    *q->python ? q->python : "-", q->command);
	}
	put_more(t, cnt);
}

static void put_threads(const struct report_text *t, const struct profile *p)
{
	size_t cnt;
	__cleanup_free struct share *shares = share_out(t, p, true, &cnt);

	if (cnt < 2)
		return;
	report_heading(t, "By thread");
	report_line(t, "   CPU %%     CPU s  samples    GIL %%      pid   thread  name");
	for (size_t i = 0; i < cnt && i < t->r->rows; i++) {
		const struct share *s = &shares[i];
		const struct profile_thread *th = &p->threads[s->id];

		report_line(t, "%8.2f %9.*f %8" PRIu64 " %8.1f %8" PRIu32 " %8" PRIu32 "  %s",
			    report_percent(s->value_ns, t->all_ns), report_decimals(t),
			    (double)s->value_ns / 1e9, s->samples,
			    report_percent(s->gil_ns, s->value_ns), p->processes[th->process].pid,
			    th->tid, th->name);
	}
	put_more(t, cnt);
}

/* ---- losses ---------------------------------------------------------------------------------- */

static int by_reason(const void *a, const void *b)
{
	const struct profile_loss *x = *(const struct profile_loss *const *)a;
	const struct profile_loss *y = *(const struct profile_loss *const *)b;
	int cmp = strcmp(x->reason, y->reason);

	if (cmp)
		return cmp;
	return x->count < y->count ? 1 : -(x->count > y->count);
}

/* One reason: its sum and sentence, then the processes it was about. */
static void put_reason(const struct report_text *t, const struct profile *p,
		       const struct profile_loss **same, size_t cnt)
{
	uint64_t sum = 0, value_ns = 0;

	for (size_t i = 0; i < cnt; i++) {
		sum += same[i]->count;
		value_ns += same[i]->value_ns;
	}
	report_line(t, "%8" PRIu64 " %8.2f s  %s [%s]", sum, (double)value_ns / 1e9,
		    same[0]->sentence, same[0]->reason);
	for (size_t i = 0; i < cnt && i < t->r->rows; i++) {
		const struct profile_process *q = &p->processes[same[i]->process];

		if (same[i]->process)
			report_line(t, "%20s %8" PRIu64 " in process %" PRIu32 ": %s", "",
				    same[i]->count, q->pid, q->command);
	}
}

static void put_losses(const struct report_text *t, const struct profile *p, bool failures)
{
	__cleanup_free const struct profile_loss **sorted = xcalloc(p->loss_cnt, sizeof(*sorted));
	size_t n = 0, same;

	for (size_t i = 0; i < p->loss_cnt; i++)
		if (p->losses[i].failure == failures && p->losses[i].count)
			sorted[n++] = &p->losses[i];
	if (!n)
		return;
	qsort(sorted, n, sizeof(*sorted), by_reason);
	report_heading(t, failures ? "Lost and failed samples" : "Outside Python (no failure)");
	for (size_t i = 0; i < n; i += same) {
		for (same = 1; i + same < n && !strcmp(sorted[i]->reason, sorted[i + same]->reason);
		     same++)
			;
		put_reason(t, p, sorted + i, same);
	}
}

/* ---- putting it together --------------------------------------------------------------------- */

static struct totals_row sum_all(const struct profile *p, const struct view *v)
{
	struct totals_row all = {0};

	for (size_t i = 0; i < p->bucket_cnt; i++) {
		all.samples += view__samples(v, &p->buckets[i]);
		all.value_ns += view__value_ns(v, &p->buckets[i]);
	}
	return all;
}

void report_write_hot(const struct profile *p, const struct report *r, FILE *out)
{
	struct report_text t = {.r = r, .out = out, .all_ns = sum_all(p, r->view).value_ns};

	put_hot(&t, p, false);
}

void report_write(const struct profile *p, const struct report *r, FILE *out)
{
	struct totals_row all = sum_all(p, r->view);
	struct report_text t = {.r = r, .out = out, .all_ns = all.value_ns};

	put_head(&t, p, &all);
	if (all.samples) {
		put_hot(&t, p, false);
		put_hot(&t, p, true);
	} else {
		report_heading(&t,
			       "No samples%s: nothing in it was running Python code while it was "
			       "recorded.",
			       r->view->gil_only ? " that held the GIL" : "");
	}
	put_processes(&t, p);
	put_threads(&t, p);
	put_losses(&t, p, true);
	put_losses(&t, p, false);
}
