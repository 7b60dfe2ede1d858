/* SPDX-License-Identifier: MIT */
/*
 * Each table stands for its interval alone: its percentages do not fade, so that a script can add them up.
 * For a file there is one, of all of it.
 */
#include "user/cmd/top/top_plain.h"
#include "user/cmd/cmd.h"
#include "user/cmd/terminal.h"
#include "user/cmd/top/top_text.h"
#include "user/format/json/json_put.h"
#include "user/profile/process_groups.h"
#include "user/profile/process_tree.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/clock.h"
#include "user/util/columns.h"
#include "user/util/units.h"
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>

#define TABLE_ROWS 20

struct plain {
	struct top_source *s;
	struct top_rows *rows;
	const struct top_options *o;
	FILE *out;
	size_t width;         /* of the terminal; 0: as wide as it takes */
	int widths[TOP_NAME]; /* of columns */
	uint64_t from_ns, now_ns;
};

static size_t wanted_rows(const struct plain *p, size_t cnt, size_t usual)
{
	size_t most = p->o->rows ? p->o->rows : usual;

	return most && cnt > most ? most : cnt;
}

/* ---- table ------------------------------------------------------------------------------------------- */

static void put_line(const struct plain *p, const char *text)
{
	__cleanup_free char *cut = p->width > 1 ? columns_at_most(text, p->width - 1, COLUMNS_KEEP_WORDS) : NULL;

	fprintf(p->out, "%s\n", cut ? cut : text);
}

static size_t less(size_t all, size_t used)
{
	return all > used ? all - used : 0;
}

/* Where a terminal is too narrow folders of files go first, then what functions are in. */
static void put_texts(const struct plain *p, const char *numbers, const char *name, const char *location,
		      const char *thread)
{
	bool of_code = p->o->lens.group == TOP_BY_FUNCTION;
	size_t used = columns_of(numbers) + 1 + (*location ? 2 : 0) + (*thread ? columns_of(thread) + 2 : 0);
	size_t room = p->width ? less(p->width, used) : SIZE_MAX;
	size_t file = less(room, columns_of(name)), least = columns_of_file(location);
	__cleanup_free char *place = columns_at_most(location, file > least || !of_code ? file : least,
						     of_code ? COLUMNS_KEEP_PATH : COLUMNS_KEEP_COMMAND);
	__cleanup_free char *text = columns_at_most(name, less(room, columns_of(place)),
						    of_code ? COLUMNS_KEEP_NAME : COLUMNS_KEEP_COMMAND);

	fprintf(p->out, "%s%s%s%s%s%s\n", numbers, text, *place ? "  " : "", place, *thread ? "  " : "", thread);
}

static void put_row(const struct plain *p, const struct top_row *row)
{
	const struct profile *names = top_model__profile(p->s->model);
	bool split = p->o->lens.threads && p->o->lens.group == TOP_BY_FUNCTION;
	__cleanup_free char *indent = top_text_indent(row), *name = top_source__name(p->s, &p->o->lens, row);
	__cleanup_free char *location = top_text_location(names, &p->o->lens, row, p->o->view.full_filenames);
	__cleanup_free char *thread = split ? top_text_thread(names, row) : xstrdup("");
	struct buf line = {0};

	for (enum top_column c = 0; c < TOP_NAME; c++) {
		char number[16];

		top_text_number(p->s->model, row, c, p->s->profile != NULL, number);
		buf_printf(&line, "%*s ", p->widths[c], number);
	}
	buf_printf(&line, " %s", indent);
	put_texts(p, line.data, name, location, thread);
	buf_free(&line);
}

static void put_titles(struct plain *p)
{
	static const char *const titles[TOP_GROUPS] = {"Function  File:Line", "Process", "Process", "Thread",
						       "Container"};

	for (enum top_column c = 0; c < TOP_NAME; c++) {
		__cleanup_free char *title = top_text_title(top_model__type(p->s->model), c);
		int len = (int)strlen(title), width = (int)top_columns[c].width;

		p->widths[c] = len > width ? len : width;
		fprintf(p->out, "%*s ", p->widths[c], title);
	}
	fprintf(p->out, " %s%s\n", titles[p->o->lens.group], p->o->lens.threads && !p->o->lens.group ? "  Thread" : "");
}

static void put_why(const struct plain *p)
{
	__cleanup_free char *text = NULL;
	struct why w;

	if (!top_model__why(p->s->model, &w))
		return;
	text = top_text_why(&w, p->width ? p->width : SIZE_MAX);
	if (*text)
		put_line(p, text);
	why_free(&w);
}

static void put_table(struct plain *p, struct top_row *const *rows, size_t cnt)
{
	const struct top_header *h = top_model__header(p->s->model);
	const struct profile *names = top_model__profile(p->s->model);
	__cleanup_free char *header = top_text_header(top_model__type(p->s->model), h, p->width ? p->width : SIZE_MAX);
	__cleanup_free char *took = units_duration_text(h->elapsed_ns);
	__cleanup_free char *title = xasprintf("pybpfprof top: %s, %s", names->meta.target, took);
	__cleanup_free char *error = top_text_error(p->s->model, p->s->profile != NULL);
	size_t shown = wanted_rows(p, cnt, TABLE_ROWS);

	put_line(p, title);
	put_line(p, header);
	put_why(p);
	put_titles(p);
	for (size_t i = 0; i < shown; i++)
		put_row(p, rows[i]);
	if (shown < cnt)
		fprintf(p->out, "… and %zu more\n", cnt - shown);
	if (*error)
		fprintf(p->out, "percentages: %s\n", error);
	fputs("\n", p->out);
}

/* ---- JSON -------------------------------------------------------------------------------------------- */

static void put_json_why(const struct plain *p, struct json_put *j)
{
	struct why w;

	if (!top_model__why(p->s->model, &w))
		return;
	json_put_map(j, "wall_percent");
	for (unsigned i = 0; i < WHY_PARTS; i++)
		json_put_count(j, why_key((enum why_part)i), w.percents[i]);
	json_put_end_map(j);
	why_free(&w);
}

/* The container, process and thread of a row that is of one. */
static void put_json_owner(const struct plain *p, struct json_put *j, const struct top_row *row)
{
	const struct profile *names = top_model__profile(p->s->model);

	if (process_tree_is_outside(row->process)) {
		json_put_count(j, "pid", process_tree_pid(row->process));
		json_put_count(j, "depth", row->depth);
		return;
	}
	if (row->process) {
		__cleanup_free char *container = process_group_text(names, row->process);

		json_put_text(j, "container", container);
	}
	if (row->process && p->o->lens.group != TOP_BY_CONTAINER) {
		json_put_count(j, "pid", names->processes[row->process].pid);
		json_put_text(j, "command", names->processes[row->process].command);
	}
	if (p->o->lens.group == TOP_BY_TREE)
		json_put_count(j, "depth", row->depth);
	if (row->thread) {
		json_put_count(j, "tid", names->threads[row->thread].tid);
		json_put_text(j, "thread", names->threads[row->thread].name);
	}
}

static void put_json_rounded(struct json_put *j, const char *key, double value)
{
	json_put_fixed(j, key, lround(value * 10000), 4);
}

/* Of one CPU; with a file of all. */
static void put_json_percent(const struct plain *p, struct json_put *j, const char *key, double recent)
{
	put_json_rounded(j, key, top_model__percent(p->s->model, recent, p->s->profile != NULL));
}

static void put_json_row(const struct plain *p, struct json_put *j, const struct top_row *row)
{
	const struct profile *names = top_model__profile(p->s->model);
	const struct profile_frame *frame = &names->frames[row->frame];
	const struct profile_function *f = &names->functions[frame->function];

	json_put_map(j, NULL);
	if (p->o->lens.group == TOP_BY_FUNCTION) {
		json_put_text(j, "function", f->name);
		json_put_text(j, "module", f->module);
		json_put_text(j, "file", f->file);
		json_put_int(j, "line", p->o->lens.lines ? frame->line : f->first_line);
	}
	put_json_owner(p, j, row);
	put_json_percent(p, j, "own_percent", row->own.recent);
	put_json_percent(p, j, "total_percent", row->total.recent);
	put_json_percent(p, j, "gil_percent", row->total.recent_gil);
	if (top_sums_no_gil(&row->total))
		json_put_bool(j, "no_gil", true);
	json_put_value(j, top_model__type(p->s->model), "own_", row->own.value);
	json_put_value(j, top_model__type(p->s->model), "total_", row->total.value);
	json_put_end_map(j);
}

static void put_json(const struct plain *p, struct top_row *const *rows, size_t cnt)
{
	const struct profile_value_type *type = top_model__type(p->s->model);
	const struct top_header *h = top_model__header(p->s->model);
	bool is_cpu = !strcmp(type->name, profile_cpu_type.name);
	size_t shown = wanted_rows(p, cnt, 0);
	struct json_put json = {.out = p->out}, *j = &json;

	json_put_map(j, NULL);
	json_put_text(j, "target", top_model__profile(p->s->model)->meta.target);
	put_json_rounded(j, "time", (double)p->now_ns / 1e9);
	put_json_rounded(j, "interval_seconds", (double)(p->now_ns - p->from_ns) / 1e9);
	put_json_rounded(j, "elapsed_seconds", (double)h->elapsed_ns / 1e9);
	if (!is_cpu)
		json_put_text(j, "value_type", type->name);
	put_json_rounded(j, is_cpu ? "cpus_busy" : "per_second", h->rate);
	put_json_rounded(j, "gil_percent", 100 * h->gil);
	if (h->no_gil)
		json_put_bool(j, "no_gil", true);
	json_put_count(j, "processes", h->processes);
	json_put_count(j, "threads", h->threads);
	json_put_count(j, "samples", h->samples);
	put_json_rounded(j, "walked_percent", 100 * h->walked);
	json_put_count(j, "lost", h->lost + h->failed);
	json_put_value(j, type, is_cpu ? "cpu_" : "", h->value);
	put_json_why(p, j);
	json_put_count(j, "row_count", cnt);
	json_put_list(j, "rows");
	for (size_t i = 0; i < shown; i++)
		put_json_row(p, j, rows[i]);
	json_put_end_list(j);
	json_put_end_map(j);
}

/* ---- the loop ---------------------------------------------------------------------------------------- */

/* 0, or -EPIPE when the reader has gone. */
static int put_interval(struct plain *p)
{
	struct top_row *const *rows;
	size_t cnt;

	p->now_ns = top_source__now_ns(p->s);
	if (p->s->profile)
		p->from_ns = p->s->profile->meta.start_unix_ns;
	top_rows__update(p->rows, p->now_ns);
	rows = top_rows__sorted(p->rows, p->o->order, &cnt);
	if (p->o->json)
		put_json(p, rows, cnt);
	else
		put_table(p, rows, cnt);
	top_model__next_interval(p->s->model);
	p->from_ns = p->now_ns;
	return fflush(p->out) ? -EPIPE : 0;
}

static bool is_stopped(struct plain *p, int signals)
{
	struct signalfd_siginfo info;
	bool stop = false;

	while (read(signals, &info, sizeof(info)) == sizeof(info)) {
		command__pass_on(&p->s->command, &info);
		stop = true;
	}
	return stop;
}

/* Waits for the end of the interval. True: there will be no other one. */
static bool wait_interval(struct plain *p, int signals, uint64_t until)
{
	struct pollfd fds[] = {
		{.fd = signals, .events = POLLIN},
		{.fd = top_source__fd(p->s), .events = POLLIN},
		{.fd = command__fd(&p->s->command), .events = POLLIN},
	};
	uint64_t now = clock_now_ns();

	while (!p->s->ended && now < until) {
		uint64_t left = (until - now + 999999) / 1000000;

		poll(fds, ARRAY_SIZE(fds), left > 200 ? 200 : (int)left);
		top_source__poll(p->s);
		if (is_stopped(p, signals)) {
			p->s->stopped = true;
			top_source__end(p->s);
		}
		now = clock_now_ns();
	}
	return p->s->ended;
}

int top_plain_run(struct top_source *s, int signals)
{
	struct plain p = {
		.s = s, .o = s->o, .rows = top_rows__new(s->model), .out = stdout, .width = terminal_columns()};
	uint64_t until = clock_now_ns() + s->o->interval_ns;
	__cleanup_free char *why = NULL;
	bool last = false;
	int err = 0;

	top_rows__look(p.rows, &s->o->lens);
	top_rows__filter(p.rows, s->o->filter, &why); /* the options have seen that it is one */
	p.from_ns = top_source__now_ns(s);
	while (!err && !last) {
		last = wait_interval(&p, signals, until) || s->o->once;
		err = put_interval(&p);
		until += s->o->interval_ns;
	}
	top_rows__free(p.rows);
	return CMD_OK;
}
