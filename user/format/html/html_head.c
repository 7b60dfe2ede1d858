/*
 * Texts that come from profiles stand here as JSON strings and nowhere else in a page; what their
 * names mean to the script is in html_data.js and html_panels.js.
 */
#include "user/format/html/html_head.h"
#include "user/format/svg/svg_layout.h"
#include "user/format/svg/svg_text.h"
#include "user/util/alloc.h"
#include "user/util/text.h"
#include <inttypes.h>
#include <string.h>

static void head_text(struct html_head *w, const char *key, const char *text)
{
	fprintf(w->out, "\"%s\":", key);
	svg_put_json(w->out, text ? text : "");
	fputs(",", w->out);
}

static void head_count(struct html_head *w, const char *key, uint64_t value)
{
	fprintf(w->out, "\"%s\":%" PRIu64 ",", key, value);
}

static void head_flag(struct html_head *w, const char *key, bool value)
{
	fprintf(w->out, "\"%s\":%s,", key, value ? "true" : "false");
}

/* Three decimals, whatever the locale says about points. */
static void head_thousandths(struct html_head *w, const char *key, uint64_t value)
{
	fprintf(w->out, "\"%s\":%" PRIu64 ".%03u,", key, value / 1000, (unsigned)(value % 1000));
}

/* Whatever a damaged recording says. */
static uint64_t thousandths(double hz)
{
	return hz < 1e12 ? (uint64_t)(hz * 1000 + 0.5) : 0;
}

static char *title_of(const struct html_head *w)
{
	const char *target = w->p->meta.target;

	if (w->v->title && *w->v->title)
		return xstrdup(w->v->title);
	return target && *target ? xasprintf("CPU profile of %s", target) : xstrdup("CPU profile");
}

static void head_meta(struct html_head *w)
{
	const struct profile_meta *m = &w->p->meta;
	__cleanup_free char *title = title_of(w);
	__cleanup_free char *losses = profile__loss_text(w->p);

	head_text(w, "title", title);
	head_text(w, "tool", m->tool);
	head_text(w, "command", m->command);
	head_text(w, "target", m->target);
	head_text(w, "host", m->host);
	head_text(w, "kernel", m->kernel);
	head_text(w, "loss_text", losses);
	head_count(w, "start_unix_ms", m->start_unix_ns / 1000000);
	head_thousandths(w, "duration_ms", m->duration_ns / 1000);
	head_thousandths(w, "rate_hz", thousandths(m->rate_hz));
	head_thousandths(w, "effective_rate_hz", thousandths(m->effective_rate_hz));
	head_count(w, "cpus", m->cpus);
	head_count(w, "ticks", m->ticks);
	head_count(w, "filtered", m->filtered);
	head_count(w, "truncated", w->p->truncated_cnt);
	head_count(w, "samples", w->p->sample_cnt);
	head_flag(w, "only_gil_recorded", m->gil_only);
	head_flag(w, "complete", m->complete);
	head_count(w, "slice_ns", w->slices->slice_ns);
	head_count(w, "unit_ns", w->slices->unit_ns);
	head_count(w, "slices", w->slices->row_cnt ? w->slices->slice_cnt : 0);
	head_count(w, "shades", SVG_SHADES);
}

static void head_view(struct html_head *w)
{
	fputs("\"view\":{", w->out);
	head_flag(w, "threads", w->v->threads);
	head_flag(w, "by_function", w->v->by_function);
	head_flag(w, "no_lines", w->v->no_lines);
	head_flag(w, "full_filenames", w->v->full_filenames);
	head_flag(w, "gil_only", w->v->gil_only);
	head_flag(w, "from_leaf", w->v->from_leaf);
	fprintf(w->out, "\"icicle\":%s},\n", w->v->icicle ? "true" : "false");
}

static void head_processes(struct html_head *w)
{
	fputs("\"processes\":[null", w->out);
	for (uint32_t i = 1; i <= w->p->process_cnt; i++) {
		const struct profile_process *q = &w->p->processes[i];

		fprintf(w->out, ",\n{\"pid\":%u,\"parent\":%u,", q->pid, q->parent_pid);
		head_text(w, "command", q->command);
		head_text(w, "python", q->python);
		head_text(w, "cgroup", q->cgroup);
		fputs("\"interpreter\":", w->out);
		svg_put_json(w->out, q->interpreter);
		fputs("}", w->out);
	}
	fputs("],\n\"threads\":[null", w->out);
	for (uint32_t i = 1; i <= w->p->thread_cnt; i++) {
		const struct profile_thread *t = &w->p->threads[i];

		fprintf(w->out, ",\n{\"process\":%u,\"tid\":%u,\"name\":", t->process, t->tid);
		svg_put_json(w->out, t->name);
		fputs("}", w->out);
	}
	fputs("],\n", w->out);
}

/* Milliseconds since the start; a span may have begun before it. */
static int64_t since_start_ms(const struct html_head *w, uint64_t unix_ns)
{
	return (int64_t)(unix_ns - w->p->meta.start_unix_ns) / 1000000;
}

static void head_losses(struct html_head *w)
{
	fputs("\"losses\":[", w->out);
	for (size_t i = 0; i < w->p->loss_cnt; i++) {
		const struct profile_loss *l = &w->p->losses[i];

		fputs(i ? ",\n{" : "\n{", w->out);
		head_text(w, "reason", l->reason);
		head_text(w, "sentence", l->sentence);
		head_count(w, "count", l->count);
		head_thousandths(w, "cpu_ms", l->value_ns / 1000);
		head_flag(w, "failure", l->failure);
		if (l->to_unix_ns)
			fprintf(w->out, "\"from_ms\":%" PRId64 ",\"to_ms\":%" PRId64 ",",
				since_start_ms(w, l->from_unix_ns),
				since_start_ms(w, l->to_unix_ns));
		fprintf(w->out, "\"process\":%u}", l->process);
	}
	fputs("],\n", w->out);
}

/* Line ends and tabs stay what they are. */
static void head_source_text(struct html_head *w, const char *text)
{
	__cleanup_free char *clean = text_clean(text, strlen(text), TEXT_KEEP_NEWLINES);

	fputs(",\"text\":\"", w->out);
	for (const char *c = clean; *c; c++) {
		if (*c == '\n' || *c == '\t')
			fprintf(w->out, "\\%c", *c == '\n' ? 'n' : 't');
		else if (*c == '"' || *c == '\\')
			fprintf(w->out, "\\%c", *c);
		else
			putc(*c, w->out);
	}
	fputs("\"", w->out);
}

static void head_sources(struct html_head *w)
{
	static const char *const states[] = {
		[HTML_SOURCE_TEXT] = "text",
		[HTML_SOURCE_NEWER] = "newer",
		[HTML_SOURCE_DIFFERS] = "differs",
		[HTML_SOURCE_MISSING] = "missing",
	};

	fputs("\"sources\":[", w->out);
	for (size_t i = 0; i < w->sources->cnt; i++) {
		const struct html_source *s = &w->sources->items[i];

		fprintf(w->out, "%s{\"file\":%u,\"state\":\"%s\"", i ? ",\n" : "\n",
			intern__id(w->texts, s->file, strlen(s->file)), states[s->state]);
		if (s->text)
			head_source_text(w, s->text);
		fputs("}", w->out);
	}
	fputs("],\n", w->out);
}

/* Last: everything else has named its texts. */
static void head_texts(struct html_head *w)
{
	fputs("\"texts\":[\"\"", w->out);
	for (uint32_t i = 1; i <= intern__count(w->texts); i++) {
		fputs(",\n", w->out);
		svg_put_json(w->out, intern__bytes(w->texts, i, NULL));
	}
	fputs("],\n\"columns\":[", w->out);
	for (size_t i = 0; i < w->column_cnt; i++)
		fprintf(w->out, "%s[\"%s\",%zu,%zu]", i ? "," : "", w->columns[i].name,
			w->columns[i].cnt, w->columns[i].bytes.len);
	fputs("]", w->out);
}

void html_head__write(struct html_head *w, struct buf *out)
{
	char *text = NULL;
	size_t len = 0;

	w->out = open_memstream(&text, &len);
	fputs("{\"format\":\"pybpfprof page\",\"version\":1,", w->out);
	head_meta(w);
	head_view(w);
	head_processes(w);
	head_losses(w);
	head_sources(w);
	head_texts(w);
	fputs("}", w->out);
	fclose(w->out);
	/* One line: JSON needs no line ends between its parts, and its strings hold none. */
	for (size_t i = 0; i < len; i++)
		if (text[i] == '\n')
			text[i] = ' ';
	buf_put(out, text, len);
	buf_put(out, "\n", 1);
	free(text);
}
