/* SPDX-License-Identifier: MIT */
/* Code objects by their key: names and line tables as they arrive, in pieces, twice, cut, or not at
 * all. */
#include "tests/unit/make_records.h"
#include "user/profile/profile.h"
#include "user/resolve/codes.h"
#include "user/resolve/console_script.h"
#include "user/util/alloc.h"
#include "user/util/log.h"

static struct profile_builder *builder;
static struct codes *codes;

static int begin(void **state)
{
	(void)state;
	builder = profile_builder__new(true);
	codes = codes__new(profile_builder__sink(builder), (struct path_asker){0});
	return 0;
}

static struct profile *finish(void)
{
	codes__free(codes);
	codes = NULL;
	return profile_builder__finish(builder);
}

static void add(const struct made_code *c, enum line_table_kind kind)
{
	struct abi_code *r = code_record(c);

	codes__add(codes, r, kind);
	free(r);
}

static void add_lines(uint64_t key, const char *table, uint32_t offset, uint32_t bytes)
{
	struct abi_lines *r = lines_record(key, table, offset, bytes);

	codes__add_lines(codes, r);
	free(r);
}

static void add_whole(uint64_t key, uint32_t image_id, const char *name, int32_t first_line)
{
	struct made_code c = {.key = key, .image_id = image_id, .name = name, .file = "/app/m.py"};
	__cleanup_free char *table = make_table(LINE_TABLE_LOCATIONS, 8);

	c.first_line = first_line;
	c.lines_bytes = table_bytes(LINE_TABLE_LOCATIONS, 8);
	add(&c, LINE_TABLE_LOCATIONS);
	add_lines(key, table, 0, c.lines_bytes);
}

static const char *name_of(const struct profile *p, uint32_t frame)
{
	return p->functions[p->frames[frame].function].name;
}

static const char *file_of(const struct profile *p, uint32_t frame)
{
	return p->functions[p->frames[frame].function].file;
}

static void every_kind_of_table(void **state)
{
	uint32_t frames[3][5];
	struct profile *p;

	(void)state;
	for (unsigned kind = LINE_TABLE_LNOTAB; kind <= LINE_TABLE_LOCATIONS; kind++) {
		struct made_code c = {.key = kind + 1, .name = "f", .file = "/a.py"};
		__cleanup_free char *table = make_table(kind, 100);

		c.first_line = (int32_t)(1000 * kind + 10);
		c.lines_bytes = table_bytes(kind, 100);
		add(&c, kind);
		assert_int_equal(codes__frame(codes, c.key, 0), 0); /* not without its lines */
		add_lines(c.key, table, 0, c.lines_bytes);
		for (int i = 0; i < 5; i++)
			frames[kind][i] = codes__frame(codes, c.key, 2 * i * i);
	}
	p = finish();
	assert_int_equal(p->function_cnt, 3);
	for (int kind = 0; kind < 3; kind++)
		for (int i = 0; i < 5; i++)
			assert_int_equal(p->frames[frames[kind][i]].line, 1000 * kind + 10 + i * i);
	profile__free(p);
}

/* Two tables of a size: in three pieces, then one that lacks its second, which a second copy
 * brings. */
static void tables_in_pieces(void **state)
{
	const uint32_t n = 15000, size = table_bytes(LINE_TABLE_LOCATIONS, n), third = ABI_CODE_CHUNK;
	__cleanup_free char *table = make_table(LINE_TABLE_LOCATIONS, n);
	struct made_code c = {.key = 5, .name = "big", .file = "/a.py", .first_line = 1, .lines_bytes = size};
	uint32_t last;
	struct profile *p;

	(void)state;
	add(&c, LINE_TABLE_LOCATIONS);
	add_lines(5, table, 0, third);
	assert_int_equal(codes__frame(codes, 5, 0), 0);
	add_lines(5, table, 2 * third, size - 2 * third); /* too early: there is a hole before it */
	assert_int_equal(codes__frame(codes, 5, 0), 0);
	add(&c, LINE_TABLE_LOCATIONS); /* another thread met it too */
	add_lines(5, table, 0, third);
	add_lines(5, table, third, third);
	add_lines(5, table, third, third);
	assert_int_equal(codes__frame(codes, 5, 0), 0);
	add_lines(5, table, 2 * third, size - 2 * third);
	last = codes__frame(codes, 5, (int32_t)(2 * (n - 1)));
	assert_true(last != 0);
	add_lines(5, table, 2 * third, size - 2 * third); /* whole already */
	add(&c, LINE_TABLE_LOCATIONS);
	assert_int_equal(codes__frame(codes, 5, (int32_t)(2 * (n - 1))), last);
	p = finish();
	assert_int_equal(p->frames[last].line, n);
	assert_int_equal(p->function_cnt, 1);
	profile__free(p);
}

/* What was promised bounds what is taken. */
static void pieces_that_lie(void **state)
{
	__cleanup_free char *table = make_table(LINE_TABLE_LOCATIONS, 100);
	struct made_code c = {.key = 6, .name = "f", .file = "/a.py", .first_line = 1, .lines_bytes = 30};
	uint32_t frame;
	struct profile *p;

	(void)state;
	add_lines(6, table, 0, 30); /* nobody knows what it belongs to */
	add(&c, LINE_TABLE_LOCATIONS);
	add_lines(6, table, 0, 31);
	add_lines(6, table, 0, 300);
	add_lines(6, table, 30, 1);
	add_lines(7, table, 0, 30);
	add_lines(6, table, 0, 0);
	assert_int_equal(codes__frame(codes, 6, 0), 0);
	add_lines(6, table, 0, 15);
	add_lines(6, table, 15, 16);
	assert_int_equal(codes__frame(codes, 6, 0), 0);
	add_lines(6, table, 15, 15);
	frame = codes__frame(codes, 6, 18);
	p = finish();
	assert_int_equal(p->frames[frame].line, 10);
	profile__free(p);
}

/* A name without a line, for good: a line that the rest of the table would change is a wrong line.
 */
static void what_is_missing_when_it_must_be_now(void **state)
{
	struct made_code c = {.key = 8, .name = "half", .file = "/a.py", .first_line = 1, .lines_bytes = 300};
	__cleanup_free char *table = make_table(LINE_TABLE_LOCATIONS, 100);
	uint32_t half, unknown;
	struct profile *p;

	(void)state;
	add(&c, LINE_TABLE_LOCATIONS);
	add_lines(8, table, 0, 150);
	assert_int_equal(codes__frame(codes, 8, 20), 0);
	half = codes__frame_now(codes, 8, 20);
	assert_int_equal(codes__frame(codes, 8, 2 * 90), half);
	add_lines(8, table, 150, 150); /* too late */
	assert_int_equal(codes__frame(codes, 8, 20), half);
	unknown = codes__frame_now(codes, 99, 0);
	assert_int_equal(codes__frame_now(codes, 100, 4), unknown);
	assert_int_equal(codes__frame(codes, 99, 0), 0);
	p = finish();
	assert_string_equal(name_of(p, half), "half");
	assert_int_equal(p->frames[half].line, 0);
	assert_string_equal(name_of(p, unknown), "[unknown function]");
	assert_int_equal(p->functions[p->frames[unknown].function].kind, PROFILE_SYNTHETIC);
	profile__free(p);
}

/* The ring was full: what was sent in part is sent again when it is met the next time. */
static void what_was_lost_comes_again(void **state)
{
	struct made_code c = {.key = 8, .name = "twice", .file = "/a.py", .first_line = 1, .lines_bytes = 300};
	__cleanup_free char *table = make_table(LINE_TABLE_LOCATIONS, 100);
	uint32_t without, with, given_up;
	struct profile *p;

	(void)state;
	add(&c, LINE_TABLE_LOCATIONS);
	add_lines(8, table, 0, 150);
	without = codes__frame_now(codes, 8, 20);
	add(&c, LINE_TABLE_LOCATIONS); /* no lines of it this time */
	assert_int_equal(codes__frame(codes, 8, 20), without);
	add(&c, LINE_TABLE_LOCATIONS);
	add_lines(8, table, 0, 150);
	add_lines(8, table, 150, 150);
	with = codes__frame(codes, 8, 20);
	add(&c, LINE_TABLE_LOCATIONS); /* it has all */
	assert_int_equal(codes__frame(codes, 8, 20), with);
	c.key = 9;
	add(&c, LINE_TABLE_LOCATIONS);
	add_lines(9, table, 0, 150);
	c.flags = ABI_CODE_UNREADABLE; /* the rest could not be read */
	c.lines_bytes = 0;
	add(&c, LINE_TABLE_LOCATIONS);
	given_up = codes__frame(codes, 9, 20);
	assert_true(given_up != 0);
	p = finish();
	assert_int_equal(p->frames[without].line, 0);
	assert_int_equal(p->frames[with].line, 11);
	assert_int_equal(p->frames[given_up].line, 0);
	profile__free(p);
}

static void no_line_table(void **state)
{
	struct made_code none = {.key = 1, .name = "f", .file = "/a.py", .first_line = 7};
	struct made_code huge = {
		.key = 2, .name = "g", .file = "/a.py", .first_line = 8, .lines_bytes = ABI_SENT_LINES + 1};
	struct made_code unread = {
		.key = 3, .name = "h", .file = "/a.py", .first_line = 9, .flags = ABI_CODE_UNREADABLE};
	uint32_t f, g, h;
	struct profile *p;

	(void)state;
	add(&none, LINE_TABLE_LOCATIONS);
	add(&huge, LINE_TABLE_LOCATIONS);
	add(&unread, LINE_TABLE_LOCATIONS);
	f = codes__frame(codes, 1, 50);
	g = codes__frame(codes, 2, 50);
	h = codes__frame(codes, 3, 50);
	p = finish();
	assert_int_equal(p->frames[f].line, 7);
	assert_int_equal(p->frames[g].line, 0); /* it has lines, but nobody knows them */
	assert_int_equal(p->frames[h].line, 0);
	profile__free(p);
}

/* Forked workers: other keys, the same content, which is kept once. */
static void equal_content_is_one_function(void **state)
{
	uint32_t a, b, other;
	struct profile *p;

	(void)state;
	for (uint32_t image = 1; image <= 100; image++)
		add_whole(1000 + image, image, "f", 10);
	add_whole(5000, 1, "f", 20);
	a = codes__frame(codes, 1001, 4);
	b = codes__frame(codes, 1100, 4);
	other = codes__frame(codes, 5000, 4);
	assert_int_equal(a, b);
	assert_true(other != a);
	p = finish();
	assert_int_equal(p->function_cnt, 2);
	assert_int_equal(p->frames[a].line, 12);
	assert_int_equal(p->frames[other].line, 22);
	profile__free(p);
}

/* ---- relative paths --------------------------------------------------------------------- */

static unsigned asked; /* what exists */

/* Images 1 to 9 were started in folders of their own; image 9 has left its own. */
static char *in_own_folder(void *ctx, uint32_t image_id, const char *path)
{
	(void)ctx;
	return image_id == 9 ? xasprintf("/%s", path) : xasprintf("/srv/%u/%s", image_id, path);
}

static bool is_in_srv(void *ctx, uint32_t image_id, const char *path)
{
	(void)ctx;
	(void)image_id;
	asked++;
	return !strncmp(path, "/srv/", 5) && strchr(path + 5, '/') && !strstr(path, "templates") &&
	       !strstr(path, ".pyz/");
}

static uint32_t add_file(uint64_t key, uint32_t image_id, const char *file, unsigned lines)
{
	__cleanup_free char *table = make_table(LINE_TABLE_310, lines);
	struct made_code c = {.image_id = image_id, .key = key, .name = "main", .file = file};

	c.first_line = 2;
	c.lines_bytes = table_bytes(LINE_TABLE_310, lines);
	add(&c, LINE_TABLE_310);
	add_lines(key, table, 0, c.lines_bytes);
	return codes__frame(codes, key, 0);
}

static void a_relative_path_is_of_a_folder(void **state)
{
	uint32_t shop, bank, worker, archive, template, same, other, left;
	struct profile *p;

	(void)state;
	codes__free(codes);
	codes = codes__new(profile_builder__sink(builder), (struct path_asker){is_in_srv, in_own_folder, NULL});
	shop = add_file(1, 1, "app.py", 4);
	bank = add_file(2, 2, "app.py", 4);
	worker = add_file(3, 1, "app.py", 4);
	archive = add_file(4, 1, "app.pyz/__main__.py", 4);
	template = add_file(5, 1, "templates/base.html", 4);
	same = add_file(6, 2, "templates/base.html", 4);
	other = add_file(7, 2, "templates/base.html", 5);
	left = add_file(8, 9, "app.py", 4);
	assert_int_not_equal(shop, bank);
	assert_int_equal(shop, worker);
	assert_int_equal(template, same); /* whose it is is not known, and they are alike */
	assert_int_not_equal(template, other);
	assert_int_not_equal(left, shop);
	p = finish();
	assert_string_equal(file_of(p, shop), "/srv/1/app.py");
	assert_string_equal(file_of(p, bank), "/srv/2/app.py");
	assert_string_equal(file_of(p, archive), "/srv/1/app.pyz/__main__.py");
	assert_string_equal(file_of(p, template), "templates/base.html");
	assert_string_equal(file_of(p, left), "app.py");
	profile__free(p);
}

/* ---- console scripts -------------------------------------------------------------------- */

static bool is_in_venv(void *ctx, uint32_t image_id, const char *path)
{
	(void)ctx;
	asked++;
	return image_id == 1 && !strcmp(path, "/venv/bin/python");
}

static enum profile_origin origin_of(uint32_t image_id, const char *file, const char *module, unsigned lines)
{
	static uint64_t key = 5000;
	struct made_code c = {.image_id = image_id, .key = ++key, .name = "<module>", .file = file, .module = module};
	__cleanup_free char *table = make_table(LINE_TABLE_310, lines);
	const struct profile *p = profile_builder__peek(builder);
	uint32_t frame;

	c.first_line = 1;
	c.lines_bytes = table_bytes(LINE_TABLE_310, lines);
	add(&c, LINE_TABLE_310);
	add_lines(key, table, 0, c.lines_bytes);
	frame = codes__frame(codes, key, 0);
	return p->functions[p->frames[frame].function].origin;
}

/* What an installer wrote is as little the user's as the library that it starts. */
static void a_console_script_is_not_the_users(void **state)
{
	(void)state;
	codes__free(codes);
	codes = codes__new(profile_builder__sink(builder), (struct path_asker){is_in_venv, in_own_folder, NULL});
	assert_int_equal(origin_of(1, "/venv/bin/gunicorn", "__main__", 7), PROFILE_SITE);
	assert_int_equal(origin_of(1, "/home/me/.local/bin/black", "__main__", 7), PROFILE_SITE);
	assert_int_equal(origin_of(1, "/venv/bin/tool", "__main__", 100), PROFILE_USER); /* a program */
	assert_int_equal(origin_of(1, "/venv/bin/flask", "flask", 7), PROFILE_USER);     /* a module */
	assert_int_equal(origin_of(1, "/srv/bin/app", "__main__", 7), PROFILE_USER);
	assert_int_equal(origin_of(1, "/venv/app.py", "__main__", 7), PROFILE_USER);
	assert_int_equal(origin_of(2, "/venv/bin/pytest", "__main__", 7), PROFILE_USER); /* of another root */
	asked = 0;
	for (unsigned i = 0; i < 100; i++) {
		__cleanup_free char *file = xasprintf("/srv/%u/bin/x", i);

		assert_int_equal(origin_of(3, file, "__main__", 7), PROFILE_USER);
	}
	assert_int_equal(asked, CONSOLE_SCRIPT_ASKS);
	profile__free(finish());
}

/* However many functions a file has, and however many files a process makes up. */
static void a_path_is_asked_about_once(void **state)
{
	uint32_t last = 0;
	struct profile *p;

	(void)state;
	codes__free(codes);
	codes = codes__new(profile_builder__sink(builder), (struct path_asker){is_in_srv, in_own_folder, NULL});
	asked = 0;
	for (uint64_t key = 1; key <= 100; key++)
		add_file(key, 1, key % 2 ? "app.py" : "templates/base.html", 4);
	assert_int_equal(asked, 3); /* the file, the template, its folder */
	for (uint64_t key = 1; key <= 2 * WHOLE_PATHS_MAX; key++) {
		__cleanup_free char *file = xasprintf("f%d.py", (int)key);

		last = add_file(1000 + key, 2, file, 4);
	}
	assert_int_equal(asked, 3 + WHOLE_PATHS_MAX);
	codes__forget(codes, 2);
	add_file(2000, 2, "f1.py", 4); /* another process by now */
	assert_int_equal(asked, 4 + WHOLE_PATHS_MAX);
	p = finish();
	assert_string_equal(file_of(p, last), "f512.py");
	profile__free(p);
}

/* ---- modules ---------------------------------------------------------------------------- */

static uint32_t add_module(uint64_t key, uint32_t image_id, const char *file, const char *module)
{
	struct made_code c = {.key = key, .image_id = image_id, .name = "f", .file = file, .module = module};

	c.first_line = 3;
	add(&c, LINE_TABLE_LOCATIONS);
	return codes__frame(codes, key, 0);
}

static const struct profile_function *function_of(const struct profile *p, uint32_t frame)
{
	return &p->functions[p->frames[frame].function];
}

/* Imported, run, run by a child, not known: what one process is told by is nothing to the others. */
static void modules_of_one_file(void **state)
{
	const char *file = "/app/pkg/mod.py";
	uint32_t imported, run, child, unknown, other, generated, by_hand;
	struct code_text text = {.name = "f", .file = file, .first_line = 3, .module = "pkg.mod"};
	struct profile *p;

	(void)state;
	other = add_module(1, 1, file, "evil");
	run = add_module(2, 2, file, "__main__");
	imported = add_module(3, 2, file, "pkg.mod");
	child = add_module(4, 3, file, "__mp_main__");
	unknown = add_module(5, 4, file, NULL);
	generated = add_module(6, 2, "<string>", "pkg.models");
	codes__set(codes, 7, 5, &text);
	by_hand = codes__frame(codes, 7, 0);
	assert_int_equal(run, child);
	assert_int_equal(run, unknown);
	assert_int_equal(imported, by_hand);
	assert_int_not_equal(add_module(8, 2, "<string>", "pkg.forms"), generated);
	p = finish();
	assert_int_equal(p->function_cnt, 5);
	assert_string_equal(function_of(p, other)->module, "evil");
	assert_string_equal(function_of(p, run)->module, "mod");
	assert_string_equal(function_of(p, imported)->module, "pkg.mod");
	assert_string_equal(function_of(p, imported)->short_file, "pkg/mod.py");
	assert_string_equal(function_of(p, generated)->module, "pkg.models");
	profile__free(p);
}

static void module_texts(void **state)
{
	struct made_code c = {.name = "f", .file = "/app/pkg/__main__.py", .module = "pkg"};
	uint32_t package, cut, hostile;
	struct abi_code *r;
	struct profile *p;

	(void)state;
	c.key = 1;
	r = code_record(&c);
	r->module.flags = ABI_TEXT_PACKAGE;
	codes__add(codes, r, LINE_TABLE_LOCATIONS);
	package = codes__frame(codes, 1, 0);
	r->code_key = 2;
	r->module.flags = ABI_TEXT_CUT;
	codes__add(codes, r, LINE_TABLE_LOCATIONS);
	cut = codes__frame(codes, 2, 0);
	free(r);
	hostile = add_module(3, 1, "/x.py", "a\x1b[31m\nb");
	p = finish();
	assert_string_equal(function_of(p, package)->module, "pkg.__main__");
	assert_string_equal(function_of(p, package)->short_file, "pkg/__main__.py");
	assert_string_equal(function_of(p, cut)->module, "pkg…");
	assert_string_equal(function_of(p, hostile)->module, "a\\x1b[31m\\nb");
	profile__free(p);
}

static void an_image_that_is_gone(void **state)
{
	uint32_t before;

	(void)state;
	add_whole(1, 10, "f", 10);
	add_whole(2, 10, "g", 20);
	add_whole(3, 11, "f", 10);
	before = codes__frame(codes, 1, 4);
	codes__forget(codes, 10);
	codes__forget(codes, 10);
	codes__forget(codes, 12);
	assert_int_equal(codes__frame(codes, 1, 4), 0);
	assert_int_equal(codes__frame(codes, 2, 4), 0);
	assert_int_equal(codes__frame(codes, 3, 4), before); /* the function is known for ever */
	add_whole(1, 10, "h", 30);                           /* late records of it */
	assert_true(codes__frame(codes, 1, 4) != before);
	profile__free(finish());
}

/* Python/specialize.c, _Py_InitCleanup: no function of anybody's. */
static void machinery_is_hidden(void **state)
{
	struct made_code c = {.key = 1, .name = "__init__", .file = "__init__", .first_line = 0};
	struct made_code real = {.key = 2, .name = "__init__", .file = "/a.py", .first_line = 3};
	uint32_t shown;
	struct profile *p;

	(void)state;
	add(&c, LINE_TABLE_LOCATIONS);
	add(&real, LINE_TABLE_LOCATIONS);
	assert_int_equal(codes__frame(codes, 1, 0), CODES_HIDDEN);
	assert_int_equal(codes__frame_now(codes, 1, 0), CODES_HIDDEN);
	shown = codes__frame(codes, 2, 0);
	p = finish();
	assert_int_equal(p->function_cnt, 1);
	assert_string_equal(name_of(p, shown), "__init__");
	profile__free(p);
}

/* ---- texts ---------------------------------------------------------------------------- */

static uint32_t add_texts(uint64_t key, const void *name, struct abi_text name_text, struct abi_text file_text)
{
	size_t bytes = name_text.bytes + file_text.bytes;
	struct abi_code *r = xcalloc(1, sizeof(*r) + bytes);

	r->code_key = key;
	r->name = name_text;
	r->file = file_text;
	memcpy(r + 1, name, name_text.bytes);
	memset((char *)(r + 1) + name_text.bytes, 'x', file_text.bytes);
	codes__add(codes, r, LINE_TABLE_LOCATIONS);
	free(r);
	return codes__frame(codes, key, 0);
}

static void names_of_every_width(void **state)
{
	static const uint16_t two[] = {0x43f, 0x43e, 0x442, 0x43e, 0x43a};
	static const uint32_t four[] = {0x1f40d, 'x', 0xd800, 0x110000};
	const struct abi_text file = {.bytes = 3, .kind = 1};
	uint32_t one_id, two_id, four_id, odd_id;
	struct profile *p;

	(void)state;
	one_id = add_texts(1, "caf\xe9", (struct abi_text){.bytes = 4, .kind = 1}, file);
	two_id = add_texts(2, two, (struct abi_text){.bytes = 10, .kind = 2}, file);
	four_id = add_texts(3, four, (struct abi_text){.bytes = 16, .kind = 4}, file);
	odd_id = add_texts(4, two, (struct abi_text){.bytes = 9, .kind = 2}, file);
	p = finish();
	assert_string_equal(name_of(p, one_id), "café");
	assert_string_equal(name_of(p, two_id), "поток");
	assert_memory_equal(name_of(p, four_id), "🐍x\\ud800", 11);
	assert_string_equal(name_of(p, odd_id), "пото");
	assert_string_equal(p->functions[p->frames[two_id].function].file, "xxx");
	profile__free(p);
}

static void names_that_are_not_whole(void **state)
{
	const struct abi_text file = {.bytes = 3, .kind = 1};
	uint32_t cut, none, no_file, hostile;
	struct profile *p;

	(void)state;
	cut = add_texts(1, "longer", (struct abi_text){.bytes = 4, .kind = 1, .flags = ABI_TEXT_CUT}, file);
	none = add_texts(2, "", (struct abi_text){.flags = ABI_TEXT_UNREADABLE}, file);
	no_file = add_texts(3, "f", (struct abi_text){.bytes = 1, .kind = 1},
			    (struct abi_text){.flags = ABI_TEXT_UNREADABLE});
	hostile = add_texts(4, "a\x1b[31m\nb", (struct abi_text){.bytes = 8, .kind = 1}, file);
	p = finish();
	assert_string_equal(name_of(p, cut), "long…");
	assert_string_equal(name_of(p, none), "[unreadable]");
	assert_string_equal(p->functions[p->frames[no_file].function].file, "[unreadable]");
	assert_string_equal(name_of(p, hostile), "a\\x1b[31m\\nb");
	profile__free(p);
}

/* What the kernel side could not read, user space read; a record that comes behind it changes
 * nothing. */
static void read_by_user_space(void **state)
{
	__cleanup_free char *table = make_table(LINE_TABLE_LOCATIONS, 8);
	struct code_text text = {.name = "by_hand",
				 .file = "/a.py",
				 .first_line = 5,
				 .table = table,
				 .table_len = 24,
				 .kind = LINE_TABLE_LOCATIONS};
	struct made_code c = {.key = 1, .name = "late", .file = "/b.py", .lines_bytes = 24};
	uint32_t frame;
	struct profile *p;

	(void)state;
	add(&c, LINE_TABLE_LOCATIONS); /* its lines never come */
	codes__set(codes, 1, 1, &text);
	add(&c, LINE_TABLE_LOCATIONS);
	add_lines(1, table, 0, 24);
	frame = codes__frame(codes, 1, 4);
	text.table = NULL;
	text.table_len = 0;
	codes__set(codes, 2, 1, &text);
	assert_true(codes__frame(codes, 2, 4) != frame);
	p = finish();
	assert_string_equal(name_of(p, frame), "by_hand");
	assert_int_equal(p->frames[frame].line, 7);
	profile__free(p);
}

static void marks(void **state)
{
	uint32_t a, b;
	struct profile *p;

	(void)state;
	a = codes__synthetic(codes, "[a]");
	b = codes__synthetic(codes, "[b]");
	assert_true(a != b);
	assert_int_equal(codes__synthetic(codes, "[a]"), a);
	p = finish();
	assert_int_equal(p->function_cnt, 2);
	assert_int_equal(p->functions[p->frames[b].function].kind, PROFILE_SYNTHETIC);
	profile__free(p);
}

static uint32_t line_of(uint64_t key, const char *table, size_t len)
{
	char name[32];
	struct code_text t = {.name = name,
			      .file = "/a.py",
			      .first_line = 7,
			      .table = table,
			      .table_len = len,
			      .kind = LINE_TABLE_LNOTAB};

	snprintf(name, sizeof(name), "f%llu", (unsigned long long)key);
	codes__set(codes, key, 1, &t);
	return codes__frame(codes, key, 0);
}

/* What a process may make the profiler keep ends somewhere; equal tables are kept once. */
static void tables_have_a_limit(void **state)
{
	size_t len = 16 << 20, all = codes__room(codes, 1);
	char *table = xcalloc(1, len);
	uint32_t frames[8];
	struct profile *p;

	(void)state;
	log_set_level(LOG_ERROR);
	for (uint64_t key = 1; key <= 100; key++)
		frames[0] = line_of(key, table, len);
	assert_int_equal(codes__room(codes, 1), all - len);
	for (int i = 1; i < 8; i++) {
		memcpy(table, &i, sizeof(i));
		frames[i] = line_of(200 + (uint64_t)i, table, len);
	}
	assert_int_equal(codes__room(codes, 1), all % len);
	assert_true(codes__room(codes, 2) > all % len); /* others have their own */
	p = finish();
	for (int i = 0; i < 8; i++)
		assert_int_equal(p->frames[frames[i]].line != 0, (size_t)i < all / len);
	profile__free(p);
	free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_kind_of_table, begin),
		cmocka_unit_test_setup(tables_in_pieces, begin),
		cmocka_unit_test_setup(pieces_that_lie, begin),
		cmocka_unit_test_setup(what_is_missing_when_it_must_be_now, begin),
		cmocka_unit_test_setup(what_was_lost_comes_again, begin),
		cmocka_unit_test_setup(no_line_table, begin),
		cmocka_unit_test_setup(tables_have_a_limit, begin),
		cmocka_unit_test_setup(equal_content_is_one_function, begin),
		cmocka_unit_test_setup(a_relative_path_is_of_a_folder, begin),
		cmocka_unit_test_setup(a_path_is_asked_about_once, begin),
		cmocka_unit_test_setup(a_console_script_is_not_the_users, begin),
		cmocka_unit_test_setup(modules_of_one_file, begin),
		cmocka_unit_test_setup(module_texts, begin),
		cmocka_unit_test_setup(an_image_that_is_gone, begin),
		cmocka_unit_test_setup(machinery_is_hidden, begin),
		cmocka_unit_test_setup(names_of_every_width, begin),
		cmocka_unit_test_setup(names_that_are_not_whole, begin),
		cmocka_unit_test_setup(read_by_user_space, begin),
		cmocka_unit_test_setup(marks, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
