/* Paths as they occur in containers, and as nobody should write them. */
#include "user/resolve/module_name.h"
#include "user/util/alloc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* The files that exist, separated by blanks. */
static bool exists_in(void *ctx, const char *path)
{
	const char *files = ctx, *at = strstr(files, path);
	size_t len = strlen(path);

	for (; at; at = strstr(at + 1, path)) {
		if ((at == files || at[-1] == ' ') && (!at[len] || at[len] == ' '))
			return true;
	}
	return false;
}

struct example {
	const char *file, *files, *module, *short_file;
	enum profile_origin origin;
};

static const struct example examples[] = {
	{"/usr/lib/python3.11/json/decoder.py", "", "json.decoder", "json/decoder.py",
	 PROFILE_STDLIB},
	{"/usr/lib/python3.11/os.py", "", "os", "os.py", PROFILE_STDLIB},
	{"/opt/x/lib64/python3.13t/json/__init__.py", "", "json", "json/__init__.py",
	 PROFILE_STDLIB},
	{"/usr/lib/python3.11/lib-dynload/_x.cpython-311-x86_64-linux-gnu.so", "", "_x",
	 "_x.cpython-311-x86_64-linux-gnu.so", PROFILE_STDLIB},
	{"/usr/lib/python3.11/config-3.11-x86_64-linux-gnu/python-config.py", "", "python-config",
	 "python-config.py", PROFILE_STDLIB},
	{"/v/lib/python3.8/site-packages/pkg/sub/__init__.py", "", "pkg.sub", "pkg/sub/__init__.py",
	 PROFILE_SITE},
	{"/v/lib/python3.8/site-packages/six.py", "", "six", "six.py", PROFILE_SITE},
	{"/usr/lib/python3/dist-packages/apt/cache.py", "", "apt.cache", "apt/cache.py",
	 PROFILE_SITE},
	{"/v/lib/python3.8/site-packages/a-1.0-py3.8.egg/a/b.py", "", "a.b", "a/b.py",
	 PROFILE_SITE},
	{"/v/lib/python3.8/site-packages/pip/_vendor/x.py", "", "pip._vendor.x", "pip/_vendor/x.py",
	 PROFILE_SITE},
	{"/usr/lib/python311.zip/json/scanner.py", "", "json.scanner", "json/scanner.py",
	 PROFILE_STDLIB},
	{"/app/x.zip/pkg/mod.py", "", "pkg.mod", "pkg/mod.py", PROFILE_USER},
	{"/app/tool.pyz/__main__.py", "", "__main__", "__main__.py", PROFILE_USER},
	/* an archive of another name is a file where a directory should be */
	{"/usr/bin/tool/pkg/mod.py", "/usr/bin/. /usr/bin/tool", "pkg.mod", "pkg/mod.py",
	 PROFILE_USER},
	{"/usr/bin/tool/__main__.py", "/usr/bin/. /usr/bin/tool", "__main__", "__main__.py",
	 PROFILE_USER},
	{"dist/tool/pkg/mod.py", "dist/. dist/tool", "pkg.mod", "pkg/mod.py", PROFILE_USER},
	{"/app/dir/mod.py", "/app/dir/. /app/dir", "mod", "mod.py", PROFILE_USER},
	{"/app/gone/mod.py", "/app/. /app", "mod", "mod.py", PROFILE_USER},
	/* what an installer put outside of site-packages */
	{"/home/someone/.pex/installed_wheels/0a/six-1.16-py2.py3-none-any.whl/six.py", "", "six", "six.py",
	 PROFILE_SITE},
	{"/app/eggs/a-1.0-py3.8.egg/a/b.py", "", "a.b", "a/b.py", PROFILE_SITE},
	{"<frozen importlib._bootstrap>", "", "importlib._bootstrap",
	 "<frozen importlib._bootstrap>", PROFILE_STDLIB},
	{"<string>", "", "", "<string>", PROFILE_USER},
	{"<stdin>", "", "", "<stdin>", PROFILE_USER},
	{"<frozen >", "", "", "<frozen >", PROFILE_USER},
	{"<frozen x", "", "", "<frozen x", PROFILE_USER},
	{"", "", "", "", PROFILE_USER},
	{"/app/pkg/mod.py", "/app/pkg/__init__.py", "pkg.mod", "pkg/mod.py", PROFILE_USER},
	{"/app/a/b/c.py", "/app/a/__init__.py /app/a/b/__init__.py", "a.b.c", "a/b/c.py",
	 PROFILE_USER},
	/* the chain ends at the first directory without one */
	{"/app/a/b/c.py", "/app/a/__init__.py", "c", "c.py", PROFILE_USER},
	{"/app/pkg/__init__.py", "", "pkg", "pkg/__init__.py", PROFILE_USER},
	{"/app/top/pkg/__init__.py", "/app/top/__init__.py", "top.pkg", "top/pkg/__init__.py",
	 PROFILE_USER},
	{"/app/my-dir/mod.py", "/app/my-dir/__init__.py", "mod", "mod.py", PROFILE_USER},
	{"/app/run.py", "", "run", "run.py", PROFILE_USER},
	{"/usr/bin/ansible", "", "ansible", "ansible", PROFILE_USER},
	{"run.py", "", "run", "run.py", PROFILE_USER},
	{"./pkg/mod.py", "./pkg/__init__.py", "pkg.mod", "pkg/mod.py", PROFILE_USER},
	{"pkg/mod.py", "pkg/__init__.py", "pkg.mod", "pkg/mod.py", PROFILE_USER},
	{"/app/lib/../pkg/mod.py", "/app/lib/../pkg/__init__.py", "pkg.mod", "pkg/mod.py",
	 PROFILE_USER},
	{"/app//пакет//mod.py", "/app//пакет//__init__.py", "пакет.mod", "пакет//mod.py",
	 PROFILE_USER},
	{"/app/python3.11/x.py", "", "x", "x.py", PROFILE_USER},
	{"/app/lib/python3.x/x.py", "", "x", "x.py", PROFILE_USER},
	{"/", "", "", "", PROFILE_USER},
	{"/__init__.py", "/__init__.py", "__init__", "__init__.py", PROFILE_USER},
	{"/.py", "", ".py", ".py", PROFILE_USER},
	{"/x/site-packages/", "", "", "", PROFILE_SITE},
	{"/x/site-packages", "", "site-packages", "site-packages", PROFILE_USER},
	{"/x/.so", "", ".so", ".so", PROFILE_USER},
	{"/x/..so", "", "", "..so", PROFILE_USER},
};

static void test_examples(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		const struct example *x = &examples[i];
		struct module_name m;

		module_name_find(x->file, exists_in, (void *)x->files, &m);
		if (strcmp(m.module, x->module) || strcmp(m.short_file, x->short_file) ||
		    m.origin != x->origin)
			fail_msg("%s: module '%s', short '%s', origin %d", x->file, m.module,
				 m.short_file, (int)m.origin);
		module_name_clear(&m);
	}
}

static void test_nobody_to_ask(void **state)
{
	struct module_name m;

	(void)state;
	module_name_find("/app/pkg/mod.py", NULL, NULL, &m);
	assert_string_equal(m.module, "mod");
	module_name_clear(&m);
	module_name_find("/app/pkg/__init__.py", NULL, NULL, &m);
	assert_string_equal(m.module, "pkg");
	module_name_clear(&m);
}

static bool always(void *ctx, const char *path)
{
	assert_true(strlen(path) < 4200);
	++*(unsigned *)ctx;
	return true;
}

/* A path of thousands of packages: a bounded number of questions, and an answer. */
static void test_very_long_path(void **state)
{
	struct module_name m;
	unsigned asked = 0;
	char *path = xmalloc(100001);

	(void)state;
	for (int i = 0; i < 100000; i += 2)
		memcpy(path + i, "/a", 2);
	path[100000] = 0;
	module_name_find(path, always, &asked, &m);
	assert_string_equal(m.module, "a");
	module_name_clear(&m);
	path[2000] = 0;
	module_name_find(path, always, &asked, &m);
	assert_int_equal(asked, 32);
	assert_int_equal(strlen(m.module), 65);
	module_name_clear(&m);
	free(path);
}

/* Every two-byte and many longer strings: no crash, no read beyond the end (under ASan). */
static void test_any_bytes(void **state)
{
	static const char alphabet[] = "/.<>_pyso3\xff\n";
	char path[9] = "";

	(void)state;
	for (unsigned n = 0; n < 200000; n++) {
		unsigned left = n * 2654435761u;
		struct module_name m;

		for (unsigned i = 0; i < 8; i++, left /= sizeof(alphabet))
			path[i] = alphabet[left % sizeof(alphabet)];
		module_name_find(path, NULL, NULL, &m);
		assert_true(strlen(m.module) <= 8 && strlen(m.short_file) <= 8);
		module_name_clear(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_nobody_to_ask),
		cmocka_unit_test(test_very_long_path),
		cmocka_unit_test(test_any_bytes),
	};

	return cmocka_run_group_tests_name("module_name", tests, NULL, NULL);
}
