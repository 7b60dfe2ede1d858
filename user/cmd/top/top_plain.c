/*
 * Each table stands for its interval alone: its percentages do not fade, so that a script can add them up.
 * For a file there is one, of all of it.
 */
#include "user/cmd/top/top_plain.h"
#include "user/cmd/cmd.h"
#include "user/cmd/terminal.h"
#include "user/cmd/top/top_text.h"
#include "user/format/json/json_member.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/columns.h"
#include "user/util/log.h"
#include "user/util/units.h"
#include <errno.h>
#include <inttypes.h>
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
	size_t width; /* of the terminal; 0: as wide as it takes */
	uint64_t from_ns, now_ns;
};

/* ---- what both say ----------------------------------------------------------------------------------- */

/* Of one CPU; with a file of all CPU time. */
static double percent(const struct plain *p, double recent)
{
	return top_model__percent(p->s->model, recent, p->s->profile != NULL);
}

static size_t wanted_rows(const struct plain *p, size_t cnt, size_t usual)
{
	size_t most = p->o->rows ? p->o->rows : usual;

	return most && cnt > most ? most : cnt;
}

/* ---- table ------------------------------------------------------------------------------------------- */

static void put_line(const struct plain *p, const char *text)
{
	__cleanup_free char *cut = NULL;
	size_t len;

	if (!p->width || columns_of(text) < p->width) {
		fprintf(p->out, "%s\n", text);
		return;
	}
	cut = columns_fit(text, p->width - 1, COLUMNS_KEEP_START);
	for (len = strlen(cut); len && cut[len - 1] == ' '; len--)
		;
	fprintf(p->out, "%.*s\n", (int)len, cut);
}

static void put_row(const struct plain *p, const struct top_row *row)
{
	const struct profile *names = top_model__profile(p->s->model);
	__cleanup_free char *name = top_text_name(names, &p->o->lens, row);
	__cleanup_free char *place = top_text_place(names, &p->o->lens, row, p->o->full_filenames);
	bool split = p->o->lens.threads && p->o->lens.group == TOP_BY_FUNCTION;
	__cleanup_free char *thread = split ? top_text_thread(names, row) : xstrdup("");
	__cleanup_free char *line = NULL;
	char own[16], total[16], own_s[16], total_s[16], gil[16];

	top_text_percent(percent(p, row->own.recent), own);
	top_text_percent(percent(p, row->total.recent), total);
	top_text_percent(percent(p, row->total.recent_gil), gil);
	top_text_seconds(row->own.ns, own_s);
	top_text_seconds(row->total.ns, total_s);
	line = xasprintf("%6s %6s %7s %7s %6s  %s%s%s%s%s", own, total, own_s, total_s, gil, name, *place ? "  " : "",
			 place, *thread ? "  " : "", thread);
	put_line(p, line);
}

static void put_table(const struct plain *p, struct top_row *const *rows, size_t cnt)
{
	static const char *const titles[TOP_GROUPS] = {"Function  File:Line", "Process", "Thread"};
	const struct profile *names = top_model__profile(p->s->model);
	__cleanup_free char *header = top_text_header(top_model__header(p->s->model), p->width ? p->width : SIZE_MAX);
	__cleanup_free char *took = units_duration_text(top_model__header(p->s->model)->elapsed_ns);
	__cleanup_free char *what = xasprintf("pybpfprof top: %s, %s", names->meta.target, took);
	size_t shown = wanted_rows(p, cnt, TABLE_ROWS);

	put_line(p, what);
	put_line(p, header);
	fprintf(p->out, "%6s %6s %7s %7s %6s  %s%s\n", "%Own", "%Total", "Own", "Total", "GIL%",
		titles[p->o->lens.group], p->o->lens.threads && !p->o->lens.group ? "  Thread" : "");
	for (size_t i = 0; i < shown; i++)
		put_row(p, rows[i]);
	if (shown < cnt)
		fprintf(p->out, "… and %zu more\n", cnt - shown);
	fputs("\n", p->out);
}

/* ---- JSON -------------------------------------------------------------------------------------------- */

/* Whose row it is, as far as it is one's. */
static void put_json_owner(const struct plain *p, const struct top_row *row)
{
	const struct profile *names = top_model__profile(p->s->model);

	if (row->process) {
		fprintf(p->out, "\"pid\":%" PRIu32 ",", names->processes[row->process].pid);
		json_member_text(p->out, "command", names->processes[row->process].command);
	}
	if (row->thread) {
		fprintf(p->out, "\"tid\":%" PRIu32 ",", names->threads[row->thread].tid);
		json_member_text(p->out, "thread", names->threads[row->thread].name);
	}
}

static void put_json_row(const struct plain *p, const struct top_row *row)
{
	const struct profile *names = top_model__profile(p->s->model);
	const struct profile_frame *frame = &names->frames[row->frame];
	const struct profile_function *f = &names->functions[frame->function];

	fputs("{", p->out);
	if (p->o->lens.group == TOP_BY_FUNCTION) {
		json_member_text(p->out, "function", f->name);
		json_member_text(p->out, "module", f->module);
		json_member_text(p->out, "file", f->file);
		fprintf(p->out, "\"line\":%" PRId32 ",", p->o->lens.lines ? frame->line : f->first_line);
	}
	put_json_owner(p, row);
	fprintf(p->out,
		"\"own_percent\":%.3f,\"total_percent\":%.3f,\"gil_percent\":%.3f,\"own_seconds\":%.6f,"
		"\"total_seconds\":%.6f}",
		percent(p, row->own.recent), percent(p, row->total.recent), percent(p, row->total.recent_gil),
		(double)row->own.ns / 1e9, (double)row->total.ns / 1e9);
}

static void put_json(const struct plain *p, struct top_row *const *rows, size_t cnt)
{
	const struct top_header *h = top_model__header(p->s->model);
	size_t shown = wanted_rows(p, cnt, 0);

	fputs("{", p->out);
	json_member_text(p->out, "target", top_model__profile(p->s->model)->meta.target);
	fprintf(p->out, "\"time\":%.3f,\"interval_seconds\":%.3f,\"elapsed_seconds\":%.3f,\"cpus_busy\":%.4f,",
		(double)p->now_ns / 1e9, (double)(p->now_ns - p->from_ns) / 1e9, (double)h->elapsed_ns / 1e9,
		h->cpus_busy);
	fprintf(p->out,
		"\"gil_percent\":%.2f,\"processes\":%" PRIu32 ",\"threads\":%" PRIu32 ",\"samples\":%" PRIu64
		",\"walked_percent\":%.3f,\"lost\":%" PRIu64 ",\"cpu_seconds\":%.6f,\"row_count\":%zu,\"rows\":[",
		100 * h->gil, h->processes, h->threads, h->samples, 100 * h->walked, h->lost, (double)h->ns / 1e9, cnt);
	for (size_t i = 0; i < shown; i++) {
		fputs(i ? "," : "", p->out);
		put_json_row(p, rows[i]);
	}
	fputs("]}\n", p->out);
}

/* ---- the loop ---------------------------------------------------------------------------------------- */

/* 0, or -EPIPE when nobody reads any more. */
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
	top_model__next_interval(p->s->model, p->now_ns);
	p->from_ns = p->now_ns;
	return fflush(p->out) ? -EPIPE : 0;
}

static bool told_to_stop(struct plain *p, int signals)
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
		if (told_to_stop(p, signals)) {
			p->s->told = true;
			top_source__end(p->s);
		}
		now = clock_now_ns();
	}
	return p->s->ended;
}

int top_plain_run(struct top_source *s, int signals)
{
	struct plain p = {.s = s, .o = s->o, .rows = top_rows__new(s->model), .out = stdout, .width = terminal_columns()};
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
