/* SPDX-License-Identifier: MIT */
/*
 * Whether a sample held the GIL is a subcategory of its leaf frame: the sidebar then adds up the
 * CPU time with and without it, of whatever is selected. So a stack that was seen both ways has two
 * rows, which every view of the Firefox Profiler merges again, by function. Columns and their
 * meaning: github.com/firefox-devtools/profiler, src/types/profile.ts, as of processed version 60.
 */
#include "user/format/firefox_tables.h"
#include "user/util/alloc.h"
#include <string.h>

/* By enum view_class. One must be grey: it is the default. */
static const struct {
	const char *name, *color;
} categories[VIEW_CLASSES] = {
	[VIEW_USER] = {"Your code", "orange"},
	[VIEW_STDLIB] = {"Standard library", "blue"},
	[VIEW_SITE] = {"Packages", "green"},
	[VIEW_NATIVE] = {"Native code", "purple"},
	[VIEW_INLINED] = {"Inlined native code", "magenta"},
	[VIEW_KERNEL] = {"Kernel", "brown"},
	[VIEW_SYNTHETIC] = {"Not a function", "grey"},
	[VIEW_WAIT] = {"Waiting", "red"},
	[VIEW_COLLECTOR] = {"Garbage collector", "yellow"},
};

void firefox_put_categories(struct json_put *j)
{
	json_put_list(j, "categories");
	for (size_t i = 0; i < VIEW_CLASSES; i++) {
		json_put_map(j, NULL);
		json_put_text(j, "name", categories[i].name);
		json_put_text(j, "color", categories[i].color);
		/* "Other" by rule, then by enum profile_gil */
		json_put_raw(j, "subcategories",
			     "[\"Other\",\"Holding the GIL\",\"Without the GIL\",\"No GIL there\"]");
		json_put_end_map(j);
	}
	json_put_end_list(j);
}

void firefox_tables__init(struct firefox_tables *t, const struct profile *p, const struct view *v)
{
	*t = (struct firefox_tables){.p = p, .v = v};
	t->function_ids = function_ids__new(v, p);
	t->texts = intern__new();
	t->sources = intern__new();
	t->path = xcalloc(profile__max_depth(p) + 1, sizeof(*t->path));
}

void firefox_tables__free(struct firefox_tables *t)
{
	function_ids__free(t->function_ids);
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

void firefox_put_ms(struct json_put *j, const char *key, int64_t ns)
{
	json_put_fixed(j, key, ns, 6);
}

/* ---- the document ---------------------------------------------------------------------------- */

void firefox_put_constant(struct json_put *j, const char *name, size_t cnt, const char *json)
{
	json_put_list(j, name);
	for (size_t i = 0; i < cnt; i++)
		json_put_raw(j, NULL, json);
	json_put_end_list(j);
}

static void begin_table(struct json_put *j, const char *name, size_t length)
{
	json_put_line(j);
	json_put_map(j, name);
	json_put_count(j, "length", length);
}

static void put_or_null(struct json_put *j, int64_t value, bool is_there)
{
	if (is_there)
		json_put_int(j, NULL, value);
	else
		json_put_null(j, NULL);
}

static void put_functions(struct firefox_tables *t, struct json_put *j)
{
	const struct function_ids *s = t->function_ids;

	begin_table(j, "funcTable", s->cnt);
	firefox_put_constant(j, "isJS", s->cnt, "false");
	firefox_put_constant(j, "relevantForJS", s->cnt, "false");
	firefox_put_constant(j, "resource", s->cnt, "-1");
	firefox_put_constant(j, "columnNumber", s->cnt, "null");
	JSON_PUT_COLUMN(j, "name", s->cnt, firefox_text(t, view__name(t->p, s->function[i + 1])));
	json_put_list(j, "lineNumber");
	for (uint32_t i = 1; i <= s->cnt; i++) {
		int32_t line = t->p->functions[s->function[i]].first_line;

		put_or_null(j, line, line > 0);
	}
	json_put_end_list(j);
	json_put_list(j, "source");
	for (uint32_t i = 1; i <= s->cnt; i++) {
		const char *file = view__file(t->v, t->p, s->function[i]);

		put_or_null(j, *file ? intern__id(t->sources, file, strlen(file)) - 1 : 0, *file);
	}
	json_put_end_list(j);
	json_put_end_map(j);
}

static uint32_t function_of(const struct firefox_tables *t, size_t row)
{
	return t->p->frames[t->frames[row].of].function;
}

static void put_frames(struct firefox_tables *t, struct json_put *j)
{
	begin_table(j, "frameTable", t->frame_cnt);
	firefox_put_constant(j, "address", t->frame_cnt, "-1");
	firefox_put_constant(j, "inlineDepth", t->frame_cnt, "0");
	firefox_put_constant(j, "nativeSymbol", t->frame_cnt, "null");
	firefox_put_constant(j, "innerWindowID", t->frame_cnt, "null");
	firefox_put_constant(j, "column", t->frame_cnt, "null");
	JSON_PUT_COLUMN(j, "category", t->frame_cnt, view__class(&t->p->functions[function_of(t, i)]));
	JSON_PUT_COLUMN(j, "subcategory", t->frame_cnt, t->frames[i].sub);
	JSON_PUT_COLUMN(j, "func", t->frame_cnt, t->function_ids->of_function[function_of(t, i)] - 1);
	json_put_list(j, "line");
	for (size_t i = 0; i < t->frame_cnt; i++) {
		int32_t line = view__line(t->v, t->p, t->frames[i].of);

		put_or_null(j, line, line > 0);
	}
	json_put_end_list(j);
	json_put_end_map(j);
}

static void put_stacks(const struct firefox_tables *t, struct json_put *j)
{
	begin_table(j, "stackTable", t->stack_cnt);
	JSON_PUT_COLUMN(j, "frame", t->stack_cnt, t->stacks[i].of);
	json_put_list(j, "prefix");
	for (size_t i = 0; i < t->stack_cnt; i++)
		put_or_null(j, (int64_t)t->stacks[i].sub - 1, t->stacks[i].sub);
	json_put_end_list(j);
	json_put_end_map(j);
}

static void put_sources(struct firefox_tables *t, struct json_put *j)
{
	uint32_t cnt = intern__count(t->sources);

	begin_table(j, "sources", cnt);
	firefox_put_constant(j, "uuid", cnt, "null");
	JSON_PUT_COLUMN(j, "filename", cnt, firefox_text(t, intern__bytes(t->sources, (uint32_t)i + 1, NULL)));
	json_put_end_map(j);
}

void firefox_tables__write(struct firefox_tables *t, struct json_put *j)
{
	json_put_line(j);
	json_put_map(j, "shared");
	put_functions(t, j);
	put_frames(t, j);
	put_stacks(t, j);
	put_sources(t, j);
	json_put_raw(j, "resourceTable", "{\"length\":0,\"lib\":[],\"name\":[],\"host\":[],\"type\":[]}");
	json_put_raw(j, "nativeSymbols",
		     "{\"length\":0,\"libIndex\":[],\"address\":[],\"name\":[],\"functionSize\":[]}");
	json_put_list(j, "stringArray");
	for (uint32_t i = 1; i <= intern__count(t->texts); i++) {
		json_put_line(j);
		json_put_text(j, NULL, intern__bytes(t->texts, i, NULL));
	}
	json_put_end_list(j);
	json_put_end_map(j);
}
