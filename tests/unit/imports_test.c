/* SPDX-License-Identifier: MIT */
/* Importing as one frame: runs of the import system's frames, what they are called, and that nothing goes missing. */
#include "user/profile/imports.h"
#include "tests/unit/small_profile.h"
#include "user/profile/view.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"

static struct profile_builder *builder;
static struct profile_sink to;
static uint32_t functions, stacks;

/* A function with one frame, of the same id. */
static uint32_t function(const char *name, const char *module, const char *file, enum profile_origin origin)
{
	const char *below = strstr(file, "lib/python3.12/");
	struct profile_function f = {.id = ++functions, .name = name, .module = module, .file = file, .origin = origin};

	f.short_file = below ? below + strlen("lib/python3.12/") : file;
	to.ops->function(to.ctx, &f);
	tell_frame(to, f.id, f.id, *file == '<' ? 0 : 7);
	return f.id;
}

static uint32_t machinery(const char *name, const char *file)
{
	return function(name, "importlib._bootstrap", file, PROFILE_STDLIB);
}

static uint32_t push(uint32_t parent, uint32_t frame)
{
	tell_stack(to, ++stacks, parent, frame);
	return stacks;
}

/* The lines of a folded picture, each with a line's end. */
static char *lines_of(const struct profile *p)
{
	const struct view v = {.no_lines = true};
	struct buf out = {0};

	for (size_t i = 0; i < p->bucket_cnt; i++) {
		uint32_t frames[64];
		size_t n = profile__stack_frames(p, p->buckets[i].stack, frames, 64);

		for (size_t k = 0; k < n; k++) {
			__cleanup_free char *text = view__frame_text(&v, p, frames[k]);

			buf_printf(&out, "%s%s", k ? ";" : "", text);
		}
		buf_puts(&out, "\n");
	}
	return buf_steal_text(&out);
}

static void begin(void)
{
	builder = profile_builder__new(true);
	to = profile_builder__sink(builder);
	functions = stacks = 0;
	emit_process(to, 1, 42, "python3 app.py");
	emit_thread(to, 1, 1, "MainThread");
}

#define BOOTSTRAP "<frozen importlib._bootstrap>"
#define EXTERNAL  "<frozen importlib._bootstrap_external>"

static void runs_are_one_frame(void **state)
{
	uint32_t main_code, find, exec, call, json, decoder, import_module, data, run[8], loader;
	struct profile *p, *folded;
	__cleanup_free char *lines = NULL;

	(void)state;
	begin();
	main_code = function("<module>", "app", "app.py", PROFILE_USER);
	find = machinery("_find_and_load", BOOTSTRAP);
	exec = machinery("_LoaderBasics.exec_module", EXTERNAL);
	call = machinery("_call_with_frames_removed", BOOTSTRAP);
	json = function("<module>", "json", "/usr/lib/python3.12/json/__init__.py", PROFILE_STDLIB);
	decoder = function("<module>", "json.decoder", "/usr/lib/python3.12/json/decoder.py", PROFILE_STDLIB);
	import_module =
		function("import_module", "importlib", "/usr/lib/python3.12/importlib/__init__.py", PROFILE_STDLIB);
	data = machinery("SourceLoader.get_data", EXTERNAL);
	loader = function("exec_module", "hook", "hook.py", PROFILE_USER);
	run[0] = push(0, main_code);
	run[1] = push(push(push(run[0], find), exec), call); /* one run … */
	run[2] = push(run[1], json);                         /* … for two modules, */
	run[3] = push(run[1], decoder);
	run[4] = push(push(push(push(run[2], import_module), find), call), decoder); /* and one in a module */
	run[5] = push(push(run[2], find), data);                                     /* nothing on it */
	run[6] = push(push(run[0], find), loader);
	run[7] = push(push(run[6], call), json);
	for (uint32_t i = 0; i < 8; i++)
		emit_sample(to, i, 1, run[i]);
	p = profile_builder__finish(builder);
	folded = profile__fold_imports(p);
	assert_non_null(folded);
	lines = lines_of(folded);
	assert_string_equal(lines,
			    "<module> (app.py)\n"
			    "<module> (app.py);import [finding, loading]\n"
			    "<module> (app.py);import json;<module> (json/__init__.py)\n"
			    "<module> (app.py);import json.decoder;<module> (json/decoder.py)\n"
			    "<module> (app.py);import json;<module> (json/__init__.py);import json.decoder;<module> "
			    "(json/decoder.py)\n"
			    "<module> (app.py);import json;<module> (json/__init__.py);import [finding, loading]\n"
			    "<module> (app.py);import [finding, loading];exec_module (hook.py)\n"
			    "<module> (app.py);import [finding, loading];exec_module (hook.py);import json;<module> "
			    "(json/__init__.py)\n");
	restack__free(folded);
	profile__free(p);
}

struct counted {
	const struct profile *p;
	uint64_t samples, value, by_bucket;
};

static int count(void *arg, const struct profile_sample *s)
{
	struct counted *c = arg;

	c->samples++;
	c->value += s->value;
	for (size_t i = 0; i < c->p->bucket_cnt; i++)
		c->by_bucket += c->p->buckets[i].stack == s->stack;
	return 0;
}

/* Of samples one by one as of their sums. */
static void samples_keep_their_stacks(void **state)
{
	uint32_t a, b;
	struct profile *p, *folded;
	struct counted whole, short_ones;

	(void)state;
	begin();
	a = push(0, function("<module>", "app", "app.py", PROFILE_USER));
	b = push(push(a, machinery("_find_and_load", BOOTSTRAP)), machinery("get_data", EXTERNAL));
	for (uint32_t i = 0; i < 20; i++)
		emit_sample(to, i, 1, i % 2 ? a : b);
	p = profile_builder__finish(builder);
	folded = profile__fold_imports(p);
	whole = (struct counted){.p = p};
	short_ones = (struct counted){.p = folded};
	profile__each_sample(p, count, &whole);
	profile__each_sample(folded, count, &short_ones);
	assert_int_equal(short_ones.samples, 20);
	assert_int_equal(short_ones.value, whole.value);
	assert_int_equal(short_ones.by_bucket, 20);
	assert_int_equal(view__sum(&(struct view){0}, folded).value, whole.value);
	restack__free(folded);
	profile__free(p);
}

/* Names that each version has, and a build without frozen modules; what only looks alike is left alone. */
static void every_name_of_the_machinery(void **state)
{
	static const struct {
		const char *name, *file;
		enum profile_origin origin;
		bool folds;
	} cases[] = {
		{"_find_and_load", BOOTSTRAP, PROFILE_STDLIB, true},
		{"exec_module", EXTERNAL, PROFILE_STDLIB, true},
		{"_get_module_code", "<frozen zipimport>", PROFILE_STDLIB, true},
		{"import_module", "<frozen importlib>", PROFILE_STDLIB, true},
		{"_find_and_load", "/usr/lib/python3.12/importlib/_bootstrap.py", PROFILE_STDLIB, true},
		{"get_code", "/usr/lib/python3.12/importlib/_bootstrap_external.py", PROFILE_STDLIB, true},
		{"import_module", "/usr/lib/python3.12/importlib/__init__.py", PROFILE_STDLIB, true},
		{"invalidate_caches", "/usr/lib/python3.12/importlib/__init__.py", PROFILE_STDLIB, false},
		{"import_module", "/src/lib/python3.12/importlib/__init__.py", PROFILE_USER, true},
		{"run_path", "<frozen runpy>", PROFILE_STDLIB, false},
		{"f", "/srv/lib/python3.12/importlib/_bootstrap.py", PROFILE_USER, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct profile *p, *folded;

		begin();
		emit_sample(to, 1, 1, push(0, function(cases[i].name, "importlib", cases[i].file, cases[i].origin)));
		p = profile_builder__finish(builder);
		folded = profile__fold_imports(p);
		if (!!folded != cases[i].folds)
			fail_msg("%s in %s", cases[i].name, cases[i].file);
		restack__free(folded);
		profile__free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_are_one_frame),
		cmocka_unit_test(samples_keep_their_stacks),
		cmocka_unit_test(every_name_of_the_machinery),
	};

	return cmocka_run_group_tests_name("imports", tests, NULL, NULL);
}
