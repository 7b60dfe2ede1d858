/* SPDX-License-Identifier: MIT */
/*
 * Sums per part are exact, so that a page says of a whole recording what every other format says; values of rows are
 * rounded, see html_slices.h: nanoseconds would make the file three times as large. Texts of a profile are in the
 * page as base64 only, which has no character that HTML acts on.
 */
#include "user/format/html/html_data.h"
#include "user/format/html/html_slices.h"
#include "user/format/html/html_sources.h"
#include "user/format/svg/svg_data.h"
#include "user/profile/loss_words.h"
#include "user/profile/process_groups.h"
#include "user/profile/user_start.h"
#include "user/profile/why.h"
#include "user/util/alloc.h"
#include "user/util/intern.h"
#include "user/util/json_put.h"
#include "user/util/log.h"
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <zlib.h>

#define LEVEL      4
#define LINE_BYTES 90 /* before base64: a multiple of 3 */

struct writer {
	const struct profile *p;
	const struct view *v;
	struct html_slices slices;
	struct html_sources sources;
	struct intern *texts; /* ids are indexes of "texts" */
	struct svg_groups groups;
};

static void put_hertz(struct json_put *j, const char *key, double hz)
{
	json_put_fixed(j, key, hz < 1e12 ? (int64_t)(hz * 1000 + 0.5) : 0, 3); /* a damaged recording has any */
}

static uint32_t text_id(struct writer *w, const char *text)
{
	return intern__id(w->texts, text, strlen(text));
}

/* ---- what was recorded */

/* The last type has no rows of its own. */
static void put_wall(struct writer *w, struct json_put *j)
{
	struct view wall = {.type_name = "wall"};

	view__choose_type(&wall, w->p);
	json_put_map(j, NULL);
	svg_data_type(j, view__type(&wall, w->p));
	json_put_bool(j, "time", true);
	json_put_count(j, "samples", view__sum(&wall, w->p).samples);
	json_put_list(j, "parts");
	for (uint32_t i = 0; i < w->p->type_cnt; i++)
		if (wall.more_types >> i & 1)
			json_put_count(j, NULL, i);
	json_put_end_list(j);
	json_put_end_map(j);
}

static void put_types(struct writer *w, struct json_put *j)
{
	json_put_list(j, "types");
	for (uint32_t i = 0; i < w->p->type_cnt; i++) {
		const struct view all = {.type = i}; /* the page can switch what the view says of the GIL */

		json_put_map(j, NULL);
		svg_data_type(j, &w->p->types[i]);
		json_put_bool(j, "time", w->p->types[i].unit == PROFILE_NANOSECONDS);
		json_put_count(j, "samples", view__sum(&all, w->p).samples);
		json_put_count(j, "row_unit", w->slices.unit[i]);
		json_put_end_map(j);
	}
	if (view__has_wall(w->p))
		put_wall(w, j);
	json_put_end_list(j);
	json_put_count(j, "type", w->v->more_types ? w->p->type_cnt : view__type(w->v, w->p)->id);
}

static void put_meta(struct writer *w, struct json_put *j)
{
	const struct profile_meta *m = &w->p->meta;
	__cleanup_free char *title = svg_title(w->p, w->v, "profile");
	__cleanup_free char *losses = loss_text(w->p);
	__cleanup_free char *why = why_text(w->p);

	json_put_text(j, "title", title);
	json_put_text(j, "tool", m->tool);
	json_put_text(j, "command", m->command);
	json_put_text(j, "target", m->target);
	json_put_text(j, "host", m->host);
	json_put_text(j, "kernel", m->kernel);
	json_put_text(j, "loss_text", losses);
	if (why)
		json_put_text(j, "why", why);
	json_put_count(j, "start_unix_ms", m->start_unix_ns / 1000000);
	json_put_fixed(j, "duration_ms", (int64_t)(m->duration_ns / 1000), 3);
	put_hertz(j, "rate_hz", m->rate_hz);
	put_hertz(j, "effective_rate_hz", m->effective_rate_hz);
	json_put_count(j, "cpus", m->cpus);
	json_put_count(j, "ticks", m->ticks);
	json_put_count(j, "filtered", m->filtered);
	json_put_count(j, "truncated", w->p->truncated_cnt);
	json_put_bool(j, "only_gil_recorded", m->gil_only);
	json_put_bool(j, "complete", m->complete);
	json_put_count(j, "slice_ns", w->slices.slice_ns);
	json_put_count(j, "slices", w->slices.row_cnt ? w->slices.slice_cnt : 0);
}

static void put_view(struct writer *w, struct json_put *j)
{
	json_put_map(j, "view");
	json_put_bool(j, "threads", w->v->threads);
	json_put_bool(j, "containers", w->v->containers);
	json_put_bool(j, "by_function", w->v->by_function);
	json_put_bool(j, "no_lines", w->v->no_lines);
	json_put_bool(j, "full_filenames", w->v->full_filenames);
	json_put_bool(j, "gil_only", w->v->gil_only);
	json_put_bool(j, "idle", w->v->idle_waits);
	json_put_bool(j, "from_leaf", w->v->from_leaf);
	json_put_bool(j, "merge_processes", w->v->merge_processes);
	json_put_bool(j, "from_user", !w->v->whole && user_start__is_far(w->v, w->p));
	json_put_bool(j, "icicle", w->v->icicle);
	json_put_end_map(j);
}

static void put_labels(struct writer *w, struct json_put *j, uint32_t process)
{
	size_t cnt;
	const struct profile_label *l = profile__labels(w->p, process, &cnt);

	json_put_list(j, "labels");
	for (size_t i = 0; i < cnt; i++) {
		__cleanup_free char *text = xasprintf("%s=%s", l[i].key, l[i].value);

		json_put_text(j, NULL, text);
	}
	json_put_end_list(j);
}

static void put_group(struct json_put *j, const char *key, const struct process_groups *groups, uint32_t process)
{
	__cleanup_free char *text = process_groups__root(groups, process);

	json_put_text(j, key, text);
}

static void put_processes(struct writer *w, struct json_put *j)
{
	struct process_groups *groups = process_groups__new(w->p), *programs = process_groups__programs(w->v, w->p);

	json_put_list(j, "processes");
	json_put_null(j, NULL);
	for (uint32_t i = 1; i <= w->p->process_cnt; i++) {
		const struct profile_process *q = &w->p->processes[i];

		json_put_map(j, NULL);
		json_put_count(j, "pid", q->pid);
		json_put_text(j, "command", q->command);
		json_put_text(j, "python", q->python);
		put_group(j, "container", groups, i);
		put_group(j, "program", programs, i);
		put_labels(w, j, i);
		json_put_end_map(j);
	}
	process_groups__free(groups);
	process_groups__free(programs);
	json_put_end_list(j);
	json_put_list(j, "threads");
	json_put_null(j, NULL);
	for (uint32_t i = 1; i <= w->p->thread_cnt; i++) {
		const struct profile_thread *t = &w->p->threads[i];

		json_put_map(j, NULL);
		json_put_count(j, "process", t->process);
		json_put_count(j, "tid", t->tid);
		json_put_text(j, "name", t->name);
		json_put_end_map(j);
	}
	json_put_end_list(j);
}

/* Milliseconds since the start; a span may have begun before it. */
static int64_t since_start_ms(const struct writer *w, uint64_t unix_ns)
{
	return (int64_t)(unix_ns - w->p->meta.start_unix_ns) / 1000000;
}

static void put_losses(struct writer *w, struct json_put *j)
{
	json_put_list(j, "losses");
	for (size_t i = 0; i < w->p->loss_cnt; i++) {
		const struct profile_loss *l = &w->p->losses[i];

		json_put_map(j, NULL);
		json_put_text(j, "reason", l->reason);
		json_put_text(j, "sentence", l->sentence);
		json_put_count(j, "count", l->count);
		json_put_fixed(j, "cpu_ms", w->p->types[l->type].unit ? 0 : (int64_t)(l->value / 1000), 3);
		json_put_bool(j, "failure", l->failure);
		json_put_text(j, "kind", loss_word(l));
		if (l->to_unix_ns) {
			json_put_int(j, "from_ms", since_start_ms(w, l->from_unix_ns));
			json_put_int(j, "to_ms", since_start_ms(w, l->to_unix_ns));
		}
		json_put_count(j, "process", l->process);
		json_put_end_map(j);
	}
	json_put_end_list(j);
}

static void put_sources(struct writer *w, struct json_put *j)
{
	static const char *const states[] = {
		[HTML_SOURCE_TEXT] = "text",
		[HTML_SOURCE_CHANGED] = "newer",
		[HTML_SOURCE_DIFFERS] = "differs",
		[HTML_SOURCE_MISSING] = "missing",
	};

	json_put_list(j, "sources");
	for (size_t i = 0; i < w->sources.cnt; i++) {
		const struct html_source *s = &w->sources.items[i];

		json_put_map(j, NULL);
		if (s->text)
			json_put_text(j, "text", s->text);
		json_put_count(j, "file", text_id(w, s->file));
		json_put_text(j, "state", states[s->state]);
		json_put_end_map(j);
	}
	json_put_end_list(j);
}

/* ---- tables; entry 0 of those of functions, frames and stacks means "none" */

static uint32_t line_number(int32_t line)
{
	return line > 0 ? (uint32_t)line : 0;
}

static void put_functions(struct writer *w, struct json_put *j)
{
	const struct profile_function *f = w->p->functions;
	size_t cnt = w->p->function_cnt + 1;

	JSON_PUT_COLUMN(j, "function_name", cnt, text_id(w, f[i].name));
	JSON_PUT_COLUMN(j, "function_module", cnt, text_id(w, f[i].module));
	JSON_PUT_COLUMN(j, "function_file", cnt, text_id(w, f[i].file));
	JSON_PUT_COLUMN(j, "function_short_file", cnt, text_id(w, f[i].short_file));
	JSON_PUT_COLUMN(j, "function_line", cnt, line_number(f[i].first_line));
	JSON_PUT_COLUMN(j, "function_colour", cnt,
			view__class(&f[i]) * SVG_SHADES + svg_shade_among(&f[i], &w->groups));
}

/* For the legend: [shade, name] of each that has a colour of its own. */
static void put_library_colours(struct json_put *j, const char *key, const struct libraries *l)
{
	json_put_list(j, key);
	for (unsigned slot = 0; l && slot < LIBRARIES_SLOTS; slot++) {
		if (!l->names[slot])
			continue;
		json_put_list(j, NULL);
		json_put_count(j, NULL, slot * SVG_SHADES / LIBRARIES_SLOTS);
		json_put_text(j, NULL, l->names[slot]);
		json_put_end_list(j);
	}
	json_put_end_list(j);
}

/* By shade what is waited for. */
static void put_causes(struct json_put *j)
{
	json_put_list(j, "causes");
	for (unsigned i = 0; i < WAIT_CAUSES; i++)
		json_put_text(j, NULL, wait__words(i));
	json_put_end_list(j);
	json_put_list(j, "scheduler"); /* of these, those that could have run */
	for (unsigned i = 0; i < WAIT_CAUSES; i++)
		if (wait__of_number(i) == WAIT_SCHEDULER)
			json_put_count(j, NULL, i);
	json_put_end_list(j);
}

static void put_groups(struct writer *w, struct json_put *j)
{
	put_library_colours(j, "libraries", w->groups.libraries);
	put_library_colours(j, "objects", w->groups.objects);
	put_causes(j);
}

static void put_stacks(struct writer *w, struct json_put *j)
{
	const struct profile *p = w->p;

	JSON_PUT_COLUMN(j, "frame_function", p->frame_cnt + 1, p->frames[i].function);
	JSON_PUT_COLUMN(j, "frame_line", p->frame_cnt + 1, line_number(p->frames[i].line));
	JSON_PUT_COLUMN(j, "stack_parent", p->stack_cnt + 1, p->stacks[i].parent);
	JSON_PUT_COLUMN(j, "stack_frame", p->stack_cnt + 1, p->stacks[i].frame);
}

/* A part's first row has its slice counted from 0, each other from the one before: small numbers are packed best. */
static uint32_t slice_step(const struct html_row *rows, size_t i)
{
	return i && rows[i - 1].part == rows[i].part ? rows[i].slice - rows[i - 1].slice : rows[i].slice;
}

static void put_parts(struct writer *w, struct json_put *j)
{
	const struct html_slices *s = &w->slices;
	uint32_t *rows = xcalloc(s->part_cnt + 1, sizeof(*rows));

	for (size_t i = 0; i < s->row_cnt; i++)
		rows[s->rows[i].part]++;
	JSON_PUT_COLUMN(j, "part_thread", s->part_cnt, s->parts[i].thread);
	JSON_PUT_COLUMN(j, "part_stack", s->part_cnt, s->parts[i].stack);
	JSON_PUT_COLUMN(j, "part_type", s->part_cnt, s->parts[i].type);
	JSON_PUT_COLUMN(j, "part_held", s->part_cnt, s->parts[i].held);
	JSON_PUT_COLUMN(j, "part_samples", s->part_cnt, s->parts[i].samples);
	JSON_PUT_COLUMN(j, "part_value", s->part_cnt, s->parts[i].value);
	JSON_PUT_COLUMN(j, "part_rows", s->part_cnt, rows[i]);
	json_put_count(j, "row_count", s->row_cnt);
	json_put_count(j, "row_units_each", HTML_UNITS);
	free(rows);
}

/* 7 bits a byte, low ones first. */
static void put_number(uint32_t value, FILE *out)
{
	for (; value > 0x7f; value >>= 7)
		putc_unlocked((int)(0x80 | (value & 0x7f)), out);
	putc_unlocked((int)value, out);
}

/* By how much a row has more than its samples are on average (… 2, 0, 1, 3: less, none, more). */
static uint32_t units_beyond(const struct html_row *r)
{
	int64_t by = (int64_t)r->units - (int64_t)r->samples * HTML_UNITS;

	return (uint32_t)(by < 0 ? -2 * by : by ? 2 * by - 1 : 0);
}

/* There may be millions: as text they would be a quarter of the page more, and take twice the time. */
static void put_rows(const struct html_slices *s, FILE *out)
{
	for (size_t i = 0; i < s->row_cnt; i++)
		put_number(slice_step(s->rows, i), out);
	for (size_t i = 0; i < s->row_cnt; i++)
		put_number(s->rows[i].samples, out);
	for (size_t i = 0; i < s->row_cnt; i++)
		put_number(units_beyond(&s->rows[i]), out);
}

/* Comes last: everything else has named its texts. */
static void put_texts(struct writer *w, struct json_put *j)
{
	json_put_list(j, "texts");
	json_put_text(j, NULL, "");
	for (uint32_t i = 1; i <= intern__count(w->texts); i++)
		json_put_text(j, NULL, intern__bytes(w->texts, i, NULL));
	json_put_end_list(j);
}

static void put_all(struct writer *w, struct json_put *j)
{
	json_put_map(j, NULL);
	json_put_text(j, "format", "pybpfprof page");
	json_put_count(j, "version", 2);
	put_meta(w, j);
	put_types(w, j);
	put_view(w, j);
	put_processes(w, j);
	put_losses(w, j);
	put_sources(w, j);
	put_functions(w, j);
	put_groups(w, j);
	put_stacks(w, j);
	put_parts(w, j);
	put_texts(w, j);
	json_put_end_map(j);
}

/* ---- packing */

static void put_base64(const unsigned char *in, size_t len, FILE *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		uint32_t bits = (uint32_t)in[i] << 16;

		bits |= i + 1 < len ? (uint32_t)in[i + 1] << 8 : 0;
		bits |= i + 2 < len ? in[i + 2] : 0;
		putc_unlocked(digits[bits >> 18], out);
		putc_unlocked(digits[bits >> 12 & 63], out);
		putc_unlocked(i + 1 < len ? digits[bits >> 6 & 63] : '=', out);
		putc_unlocked(i + 2 < len ? digits[bits & 63] : '=', out);
		if ((i + 3) % LINE_BYTES == 0)
			putc_unlocked('\n', out);
	}
}

static int put_packed(const char *raw, size_t raw_len, FILE *out)
{
	z_stream z = {.next_in = (Bytef *)raw, .avail_in = (uInt)raw_len};
	uLong room = compressBound(raw_len);
	__cleanup_free unsigned char *packed = xmalloc(room);
	int err;

	z.next_out = packed;
	z.avail_out = (uInt)room;
	/* Most of it is numbers of small variation, which rarely repeat: Z_FILTERED is for those. */
	if (raw_len > UINT_MAX / 2 ||
	    deflateInit2(&z, LEVEL, Z_DEFLATED, MAX_WBITS, MAX_MEM_LEVEL, Z_FILTERED) != Z_OK) {
		log_error("html: the data could not be compressed");
		return -EIO;
	}
	err = deflate(&z, Z_FINISH) == Z_STREAM_END ? 0 : -EIO;
	deflateEnd(&z);
	if (!err)
		put_base64(packed, z.total_out, out);
	return err;
}

int html_data_write(const struct profile *p, const struct view *v, FILE *out)
{
	struct writer w = {.p = p, .v = v, .texts = intern__new()};
	__cleanup_free uint64_t *area = libraries__areas(v, p);
	__cleanup_free char *raw = NULL;
	size_t len = 0;
	int err = html_slices__fill(&w.slices, p);

	if (!err) {
		struct json_put json = {.out = open_memstream(&raw, &len), .is_markup = true};

		html_sources__fill(&w.sources, p, v);
		w.groups = svg_groups__new(p, area);
		put_all(&w, &json);
		putc('\0', json.out); /* JSON has none */
		put_rows(&w.slices, json.out);
		fclose(json.out);
		err = put_packed(raw, len, out);
	}
	html_slices__free(&w.slices);
	html_sources__free(&w.sources);
	intern__free(w.texts);
	svg_groups__free(&w.groups);
	return err;
}
