/* SPDX-License-Identifier: MIT */
/* The flame graph as a file: texts, what is drawn and how wide, colours. Browsers:
 * tests/live/test_svg.py. */
#include "tests/unit/whole.h"
#include "tests/unit/make_profile.h"
#include "tests/unit/small_profile.h"
#include "tests/unit/waiting_profile.h"
#include "user/format/format.h"
#include "user/format/svg/svg_layout.h"
#include "user/format/svg/svg_still.h"
#include "user/util/buf.h"
#include "user/format/svg/svg_text.h"
#include "user/util/alloc.h"
#include "user/util/json_put.h"
#include "user/util/columns.h"
#include <math.h>

extern const struct format format_svg;

#define NASTY "</script><svg onload=alert(1)>;\x1b[31m]]>&\"'\xff\xef\xbf\xbf\x01"

static char *through(void (*put)(FILE *, const char *), const char *text)
{
	char *out = NULL;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	put(f, text);
	fclose(f);
	return out;
}

static char *draw(const struct profile *p, const struct view *v)
{
	char *out = NULL;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	assert_int_equal(format_svg.write(p, v, f), 0);
	fclose(f);
	return out;
}

/* A real parser has the last word. */
static void assert_well_formed(const char *svg)
{
	FILE *parser = popen("xmllint --nonet --noout -", "w");

	assert_non_null(parser);
	fputs(svg, parser);
	assert_int_equal(pclose(parser), 0);
}

static void put_json(FILE *out, const char *text)
{
	struct json_put j = {.out = out, .is_markup = true};

	json_put_text(&j, NULL, text);
}

static void texts_are_escaped(void **state)
{
	__cleanup_free char *xml = through(svg_put_xml, NASTY);
	__cleanup_free char *json = through(put_json, NASTY "\\");

	(void)state;
	assert_string_equal(xml, "&lt;/script&gt;&lt;svg onload=alert(1)&gt;;\\x1b[31m]]&gt;&amp;&quot;&#39;"
				 "\\xff\\uffff\\x01");
	assert_null(strpbrk(json, "<>&'\x1b"));
	assert_non_null(strstr(json, "\\u003c/script\\u003e"));
	assert_non_null(strstr(json, "]]\\u003e\\u0026\\\"\\u0027"));
	assert_string_equal(json + strlen(json) - 3, "\\\\\"");
}

static void texts_are_cut_between_letters(void **state)
{
	static const struct {
		const char *text;
		size_t columns;
		const char *want;
	} cases[] = {{"handle", 6, "handle"}, {"handle", 5, "hand…"}, {"handle", 2, ""},    {"Größe_x", 4, "Grö…"},
		     {"日本語", 6, "日本語"}, {"日本語", 5, "日本…"}, {"日本語", 4, "日…"}, {"", 9, ""}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		__cleanup_free char *cut = svg_cut(cases[i].text, cases[i].columns);

		assert_string_equal(cut, cases[i].want);
		assert_true(columns_of(cut) <= cases[i].columns);
	}
}

static void numbers_are_grouped(void **state)
{
	static const struct {
		uint64_t value;
		const char *want;
	} cases[] = {{0, "0"}, {999, "999"}, {1000, "1,000"}, {1234567, "1,234,567"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		__cleanup_free char *text = svg_grouped(cases[i].value);

		assert_string_equal(text, cases[i].want);
	}
}

static void colours_depend_on_name_and_file_only(void **state)
{
	struct profile_function f = {.id = 3, .name = "run", .short_file = "app/x.py", .first_line = 7};
	struct profile_function moved = f;
	unsigned used[SVG_SHADES] = {0}, shade = svg_shade(&f);

	(void)state;
	moved.id = 99;
	moved.first_line = 1000;
	moved.file = "/elsewhere/app/x.py";
	assert_int_equal(svg_shade(&moved), shade);
	for (unsigned i = 0; i < 1200; i++) {
		char name[32];

		snprintf(name, sizeof(name), "function_%u", i);
		f.name = name;
		used[svg_shade(&f)]++;
	}
	for (unsigned i = 0; i < SVG_SHADES; i++) /* 100 each, were it perfect */
		assert_in_range(used[i], 60, 140);
}

#define CROWD 40

/* A profile of CROWD functions, told in another order and at other lines when `reversed`. */
static struct profile *make_crowd(bool reversed)
{
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to = profile_builder__sink(b);

	emit_process(to, 1, 42, "python3");
	emit_thread(to, 1, 1, "t");
	for (uint32_t id = 1; id <= CROWD; id++) {
		char name[16];

		snprintf(name, sizeof(name), "f%02u", reversed ? CROWD - id : id - 1);
		emit_function(to, id, name, reversed ? "/b/app.py" : "/a/app.py");
		tell_frame(to, id, id, (int32_t)(id + (reversed ? 100 : 0)));
		tell_stack(to, id, 0, id);
		emit_sample(to, id, 1, id);
	}
	return profile_builder__finish(b);
}

/* The colour of the frame whose text begins so. */
static void class_of(const char *svg, const char *name, char *out)
{
	char title[32];
	const char *at;

	snprintf(title, sizeof(title), "<title>%s (", name);
	at = strstr(svg, title);
	assert_non_null(at);
	at = strstr(at, "class=\"");
	assert_non_null(at);
	assert_int_equal(sscanf(at, "class=\"%7[a-z0-9]\"", out), 1);
}

static void pictures_colour_a_function_alike(void **state)
{
	struct profile *one = make_crowd(false), *other = make_crowd(true);
	__cleanup_free char *first = draw(one, &(struct view){0});
	__cleanup_free char *second = draw(other, &(struct view){.no_lines = true});

	(void)state;
	for (unsigned i = 0; i < CROWD; i++) {
		char name[16], here[8], there[8];

		snprintf(name, sizeof(name), "f%02u", i);
		class_of(first, name, here);
		class_of(second, name, there);
		assert_string_equal(here, there);
	}
	profile__free(one);
	profile__free(other);
}

/* The attribute `name` of the first tag `tag` after `at`. */
static double number_after(const char *at, const char *tag, const char *name)
{
	char key[32];
	const char *found = strstr(at, tag);

	assert_non_null(found);
	snprintf(key, sizeof(key), " %s=\"", name);
	found = strstr(found, key);
	assert_non_null(found);
	return strtod(found + strlen(key), NULL);
}

/* "1,234" */
static double ungrouped(const char *s)
{
	double value = 0;

	for (; *s == ',' || (*s >= '0' && *s <= '9'); s++)
		value = *s == ',' ? value : value * 10 + (*s - '0');
	return value;
}

/* "…(12.3% ± 1.0 · 1.234 CPU s · 1,234 samples)" */
static void figures_in_title(const char *frame, double *percent, double *seconds, double *samples)
{
	const char *second = strstr(frame, "% ± "), *third = strstr(frame, " CPU s · ");

	assert_true(second && third > second);
	while (second[-1] != '(')
		second--;
	*percent = strtod(second, NULL);
	*seconds = strtod(strstr(second, " · ") + strlen(" · "), NULL);
	*samples = ungrouped(third + strlen(" CPU s · "));
}

/* The next node that these figures can be of; frames are drawn in the order of nodes. */
static const struct svg_node *node_of(const struct svg_layout *l, uint32_t *from, double percent, double seconds,
				      double samples)
{
	double whole = (double)l->nodes[0].total_value;

	for (; *from < l->node_cnt; ++*from) {
		const struct svg_node *n = &l->nodes[*from];

		if ((double)n->samples == samples && fabs((double)n->total_value / 1e9 - seconds) < 0.00051 &&
		    fabs(100 * (double)n->total_value / whole - percent) < 0.51)
			return n;
	}
	return NULL;
}

static void widths_are_proportional_to_time(void **state)
{
	const struct make_options o = {.processes = 2, .threads = 2, .stacks = 60, .depth = 20};
	struct profile *p = make_profile(&o);
	__cleanup_free char *svg = draw(p, &(struct view){0});
	struct view_tree *tree = view_tree__new(&(struct view){0}, p);
	struct svg_layout *l = svg_layout__new(tree, p);
	double whole = SVG_WIDTH - 2 * SVG_MARGIN;
	unsigned seen = 0;
	uint32_t from = 0;

	(void)state;
	assert_well_formed(svg);
	for (const char *at = svg; (at = strstr(at, "<g><title>")); at++, seen++) {
		double percent, seconds, samples, width = number_after(at, "<rect", "width");
		double x = number_after(at, "<rect", "x");

		const struct svg_node *n;

		figures_in_title(at, &percent, &seconds, &samples);
		n = node_of(l, &from, percent, seconds, samples);
		assert_non_null(n);
		from++;
		assert_true(fabs(width + 0.6 - (double)n->total_value / (double)whole_value(p) * whole) < 0.11);
		assert_true(x >= SVG_MARGIN - 0.1 && x + width <= SVG_WIDTH - SVG_MARGIN + 0.1);
	}
	assert_in_range(seen, 100, 4000);
	svg_layout__free(l);
	view_tree__free(tree);
	profile__free(p);
}

static void nothing_is_counted_twice_or_dropped_in_silence(void **state)
{
	const struct make_options o = {.processes = 6, .threads = 4, .stacks = 900, .depth = 60};
	const struct view v = {.threads = true};
	struct profile *p = make_profile(&o);
	struct view_tree *tree = view_tree__new(&v, p);
	struct svg_layout *l = svg_layout__new(tree, p);
	uint64_t own_value = 0, left_out_ns = 0, samples = 0;

	(void)state;
	assert_int_equal(l->nodes[0].samples, p->sample_cnt);
	assert_int_equal(l->nodes[0].total_value, whole_value(p));
	assert_int_equal(l->node_cnt + l->pruned_cnt, tree->count);
	assert_true(l->pruned_cnt > 0);
	for (uint32_t i = 0; i < l->node_cnt; i++) {
		assert_true(l->nodes[i].total_value >= l->least_value);
		own_value += l->nodes[i].own_value;
		left_out_ns += l->nodes[i].pruned_value;
		samples += l->nodes[i].own_samples + l->nodes[i].pruned_samples;
	}
	assert_int_equal(left_out_ns, l->pruned_value);
	assert_int_equal(own_value + left_out_ns, whole_value(p));
	assert_int_equal(samples, p->sample_cnt);
	svg_layout__free(l);
	view_tree__free(tree);
	profile__free(p);
}

static void children_stand_inside_their_parent(void **state)
{
	const struct make_options o = {.processes = 3, .threads = 2, .stacks = 200, .depth = 40};
	struct profile *p = make_profile(&o);
	struct view_tree *tree = view_tree__new(&(struct view){0}, p);
	struct svg_layout *l = svg_layout__new(tree, p);
	const struct svg_node *open[64] = {NULL};
	uint64_t edge[64] = {0};

	(void)state;
	for (uint32_t i = 0; i < l->node_cnt; i++) {
		const struct svg_node *n = &l->nodes[i];

		assert_true(n->depth < 64 && (n->depth || !i));
		if (i) {
			const struct svg_node *parent = open[n->depth - 1];

			assert_true(n->left_value >= parent->left_value);
			assert_true(n->left_value + n->total_value <= parent->left_value + parent->total_value);
			assert_true(n->left_value >= edge[n->depth]); /* no two overlap */
		}
		open[n->depth] = n;
		edge[n->depth] = n->left_value + n->total_value;
	}
	svg_layout__free(l);
	view_tree__free(tree);
	profile__free(p);
}

/* A tree without a profile behind it: `chains` columns of `depth` nodes, each with so much time. */
static struct view_tree *make_columns(uint32_t chains, uint32_t depth, uint64_t ns)
{
	static char all[] = "all", f[] = "f";
	struct view_tree *t = xcalloc(1, sizeof(*t));

	t->count = chains * depth + 1;
	t->depth = depth;
	t->nodes = xcalloc(t->count, sizeof(*t->nodes));
	t->nodes[0] = (struct view_node){.text = all, .child = 1, .total_value = chains * ns};
	for (uint32_t i = 1; i < t->count; i++) {
		uint32_t row = (i - 1) % depth;

		t->nodes[i] = (struct view_node){.text = f, .depth = row + 1, .total_value = ns};
		t->nodes[i].parent = row ? i - 1 : 0;
		t->nodes[i].child = row + 1 < depth ? i + 1 : 0;
		t->nodes[i].next = !row && i + depth < t->count ? i + depth : 0;
	}
	return t;
}

static void large_trees_are_bounded(void **state)
{
	static const struct {
		uint32_t chains, depth, want;
	} cases[] = {
		{5000, 100, 1},              /* 500,000 frames of 0.02 %: too many, and none to prefer */
		{100, 1024, 100 * 1024 + 1}, /* over the bound, but each 1 % wide: kept */
		{900, 100, 90001},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct view_tree *t = make_columns(cases[i].chains, cases[i].depth, 7);
		struct svg_layout *l = svg_layout__new(t, NULL);

		assert_int_equal(l->node_cnt, cases[i].want);
		assert_int_equal(l->label_cnt, cases[i].want > 1 ? 2 : 1);
		assert_int_equal(l->pruned_value, cases[i].want > 1 ? 0 : t->nodes[0].total_value);
		svg_layout__free(l);
		free(t->nodes);
		free(t);
	}
}

static void an_empty_profile_says_why(void **state)
{
	struct make_options o = {.processes = 1, .threads = 1, .losses = true};
	struct profile *p = make_profile(&o);
	__cleanup_free char *svg = draw(p, &(struct view){0}), *bare = NULL;

	(void)state;
	assert_well_formed(svg);
	assert_non_null(strstr(svg, "No samples were taken."));
	assert_non_null(strstr(svg, "12 lost: the ring buffer was full"));
	assert_non_null(strstr(svg, "3,456 without Python: the process is not Python"));
	profile__free(p);
	o = (struct make_options){0};
	p = make_profile(&o);
	bare = draw(p, &(struct view){.threads = true, .icicle = true});
	assert_well_formed(bare);
	assert_non_null(strstr(bare, "No samples were taken."));
	profile__free(p);
}

static void a_view_without_samples_is_not_called_empty(void **state)
{
	struct profile_builder *b = profile_builder__new(true);
	struct profile *p;
	__cleanup_free char *svg = NULL;

	(void)state;
	emit_process(profile_builder__sink(b), 1, 42, "python3");
	emit_thread(profile_builder__sink(b), 1, 1, "t");
	emit_function(profile_builder__sink(b), 1, "f", "f.py");
	tell_frame(profile_builder__sink(b), 1, 1, 2);
	tell_stack(profile_builder__sink(b), 1, 0, 1);
	profile_builder__sink(b).ops->sample(
		profile_builder__sink(b).ctx,
		&(struct profile_sample){.thread = 1, .stack = 1, .value = 5, .gil = PROFILE_GIL_NOT_HELD});
	p = profile_builder__finish(b);
	svg = draw(p, &(struct view){.gil_only = true});
	assert_well_formed(svg);
	assert_non_null(strstr(svg, "Samples were taken, but none that this view shows."));
	profile__free(p);
}

static void hostile_names_stay_text(void **state)
{
	const struct make_options o = {.processes = 2,
				       .threads = 1,
				       .stacks = 50,
				       .depth = 9,
				       .extra_name = NASTY,
				       .command = "record -- " NASTY};
	struct profile *p = make_profile(&o);
	__cleanup_free char *svg = draw(p, &(struct view){.title = NASTY});
	unsigned scripts = 0;

	(void)state;
	assert_well_formed(svg);
	for (const char *at = svg; (at = strstr(at, "<script")); at++)
		scripts++;
	assert_int_equal(scripts, 2); /* data and program */
	assert_null(strstr(svg, "<svg onload"));
	assert_null(strchr(svg, '\x1b'));
	profile__free(p);
}

static void the_small_print_states_the_circumstances(void **state)
{
	static const char *const facts[] = {
		"CPU flame graph of cgroup /shop.slice",
		"$ pybpfprof record --cgroup",
		" samples · ",
		"100 Hz asked, 99.4 Hz effective",
		"CPU seconds",
		"2 processes",
		"12 lost, 2 failed (12 ring full, 2 torn)",
		"your code",
		"standard library",
		"site-packages",
	};
	const struct make_options o = {.processes = 2, .threads = 2, .stacks = 60, .depth = 20, .losses = true};
	struct profile *p = make_profile(&o);
	__cleanup_free char *svg = draw(p, &(struct view){0});
	char *data = strstr(svg, "<script");

	(void)state;
	assert_non_null(data);
	*data = 0; /* in the still picture, not only in the page's data */
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
		assert_non_null(strstr(svg, facts[i]));
	profile__free(p);
}

/* Headings stand before those of several colours. Idle waits are not in this view, nor is what waits for memory. */
static void the_legend_names_objects_and_causes(void **state)
{
	static const char *const wanted =
		"your code|native code:|libopenblas64|_json|python3.12|kernel|synthetic frames|waits:|waits for the "
		"GIL|"
		"holder of the GIL|sleep|lock|socket|file or disk|waiting for a CPU|CPU quota|garbage collector|roots|";
	struct view v = {.type_name = "wall", .no_idle = true};
	struct profile *p = waiting_profile(WAITING_ROWS);
	struct svg_key keys[SVG_KEYS_MAX];
	char *words, *at, *word;
	struct buf said = {0};
	struct view_tree *tree;
	struct svg_layout *l;
	size_t cnt;

	(void)state;
	assert_true(view__choose_type(&v, p));
	tree = view_tree__new(&v, p);
	l = svg_layout__new(tree, p);
	cnt = svg_legend(l, keys);
	assert_in_range(cnt, 1, SVG_KEYS_MAX);
	for (size_t i = 0; i < cnt; i++) {
		buf_printf(&said, "%s%s|", keys[i].text, keys[i].is_heading ? ":" : "");
		free(keys[i].text);
	}
	/* which object has which slot is by its name */
	assert_int_equal(said.len, strlen(wanted));
	words = at = strdup(wanted);
	while ((word = strsep(&at, "|")))
		assert_non_null(strstr(said.data, word));
	free(words);
	buf_free(&said);
	svg_layout__free(l);
	view_tree__free(tree);
	profile__free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_escaped),
		cmocka_unit_test(texts_are_cut_between_letters),
		cmocka_unit_test(numbers_are_grouped),
		cmocka_unit_test(colours_depend_on_name_and_file_only),
		cmocka_unit_test(pictures_colour_a_function_alike),
		cmocka_unit_test(widths_are_proportional_to_time),
		cmocka_unit_test(nothing_is_counted_twice_or_dropped_in_silence),
		cmocka_unit_test(children_stand_inside_their_parent),
		cmocka_unit_test(large_trees_are_bounded),
		cmocka_unit_test(an_empty_profile_says_why),
		cmocka_unit_test(a_view_without_samples_is_not_called_empty),
		cmocka_unit_test(the_legend_names_objects_and_causes),
		cmocka_unit_test(hostile_names_stay_text),
		cmocka_unit_test(the_small_print_states_the_circumstances),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
