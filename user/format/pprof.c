/* SPDX-License-Identifier: MIT */
/*
 * pprof's profile.proto (github.com/google/pprof, proto/profile.proto), gzip as its tools want it. A mapping that does not claim
 * to have functions, files and lines makes them look for symbols.
 */
#include "user/format/pprof_message.h"
#include "user/format/format.h"
#include "user/format/gzip.h"
#include "user/format/pb.h"
#include "user/profile/loss_words.h"
#include "user/util/alloc.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>

enum { VALUE_TYPE_TYPE = 1, VALUE_TYPE_UNIT };
enum { MAPPING_ID = 1, MAPPING_FILENAME = 5, MAPPING_HAS_FUNCTIONS = 7, MAPPING_HAS_LINE_NUMBERS = 9 };
enum { LOCATION_ID = 1, LOCATION_MAPPING_ID, LOCATION_LINE = 4 };
enum { LINE_FUNCTION_ID = 1, LINE_LINE };
enum { FUNCTION_ID = 1, FUNCTION_NAME, FUNCTION_SYSTEM_NAME, FUNCTION_FILENAME, FUNCTION_START_LINE };

#define HEAD_BYTES 512 /* of types, times and period, at most */

static uint32_t text_id(struct pprof *w, const char *text)
{
	return pprof_tables__text(&w->tables, text);
}

void pprof_put(struct pprof *w, enum pprof_field field, struct buf *message)
{
	struct buf out = {0};

	pb_put_message(&out, field, message);
	fwrite(out.data, 1, out.len, w->out);
	buf_free(&out);
	buf_reset(message);
}

/* ---- what samples refer to ------------------------------------------------------------------- */

static void put_mappings(struct pprof *w)
{
	struct buf m = {0};

	for (uint32_t id = 1; id <= intern__count(w->tables.mappings); id++) {
		__cleanup_free char *path = pprof_tables__mapping(&w->tables, id);

		pb_put_int(&m, MAPPING_ID, id);
		pb_put_int(&m, MAPPING_FILENAME, text_id(w, path));
		for (uint32_t has = MAPPING_HAS_FUNCTIONS; has <= MAPPING_HAS_LINE_NUMBERS; has++)
			pb_put_int(&m, has, 1);
		pprof_put(w, PPROF_MAPPING, &m);
	}
	buf_free(&m);
}

static void put_lines(struct buf *location, struct cursor lines)
{
	struct buf line = {0};
	struct pprof_line l;

	while (pprof_tables__next_line(&lines, &l)) {
		pb_put_int(&line, LINE_FUNCTION_ID, l.function_id);
		pb_put_int(&line, LINE_LINE, l.line > 0 ? (uint32_t)l.line : 0);
		pb_put_message(location, LOCATION_LINE, &line);
		buf_reset(&line);
	}
	buf_free(&line);
}

static void put_locations(struct pprof *w)
{
	struct buf location = {0};

	for (uint32_t id = 1; id <= intern__count(w->tables.locations); id++) {
		struct cursor lines;

		pb_put_int(&location, LOCATION_ID, id);
		pb_put_int(&location, LOCATION_MAPPING_ID, pprof_tables__location(&w->tables, id, &lines));
		put_lines(&location, lines);
		pprof_put(w, PPROF_LOCATION, &location);
	}
	buf_free(&location);
}

static void put_functions(struct pprof *w)
{
	struct buf function = {0};

	for (uint32_t id = 1; id <= intern__count(w->tables.functions); id++) {
		struct pprof_function f = pprof_tables__function(&w->tables, id);

		pb_put_int(&function, FUNCTION_ID, id);
		pb_put_int(&function, FUNCTION_NAME, f.name);
		pb_put_int(&function, FUNCTION_SYSTEM_NAME, f.system_name);
		pb_put_int(&function, FUNCTION_FILENAME, f.file);
		pb_put_int(&function, FUNCTION_START_LINE, f.first_line);
		pprof_put(w, PPROF_FUNCTION, &function);
	}
	buf_free(&function);
}

/* ---- the profile itself ---------------------------------------------------------------------- */

char *pprof_type_name(const char *name)
{
	char *clean = xstrdup(*name ? name : "value");

	for (char *c = clean; *c; c++)
		if (!isalnum((unsigned char)*c))
			*c = '_';
	return clean;
}

static void put_value_type(struct pprof *w, enum pprof_field field, const char *type, const char *unit)
{
	struct buf m = {0};

	pb_put_int(&m, VALUE_TYPE_TYPE, text_id(w, type));
	pb_put_int(&m, VALUE_TYPE_UNIT, text_id(w, unit));
	pprof_put(w, field, &m);
	buf_free(&m);
}

static void put_comment(struct pprof *w, struct buf *out, const char *what, const char *text)
{
	__cleanup_free char *line = xasprintf("%s%s", what, text);
	const uint64_t id = *text ? text_id(w, line) : 0;

	if (id)
		pb_put_packed(out, PPROF_COMMENT, &id, 1);
}

/* Comments: `pprof -comments` prints them, and every text report in its heading. */
static void put_comments(struct pprof *w, struct buf *out)
{
	const struct profile_meta *m = &w->p->meta;
	__cleanup_free char *lost = loss_text(w->p);

	put_comment(w, out, "", w->v->title ? w->v->title : "");
	put_comment(w, out, "", m->tool);
	put_comment(w, out, "command: ", m->command);
	put_comment(w, out, "target: ", m->target);
	put_comment(w, out, "host: ", m->host);
	put_comment(w, out, "", lost);
}

static void put_circumstances(struct pprof *w, const char *default_type)
{
	struct buf out = {0};

	pb_put_int(&out, PPROF_TIME_NANOS, w->o.start_unix_ns);
	pb_put_int(&out, PPROF_DURATION_NANOS, w->o.duration_ns);
	pb_put_int(&out, PPROF_PERIOD, w->o.period);
	pb_put_int(&out, PPROF_DEFAULT_SAMPLE_TYPE, text_id(w, default_type));
	if (w->o.is_file)
		put_comments(w, &out);
	fwrite(out.data, 1, out.len, w->out);
	buf_free(&out);
}

static void put_texts(struct pprof *w)
{
	struct buf out = {0};

	pb_put_element(&out, PPROF_STRING_TABLE, "", 0);
	for (uint32_t i = 1; i <= intern__count(w->tables.texts); i++) {
		size_t len;
		const char *text = intern__bytes(w->tables.texts, i, &len);

		pb_put_element(&out, PPROF_STRING_TABLE, text, len);
	}
	fwrite(out.data, 1, out.len, w->out);
	buf_free(&out);
}

static void put_tables(struct pprof *w, const char *default_type)
{
	put_mappings(w);
	put_locations(w);
	put_functions(w);
	put_circumstances(w, default_type);
	put_texts(w);
}

/* ---- of a file ------------------------------------------------------------------------------- */

static const struct profile_value_type *default_type(const struct pprof *w)
{
	uint32_t type = w->o.is_file ? w->v->type : w->o.type;

	return &w->p->types[type < w->p->type_cnt ? type : 0];
}

static void put_types(struct pprof *w)
{
	put_value_type(w, PPROF_SAMPLE_TYPE, "samples", "count");
	for (uint32_t i = 0; i < w->p->type_cnt; i++)
		put_value_type(w, PPROF_SAMPLE_TYPE, w->p->types[i].name, value_unit(&w->p->types[i])->name);
	put_value_type(w, PPROF_PERIOD_TYPE, w->p->types->name, value_unit(w->p->types)->name);
}

/* Of the one that a back end gets. */
static void put_type(struct pprof *w)
{
	const struct profile_value_type *t = default_type(w);
	__cleanup_free char *name = pprof_type_name(t->name);

	put_value_type(w, PPROF_SAMPLE_TYPE, "samples", "count");
	put_value_type(w, PPROF_SAMPLE_TYPE, name, value_unit(t)->name);
	put_value_type(w, PPROF_PERIOD_TYPE, name, value_unit(t)->name);
}

static int put_samples(struct pprof *w)
{
	if (w->o.is_file && w->v->timestamps)
		return pprof_samples__put_each(w);
	pprof_samples__put(w);
	return 0;
}

static int put_all(struct pprof *w)
{
	__cleanup_free char *name =
		w->o.is_file ? xstrdup(default_type(w)->name) : pprof_type_name(default_type(w)->name);
	int err;

	if (w->o.is_file)
		put_types(w);
	else
		put_type(w);
	err = put_samples(w);
	put_tables(w, name);
	return err;
}

struct pprof *pprof__new(const struct profile *p, const struct view *v, const struct pprof_options *o, FILE *out)
{
	struct pprof *w = xcalloc(1, sizeof(*w));

	*w = (struct pprof){.p = p, .all = *v, .o = *o, .out = out};
	w->all.all_types = true;
	w->v = &w->all;
	w->tables = (struct pprof_tables){
		.text_max = o->text_max, .stack_max = o->stack_max, .depth_max = o->depth_max, .by_file = !o->is_file};
	pprof_tables__init(&w->tables, p, w->v);
	pprof_samples__init(w);
	return w;
}

size_t pprof__bytes(const struct pprof *w)
{
	return HEAD_BYTES + w->tables.bytes + w->samples.bytes;
}

int pprof__finish(struct pprof *w)
{
	int err = put_all(w);

	pprof_samples__free(w);
	pprof_tables__free(&w->tables);
	free(w);
	return err;
}

static int write_all(const struct profile *p, const struct view *v, FILE *out)
{
	const struct profile_meta *m = &p->meta;
	const struct pprof_options o = {.is_file = true,
					.start_unix_ns = m->start_unix_ns,
					.duration_ns = m->duration_ns,
					.period = m->rate_hz > 0 ? (uint64_t)(1e9 / m->rate_hz + 0.5) : 0};
	struct pprof *w = pprof__new(p, v, &o, out);

	for (size_t i = 0; !v->timestamps && i < p->bucket_cnt; i++)
		pprof__add(w, &p->buckets[i]);
	return pprof__finish(w);
}

static int write_pprof(const struct profile *p, const struct view *v, FILE *out)
{
	FILE *packed = gzip__open(out);
	int err, closed;

	if (!packed)
		return -ENOMEM;
	err = write_all(p, v, packed);
	closed = gzip__close(packed);
	return err ? err : closed;
}

static const char *const suffixes[] = {".pb.gz", ".pprof", NULL};

const struct format format_pprof = {
	.name = "pprof",
	.help = "for go tool pprof, Pyroscope, Parca, speedscope; labels for thread and process",
	.suffixes = suffixes,
	.write = write_pprof,
};
