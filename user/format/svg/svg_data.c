/* SPDX-License-Identifier: MIT */
/*
 * About 20 bytes a node: one array per property, in drawing order, so that depths alone give the parents, and texts by
 * number. Totals and left edges are not stored: the script adds up the nodes' own values (most have none) and those of
 * children that were left out. Values are whole, so that sums are those of all formats. No text has a
 * character that XML or HTML would act on (is_markup).
 */
#include "user/format/svg/svg_data.h"
#include "user/util/alloc.h"

void svg_data_type(struct json_put *j, const struct profile_value_type *t)
{
	const struct value_unit *u = value_unit(t);
	__cleanup_free char *heading = value_heading(t);
	__cleanup_free char *unit = xasprintf(" %s", heading); /* follows a number: " CPU s", " page faults" */

	json_put_text(j, "name", t->name);
	json_put_text(j, "sentence", t->sentence);
	json_put_text(j, "unit", unit);
	json_put_text(j, "short", u->short_word);
	json_put_count(j, "scale", (uint64_t)u->scale);
}

static void put_legend(struct json_put *j, const struct svg_layout *l)
{
	struct svg_key keys[SVG_KEYS_MAX];
	size_t cnt = svg_legend(l, keys);

	json_put_list(j, "legend");
	for (size_t i = 0; i < cnt; i++) {
		json_put_list(j, NULL);
		json_put_count(j, NULL, keys[i].look.kind);
		json_put_text(j, NULL, keys[i].text);
		if (!keys[i].is_heading)
			json_put_count(j, NULL, keys[i].look.shade);
		json_put_end_list(j);
		free(keys[i].text);
	}
	json_put_end_list(j);
}

static void put_texts(struct json_put *j, const struct svg_layout *l, const struct svg_heading *h)
{
	json_put_text(j, "title", h->title);
	json_put_list(j, "lines");
	for (size_t i = 0; i < h->line_cnt; i++)
		json_put_text(j, NULL, h->lines[i]);
	json_put_end_list(j);
	put_legend(j, l);
	json_put_list(j, "texts");
	for (uint32_t i = 0; i < l->label_cnt; i++) {
		json_put_line(j);
		json_put_text(j, NULL, l->labels[i].text);
	}
	json_put_end_list(j);
}

void svg_data_write(const struct svg_layout *l, const struct svg_heading *h, const struct view *v, FILE *out)
{
	struct json_put json = {.out = out, .is_markup = true}, *j = &json;
	const struct svg_compared *c = l->compared;
	const struct svg_node *n = l->nodes;

	json_put_map(j, NULL);
	put_texts(j, l, h);
	json_put_bool(j, "icicle", v->icicle);
	json_put_bool(j, "from_leaf", v->from_leaf);
	json_put_bool(j, "from_user", h->from_user);
	json_put_map(j, "value");
	svg_data_type(j, l->type);
	json_put_end_map(j);
	JSON_PUT_COLUMN(j, "colours", l->label_cnt, l->labels[i].kind * SVG_SHADES + l->labels[i].shade);
	JSON_PUT_COLUMN(j, "label", l->node_cnt, n[i].label);
	JSON_PUT_COLUMN(j, "depth", l->node_cnt, n[i].depth);
	JSON_PUT_COLUMN(j, "own", l->node_cnt, n[i].own_value);
	JSON_PUT_COLUMN(j, "pruned", l->node_cnt, n[i].pruned_value);
	JSON_PUT_COLUMN(j, "own_samples", l->node_cnt, n[i].own_samples);
	JSON_PUT_COLUMN(j, "pruned_samples", l->node_cnt, n[i].pruned_samples);
	if (c) {
		json_put_map(j, "compared");
		json_put_bool(j, "absolute", c->absolute);
		JSON_PUT_COLUMN(j, "a", l->node_cnt, c->a[n[i].tree_node]);
		JSON_PUT_COLUMN(j, "b", l->node_cnt, c->b[n[i].tree_node]);
		json_put_end_map(j);
	}
	json_put_end_map(j);
}
