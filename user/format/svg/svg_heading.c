/*
 * The words above a flame graph. A picture travels without its recording, so it says itself what it
 * is of and what it lacks: losses, stacks cut, frames left out.
 */
#include "user/format/svg/svg_heading.h"
#include "user/format/svg/svg_text.h"
#include "user/util/alloc.h"
#include "user/util/columns.h"
#include <string.h>
#include <time.h>

#define FACT_COLUMNS 600 /* even in the page: command lines can be of any length */

/* Takes `text`. */
static void new_line(struct svg_heading *h, char *text)
{
	if (h->line_cnt < SVG_LINES_MAX)
		h->lines[h->line_cnt++] = text;
	else
		free(text);
}

/* Takes `fact`; it joins the last line where it fits. */
static void add_fact(struct svg_heading *h, char *fact)
{
	char *last = h->lines[h->line_cnt - 1];
	char *text = svg_cut(fact, FACT_COLUMNS);

	free(fact);
	if (*last && columns_of(last) + columns_of(text) + 3 > SVG_LINE_COLUMNS) {
		new_line(h, text);
		return;
	}
	h->lines[h->line_cnt - 1] = xasprintf("%s%s%s", last, *last ? " · " : "", text);
	free(last);
	free(text);
}

void svg_heading__free(struct svg_heading *h)
{
	free(h->title);
	for (size_t i = 0; i < h->line_cnt; i++)
		free(h->lines[i]);
}

static char *title_of(const struct profile *p, const struct view *v)
{
	const char *target = p->meta.target ? p->meta.target : "";

	if (v->title && *v->title)
		return svg_cut(v->title, FACT_COLUMNS);
	return *target ? xasprintf("CPU flame graph of %s", target) : xstrdup("CPU flame graph");
}

static char *command_line(const char *command)
{
	__cleanup_free char *cut = svg_cut(command, FACT_COLUMNS);

	return xasprintf("$ %s", cut);
}

/* How many processes have samples in this view. */
static uint32_t sampled_processes(const struct profile *p, const struct view *v)
{
	bool *seen = xcalloc(p->process_cnt + 1, sizeof(*seen));
	uint32_t cnt = 0;

	for (size_t i = 0; i < p->bucket_cnt; i++) {
		const struct profile_bucket *b = &p->buckets[i];

		if (view__samples(v, b) && b->thread <= p->thread_cnt) {
			uint32_t process = p->threads[b->thread].process;

			cnt += process && process <= p->process_cnt && !seen[process];
			seen[process <= p->process_cnt ? process : 0] = true;
		}
	}
	free(seen);
	return cnt;
}

static void add_rates(struct svg_heading *h, const struct profile_meta *m)
{
	if (m->rate_hz > 0 && m->effective_rate_hz > 0)
		add_fact(h, xasprintf("%g Hz asked, %.4g Hz effective", m->rate_hz,
				      m->effective_rate_hz));
	else if (m->rate_hz > 0)
		add_fact(h, xasprintf("%g Hz asked", m->rate_hz));
	if (m->duration_ns)
		add_fact(h, xasprintf("%.1f s recorded", (double)m->duration_ns / 1e9));
}

static void add_circumstances(struct svg_heading *h, const struct profile_meta *m)
{
	time_t start = (time_t)(m->start_unix_ns / 1000000000);
	struct tm utc;
	char when[32];

	if (m->start_unix_ns && gmtime_r(&start, &utc) &&
	    strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &utc))
		add_fact(h, m->host && *m->host ? xasprintf("%s on %s", when, m->host)
						: xstrdup(when));
	if (m->tool && *m->tool)
		add_fact(h, xstrdup(m->tool));
}

static char *cpu_seconds(uint64_t ns)
{
	uint64_t hundredths = (ns + 5000000) / 10000000;
	__cleanup_free char *whole = svg_grouped(hundredths / 100);

	return xasprintf("%s.%02u CPU seconds", whole, (unsigned)(hundredths % 100));
}

static void add_sums(struct svg_heading *h, const struct profile *p, const struct view *v,
		     const struct svg_layout *l)
{
	uint64_t samples = l->node_cnt ? l->nodes[0].samples : 0;
	__cleanup_free char *number = svg_grouped(samples);
	uint32_t processes = sampled_processes(p, v);

	add_fact(h, xasprintf("%s sample%s", number, samples == 1 ? "" : "s"));
	add_rates(h, &p->meta);
	add_fact(h, cpu_seconds(l->node_cnt ? l->nodes[0].total_ns : 0));
	add_fact(h, xasprintf("%u process%s", processes, processes == 1 ? "" : "es"));
	if (v->gil_only || p->meta.gil_only)
		add_fact(h, xstrdup("only samples that held the GIL"));
	if (v->from_leaf)
		add_fact(h, xstrdup("merged from the leaf: a function, then its callers"));
}

static void add_pruned(struct svg_heading *h, const struct svg_layout *l)
{
	__cleanup_free char *frames = svg_grouped(l->pruned_cnt);
	double total = l->node_cnt ? (double)l->nodes[0].total_ns : 1;

	if (l->pruned_cnt)
		add_fact(h,
			 xasprintf("%s frames below %.2g%% left out (%.2g%% of the CPU time is in "
				   "them)",
				   frames, 100 * (double)l->least_ns / total,
				   100 * (double)l->pruned_ns / total));
}

void svg_heading__fill(struct svg_heading *h, const struct profile *p, const struct view *v,
		       const struct svg_layout *l)
{
	const struct profile_meta *m = &p->meta;

	h->title = title_of(p, v);
	if (m->command && *m->command)
		new_line(h, command_line(m->command));
	new_line(h, xstrdup(""));
	if (v->title && *v->title && m->target && *m->target)
		add_fact(h, xstrdup(m->target));
	add_sums(h, p, v, l);
	add_fact(h, profile__loss_text(p));
	add_pruned(h, l);
	add_circumstances(h, m);
}

static char *loss_line(const struct profile *p, const struct profile_loss *loss)
{
	const char *sentence = *loss->sentence ? loss->sentence : loss->reason;
	__cleanup_free char *count = svg_grouped(loss->count);
	__cleanup_free char *whose =
		loss->process ? view__process_text(p, loss->process) : xstrdup("");

	return xasprintf("%s tick%s: %s%s%s", count, loss->count == 1 ? "" : "s", sentence,
			 *whose ? " · " : "", whose);
}

void svg_heading__explain_emptiness(struct svg_heading *why, const struct profile *p)
{
	new_line(why, xstrdup(p->sample_cnt ? "Samples were taken, but none that this view shows."
					    : "No samples were taken."));
	for (size_t i = 0; i < p->loss_cnt; i++) {
		const struct profile_loss *loss = &p->losses[i];

		if (why->line_cnt == SVG_LINES_MAX - 1) {
			new_line(why, xasprintf("… and %zu more", p->loss_cnt - i));
			break;
		}
		new_line(why, loss_line(p, loss));
	}
	if (!p->loss_cnt && !p->sample_cnt)
		new_line(why, xstrdup("Nothing ran while it recorded, or the target used no CPU."));
}
