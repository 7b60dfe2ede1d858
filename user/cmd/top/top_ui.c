/* SPDX-License-Identifier: MIT */
#include "user/cmd/top/top_ui.h"
#include "user/cmd/top/top_text.h"
#include "user/profile/process_groups.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/clock.h"
#include "user/util/columns.h"
#include "user/util/text.h"
#include <string.h>

#define SCOPE_COLUMNS 48 /* of a command line in a title */

void top_ui__init(struct top_ui *ui, struct top_source *source)
{
	const struct top_options *o = source->o;

	*ui = (struct top_ui){
		.source = source,
		.o = o,
		.rows = top_rows__new(source->model),
		.lens = o->lens,
		.order = o->order,
		.of_all = source->profile != NULL,
		.full_filenames = o->view.full_filenames,
		.mouse = !o->no_mouse,
		.interval_ns = o->interval_ns,
		.page = 1,
	};
	top_rows__look(ui->rows, &ui->lens);
}

void top_ui__free(struct top_ui *ui)
{
	top_rows__free(ui->rows);
	free(ui->message);
}

void top_ui__say(struct top_ui *ui, bool alarm, const char *text)
{
	free(ui->message);
	ui->message = text_clean(text, strlen(text), 0);
	ui->alarm = alarm;
}

/* ---- the chosen row ---------------------------------------------------------------------------------- */

static void keep_in_view(struct top_ui *ui)
{
	size_t last = ui->cnt > ui->page ? ui->cnt - ui->page : 0;

	if (ui->at < ui->first)
		ui->first = ui->at;
	if (ui->at >= ui->first + ui->page)
		ui->first = ui->at - ui->page + 1;
	if (ui->first > last)
		ui->first = last;
}

void top_ui__choose(struct top_ui *ui, size_t index)
{
	if (!ui->cnt)
		return;
	ui->at = index < ui->cnt ? index : ui->cnt - 1;
	ui->chosen = *ui->shown[ui->at];
	ui->moved = true;
	keep_in_view(ui);
}

void top_ui__move(struct top_ui *ui, long by)
{
	long to = (long)ui->at + by;

	top_ui__choose(ui, to < 0 ? 0 : (size_t)to);
	/* at the top again, the choice is whatever is on top */
	if (!ui->at)
		ui->moved = false;
}

void top_ui__scroll(struct top_ui *ui, long by)
{
	long last = ui->cnt > ui->page ? (long)(ui->cnt - ui->page) : 0, to = (long)ui->first + by;

	ui->first = (size_t)(to < 0 ? 0 : to > last ? last : to);
	if (ui->at < ui->first)
		top_ui__choose(ui, ui->first);
	else if (ui->at >= ui->first + ui->page)
		top_ui__choose(ui, ui->first + ui->page - 1);
}

/* Where it ends is known when it is drawn. */
void top_ui__scroll_help(struct top_ui *ui, long by)
{
	long to = (long)ui->help_first + by;

	ui->help_first = to < 0 ? 0 : (size_t)to;
}

void top_ui__rearrange(struct top_ui *ui)
{
	long found;

	ui->changed = true;
	ui->shown = top_rows__sorted(ui->rows, ui->order, &ui->cnt);
	found = ui->moved ? top_rows__find(ui->rows, &ui->chosen) : 0;
	if (found >= 0)
		ui->at = (size_t)found;
	if (ui->at >= ui->cnt)
		ui->at = ui->cnt ? ui->cnt - 1 : 0;
	if (!ui->moved)
		ui->first = 0;
	keep_in_view(ui);
}

void top_ui__refresh(struct top_ui *ui)
{
	if (!ui->paused)
		top_rows__update(ui->rows, top_source__now_ns(ui->source));
	top_ui__rearrange(ui);
	ui->next_ns = clock_now_ns() + ui->interval_ns;
}

/* ---- what is looked at ------------------------------------------------------------------------------- */

void top_ui__look(struct top_ui *ui, const struct top_lens *lens, bool trail)
{
	struct top_lens next = *lens;

	if (trail) {
		if (ui->trail_cnt == TOP_TRAIL) {
			memmove(ui->trail, ui->trail + 1, (TOP_TRAIL - 1) * sizeof(*ui->trail));
			ui->trail_cnt--;
		}
		ui->trail[ui->trail_cnt++] = (struct top_history){ui->lens, ui->chosen};
		ui->moved = false;
	}
	ui->lens = next;
	top_rows__look(ui->rows, &ui->lens);
	top_ui__rearrange(ui);
}

void top_ui__enter(struct top_ui *ui)
{
	struct top_lens lens = ui->lens;
	const struct top_row *row = ui->cnt ? ui->shown[ui->at] : NULL;

	if (!row)
		return;
	ui->chosen = *row;
	if (lens.group == TOP_BY_FUNCTION) {
		if (lens.focus == row->frame && !row->thread)
			return; /* it is there already */
		lens.focus = row->frame;
	}
	if (row->thread)
		lens.only_thread = row->thread;
	else if (lens.group == TOP_BY_PROCESS)
		lens.only_process = row->process;
	else if (lens.group == TOP_BY_TREE)
		lens.only_tree = row->process;
	else if (lens.group == TOP_BY_CONTAINER)
		lens.only_container = row->process;
	lens.group = TOP_BY_FUNCTION;
	lens.threads = false;
	top_ui__look(ui, &lens, true);
	/* the function itself, between its callers and its callees */
	for (size_t i = 0; lens.focus && i < ui->cnt; i++)
		if (ui->shown[i]->role == TOP_PLAIN)
			top_ui__choose(ui, i);
}

void top_ui__back(struct top_ui *ui)
{
	struct top_history *to;

	if (!ui->trail_cnt) {
		top_ui__filter(ui, "");
		return;
	}
	to = &ui->trail[--ui->trail_cnt];
	ui->chosen = to->chosen;
	ui->moved = true;
	top_ui__look(ui, &to->lens, false);
}

void top_ui__sort(struct top_ui *ui, enum top_column column)
{
	ui->order.reverse = ui->order.column == column && !ui->order.reverse;
	ui->order.column = column;
	top_ui__rearrange(ui);
}

/* The focus stays where it is: at its function, or at the line that stands for it. */
void top_ui__toggle_lines(struct top_ui *ui)
{
	struct top_lens lens = ui->lens;
	uint32_t frame = ui->moved ? ui->chosen.frame : 0;

	if (lens.group != TOP_BY_FUNCTION) {
		top_ui__say(ui, true, "lines need rows of functions: press P");
		return;
	}
	lens.lines = !lens.lines;
	if (lens.focus)
		lens.focus = top_rows__location(ui->rows, lens.focus, lens.lines);
	ui->chosen.frame = top_rows__location(ui->rows, frame, lens.lines);
	top_ui__look(ui, &lens, false);
}

void top_ui__filter(struct top_ui *ui, const char *regex)
{
	__cleanup_free char *why = NULL, *text = NULL;

	if (top_rows__filter(ui->rows, regex, &why)) {
		text = xasprintf("%s: %s", regex, why);
		top_ui__say(ui, true, text);
	}
	top_ui__rearrange(ui);
}

void top_ui__write(struct top_ui *ui, const char *path)
{
	struct view view = ui->o->view;

	view.threads = ui->lens.threads;
	view.full_filenames = ui->full_filenames;
	if (*path)
		top_source__write(ui->source, path, &view);
}

/* ---- in words ---------------------------------------------------------------------------------------- */

/* The one process or thread, or the function, that the table is about. */
static void describe_scope(const struct top_ui *ui, struct buf *out)
{
	const struct profile *p = top_model__profile(ui->source->model);
	struct top_row row = {.frame = ui->lens.focus}, tree = {.process = ui->lens.only_tree};
	__cleanup_free char *name = top_text_name(p, &ui->lens, &row);
	__cleanup_free char *location = top_text_location(p, &ui->lens, &row, false);
	__cleanup_free char *of_tree = top_text_name(p, &(struct top_lens){.group = TOP_BY_TREE}, &tree);
	__cleanup_free char *who = ui->lens.only_thread      ? view__thread_text(p, ui->lens.only_thread)
				   : ui->lens.only_process   ? view__process_text(p, ui->lens.only_process)
				   : ui->lens.only_tree      ? xstrdup(of_tree)
				   : ui->lens.only_container ? process_group_text(p, ui->lens.only_container)
							     : NULL;

	if (ui->lens.focus)
		buf_printf(out, "Callers ↑ and callees ↓ of %s (%s)", name, location);
	else
		buf_puts(out, ui->lens.lines ? "Lines" : "Functions");
	if (who) {
		__cleanup_free char *cut = columns_at_most(who, SCOPE_COLUMNS, COLUMNS_KEEP_COMMAND);

		buf_printf(out, " in %s%s", cut, ui->lens.only_tree ? " and below" : "");
	}
}

char *top_ui__describe(const struct top_ui *ui)
{
	static const char *const groups[TOP_GROUPS] = {NULL, "Processes", "Process trees", "Threads", "Containers"};
	const struct profile_value_type *type = top_model__type(ui->source->model);
	const char *filter = top_rows__filter_text(ui->rows);
	__cleanup_free char *title = top_text_title(type, ui->order.column);
	__cleanup_free char *whole = top_text_whole(type, ui->of_all);
	struct buf out = {0};

	if (ui->lens.group == TOP_BY_FUNCTION)
		describe_scope(ui, &out);
	else
		buf_puts(&out, groups[ui->lens.group]);
	if (ui->lens.threads && ui->lens.group <= TOP_BY_PROCESS)
		buf_puts(&out, " by thread");
	buf_printf(&out, " · %s%s", title, ui->order.reverse ? " (reversed)" : "");
	if (filter) {
		__cleanup_free char *clean = text_clean(filter, strlen(filter), 0);

		buf_printf(&out, " · /%s/", clean);
	}
	if (!ui->source->profile)
		buf_printf(&out, " · the last %.3g s · every %.3g s", (double)ui->o->span_ns / 1e9,
			   (double)ui->interval_ns / 1e9);
	buf_printf(&out, " · %% of %s", whole);
	return buf_steal_text(&out);
}
