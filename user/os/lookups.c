/* SPDX-License-Identifier: MIT */
#include "user/os/lookups.h"
#include "user/util/alloc.h"
#include <locale.h>
#include <string.h>

#if defined(STATIC_BINARY) && defined(__GLIBC__)
#include <nss.h>

/* These are in the C library itself, whatever nsswitch.conf(5) says. */
static const struct {
	const char *database, *services;
} own[] = {
	{"passwd", "files"},    {"group", "files"},    {"initgroups", "files"},
	{"hosts", "files dns"}, {"services", "files"}, {"networks", "files"},
};

void lookups_prepare(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		__nss_configure_lookup(own[i].database, own[i].services);
}

static const char *locale_variable(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return value;
	}
	return "";
}

/* Of UTF-8 all locales have the same characters; it is the one that needs no conversion. */
void lookups_locale(void)
{
	const char *value = locale_variable();

	if (strcasestr(value, "utf-8") || strcasestr(value, "utf8"))
		setlocale(LC_CTYPE, "C.UTF-8");
}
#else
void lookups_prepare(void)
{
}

void lookups_locale(void)
{
	setlocale(LC_CTYPE, "");
}
#endif
