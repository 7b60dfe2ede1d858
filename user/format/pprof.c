/* SPDX-License-Identifier: MIT */
/*
 * pprof's profile.proto (github.com/google/pprof, proto/profile.proto), gzip as its tools want it.
 * Two things of its tools to know: a function whose name and system name are equal is taken for
 * demangled C++ and loses what is in <>, so the system name is left empty where it would be; and a
 * mapping that does not claim to have functions, files and lines makes them look for symbols.
 */
#include "user/format/format.h"
#include "user/format/gzip.h"
#include "user/format/pprof.h"
#include "user/profile/loss_words.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <string.h>

enum { VALUE_TYPE_TYPE = 1, VALUE_TYPE_UNIT };
enum { MAPPING_ID = 1, MAPPING_FILENAME = 5, MAPPING_HAS_FUNCTIONS = 7, MAPPING_HAS_LINE_NUMBERS = 9 };
enum { LOCATION_ID = 1, LOCATION_MAPPING_ID, LOCATION_LINE = 4 };
enum { LINE_FUNCTION_ID = 1, LINE_LINE };
enum { FUNCTION_ID = 1, FUNCTION_NAME, FUNCTION_SYSTEM_NAME, FUNCTION_FILENAME, FUNCTION_START_LINE };

uint32_t pprof_text_id(struct pprof *w, const char *text)
{
	return *text ? intern__id(w->texts, text, strlen(text)) : 0;
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

	for (uint32_t id = 1; id <= intern__count(w->mappings); id++) {
		const char *key = intern__bytes(w->mappings, id, NULL);
		__cleanup_free char *path = xstrndup(key, strcspn(key, "\n"));

		pb_put_int(&m, MAPPING_ID, id);
		pb_put_int(&m, MAPPING_FILENAME, pprof_text_id(w, *path ? path : "[python]"));
		for (uint32_t has = MAPPING_HAS_FUNCTIONS; has <= MAPPING_HAS_LINE_NUMBERS; has++)
			pb_put_int(&m, has, 1);
		pprof_put(w, PPROF_MAPPING, &m);
	}
	buf_free(&m);
}

static void put_lines(struct buf *location, const char *lines, size_t len)
{
	struct buf line = {0};

	for (size_t at = 0; at < len; at += sizeof(struct pprof_line)) {
		struct pprof_line l;

		memcpy(&l, lines + at, sizeof(l));
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

	for (uint32_t id = 1; id <= intern__count(w->locations); id++) {
		size_t len;
		const char *key = intern__bytes(w->locations, id, &len);
		uint32_t mapping;

		memcpy(&mapping, key, sizeof(mapping));
		pb_put_int(&location, LOCATION_ID, id);
		pb_put_int(&location, LOCATION_MAPPING_ID, mapping);
		put_lines(&location, key + sizeof(mapping), len - sizeof(mapping));
		pprof_put(w, PPROF_LOCATION, &location);
	}
	buf_free(&location);
}

static void put_functions(struct pprof *w)
{
	struct buf function = {0};

	for (uint32_t id = 1; id <= w->function_ids->cnt; id++) {
		uint32_t n = w->function_ids->function[id];
		const struct profile_function *f = &w->p->functions[n];
		__cleanup_free char *text = view__function_text(w->p, n);
		const char *name = view__name(w->p, n);

		pb_put_int(&function, FUNCTION_ID, id);
		pb_put_int(&function, FUNCTION_NAME, pprof_text_id(w, text));
		pb_put_int(&function, FUNCTION_SYSTEM_NAME, strcmp(name, text) ? pprof_text_id(w, name) : 0);
		pb_put_int(&function, FUNCTION_FILENAME, pprof_text_id(w, f->file));
		pb_put_int(&function, FUNCTION_START_LINE, f->first_line > 0 ? (uint32_t)f->first_line : 0);
		pprof_put(w, PPROF_FUNCTION, &function);
	}
	buf_free(&function);
}

/* ---- the profile itself ---------------------------------------------------------------------- */

static void put_value_type(struct pprof *w, enum pprof_field field, const char *type, const char *unit)
{
	struct buf m = {0};

	pb_put_int(&m, VALUE_TYPE_TYPE, pprof_text_id(w, type));
	pb_put_int(&m, VALUE_TYPE_UNIT, pprof_text_id(w, unit));
	pprof_put(w, field, &m);
	buf_free(&m);
}

static void put_comment(struct pprof *w, struct buf *out, const char *what, const char *text)
{
	__cleanup_free char *line = xasprintf("%s%s", what, text);
	const uint64_t id = *text ? pprof_text_id(w, line) : 0;

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

static void put_circumstances(struct pprof *w)
{
	const struct profile_meta *m = &w->p->meta;
	struct buf out = {0};

	pb_put_int(&out, PPROF_TIME_NANOS, m->start_unix_ns);
	pb_put_int(&out, PPROF_DURATION_NANOS, m->duration_ns);
	pb_put_int(&out, PPROF_PERIOD, m->rate_hz > 0 ? (uint64_t)(1e9 / m->rate_hz + 0.5) : 0);
	pb_put_int(&out, PPROF_DEFAULT_SAMPLE_TYPE,
		   pprof_text_id(w, w->p->types[w->v->type < w->p->type_cnt ? w->v->type : 0].name));
	put_comments(w, &out);
	fwrite(out.data, 1, out.len, w->out);
	buf_free(&out);
}

static void put_texts(struct pprof *w)
{
	struct buf out = {0};

	pb_put_element(&out, PPROF_STRING_TABLE, "", 0);
	for (uint32_t i = 1; i <= intern__count(w->texts); i++) {
		size_t len;
		const char *text = intern__bytes(w->texts, i, &len);

		pb_put_element(&out, PPROF_STRING_TABLE, text, len);
	}
	fwrite(out.data, 1, out.len, w->out);
	buf_free(&out);
}

static int put_all(struct pprof *w)
{
	int err;

	put_value_type(w, PPROF_SAMPLE_TYPE, "samples", "count");
	for (uint32_t i = 0; i < w->p->type_cnt; i++)
		put_value_type(w, PPROF_SAMPLE_TYPE, w->p->types[i].name, value_unit(&w->p->types[i])->name);
	put_value_type(w, PPROF_PERIOD_TYPE, w->p->types->name, value_unit(w->p->types)->name);
	err = pprof_put_samples(w);
	put_mappings(w);
	put_locations(w);
	put_functions(w);
	put_circumstances(w);
	put_texts(w);
	return err;
}

static int write_pprof(const struct profile *p, const struct view *v, FILE *out)
{
	struct view all = *v;
	struct pprof w = {.p = p, .v = &all, .out = gzip__open(out)};
	int err, closed;

	if (!w.out)
		return -ENOMEM;
	all.all_types = true;
	w.function_ids = function_ids__new(&all, p);
	w.texts = intern__new();
	w.mappings = intern__new();
	w.locations = intern__new();
	err = put_all(&w);
	function_ids__free(w.function_ids);
	intern__free(w.texts);
	intern__free(w.mappings);
	intern__free(w.locations);
	closed = gzip__close(w.out);
	return err ? err : closed;
}

static const char *const suffixes[] = {".pb.gz", ".pprof", NULL};

const struct format format_pprof = {
	.name = "pprof",
	.help = "for go tool pprof, Pyroscope, Parca, speedscope; labels for thread and process",
	.suffixes = suffixes,
	.write = write_pprof,
};
