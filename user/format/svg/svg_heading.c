/* SPDX-License-Identifier: MIT */
/*
 * The words above a flame graph. A picture travels without its recording, so it says itself what it
 * is of and what it lacks: losses, stacks cut, frames left out.
 */
#include "user/format/svg/svg_heading.h"
#include "user/format/svg/svg_text.h"
#include "user/profile/loss_words.h"
#include "user/profile/value_type.h"
#include "user/util/alloc.h"
#include "user/util/columns.h"
#include <string.h>
#include <time.h>

#define FACT_COLUMNS 600 /* even in the page: command lines can be of any length */

void svg_heading__add_line(struct svg_heading *h, char *text)
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
		svg_heading__add_line(h, text);
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

char *svg_title(const struct profile *p, const struct view *v, const char *what)
{
	const char *target = p->meta.target ? p->meta.target : "";

	if (v->title && *v->title)
		return svg_cut(v->title, FACT_COLUMNS);
	return xasprintf("%s %s%s%s", value_adjective(view__type(v, p)), what, *target ? " of " : "", target);
}

/* How many processes have samples in this view. */
static uint32_t sampled_processes(const struct profile *p, const struct view *v)
{
	bool *seen = xcalloc(p->process_cnt + 1, sizeof(*seen));
	uint32_t cnt = 0;

	for (size_t i = 0; i < p->bucket_cnt; i++) {
		uint32_t process = p->threads[p->buckets[i].thread].process;

		if (!process || seen[process] || !view__samples(v, &p->buckets[i]))
			continue;
		seen[process] = true;
		cnt++;
	}
	free(seen);
	return cnt;
}

static void add_rates(struct svg_heading *h, const struct profile_meta *m)
{
	if (m->rate_hz > 0 && m->effective_rate_hz > 0)
		add_fact(h, xasprintf("%g Hz asked, %.4g Hz effective", m->rate_hz, m->effective_rate_hz));
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

	if (m->start_unix_ns && gmtime_r(&start, &utc) && strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &utc))
		add_fact(h, m->host && *m->host ? xasprintf("%s on %s", when, m->host) : xstrdup(when));
	if (m->tool && *m->tool)
		add_fact(h, xstrdup(m->tool));
}

/* "1,234.56 CPU seconds" */
static char *whole_text(const struct profile_value_type *t, uint64_t value)
{
	uint64_t hundredths = (uint64_t)(value_amount(t, (double)value) * 100 + 0.5);
	__cleanup_free char *whole = svg_grouped(hundredths / 100);
	__cleanup_free char *number =
		value_unit(t)->decimals ? xasprintf("%s.%02u", whole, (unsigned)(hundredths % 100)) : xstrdup(whole);

	return value_text_of(t, number);
}

static void add_sums(struct svg_heading *h, const struct profile *p, const struct view *v, const struct svg_layout *l)
{
	uint64_t samples = l->node_cnt ? l->nodes[0].samples : 0;
	__cleanup_free char *number = svg_grouped(samples);
	uint32_t processes = sampled_processes(p, v);

	add_fact(h, xasprintf("%s sample%s", number, samples == 1 ? "" : "s"));
	add_rates(h, &p->meta);
	add_fact(h, whole_text(l->type, l->node_cnt ? l->nodes[0].total_value : 0));
	add_fact(h, xasprintf("%u process%s", processes, processes == 1 ? "" : "es"));
	if (v->gil_only || p->meta.gil_only)
		add_fact(h, xstrdup("only samples that held the GIL"));
	if (v->from_leaf)
		add_fact(h, xstrdup("merged from the leaf: a function, then its callers"));
}

static void add_pruned(struct svg_heading *h, const struct svg_layout *l)
{
	__cleanup_free char *frames = svg_grouped(l->pruned_cnt);
	double total = l->node_cnt ? (double)l->nodes[0].total_value : 1;

	if (l->pruned_cnt)
		add_fact(h, xasprintf("%s frames below %.2g%% left out (%.2g%% of the %s is in them)", frames,
				      100 * (double)l->least_value / total, 100 * (double)l->pruned_value / total,
				      l->type->sentence));
}

static char *loss_line(const struct profile *p, const struct profile_loss *loss)
{
	const char *sentence = *loss->sentence ? loss->sentence : loss->reason;
	__cleanup_free char *count = svg_grouped(loss->count);
	__cleanup_free char *whose = loss->process ? view__process_text(p, loss->process) : xstrdup("");

	return xasprintf("%s %s: %s%s%s", count, loss_word(loss), sentence, *whose ? " · " : "", whose);
}

static void explain_emptiness(struct svg_heading *why, const struct profile *p)
{
	svg_heading__add_line(why, xstrdup(p->sample_cnt ? "Samples were taken, but none that this view shows."
							 : "No samples were taken."));
	for (size_t i = 0; i < p->loss_cnt; i++) {
		const struct profile_loss *loss = &p->losses[i];

		if (why->line_cnt == SVG_LINES_MAX - 1) {
			svg_heading__add_line(why, xasprintf("… and %zu more", p->loss_cnt - i));
			break;
		}
		svg_heading__add_line(why, loss_line(p, loss));
	}
	if (p->loss_cnt || p->sample_cnt)
		return;
	if (profile__type(p, profile_cpu_type.name))
		svg_heading__add_line(why, xstrdup("Nothing ran while it recorded, or the target used no CPU."));
	else
		svg_heading__add_line(why, xasprintf("Nothing ran while it recorded, or there was none of: %s.",
						     p->types[0].sentence));
}

void svg_heading__fill(struct svg_heading *h, const struct profile *p, const struct view *v, const struct svg_layout *l)
{
	const struct profile_meta *m = &p->meta;
	__cleanup_free char *command = svg_cut(m->command ? m->command : "", FACT_COLUMNS);

	h->title = svg_title(p, v, "flame graph");
	if (*command)
		svg_heading__add_line(h, xasprintf("$ %s", command));
	svg_heading__add_line(h, xstrdup(""));
	if (v->title && *v->title && m->target && *m->target)
		add_fact(h, xstrdup(m->target));
	add_sums(h, p, v, l);
	add_fact(h, loss_text(p));
	add_pruned(h, l);
	add_circumstances(h, m);
	if (!l->node_cnt)
		explain_emptiness(h, p);
}
