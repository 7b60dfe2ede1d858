/* SPDX-License-Identifier: MIT */
/* The comparison as JSON: every row, unrounded, with what the verdicts are made from. */
#include "user/format/diff/diff_words.h"
#include "user/format/json.h"
#include "user/format/json/json_put.h"
#include "user/profile/loss_words.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <string.h>

static void put_run(struct json_put *j, const char *key, const char *name, const struct diff *d,
		    const struct profile *p)
{
	const struct chance_run *run = p == d->a ? &d->run_a : &d->run_b;
	const struct profile_value_type *type = view__type(diff__view(d, p), p);

	json_put_map(j, key);
	json_put_text(j, "file", name);
	json_put_text(j, "target", p->meta.target);
	json_put_text(j, "command", p->meta.command);
	json_put_seconds(j, "start", p->meta.start_unix_ns);
	json_put_seconds(j, "duration", p->meta.duration_ns);
	if (!strcmp(type->name, profile_cpu_type.name))
		json_put_seconds(j, "cpu_seconds", (uint64_t)run->value);
	else
		json_put_value(j, type, "", (uint64_t)run->value);
	json_put_real(j, "effective_samples", run->samples);
	json_put_count(j, "lost_samples", loss_total(p));
	json_put_bool(j, "complete", p->meta.complete);
	json_put_end_map(j);
}

static void put_side(struct json_put *j, const char *key, const struct profile_value_type *t,
		     const struct totals_row *row)
{
	json_put_map(j, key);
	json_put_count(j, "own_samples", row->own_samples);
	json_put_value(j, t, "own_", row->own_value);
	json_put_count(j, "samples", row->samples);
	json_put_value(j, t, "", row->value);
	json_put_end_map(j);
}

static void put_change(struct json_put *j, const char *key, const struct diff *d, const struct chance_change *c,
		       bool found)
{
	double scale = d->options.absolute ? 1 : 100;

	json_put_map(j, key);
	json_put_real(j, "a", c->from * scale);
	json_put_real(j, "b", c->to * scale);
	json_put_real(j, "change", c->by * scale);
	json_put_real(j, "error", c->error * scale);
	json_put_real(j, "ratio", diff_ratio(c));
	json_put_real(j, "odds", c->odds);
	json_put_bool(j, "beyond_chance", found);
	json_put_end_map(j);
}

static void put_rows(struct json_put *j, const struct diff *d)
{
	json_put_list(j, "rows");
	for (size_t i = 0; i < d->cnt; i++) {
		const struct diff_row *row = &d->rows[i];
		const struct profile_function *f = row->group->function;

		json_put_map(j, NULL);
		json_put_text(j, "name", row->group->name);
		json_put_text(j, "module", f->module);
		json_put_text(j, "file", f->file);
		json_put_text(j, "short_file", f->short_file);
		if (d->options.key == GROUPS_LINE)
			json_put_int(j, "line", row->group->line);
		put_change(j, "own", d, &row->own, row->own_found);
		put_change(j, "total", d, &row->total, row->total_found);
		put_side(j, "a", view__type(&d->view_a, d->a), &row->a);
		put_side(j, "b", view__type(&d->view_b, d->b), &row->b);
		json_put_end_map(j);
	}
	json_put_end_list(j);
}

static bool put_checked(struct json_put *j, const struct diff_report *r)
{
	bool crossed = false;

	json_put_list(j, "thresholds");
	for (size_t i = 0; i < r->checked_cnt; i++)
		for (size_t k = 0; k < r->checked[i].cnt; k++) {
			const struct limit_result *result = &r->checked[i].results[k];

			json_put_map(j, NULL);
			json_put_text(j, "threshold", r->checked[i].limit.text);
			json_put_text(j, "verdict", diff_verdicts[result->verdict]);
			json_put_text(j, "found", result->who);
			json_put_real(j, "value", result->value);
			json_put_real(j, "error", result->error);
			json_put_end_map(j);
			crossed |= result->verdict == LIMIT_CROSSED;
		}
	json_put_end_list(j);
	return crossed;
}

int diff_write_json(const struct diff_report *r, FILE *out)
{
	struct json_put json = {.out = out, .is_indented = true}, *j = &json;
	const struct profile_value_type *type = view__type(&r->diff->view_b, r->diff->b);
	bool crossed;
	char *warnings[DIFF_WARNINGS];
	size_t warning_cnt = diff_warnings(r->diff, warnings);

	json_put_map(j, NULL);
	json_put_text(j, "schema", "pybpfprof-diff/1");
	put_run(j, "a", r->name_a, r->diff, r->diff->a);
	put_run(j, "b", r->name_b, r->diff, r->diff->b);
	json_put_bool(j, "absolute", r->diff->options.absolute);
	json_put_text(j, "unit",
		      !r->diff->options.absolute    ? "percent"
		      : type->unit == PROFILE_BYTES ? "MiB"
						    : json_units[type->unit]);
	if (strcmp(type->name, profile_cpu_type.name))
		json_put_text(j, "value_type", type->name);
	json_put_text(j, "by", diff_key_names[r->diff->options.key]);
	json_put_list(j, "warnings");
	for (size_t i = 0; i < warning_cnt; i++) {
		json_put_text(j, NULL, warnings[i]);
		free(warnings[i]);
	}
	json_put_end_list(j);
	crossed = put_checked(j, r);
	json_put_bool(j, "crossed", crossed);
	put_rows(j, r->diff);
	json_put_end_map(j);
	return ferror(out) ? -EIO : 0;
}
