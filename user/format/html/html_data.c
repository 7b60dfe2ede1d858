/*
 * Sums per part are exact, so that what a page says of a whole recording is what every other format
 * says; what rows have is rounded, see html_slices.h: nanoseconds would make the file three times as
 * large. Nothing of a profile stands in the page as it is: base64 has
 * no character that HTML acts on.
 */
#include "user/format/html/html_data.h"
#include "user/format/html/html_head.h"
#include "user/format/svg/svg_layout.h"
#include "user/format/svg/svg_text.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <errno.h>
#include <string.h>
#include <zlib.h>

#define LEVEL       4
#define LINE_BYTES  90 /* before base64: a multiple of 3 */
#define COLUMNS_MAX 24

struct writer {
	const struct profile *p;
	const struct view *v;
	struct html_slices slices;
	struct html_sources sources;
	struct intern *texts; /* ids are indexes of "texts" */
	struct html_column columns[COLUMNS_MAX];
	size_t column_cnt;
};

/* ---- columns */

static struct html_column *new_column(struct writer *w, const char *name)
{
	struct html_column *c = &w->columns[w->column_cnt++];

	c->name = name;
	return c;
}

static void put(struct html_column *c, uint64_t value)
{
	buf_put_varint(&c->bytes, value);
	c->cnt++;
}

/* The difference to the value before, which is mostly small. */
static void put_step(struct html_column *c, uint64_t value, uint64_t *last)
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
	struct html_column *name = new_column(w, "function_name");
	struct html_column *module = new_column(w, "function_module");
	struct html_column *file = new_column(w, "function_file");
	struct html_column *short_file = new_column(w, "function_short_file");
	struct html_column *line = new_column(w, "function_line");
	struct html_column *colour = new_column(w, "function_colour");

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
	struct html_column *function = new_column(w, "frame_function");
	struct html_column *line = new_column(w, "frame_line");
	struct html_column *parent = new_column(w, "stack_parent");
	struct html_column *frame = new_column(w, "stack_frame");
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
	struct html_column *thread = new_column(w, "part_thread");
	struct html_column *stack = new_column(w, "part_stack");
	struct html_column *held = new_column(w, "part_held");
	struct html_column *samples = new_column(w, "part_samples");
	struct html_column *value = new_column(w, "part_value_ns");
	struct html_column *truncated = new_column(w, "part_truncated");
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
	struct html_column *rows = new_column(w, "part_rows");
	struct html_column *slice = new_column(w, "row_slice");
	struct html_column *samples = new_column(w, "row_samples");
	struct html_column *units = new_column(w, "row_units");
	const struct html_slices *s = &w->slices;
	size_t at = 0;

	for (size_t part = 0; part < s->part_cnt; part++) {
		uint64_t last = 0;
		size_t begin = at;

		for (; at < s->row_cnt && s->rows[at].part == part; at++) {
			put(slice, s->rows[at].slice - last);
			last = s->rows[at].slice;
			put(samples, s->rows[at].samples);
			put(units, s->rows[at].units);
		}
		put(rows, at - begin);
	}
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

static void put_head(struct writer *w, struct buf *out)
{
	struct html_head head = {.p = w->p,
				 .v = w->v,
				 .slices = &w->slices,
				 .sources = &w->sources,
				 .columns = w->columns,
				 .column_cnt = w->column_cnt,
				 .texts = w->texts};

	html_head__write(&head, out);
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
		put_head(&w, &raw);
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
