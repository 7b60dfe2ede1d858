/* SPDX-License-Identifier: MIT */
#include "user/symbol/demangle.h"
#include "user/util/alloc.h"
#include "user/util/text.h"
#include <ctype.h>
#include <libiberty/demangle.h>
#include <stdbool.h>
#include <string.h>

#define MANGLED_MAX 4096

struct output {
	char text[DEMANGLE_MAX];
	size_t len;
};

/* It cannot be stopped, as a name may be short and mean a very long one; what is too much is dropped. */
static void put(const char *text, size_t len, void *ctx)
{
	struct output *o = ctx;

	if (len > sizeof(o->text) - o->len)
		len = sizeof(o->text) - o->len;
	memcpy(o->text + o->len, text, len);
	o->len += len;
}

/* ".part.0", ".llvm.7261…": from the last known word on there are only more of them, and numbers. */
static bool is_suffix(const char *at)
{
	static const char *const words[] = {"cold", "part",      "isra",  "constprop", "lto_priv", "localalias", "llvm",
					    "cfi",  "cfi_icall", "clone", "resolver",  "ifunc",    "specialized"};

	while (*at == '.') {
		size_t len = strcspn(++at, "."), i;

		if (!len)
			return false;
		for (i = 0; i < ARRAY_SIZE(words); i++)
			if (len == strlen(words[i]) && !strncmp(at, words[i], len))
				break;
		if (i == ARRAY_SIZE(words) && strspn(at, "0123456789") < len)
			return false;
		at += len;
	}
	return true;
}

/* Where the suffixes begin; a name may have other dots. */
static size_t length_of(const char *name)
{
	size_t len = strnlen(name, MANGLED_MAX);

	for (size_t i = 1; i < len; i++)
		if (name[i] == '.' && isalpha((unsigned char)name[i + 1]) && is_suffix(name + i))
			return i;
	return len;
}

static char *finish(const struct output *o)
{
	static const char cut[] = "…";
	char *text;

	if (o->len < sizeof(o->text))
		return text_clean(o->text, o->len, 0);
	text = text_clean(o->text, sizeof(o->text) - sizeof(cut), 0);
	text = xrealloc(text, strlen(text) + sizeof(cut));
	strcat(text, cut);
	return text;
}

char *demangle(const char *name)
{
	__cleanup_free char *mangled = xstrndup(name, length_of(name));
	struct output o = {.len = 0};

	if (mangled[0] == '_' && (mangled[1] == 'Z' || mangled[1] == 'R')) {
		if (rust_demangle_callback(mangled, DMGL_ANSI, put, &o) && o.len)
			return finish(&o);
		o.len = 0;
		if (cplus_demangle_v3_callback(mangled, DMGL_ANSI, put, &o) && o.len)
			return finish(&o);
		o.len = 0;
	}
	put(mangled, strlen(mangled), &o);
	return finish(&o);
}
