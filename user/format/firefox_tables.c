/*
 * Whether a sample held the GIL is a subcategory of its leaf frame: the sidebar then adds up the
 * CPU time with and without it, of whatever is selected. So a stack that was seen both ways has two
 * rows, which every view of the Firefox Profiler merges again, by function. Columns and their
 * meaning: github.com/firefox-devtools/profiler, src/types/profile.ts, as of processed version 60.
 */
#include "user/format/firefox_tables.h"
#include "user/format/json/json_member.h"
#include "user/util/alloc.h"
#include "user/util/digits.h"
#include <inttypes.h>
#include <string.h>

/* By enum profile_origin. One must be grey: it is the default. */
static const struct {
	const char *name, *color;
} categories[PROFILE_ORIGINS] = {
	[PROFILE_USER] = {"Your code", "orange"},
	[PROFILE_STDLIB] = {"Standard library", "blue"},
	[PROFILE_SITE] = {"Packages", "green"},
	[PROFILE_MARK] = {"Not a function", "grey"},
};

void firefox_put_categories(FILE *out)
{
	for (size_t i = 0; i < PROFILE_ORIGINS; i++) /* "Other" by rule, then by enum profile_gil */
		fprintf(out,
			"%s{\"name\":\"%s\",\"color\":\"%s\",\"subcategories\":[\"Other\","
			"\"Holding the GIL\",\"Without the GIL\"]}",
			i ? "," : "", categories[i].name, categories[i].color);
}

void firefox_tables__init(struct firefox_tables *t, const struct profile *p, const struct view *v)
{
	*t = (struct firefox_tables){.p = p, .v = v};
	t->places = places__new(v, p);
	t->texts = intern__new();
	t->sources = intern__new();
	t->path = xcalloc(profile__max_depth(p) + 1, sizeof(*t->path));
}

void firefox_tables__free(struct firefox_tables *t)
{
	places__free(t->places);
	intern__free(t->texts);
	intern__free(t->sources);
	pair_map__free(&t->frame_ids);
	pair_map__free(&t->stack_ids);
	free(t->frames);
	free(t->stacks);
	free(t->path);
}

uint32_t firefox_text(struct firefox_tables *t, const char *text)
{
	return intern__id(t->texts, text, strlen(text)) - 1;
}

static uint32_t frame_row(struct firefox_tables *t, uint32_t frame, uint32_t sub)
{
	uint32_t *slot;

	frame = view__frame(t->v, t->p, frame);
	slot = pair_map__slot(&t->frame_ids, frame, sub);
	if (!*slot) {
		xgrow(t->frames, t->frame_cnt, t->frame_cap);
		t->frames[t->frame_cnt++] = (struct firefox_row){frame, sub};
		*slot = (uint32_t)t->frame_cnt;
	}
	return *slot - 1;
}

static uint32_t stack_row(struct firefox_tables *t, uint32_t stack, uint32_t sub, uint32_t prefix)
{
	uint32_t frame = frame_row(t, t->p->stacks[stack].frame, sub);

	xgrow(t->stacks, t->stack_cnt, t->stack_cap);
	t->stacks[t->stack_cnt++] = (struct firefox_row){frame, prefix};
	*pair_map__slot(&t->stack_ids, stack, sub) = (uint32_t)t->stack_cnt;
	return (uint32_t)t->stack_cnt;
}

uint32_t firefox_stack(struct firefox_tables *t, uint32_t stack, unsigned gil)
{
	uint32_t known = pair_map__get(&t->stack_ids, stack, gil), prefix = 0;
	size_t depth = 0;

	if (known)
		return known - 1;
	/* What calls it, from the first that has a row on; a prefix must stand before its stack. */
	for (uint32_t s = t->p->stacks[stack].parent; s && !prefix; s = t->p->stacks[s].parent) {
		prefix = pair_map__get(&t->stack_ids, s, 0);
		if (!prefix)
			t->path[depth++] = s;
	}
	while (depth)
		prefix = stack_row(t, t->path[--depth], 0, prefix);
	return stack_row(t, stack, gil, prefix) - 1;
}

void firefox_put_ms(FILE *out, int64_t ns)
{
	uint64_t size = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
	char text[DIGITS_MAX], *end = text + sizeof(text), *at = digits_before(end, size % 1000000, 6);

	*--at = '.';
	at = digits_before(at, size / 1000000, 1);
	if (ns < 0)
		*--at = '-';
	fwrite(at, 1, (size_t)(end - at), out);
}

/* ---- the document ---------------------------------------------------------------------------- */

/* A column whose values are all the same. */
static void put_constant(FILE *out, const char *name, size_t cnt, const char *value)
{
	fprintf(out, "\"%s\":[", name);
	for (size_t i = 0; i < cnt; i++)
		fprintf(out, "%s%s", i ? "," : "", value);
	fputs("],", out);
}

static void begin_column(FILE *out, const char *name)
{
	fprintf(out, "\"%s\":[", name);
}

static void put_or_null(FILE *out, size_t i, uint32_t value)
{
	fprintf(out, value ? "%s%u" : "%snull", i ? "," : "", value);
}

static void put_functions(struct firefox_tables *t, FILE *out)
{
	const struct places *s = t->places;

	fprintf(out, "\n\"funcTable\":{\"length\":%u,", s->cnt);
	put_constant(out, "isJS", s->cnt, "false");
	put_constant(out, "relevantForJS", s->cnt, "false");
	put_constant(out, "resource", s->cnt, "-1");
	put_constant(out, "columnNumber", s->cnt, "null");
	begin_column(out, "name");
	for (uint32_t i = 1; i <= s->cnt; i++)
		fprintf(out, "%s%u", i > 1 ? "," : "",
			firefox_text(t, view__name(t->p, s->function[i])));
	fputs("],", out);
	begin_column(out, "lineNumber");
	for (uint32_t i = 1; i <= s->cnt; i++) {
		int32_t line = t->p->functions[s->function[i]].first_line;

		put_or_null(out, i - 1, line > 0 ? (uint32_t)line : 0);
	}
	fputs("],", out);
	begin_column(out, "source");
	for (uint32_t i = 1; i <= s->cnt; i++) {
		const char *file = view__file(t->v, t->p, s->function[i]);

		if (*file)
			fprintf(out, "%s%u", i > 1 ? "," : "",
				intern__id(t->sources, file, strlen(file)) - 1);
		else
			fprintf(out, "%snull", i > 1 ? "," : "");
	}
	fputs("]},", out);
}

static uint32_t function_of(const struct firefox_tables *t, size_t row)
{
	return t->p->frames[t->frames[row].of].function;
}

static void put_frames(struct firefox_tables *t, FILE *out)
{
	fprintf(out, "\n\"frameTable\":{\"length\":%zu,", t->frame_cnt);
	put_constant(out, "address", t->frame_cnt, "-1");
	put_constant(out, "inlineDepth", t->frame_cnt, "0");
	put_constant(out, "nativeSymbol", t->frame_cnt, "null");
	put_constant(out, "innerWindowID", t->frame_cnt, "null");
	put_constant(out, "column", t->frame_cnt, "null");
	begin_column(out, "category");
	for (size_t i = 0; i < t->frame_cnt; i++)
		fprintf(out, "%s%u", i ? "," : "", t->p->functions[function_of(t, i)].origin);
	fputs("],", out);
	begin_column(out, "subcategory");
	for (size_t i = 0; i < t->frame_cnt; i++)
		fprintf(out, "%s%u", i ? "," : "", t->frames[i].sub);
	fputs("],", out);
	begin_column(out, "func");
	for (size_t i = 0; i < t->frame_cnt; i++)
		fprintf(out, "%s%u", i ? "," : "", t->places->of_function[function_of(t, i)] - 1);
	fputs("],", out);
	begin_column(out, "line");
	for (size_t i = 0; i < t->frame_cnt; i++) {
		int32_t line = view__line(t->v, t->p, t->frames[i].of);

		put_or_null(out, i, line > 0 ? (uint32_t)line : 0);
	}
	fputs("]},", out);
}

static void put_stacks(const struct firefox_tables *t, FILE *out)
{
	fprintf(out, "\n\"stackTable\":{\"length\":%zu,", t->stack_cnt);
	begin_column(out, "frame");
	for (size_t i = 0; i < t->stack_cnt; i++)
		fprintf(out, "%s%u", i ? "," : "", t->stacks[i].of);
	fputs("],", out);
	begin_column(out, "prefix");
	for (size_t i = 0; i < t->stack_cnt; i++) {
		if (t->stacks[i].sub)
			fprintf(out, "%s%u", i ? "," : "", t->stacks[i].sub - 1);
		else
			fprintf(out, "%snull", i ? "," : "");
	}
	fputs("]},", out);
}

static void put_sources(struct firefox_tables *t, FILE *out)
{
	uint32_t cnt = intern__count(t->sources);

	fprintf(out, "\n\"sources\":{\"length\":%u,", cnt);
	put_constant(out, "uuid", cnt, "null");
	begin_column(out, "filename");
	for (uint32_t i = 1; i <= cnt; i++)
		fprintf(out, "%s%u", i > 1 ? "," : "",
			firefox_text(t, intern__bytes(t->sources, i, NULL)));
	fputs("]},", out);
}

void firefox_tables__write(struct firefox_tables *t, FILE *out)
{
	fputs("\n\"shared\":{", out);
	put_functions(t, out);
	put_frames(t, out);
	put_stacks(t, out);
	put_sources(t, out);
	fputs("\n\"resourceTable\":{\"length\":0,\"lib\":[],\"name\":[],\"host\":[],\"type\":[]},"
	      "\n\"nativeSymbols\":{\"length\":0,\"libIndex\":[],\"address\":[],\"name\":[],"
	      "\"functionSize\":[]},\n\"stringArray\":[",
	      out);
	for (uint32_t i = 1; i <= intern__count(t->texts); i++) {
		__cleanup_free char *quoted = json_quote(intern__bytes(t->texts, i, NULL));

		fprintf(out, "%s%s", i > 1 ? ",\n" : "\n", quoted);
	}
	fputs("]}", out);
}
