/* SPDX-License-Identifier: MIT */
/* URLs, and which proxy is for which. */
#include "user/push/http_url.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static void test_good_urls(void **state)
{
	static const struct {
		const char *text, *user, *host;
		unsigned port;
		const char *path, *again;
	} rows[] = {
		{"http://h", NULL, "h", 80, "/", "http://h:80"},
		{"HTTPS://h/", NULL, "h", 443, "/", "https://h:443"},
		{"https://host.example:4040/a/b", NULL, "host.example", 4040, "/a/b", "https://host.example:4040/a/b"},
		{"http://127.0.0.1:1", NULL, "127.0.0.1", 1, "/", "http://127.0.0.1:1"},
		{"http://[::1]:65535/x", NULL, "::1", 65535, "/x", "http://[::1]:65535/x"},
		{"https://[fe80::1]", NULL, "fe80::1", 443, "/", "https://[fe80::1]:443"},
		{"http://user:p@ss@h:8/", "user:p@ss", "h", 8, "/", "http://h:8"},
		{"http://h/a@b:c", NULL, "h", 80, "/a@b:c", "http://h:80/a@b:c"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *why = NULL;
		struct http_url u;

		assert_int_equal(http_url__parse(rows[i].text, &u, &why), 0);
		assert_int_equal(u.tls, !strncasecmp(rows[i].text, "https", 5));
		if (rows[i].user)
			assert_string_equal(u.user, rows[i].user);
		else
			assert_null(u.user);
		assert_string_equal(u.host, rows[i].host);
		assert_int_equal(u.port, rows[i].port);
		assert_string_equal(u.path, rows[i].path);
		__cleanup_free char *again = http_url__text(&u);
		assert_string_equal(again, rows[i].again);
		http_url__clear(&u);
	}
}

static void test_bad_urls(void **state)
{
	static const char *const rows[] = {
		"",
		"h",
		"ftp://h",
		"http:/h",
		"http://",
		"http:///x",
		"http://:80",
		"http://h:",
		"http://h:0",
		"http://h:x",
		"http://h:65536",
		"http://h:80x",
		"http://[::1",
		"http://[::1]x",
		"http://[]",
		"http://h /x",
		"http://h/\n",
		"http://h/\xc3\xa4",
		"http://h/?a=b",
		"http://h#x",
		"http://a:b:80",
		"http://h:-1",
		"http://h: 80",
		"http://user@",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *why = NULL;
		struct http_url u;

		if (http_url__parse(rows[i], &u, &why) != -EINVAL || !why)
			fail_msg("\"%s\"", rows[i]);
		assert_null(u.host);
		assert_null(u.path);
	}
}

static void test_no_proxy(void **state)
{
	static const struct {
		const char *list, *host;
		bool named;
	} rows[] = {
		{"", "h", false},
		{"*", "h", true},
		{"h", "h", true},
		{"H", "h", true},
		{"h", "xh", false},
		{"h", "x.h", true},
		{".example.com", "a.example.com", true},
		{"example.com", "example.com", true},
		{".example.com", "example.com", true}, /* as curl has it */
		{"example.com", "badexample.com", false},
		{"a, b\tc", "c", true},
		{"a,b", "ab", false},
		{",.", "h", false},
		{"127.0.0.1", "127.0.0.1", true},
		{"10.0.0.0/8", "10.255.1.2", true},
		{"10.0.0.0/8", "11.0.0.1", false},
		{"192.168.4.0/22", "192.168.7.255", true},
		{"192.168.4.0/22", "192.168.8.0", false},
		{"0.0.0.0/0", "8.8.8.8", true},
		{"10.0.0.0/33", "10.0.0.0", false},
		{"10.0.0.0/", "10.0.0.0", false},
		{"10.0.0.0/8x", "10.0.0.0", false},
		{"10.0.0.0/8", "host", false},
		{"fd00::/8", "fdab::1", true},
		{"fd00::/8", "fe80::1", false},
		{"fd00::/8", "10.0.0.1", false},
		{"::1", "::1", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (http_no_proxy(rows[i].list, rows[i].host) != rows[i].named)
			fail_msg("\"%s\" and %s", rows[i].list, rows[i].host);
}

static void clear_environment(void)
{
	static const char *const names[] = {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
					    "all_proxy",  "ALL_PROXY",  "no_proxy",    "NO_PROXY"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unsetenv(names[i]);
}

static void test_environment(void **state)
{
	struct http_url plain = {.host = "h"}, tls = {.host = "h", .tls = true};

	(void)state;
	clear_environment();
	assert_null(http_proxy_of(&plain));
	/* A CGI program gets that one from whoever asks it. */
	setenv("HTTP_PROXY", "evil", 1);
	assert_null(http_proxy_of(&plain));
	setenv("http_proxy", "one", 1);
	assert_string_equal(http_proxy_of(&plain), "one");
	assert_null(http_proxy_of(&tls));
	setenv("HTTPS_PROXY", "two", 1);
	assert_string_equal(http_proxy_of(&tls), "two");
	setenv("https_proxy", "three", 1);
	assert_string_equal(http_proxy_of(&tls), "three");
	setenv("no_proxy", "x,h", 1);
	assert_null(http_proxy_of(&tls));
	assert_null(http_proxy_of(&plain));
	setenv("no_proxy", "", 1);
	setenv("NO_PROXY", "h", 1);
	assert_null(http_proxy_of(&plain));
	clear_environment();
	setenv("all_proxy", "four", 1);
	assert_string_equal(http_proxy_of(&plain), "four");
	assert_string_equal(http_proxy_of(&tls), "four");
	clear_environment();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_urls),
		cmocka_unit_test(test_bad_urls),
		cmocka_unit_test(test_no_proxy),
		cmocka_unit_test(test_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
