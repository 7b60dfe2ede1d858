// SPDX-License-Identifier: MIT
#include "user/push/destination.h"
#include "user/push/http_url.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include "user/util/nearest.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>

#define NAMES_MAX  16
#define FOLDER_LEN 80 /* of its readable part */

static char *hint(const char *word, const struct backend *const *known)
{
	const char *names[NAMES_MAX + 1] = {0};

	for (size_t i = 0; i < NAMES_MAX && known[i]; i++)
		names[i] = known[i]->name;
	return nearest_hint(word, names);
}

static const struct backend *find(const char *name, const struct backend *const *known)
{
	for (; *known; known++)
		if (!strcasecmp((*known)->name, name))
			return *known;
	return NULL;
}

/* Of what cannot be parsed: no user, no password, no query. */
static char *harmless(const char *text)
{
	size_t len = strcspn(text, "?#");
	const char *slashes = strstr(text, "://"), *start = slashes ? slashes + 3 : text;
	const char *at = start < text + len ? memrchr(start, '@', (size_t)(text + len - start)) : NULL;

	if (!at)
		return xstrndup(text, len);
	return xasprintf("%.*s%.*s", (int)(start - text), text, (int)(text + len - at - 1), at + 1);
}

static int refuse(const char *text, const char *why)
{
	__cleanup_free char *shown = harmless(text);

	log_error("cannot push to %s: %s", shown, why);
	return -EINVAL;
}

/* "pyroscope+https" is a back end and how it is reached. */
static int parse_scheme(const char *text, const struct backend *const *known, struct destination *out, bool *tls)
{
	__cleanup_free char *scheme = xstrndup(text, strcspn(text, ":/"));
	char *plus = strchr(scheme, '+');
	__cleanup_free char *near = NULL, *why = NULL;

	if (plus)
		*plus++ = 0;
	near = hint(scheme, known);
	out->backend = find(scheme, known);
	if (!strstr(text, "://"))
		why = xasprintf("a URL is needed, as %s+http://HOST:PORT", known[0]->name);
	else if (!strcasecmp(scheme, "http") || !strcasecmp(scheme, "https"))
		why = xasprintf("say what takes it there, as %s+%s://…; %s", known[0]->name, scheme, near);
	else if (!out->backend)
		why = xasprintf("nothing is known of \"%s\"; %s", scheme, near);
	else if (plus && strcasecmp(plus, "http") && strcasecmp(plus, "https"))
		why = xasprintf("after the + comes http or https, not \"%s\"", plus);
	*tls = !plus || !strcasecmp(plus, "https");
	return why ? refuse(text, why) : 0;
}

/* A readable part, and a sum of all of it (FNV-1a): paths and letters that files cannot have make a difference, too. */
static char *folder_of(const char *shown)
{
	__cleanup_free char *readable = xstrndup(shown, FOLDER_LEN);
	uint64_t sum = 0xcbf29ce484222325ull;

	for (const char *s = shown; *s; s++)
		sum = (sum ^ (unsigned char)*s) * 0x100000001b3ull;
	for (char *s = readable; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("-.", *s))
			*s = '_';
	return xasprintf("%s-%016llx", readable, (unsigned long long)sum);
}

static void finish(struct destination *out, struct http_url *u)
{
	char *end = u->path + strlen(u->path);
	__cleanup_free char *base = NULL;

	while (end > u->path && end[-1] == '/')
		*--end = 0;
	base = http_url__text(u);
	out->url = xasprintf("%s%s", base, out->backend->path);
	out->shown = xasprintf("%s+%s", out->backend->name, base);
	out->folder = folder_of(out->shown);
}

int destination__parse(const char *text, const struct backend *const *known, struct destination *out)
{
	__cleanup_free char *plain = NULL;
	struct http_url u = {0};
	const char *why = NULL;
	bool tls;

	*out = (struct destination){0};
	if (parse_scheme(text, known, out, &tls))
		return -EINVAL;
	plain = xasprintf("http%s%s", tls ? "s" : "", strstr(text, "://"));
	if (http_url__parse(plain, &u, &why))
		return refuse(text, why);
	why = NULL;
	if (u.user)
		why = "a user and a password do not belong into a URL, where others see them: put \"Authorization: "
		      "Basic …\""
		      " into a file of headers, or a token into a file";
	else
		finish(out, &u);
	http_url__clear(&u);
	return why ? refuse(text, why) : 0;
}

void destination__clear(struct destination *d)
{
	free(d->url);
	free(d->shown);
	free(d->folder);
	*d = (struct destination){0};
}
