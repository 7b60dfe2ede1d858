/*
 * Sums per part are exact, so that what a page says of a whole recording is what every other format
 * says. Rows hold samples only: their CPU time is their part's mean, for a jitter of each interval would
 * make the file twice as large. Nothing of a profile stands in the page as it is: base64 has no
 * character that HTML acts on.
 */
#include "user/format/html_data.h"
#include "user/format/html_slices.h"
#include "user/format/html_sources.h"
#include "user/format/svg_layout.h"
#include "user/format/svg_text.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/intern.h"
#include "user/util/log.h"
#include "user/util/text.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <zlib.h>

#define LEVEL       4
#define LINE_BYTES  90 /* before base64: a multiple of 3 */
#define COLUMNS_MAX 24

struct column {
	const char *name;
	struct buf bytes;
	size_t cnt;
};

struct writer {
	const struct profile *p;
	const struct view *v;
	struct html_slices slices;
	struct html_sources sources;
	struct intern *texts; /* ids are indexes of "texts" */
	struct column columns[COLUMNS_MAX];
	size_t column_cnt;
	FILE *head;
};

/* ---- columns */

static struct column *new_column(struct writer *w, const char *name)
{
	struct column *c = &w->columns[w->column_cnt++];

	c->name = name;
	return c;
}

static void put(struct column *c, uint64_t value)
{
	buf_put_varint(&c->bytes, value);
	c->cnt++;
}

/* The difference to the value before, which is mostly small. */
static void put_step(struct column *c, uint64_t value, uint64_t *last)
{
	buf_put_svarint(&c->bytes, (int64_t)(value - *last));
	*last = value;
	c->cnt++;
}

static uint32_t text_id(struct writer *w, const char *text)
{
	return intern__id(w->texts, text, strlen(text));
}

static void put_functions(struct writer *w)
{
	struct column *name = new_column(w, "function_name");
	struct column *module = new_column(w, "function_module");
	struct column *file = new_column(w, "function_file");
	struct column *short_file = new_column(w, "function_short_file");
	struct column *line = new_column(w, "function_line");
	struct column *colour = new_column(w, "function_colour");

	for (uint32_t i = 1; i <= w->p->function_cnt; i++) {
		const struct profile_function *f = &w->p->functions[i];

		put(name, text_id(w, f->name));
		put(module, text_id(w, f->module));
		put(file, text_id(w, f->file));
		put(short_file, text_id(w, f->short_file));
		put(line, f->first_line > 0 ? (uint64_t)f->first_line : 0);
		put(colour, (uint64_t)f->origin * SVG_SHADES + svg_shade(f));
	}
}

static void put_stacks(struct writer *w)
{
	struct column *function = new_column(w, "frame_function");
	struct column *line = new_column(w, "frame_line");
	struct column *parent = new_column(w, "stack_parent");
	struct column *frame = new_column(w, "stack_frame");
	uint64_t last_function = 0, last_frame = 0;

	for (uint32_t i = 1; i <= w->p->frame_cnt; i++) {
		put_step(function, w->p->frames[i].function, &last_function);
		put(line, w->p->frames[i].line > 0 ? (uint64_t)w->p->frames[i].line : 0);
	}
	for (uint32_t i = 1; i <= w->p->stack_cnt; i++) {
		put(parent, i - w->p->stacks[i].parent);
		put_step(frame, w->p->stacks[i].frame, &last_frame);
	}
}

static void put_parts(struct writer *w)
{
	struct column *thread = new_column(w, "part_thread");
	struct column *stack = new_column(w, "part_stack");
	struct column *held = new_column(w, "part_held");
	struct column *samples = new_column(w, "part_samples");
	struct column *value = new_column(w, "part_value_ns");
	struct column *truncated = new_column(w, "part_truncated");
	uint64_t last_thread = 0, last_stack = 0;

	for (size_t i = 0; i < w->slices.part_cnt; i++) {
		const struct html_part *part = &w->slices.parts[i];

		put_step(thread, part->thread, &last_thread);
		put_step(stack, part->stack, &last_stack);
		put(held, part->held);
		put(samples, part->samples);
		put(value, part->value_ns);
		put(truncated, part->truncated);
	}
}

/* A part's first row tells its slice from 0, each other from the one before. */
static void put_rows(struct writer *w)
{
	struct column *rows = new_column(w, "part_rows");
	struct column *slice = new_column(w, "row_slice");
	struct column *samples = new_column(w, "row_samples");
	const struct html_slices *s = &w->slices;
	size_t at = 0;

	for (size_t part = 0; part < s->part_cnt; part++) {
		uint64_t last = 0;
		size_t begin = at;

		for (; at < s->row_cnt && s->rows[at].part == part; at++) {
			put(slice, s->rows[at].slice - last);
			last = s->rows[at].slice;
			put(samples, s->rows[at].samples);
		}
		put(rows, at - begin);
	}
}

/* ---- the line of JSON */

static void head_text(struct writer *w, const char *key, const char *text)
{
	fprintf(w->head, "\"%s\":", key);
	svg_put_json(w->head, text ? text : "");
	fputs(",", w->head);
}

static void head_count(struct writer *w, const char *key, uint64_t value)
{
	fprintf(w->head, "\"%s\":%" PRIu64 ",", key, value);
}

static void head_flag(struct writer *w, const char *key, bool value)
{
	fprintf(w->head, "\"%s\":%s,", key, value ? "true" : "false");
}

/* Three decimals, whatever the locale says about points. */
static void head_thousandths(struct writer *w, const char *key, uint64_t value)
{
	fprintf(w->head, "\"%s\":%" PRIu64 ".%03u,", key, value / 1000, (unsigned)(value % 1000));
}

static char *title_of(const struct writer *w)
{
	const char *target = w->p->meta.target;

	if (w->v->title && *w->v->title)
		return xstrdup(w->v->title);
	return target && *target ? xasprintf("CPU profile of %s", target) : xstrdup("CPU profile");
}

static void head_meta(struct writer *w)
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
	head_thousandths(w, "rate_hz", (uint64_t)(m->rate_hz * 1000 + 0.5));
	head_thousandths(w, "effective_rate_hz", (uint64_t)(m->effective_rate_hz * 1000 + 0.5));
	head_count(w, "cpus", m->cpus);
	head_count(w, "ticks", m->ticks);
	head_count(w, "filtered", m->filtered);
	head_count(w, "truncated", w->p->truncated_cnt);
	head_count(w, "samples", w->p->sample_cnt);
	head_flag(w, "only_gil_recorded", m->gil_only);
	head_flag(w, "complete", m->complete);
	head_count(w, "slice_ns", w->slices.slice_ns);
	head_count(w, "slices", w->slices.row_cnt ? w->slices.slice_cnt : 0);
	head_count(w, "shades", SVG_SHADES);
}

static void head_view(struct writer *w)
{
	head_flag(w, "threads", w->v->threads);
	head_flag(w, "by_function", w->v->by_function);
	head_flag(w, "no_lines", w->v->no_lines);
	head_flag(w, "full_filenames", w->v->full_filenames);
	head_flag(w, "gil_only", w->v->gil_only);
	head_flag(w, "from_leaf", w->v->from_leaf);
	head_flag(w, "icicle", w->v->icicle);
}

static void head_processes(struct writer *w)
{
	fputs("\"processes\":[null", w->head);
	for (uint32_t i = 1; i <= w->p->process_cnt; i++) {
		const struct profile_process *q = &w->p->processes[i];

		fprintf(w->head, ",\n{\"pid\":%u,\"parent\":%u,", q->pid, q->parent_pid);
		head_text(w, "command", q->command);
		head_text(w, "python", q->python);
		head_text(w, "cgroup", q->cgroup);
		fputs("\"interpreter\":", w->head);
		svg_put_json(w->head, q->interpreter);
		fputs("}", w->head);
	}
	fputs("],\n\"threads\":[null", w->head);
	for (uint32_t i = 1; i <= w->p->thread_cnt; i++) {
		const struct profile_thread *t = &w->p->threads[i];

		fprintf(w->head, ",\n{\"process\":%u,\"tid\":%u,\"name\":", t->process, t->tid);
		svg_put_json(w->head, t->name);
		fputs("}", w->head);
	}
	fputs("],\n", w->head);
}

/* Milliseconds since the start; a span may have begun before it. */
static int64_t since_start_ms(const struct writer *w, uint64_t unix_ns)
{
	return (int64_t)(unix_ns - w->p->meta.start_unix_ns) / 1000000;
}

static void head_losses(struct writer *w)
{
	fputs("\"losses\":[", w->head);
	for (size_t i = 0; i < w->p->loss_cnt; i++) {
		const struct profile_loss *l = &w->p->losses[i];

		fputs(i ? ",\n{" : "\n{", w->head);
		head_text(w, "reason", l->reason);
		head_text(w, "sentence", l->sentence);
		head_count(w, "count", l->count);
		head_thousandths(w, "cpu_ms", l->value_ns / 1000);
		head_flag(w, "failure", l->failure);
		if (l->to_unix_ns)
			fprintf(w->head, "\"from_ms\":%" PRId64 ",\"to_ms\":%" PRId64 ",",
				since_start_ms(w, l->from_unix_ns), since_start_ms(w, l->to_unix_ns));
		fprintf(w->head, "\"process\":%u}", l->process);
	}
	fputs("],\n", w->head);
}

/* Line ends and tabs stay what they are. */
static void head_source_text(struct writer *w, const char *text)
{
	__cleanup_free char *clean = text_clean(text, strlen(text), TEXT_KEEP_NEWLINES);

	fputs(",\"text\":\"", w->head);
	for (const char *c = clean; *c; c++) {
		if (*c == '\n' || *c == '\t')
			fprintf(w->head, "\\%c", *c == '\n' ? 'n' : 't');
		else if (*c == '"' || *c == '\\')
			fprintf(w->head, "\\%c", *c);
		else
			putc(*c, w->head);
	}
	fputs("\"", w->head);
}

static void head_sources(struct writer *w)
{
	static const char *const states[] = {
		[HTML_SOURCE_TEXT] = "text",
		[HTML_SOURCE_NEWER] = "newer",
		[HTML_SOURCE_DIFFERS] = "differs",
		[HTML_SOURCE_MISSING] = "missing",
	};

	fputs("\"sources\":[", w->head);
	for (size_t i = 0; i < w->sources.cnt; i++) {
		const struct html_source *s = &w->sources.items[i];

		fprintf(w->head, "%s{\"file\":%u,\"state\":\"%s\"", i ? ",\n" : "\n",
			text_id(w, s->file), states[s->state]);
		if (s->text)
			head_source_text(w, s->text);
		fputs("}", w->head);
	}
	fputs("],\n", w->head);
}

/* Last: everything else has named its texts. */
static void head_texts(struct writer *w)
{
	fputs("\"texts\":[\"\"", w->head);
	for (uint32_t i = 1; i <= intern__count(w->texts); i++) {
		fputs(",\n", w->head);
		svg_put_json(w->head, intern__bytes(w->texts, i, NULL));
	}
	fputs("],\n\"columns\":[", w->head);
	for (size_t i = 0; i < w->column_cnt; i++)
		fprintf(w->head, "%s[\"%s\",%zu,%zu]", i ? "," : "", w->columns[i].name,
			w->columns[i].cnt, w->columns[i].bytes.len);
	fputs("]", w->head);
}

/* One line: JSON needs no line ends between its parts, and strings hold none. */
static void make_head(struct writer *w, struct buf *out)
{
	char *text = NULL;
	size_t len = 0;

	w->head = open_memstream(&text, &len);
	fputs("{\"format\":\"pybpfprof page\",\"version\":1,", w->head);
	head_meta(w);
	fputs("\"view\":{", w->head);
	head_view(w);
	fputs("\"is_view\":true},", w->head);
	head_processes(w);
	head_losses(w);
	head_sources(w);
	head_texts(w);
	fputs("}", w->head);
	fclose(w->head);
	for (size_t i = 0; i < len; i++)
		if (text[i] == '\n')
			text[i] = ' ';
	buf_put(out, text, len);
	buf_put(out, "\n", 1);
	free(text);
}

/* ---- packing */

static void put_base64(const unsigned char *in, size_t len, FILE *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

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

static int put_packed(const struct buf *raw, FILE *out)
{
	uLongf len = compressBound(raw->len);
	__cleanup_free unsigned char *packed = xmalloc(len);

	if (compress2(packed, &len, (const Bytef *)raw->data, raw->len, LEVEL) != Z_OK) {
		log_error("html: the data could not be compressed");
		return -EIO;
	}
	put_base64(packed, len, out);
	return 0;
}

int html_data_write(const struct profile *p, const struct view *v, FILE *out)
{
	struct writer w = {.p = p, .v = v, .texts = intern__new()};
	struct buf raw = {0};
	int err = html_slices__fill(&w.slices, p);

	if (!err) {
		html_sources__fill(&w.sources, p, v);
		put_functions(&w);
		put_stacks(&w);
		put_parts(&w);
		put_rows(&w);
		make_head(&w, &raw);
		for (size_t i = 0; i < w.column_cnt; i++)
			buf_put(&raw, w.columns[i].bytes.data, w.columns[i].bytes.len);
		err = put_packed(&raw, out);
	}
	for (size_t i = 0; i < w.column_cnt; i++)
		buf_free(&w.columns[i].bytes);
	buf_free(&raw);
	html_slices__free(&w.slices);
	html_sources__free(&w.sources);
	intern__free(w.texts);
	return err;
}
