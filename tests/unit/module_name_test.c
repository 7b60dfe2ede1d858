/* SPDX-License-Identifier: MIT */
/* Paths as they occur in containers, and as nobody should write them. */
#include "user/profile/module_name.h"
#include "user/util/alloc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

struct example {
	const char *file, *given, *module, *short_file;
	enum profile_origin origin;
};

static const struct example examples[] = {
	{"/usr/lib/python3.11/json/decoder.py", "", "json.decoder", "json/decoder.py", PROFILE_STDLIB},
	{"/usr/lib/python3.11/os.py", "", "os", "os.py", PROFILE_STDLIB},
	{"/opt/x/lib64/python3.13t/json/__init__.py", "", "json", "json/__init__.py", PROFILE_STDLIB},
	{"/usr/lib/python3.11/lib-dynload/_x.cpython-311-x86_64-linux-gnu.so", "", "_x",
	 "_x.cpython-311-x86_64-linux-gnu.so", PROFILE_STDLIB},
	{"/usr/lib/python3.11/config-3.11-x86_64-linux-gnu/python-config.py", "", "python-config", "python-config.py",
	 PROFILE_STDLIB},
	{"/v/lib/python3.8/site-packages/pkg/sub/__init__.py", "", "pkg.sub", "pkg/sub/__init__.py", PROFILE_SITE},
	{"/v/lib/python3.8/site-packages/six.py", "", "six", "six.py", PROFILE_SITE},
	{"/usr/lib/python3/dist-packages/apt/cache.py", "", "apt.cache", "apt/cache.py", PROFILE_SITE},
	{"/v/lib/python3.8/site-packages/a-1.0-py3.8.egg/a/b.py", "", "a.b", "a/b.py", PROFILE_SITE},
	{"/v/lib/python3.8/site-packages/pip/_vendor/x.py", "", "pip._vendor.x", "pip/_vendor/x.py", PROFILE_SITE},
	{"/usr/lib/python311.zip/json/scanner.py", "", "json.scanner", "json/scanner.py", PROFILE_STDLIB},
	{"/app/x.zip/pkg/mod.py", "", "pkg.mod", "pkg/mod.py", PROFILE_USER},
	{"/app/tool.pyz/__main__.py", "", "__main__", "__main__.py", PROFILE_USER},
	/* an archive of another name looks like a folder; the interpreter knows its modules */
	{"/usr/bin/tool/pkg/mod.py", "pkg.mod", "pkg.mod", "pkg/mod.py", PROFILE_USER},
	{"/usr/bin/tool/__main__.py", "__main__", "__main__", "__main__.py", PROFILE_USER},
	{"dist/tool/pkg/mod.py", "pkg.mod", "pkg.mod", "pkg/mod.py", PROFILE_USER},
	/* what an installer put outside of site-packages */
	{"/home/someone/.pex/installed_wheels/0a/six-1.16-py2.py3-none-any.whl/six.py", "", "six", "six.py",
	 PROFILE_SITE},
	{"/app/tool.pex/.bootstrap/pex/pex.py", "pex.pex", "pex.pex", "pex/pex.py", PROFILE_SITE},
	{"/app/tool.pyz/_bootstrap/__init__.py", "_bootstrap", "_bootstrap", "_bootstrap/__init__.py", PROFILE_SITE},
	{"/app/tool.pex/__main__.py", "", "__main__", "__main__.py", PROFILE_USER},
	{"/app/_bootstrap/x.py", "", "x", "x.py", PROFILE_USER},
	{"/app/eggs/a-1.0-py3.8.egg/a/b.py", "", "a.b", "a/b.py", PROFILE_SITE},
	{"<frozen importlib._bootstrap>", "", "importlib._bootstrap", "<frozen importlib._bootstrap>", PROFILE_STDLIB},
	{"<string>", "", "", "<string>", PROFILE_USER},
	/* cells of notebooks */
	{"<ipython-input-7-0123456789ab>", "__main__", "", "In [7]", PROFILE_USER},
	{"<ipython-input-x>", "__main__", "", "<ipython-input-x>", PROFILE_USER},
	{"/tmp/ipykernel_42/637129575.py", "__main__", "", "cell 637129575", PROFILE_USER},
	{"/tmp/ipython-input-7-637129575.py", "__main__", "", "In [7]", PROFILE_USER},
	{"/tmp/ipython-input-637129575.py", "__main__", "", "cell 637129575", PROFILE_USER},
	{"/srv/ipython-input-app.py", "__main__", "ipython-input-app", "ipython-input-app.py", PROFILE_USER},
	{"/tmp/ipykernel_42/7-1.py", "__main__", "7-1", "7-1.py", PROFILE_USER},
	{"/tmp/ipykernel_42/637129575.py.py", "__main__", "637129575.py", "637129575.py.py", PROFILE_USER},
	{"/tmp/ipykernel_42/app.py", "__main__", "app", "app.py", PROFILE_USER},
	{"/tmp/ipykernel_42b/7.py", "__main__", "7", "7.py", PROFILE_USER},
	{"/tmp/42/7.py", "__main__", "7", "7.py", PROFILE_USER},
	{"7.py", "__main__", "7", "7.py", PROFILE_USER},
	{"<stdin>", "", "", "<stdin>", PROFILE_USER},
	{"<frozen >", "", "", "<frozen >", PROFILE_USER},
	{"<frozen x", "", "", "<frozen x", PROFILE_USER},
	{"", "", "", "", PROFILE_USER},
	/* importlib calls it so only once it is imported itself */
	{"<frozen importlib._bootstrap>", "_frozen_importlib", "importlib._bootstrap", "<frozen importlib._bootstrap>",
	 PROFILE_STDLIB},
	/* generated code is of the module that it was made for; what a terminal or -c runs is of none */
	{"<string>", "shop.models", "shop.models", "<string>", PROFILE_USER},
	{"<string>", "__main__", "", "<string>", PROFILE_USER},
	{"<string>", "pkg.", "", "<string>", PROFILE_USER},
	{"/app/pkg/mod.py", "pkg.mod", "pkg.mod", "pkg/mod.py", PROFILE_USER},
	{"/app/pkg/mod.py", "", "mod", "mod.py", PROFILE_USER},
	{"/app/src/a/b/c.py", "a.b.c", "a.b.c", "a/b/c.py", PROFILE_USER},
	{"/app/a/b/__init__.py", "a.b", "a.b", "a/b/__init__.py", PROFILE_USER},
	{"/app/a/b/c.py", "b.c", "b.c", "b/c.py", PROFILE_USER},
	{"/app//a//b.py", "a.b", "a.b", "a//b.py", PROFILE_USER},
	{"a/b.py", "a.b", "a.b", "a/b.py", PROFILE_USER},
	{"/app/a/b.cpython-311-x86_64-linux-gnu.so", "a.b", "a.b", "a/b.cpython-311-x86_64-linux-gnu.so", PROFILE_USER},
	{"/app/a/b.pyc", "a.b", "a.b", "a/b.pyc", PROFILE_USER},
	/* a module may have any name */
	{"/app/plugins/x.py", "plugin_x", "plugin_x", "x.py", PROFILE_USER},
	{"/app/a/b.py", "x.a.b", "x.a.b", "b.py", PROFILE_USER},
	{"/app/a/b.py", "a.b.c", "a.b.c", "b.py", PROFILE_USER},
	{"/a/b.py", "x.a.b", "x.a.b", "b.py", PROFILE_USER},
	{"/app/b.py", "pp.b", "pp.b", "b.py", PROFILE_USER},
	{"/app/b.py", "..b", "..b", "b.py", PROFILE_USER},
	{"/app/.b.py", ".b", ".b", ".b.py", PROFILE_USER},
	{"/v/lib/python3.8/site-packages/setuptools/_vendor/x.py", "setuptools.extern.x", "setuptools.extern.x",
	 "setuptools/_vendor/x.py", PROFILE_SITE},
	{"/v/lib/python3.8/site-packages/win32/lib/con.py", "con", "con", "con.py", PROFILE_SITE},
	/* main programs: a script, a child's copy of it, `-m pkg.mod`, `-m pkg` */
	{"/app/run.py", "__main__", "run", "run.py", PROFILE_USER},
	{"/app/run.py", "__mp_main__", "run", "run.py", PROFILE_USER},
	{"/app/pkg/mod.py", "__main__", "mod", "mod.py", PROFILE_USER},
	{"/app/pkg/mod.py", "pkg.", "pkg.mod", "pkg/mod.py", PROFILE_USER},
	{"/app/a/b/mod.py", "a.b.", "a.b.mod", "a/b/mod.py", PROFILE_USER},
	{"/app/pkg/__main__.py", "pkg.", "pkg.__main__", "pkg/__main__.py", PROFILE_USER},
	/* what the main program of a package runs from elsewhere is not of it */
	{"/etc/conf.py", "pkg.", "conf", "conf.py", PROFILE_USER},
	{"/usr/lib/python3.11/timeit.py", "__main__", "timeit", "timeit.py", PROFILE_STDLIB},
	{"/app/pkg/__init__.py", "", "pkg", "pkg/__init__.py", PROFILE_USER},
	{"/app/my-dir/__init__.py", "", "__init__", "__init__.py", PROFILE_USER},
	{"/app/run.py", "", "run", "run.py", PROFILE_USER},
	{"/usr/bin/ansible", "__main__", "ansible", "ansible", PROFILE_USER},
	{"run.py", "", "run", "run.py", PROFILE_USER},
	{"templates/base.html", "", "base.html", "base.html", PROFILE_USER},
	{"/app//пакет//mod.py", "пакет.mod", "пакет.mod", "пакет//mod.py", PROFILE_USER},
	{"/app/python3.11/x.py", "", "x", "x.py", PROFILE_USER},
	{"/app/lib/python3.x/x.py", "", "x", "x.py", PROFILE_USER},
	{"/", "", "", "", PROFILE_USER},
	{"/__init__.py", "", "__init__", "__init__.py", PROFILE_USER},
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

		module_name_find(x->file, x->given, &m);
		if (strcmp(m.module, x->module) || strcmp(m.short_file, x->short_file) || m.origin != x->origin)
			fail_msg("%s: module '%s', short '%s', origin %d", x->file, m.module, m.short_file,
				 (int)m.origin);
		module_name_clear(&m);
	}
}

/* A path of thousands of packages, and as long a name. */
static void test_very_long_path(void **state)
{
	struct module_name m;
	char *path = xmalloc(100001), *name = xmalloc(100001);

	(void)state;
	for (int i = 0; i < 100000; i += 2) {
		memcpy(path + i, "/a", 2);
		memcpy(name + i, i ? ".a" : " a", 2);
	}
	path[100000] = name[100000] = 0;
	module_name_find(path, "", &m);
	assert_string_equal(m.module, "a");
	module_name_clear(&m);
	module_name_find(path, name + 1, &m);
	assert_string_equal(m.module, name + 1);
	assert_string_equal(m.short_file, path + 1);
	module_name_clear(&m);
	free(path);
	free(name);
}

/* Every two-byte and many longer strings: no crash, no read beyond the end (under ASan). */
static void test_any_bytes(void **state)
{
	static const char alphabet[] = "/.<>_pyso3\xff\n";
	char path[9] = "";

	(void)state;
	for (unsigned n = 0; n < 200000; n++) {
		unsigned left = n * 2654435761u;
		char given[] = "a.b.__main__";
		struct module_name m;

		given[n % sizeof(given)] = 0;
		for (unsigned i = 0; i < 8; i++, left /= sizeof(alphabet))
			path[i] = alphabet[left % sizeof(alphabet)];
		module_name_find(path, given, &m);
		assert_true(strlen(m.module) <= 12 && strlen(m.short_file) <= 8);
		module_name_clear(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_very_long_path),
		cmocka_unit_test(test_any_bytes),
	};

	return cmocka_run_group_tests_name("module_name", tests, NULL, NULL);
}
