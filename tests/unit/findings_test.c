/* SPDX-License-Identifier: MIT */
/*
 * The three sentences of profiles that are known: each kind of program that people bring. Stacks are written as text:
 * letters are functions, root first, of the lines that follow them; who a function belongs to is in the table.
 */
#include "tests/unit/small_profile.h"
#include "user/profile/findings.h"
#include "user/profile/imports.h"

#define MS 1000000ull

static const struct known_function {
	char letter;
	const char *name, *module, *file, *short_file;
	enum profile_origin origin;
	enum profile_kind kind;
} table[] = {
	{'m', "<module>", "__main__", "/srv/app/app.py", "app.py", PROFILE_USER, PROFILE_PYTHON},
	{'a', "main", "app", "/srv/app/app.py", "app.py", PROFILE_USER, PROFILE_PYTHON},
	{'b', "Orders.load", "app.orders", "/srv/app/app/orders.py", "app/orders.py", PROFILE_USER, PROFILE_PYTHON},
	{'c', "render", "app.views", "/srv/app/app/views.py", "app/views.py", PROFILE_USER, PROFILE_PYTHON},
	{'j', "raw_decode", "json.decoder", "/usr/lib/json/decoder.py", "json/decoder.py", PROFILE_STDLIB,
	 PROFILE_PYTHON},
	{'s', "Engine.run", "sqlalchemy.engine", "/x/sqlalchemy/engine.py", "sqlalchemy/engine.py", PROFILE_SITE,
	 PROFILE_PYTHON},
	{'t', "tokenize", "black.tokens", "/x/black/tokens.py", "black/tokens.py", PROFILE_SITE, PROFILE_PYTHON},
	{'i', "_find_and_load", "importlib._bootstrap", "<frozen importlib._bootstrap>",
	 "<frozen importlib._bootstrap>", PROFILE_STDLIB, PROFILE_PYTHON},
	{'p', "<module>", "pandas", "/x/pandas/__init__.py", "pandas/__init__.py", PROFILE_SITE, PROFILE_PYTHON},
	{'N', "[native threads]", "", "", "", PROFILE_USER, PROFILE_SYNTHETIC},
	{'d', "dgemm_kernel", "libopenblas.so", "", "", PROFILE_OBJECT, PROFILE_NATIVE},
};

struct made {
	struct profile_builder *b;
	struct profile_sink to;
	uint32_t frames, stacks, threads;
	struct findings said;
	struct view view;
};

static uint32_t function_of(char letter)
{
	for (uint32_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (table[i].letter == letter)
			return i + 1;
	fail_msg("no function %c", letter);
	return 0;
}

static void begin(struct made *m, uint64_t duration_ns)
{
	struct profile_meta meta = {.tool = "t",
				    .command = "c",
				    .target = "pid 42",
				    .host = "h",
				    .kernel = "k",
				    .duration_ns = duration_ns,
				    .rate_hz = 100,
				    .complete = true};

	*m = (struct made){.b = profile_builder__new(true)};
	m->to = profile_builder__sink(m->b);
	m->to.ops->meta(m->to.ctx, &meta);
	for (uint32_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct profile_function f = {.id = i + 1,
					     .name = table[i].name,
					     .module = table[i].module,
					     .file = table[i].file,
					     .short_file = table[i].short_file,
					     .origin = table[i].origin,
					     .kind = table[i].kind};

		f.first_line = f.kind == PROFILE_PYTHON && strcmp(f.name, "<module>") ? 10 : 0;
		m->to.ops->function(m->to.ctx, &f);
	}
}

static void thread(struct made *m, uint32_t process, const char *name)
{
	if (process > 0 && !m->threads)
		emit_process(m->to, 1, 42, "python3 app.py");
	if (process == 2)
		emit_process(m->to, 2, 43, "python3 app.py");
	emit_thread(m->to, ++m->threads, process, name);
}

/* `cnt` samples of 10 ms in the last thread: "m3 a12 j50", held as `gil` says. */
static void stack(struct made *m, const char *text, unsigned cnt, enum profile_gil gil)
{
	uint32_t parent = 0;

	for (const char *c = text; *c; c += strcspn(c, " "), c += strspn(c, " ")) {
		tell_frame(m->to, ++m->frames, function_of(*c), (int32_t)strtol(c + 1, NULL, 10));
		tell_stack(m->to, ++m->stacks, parent, m->frames);
		parent = m->stacks;
	}
	while (cnt--) {
		struct profile_sample s = {.thread = m->threads,
					   .stack = parent,
					   .value = 10 * MS,
					   .gil = (uint8_t)gil,
					   .time_unix_ns = 1};

		m->to.ops->sample(m->to.ctx, &s);
	}
}

static void finish(struct made *m)
{
	struct profile *p = profile_builder__finish(m->b);

	findings_make(&m->view, p, &m->said);
	profile__free(p);
}

/* As `report` has it. */
static void finish_folded(struct made *m)
{
	struct profile *p = profile_builder__finish(m->b), *folded = profile__fold_imports(p);

	assert_non_null(folded);
	findings_make(&m->view, folded, &m->said);
	restack__free(folded);
	profile__free(p);
}

#define assert_said(m, field, want)                                                                                    \
	do {                                                                                                           \
		assert_string_equal((m)->said.field, want);                                                            \
	} while (0)

static void end(struct made *m)
{
	findings_free(&m->said);
}

static void libraries_count_for_who_calls_them(void **state)
{
	struct made m;

	(void)state;
	begin(&m, 10000 * MS);
	thread(&m, 1, "MainThread");
	stack(&m, "m3 a12 b15 j50", 400, PROFILE_GIL_HELD);
	stack(&m, "m3 a12 b15 s20 j51", 200, PROFILE_GIL_HELD);
	stack(&m, "m3 a12 b16", 50, PROFILE_GIL_HELD);
	stack(&m, "m3 a12 c11", 350, PROFILE_GIL_HELD);
	finish(&m);
	assert_said(
		&m, where,
		"65 % of the CPU time is in Orders.load (app/orders.py:10) and the library code that it calls, nearly "
		"all at line 15; most of that runs in raw_decode (json/decoder.py:10); called from main (app.py:10); "
		"next is render (app/views.py:10), 35 %.");
	assert_said(&m, gil, "One thread has all samples, so none was seen to wait for the GIL.");
	assert_said(&m, lacks, "Nothing was lost: 1,000 samples.");
	end(&m);
}

static void one_function_that_does_it_all(void **state)
{
	struct made m;

	(void)state;
	begin(&m, 10000 * MS);
	thread(&m, 1, "MainThread");
	stack(&m, "m3 a12", 300, PROFILE_GIL_HELD);
	stack(&m, "m3 a13", 670, PROFILE_GIL_HELD);
	stack(&m, "m3 a13 a12", 20, PROFILE_GIL_HELD); /* recursion is no caller */
	stack(&m, "m3 a13 j12", 10, PROFILE_GIL_HELD);
	finish(&m);
	assert_said(
		&m, where,
		"100 % of the CPU time is in main (app.py:10) itself, most at line 13; called from the top level of "
		"app.py.");
	end(&m);
}

static void nothing_stands_out(void **state)
{
	struct made m;

	(void)state;
	begin(&m, 10000 * MS);
	thread(&m, 1, "MainThread");
	for (unsigned i = 0; i < 40; i++) {
		char name[16], file[32];
		struct profile_function f = {.id = 100 + i, .name = name, .module = "app.many", .file = file};

		snprintf(name, sizeof(name), "f%u", i);
		snprintf(file, sizeof(file), "/srv/app/many%u.py", i / 2);
		f.id = (uint32_t)(sizeof(table) / sizeof(*table)) + 1 + i;
		f.short_file = file + strlen("/srv/app/");
		f.first_line = 7;
		m.to.ops->function(m.to.ctx, &f);
		tell_frame(m.to, ++m.frames, f.id, 8);
		tell_stack(m.to, ++m.stacks, 0, m.frames);
		for (unsigned k = 0; k < 10 + (i == 30); k++)
			m.to.ops->sample(m.to.ctx,
					 &(struct profile_sample){.thread = 1, .stack = m.stacks, .value = 10 * MS});
	}
	finish(&m);
	assert_said(&m, where,
		    "No function has more than 5 % of the CPU time: the most has f30 (many15.py:7), 2.7 %; of modules "
		    "app.many, 100 %.");
	assert_said(&m, gil, "Who held the GIL was not recorded.");
	end(&m);
}

static void say_imports(void (*finish_it)(struct made *m))
{
	struct made m;

	begin(&m, 10000 * MS);
	thread(&m, 1, "MainThread");
	stack(&m, "m3 i5 p9 i5", 300, PROFILE_GIL_HELD);
	stack(&m, "m3 i5 p9", 200, PROFILE_GIL_HELD);
	stack(&m, "m4 i5", 200, PROFILE_GIL_HELD);
	stack(&m, "m5 a12", 300, PROFILE_GIL_HELD);
	finish_it(&m);
	assert_said(
		&m, where,
		"70 % of the CPU time goes into imports; the largest is of pandas, 50 %, by the top level of app.py at "
		"line 3.");
	end(&m);
	/* a program that is an import is no import */
	begin(&m, 10000 * MS);
	thread(&m, 1, "MainThread");
	stack(&m, "m3 i5 p9 a12", 990, PROFILE_GIL_HELD);
	stack(&m, "m3 i5 p9", 10, PROFILE_GIL_HELD);
	finish_it(&m);
	assert_true(strstr(m.said.where, "99 % of the CPU time is in main (app.py:10) itself") == m.said.where);
	end(&m);
}

static void imports(void **state)
{
	(void)state;
	say_imports(finish);
	say_imports(finish_folded);
}

static void a_tool_that_is_installed(void **state)
{
	struct made m;

	(void)state;
	begin(&m, 10000 * MS);
	thread(&m, 1, "MainThread");
	stack(&m, "m8 s20 t30", 600, PROFILE_GIL_HELD);
	stack(&m, "m8 s20 t31 j50", 300, PROFILE_GIL_HELD);
	stack(&m, "m8 s20", 100, PROFILE_GIL_HELD);
	finish(&m);
	assert_said(&m, where,
		    "90 % of the CPU time is in tokenize (black/tokens.py:10) and the code of others that it calls, "
		    "most at "
		    "line 30; most of that runs in raw_decode (json/decoder.py:10); called from Engine.run "
		    "(sqlalchemy/engine.py:10).");
	end(&m);
}

static void native_threads(void **state)
{
	struct made m;

	(void)state;
	begin(&m, 10000 * MS);
	thread(&m, 1, "MainThread");
	stack(&m, "m3 a12 d0", 300, PROFILE_GIL_HELD);
	thread(&m, 1, "blas");
	stack(&m, "N0 d0", 700, PROFILE_GIL_NOT_HELD);
	finish(&m);
	assert_said(&m, where,
		    "70 % of the CPU time is in no Python function, the most of it in dgemm_kernel "
		    "(libopenblas.so), 70 %; of yours the most is in main (app.py:10), 30 %.");
	end(&m);
	/* and where nothing is known of their code */
	begin(&m, 10000 * MS);
	thread(&m, 1, "MainThread");
	stack(&m, "m3 a12", 300, PROFILE_GIL_HELD);
	thread(&m, 1, "blas");
	stack(&m, "N0", 700, PROFILE_GIL_NOT_HELD);
	finish(&m);
	assert_said(&m, where,
		    "70 % of the CPU time is in no Python function, the most of it in [native threads], 70 %; of yours "
		    "the most is in main (app.py:10), 30 %.");
	end(&m);
	/* native code counts for the Python function that called it */
	begin(&m, 10000 * MS);
	thread(&m, 1, "MainThread");
	stack(&m, "m3 a12 s7 d0", 1000, PROFILE_GIL_HELD);
	finish(&m);
	assert_said(&m, where,
		    "100 % of the CPU time is in main (app.py:10) and the library code that it calls, nearly all at "
		    "line 12; "
		    "most of that runs in dgemm_kernel (libopenblas.so); called from the top level of app.py.");
	end(&m);
}

static void several_processes_and_who_holds_the_gil(void **state)
{
	struct made m;

	(void)state;
	begin(&m, 10000 * MS);
	thread(&m, 1, "MainThread");
	stack(&m, "m3 a12", 600, PROFILE_GIL_HELD);
	thread(&m, 1, "worker");
	stack(&m, "c11", 300, PROFILE_GIL_HELD);
	thread(&m, 2, "MainThread");
	stack(&m, "c11", 100, PROFILE_GIL_HELD);
	finish(&m);
	assert_said(
		&m, where,
		"60 % of the CPU time of 2 processes is in main (app.py:10) itself, nearly all at line 12; called from "
		"the top level of app.py; all in process 42; next is render (app/views.py:10), 40 %.");
	assert_said(&m, gil,
		    "Threads wait for the GIL: it was held for 90 % of the time in the process that holds it most; "
		    "longest by "
		    "thread MainThread 1001 (60 % of that), in code by main (app.py:10).");
	end(&m);
}

static void the_gil_where_it_is_no_limit(void **state)
{
	static const struct {
		enum profile_gil gil;
		bool only, two;
		const char *want;
	} cases[] = {
		{PROFILE_GIL_NONE, false, true, "There is no GIL: the threads of this Python run beside each other."},
		{PROFILE_GIL_UNKNOWN, false, true, "Who held the GIL was not recorded."},
		{PROFILE_GIL_HELD, true, true, "Only samples that held the GIL are shown, so who waits for it is not."},
		{PROFILE_GIL_HELD, false, false, "One thread has all samples, so none was seen to wait for the GIL."},
		{PROFILE_GIL_HELD, false, true,
		 "The GIL is no limit: it was held for 20 % of the time; longest by thread worker 1001 (50 % of that), "
		 "in code "
		 "by main (app.py:10)."},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct made m;

		begin(&m, 10000 * MS);
		thread(&m, 1, "worker");
		stack(&m, "a12", 100, cases[i].gil);
		if (cases[i].two)
			thread(&m, 1, "worker");
		stack(&m, "a12", 100, cases[i].gil);
		m.view.gil_only = cases[i].only;
		finish(&m);
		assert_said(&m, gil, cases[i].want);
		end(&m);
	}
}

static void too_little_to_say(void **state)
{
	struct made m;

	(void)state;
	begin(&m, 8540 * MS);
	thread(&m, 1, "MainThread");
	stack(&m, "a12", 5, PROFILE_GIL_HELD);
	finish(&m);
	assert_said(&m, lacks,
		    "It was on a CPU for 0.59 % of the 8.54 s, and only that is shown: `pybpfprof dump --pid 42` shows "
		    "where "
		    "it waits while it runs; 5 samples are few, so shares are rough: record for longer, or with --rate "
		    "999.");
	end(&m);
	begin(&m, 8540 * MS);
	finish(&m);
	assert_said(&m, where, "No samples: no Python code was on a CPU in 8.54 s.");
	assert_said(&m, gil, "Nothing is known of the GIL.");
	assert_true(strstr(m.said.lacks, "It was on a CPU for 0 % of the 8.54 s") == m.said.lacks);
	end(&m);
}

static void what_was_lost(void **state)
{
	struct made m;

	(void)state;
	begin(&m, 1000 * MS);
	thread(&m, 1, "MainThread");
	stack(&m, "a12", 900, PROFILE_GIL_HELD);
	tell_loss(m.to, "ring_full", 100, 0);
	tell_loss(m.to, "not_python", 1000, 0); /* is no loss */
	finish(&m);
	assert_said(&m, lacks, "10 % of the samples were lost or failed, most because it was so.");
	end(&m);
	begin(&m, 1000 * MS);
	thread(&m, 1, "MainThread");
	tell_loss(m.to, "ring_full", 100, 0);
	finish(&m);
	assert_said(&m, where, "Nothing could be read: all 100 samples were lost or failed.");
	end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(libraries_count_for_who_calls_them),
		cmocka_unit_test(one_function_that_does_it_all),
		cmocka_unit_test(nothing_stands_out),
		cmocka_unit_test(imports),
		cmocka_unit_test(a_tool_that_is_installed),
		cmocka_unit_test(native_threads),
		cmocka_unit_test(several_processes_and_who_holds_the_gil),
		cmocka_unit_test(the_gil_where_it_is_no_limit),
		cmocka_unit_test(too_little_to_say),
		cmocka_unit_test(what_was_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
