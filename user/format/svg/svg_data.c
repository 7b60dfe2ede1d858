/*
 * The data of the script, about 20 bytes a node: one array per property, in drawing order, so that
 * depths alone say who is whose parent, and texts by number. Totals and left edges are not stored:
 * the script adds up what nodes have of their own (most have nothing) and what their children had
 * that were left out. CPU time is in nanoseconds, so that sums are those of all formats. Everything is a number or passes
 * svg_put_json.
 */
#include "user/format/svg/svg_data.h"
#include "user/format/svg/svg_text.h"

#define NS_PER_UNIT 100000 /* of compared CPU time: 0.1 ms */

static uint64_t label_column(const struct svg_node *n)
{
	return n->label;
}

static uint64_t depth_column(const struct svg_node *n)
{
	return n->depth;
}

static uint64_t own_column(const struct svg_node *n)
{
	return n->own_ns;
}

static uint64_t pruned_column(const struct svg_node *n)
{
	return n->pruned_ns;
}

static uint64_t own_samples_column(const struct svg_node *n)
{
	return n->own_samples;
}

static uint64_t pruned_samples_column(const struct svg_node *n)
{
	return n->pruned_samples;
}

static const struct {
	const char *name;
	uint64_t (*of)(const struct svg_node *n);
} columns[] = {
	{"label", label_column},
	{"depth", depth_column},
	{"own", own_column},
	{"pruned", pruned_column},
	{"own_samples", own_samples_column},
	{"pruned_samples", pruned_samples_column},
	{NULL, NULL},
};

static void put_labels(const struct svg_layout *l, FILE *out)
{
	fputs("\"texts\":[", out);
	for (uint32_t i = 0; i < l->label_cnt; i++) {
		fputs(i ? ",\n" : "\n", out);
		svg_put_json(out, l->labels[i].text);
	}
	fputs("],\n\"colours\":[", out);
	for (uint32_t i = 0; i < l->label_cnt; i++)
		fprintf(out, "%s%u", i ? "," : "",
			(unsigned)l->labels[i].kind * SVG_SHADES + l->labels[i].shade);
	fputs("],\n", out);
}

static void put_times(const struct svg_layout *l, const char *name, const uint64_t *ns, FILE *out)
{
	fprintf(out, "\"%s\":[", name);
	for (uint32_t i = 0; i < l->node_cnt; i++)
		fprintf(out, "%s%llu", i ? "," : "",
			(unsigned long long)((ns[l->nodes[i].tree_node] + NS_PER_UNIT / 2) /
					     NS_PER_UNIT));
	putc(']', out);
}

static void put_compared(const struct svg_layout *l, FILE *out)
{
	fprintf(out, ",\n\"compared\":{\"absolute\":%s,\"units_per_second\":%d,",
		l->compared->absolute ? "true" : "false", 1000000000 / NS_PER_UNIT);
	put_times(l, "a", l->compared->a_ns, out);
	fputs(",\n", out);
	put_times(l, "b", l->compared->b_ns, out);
	putc('}', out);
}

void svg_data_write(const struct svg_layout *l, const struct svg_heading *h, const struct view *v,
		    FILE *out)
{
	fputs("{\"title\":", out);
	svg_put_json(out, h->title);
	fputs(",\"lines\":[", out);
	for (size_t i = 0; i < h->line_cnt; i++) {
		fputs(i ? "," : "", out);
		svg_put_json(out, h->lines[i]);
	}
	fprintf(out, "],\n\"icicle\":%s,\"from_leaf\":%s,\"shades\":%d,\n",
		v->icicle ? "true" : "false", v->from_leaf ? "true" : "false", SVG_SHADES);
	put_labels(l, out);
	for (size_t c = 0; columns[c].name; c++) {
		fprintf(out, "\"%s\":[", columns[c].name);
		for (uint32_t i = 0; i < l->node_cnt; i++)
			fprintf(out, "%s%llu", i ? "," : "",
				(unsigned long long)columns[c].of(&l->nodes[i]));
		fputs(columns[c + 1].name ? "],\n" : "]", out);
	}
	if (l->compared)
		put_compared(l, out);
	putc('}', out);
}
