// SPDX-License-Identifier: MIT
#include "user/push/http_url.h"
#include "user/util/alloc.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

static int parse_port(const char *text, unsigned *port)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (!isdigit((unsigned char)*text) || *end || !value || value > 65535)
		return -EINVAL;
	*port = (unsigned)value;
	return 0;
}

/* "host", "host:port", "[::1]:port"; writes into it. */
static int parse_authority(char *text, struct http_url *out, const char **why)
{
	char *host = text, *rest = strchr(text, ':');

	if (*text == '[') {
		host = text + 1;
		rest = strchr(text, ']');
		*why = "the bracket before the address is not closed";
		if (!rest)
			return -EINVAL;
		*rest++ = 0;
		*why = "after the brackets comes :PORT, or nothing";
		if (*rest && *rest != ':')
			return -EINVAL;
	}
	if (rest && *rest) {
		*rest = 0;
		*why = "the port is no number from 1 to 65535";
		if (parse_port(rest + 1, &out->port))
			return -EINVAL;
	}
	*why = "the name of the host is missing";
	out->host = xstrdup(host);
	return *host ? 0 : -EINVAL;
}

static bool is_plain(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text >= 127 || strchr("\"<>\\^`{|}", *text))
			return false;
	return true;
}

static int parse(const char *text, struct http_url *out, const char **why)
{
	__cleanup_free char *authority = NULL;
	const char *path;
	char *user;

	out->tls = !strncasecmp(text, "https://", 8);
	*why = "it begins with neither http:// nor https://";
	if (!out->tls && strncasecmp(text, "http://", 7))
		return -EINVAL;
	*why = "it has a character that no URL has, such as a blank";
	if (!is_plain(text))
		return -EINVAL;
	*why = "it has a part after ? or #, which has no place here";
	if (strpbrk(text, "?#"))
		return -EINVAL;
	text += out->tls ? 8 : 7;
	path = text + strcspn(text, "/");
	out->path = xstrdup(*path ? path : "/");
	out->port = out->tls ? 443 : 80;
	authority = xstrndup(text, (size_t)(path - text));
	user = strrchr(authority, '@');
	if (user) {
		*user = 0;
		out->user = xstrdup(authority);
	}
	return parse_authority(user ? user + 1 : authority, out, why);
}

int http_url__parse(const char *text, struct http_url *out, const char **why)
{
	int err;

	*out = (struct http_url){0};
	err = parse(text, out, why);
	if (err)
		http_url__clear(out);
	else
		*why = NULL;
	return err;
}

void http_url__clear(struct http_url *u)
{
	free(u->user);
	free(u->host);
	free(u->path);
	*u = (struct http_url){0};
}

char *http_url__authority(const struct http_url *u)
{
	const char *form = strchr(u->host, ':') ? "[%s]:%u" : "%s:%u";
	char *text = NULL;

	/* Not xasprintf(): the form is one of two. */
	return asprintf(&text, form, u->host, u->port) < 0 ? xstrdup("?") : text;
}

char *http_url__text(const struct http_url *u)
{
	__cleanup_free char *where = http_url__authority(u);

	return xasprintf("http%s://%s%s", u->tls ? "s" : "", where, strcmp(u->path, "/") ? u->path : "");
}

/* ---- proxies ------------------------------------------------------------------------------------------ */

static bool same_bits(const unsigned char *a, const unsigned char *b, unsigned bits)
{
	unsigned char mask = (unsigned char)(0xff00u >> bits % 8);

	return !memcmp(a, b, bits / 8) && (!(bits % 8) || !((a[bits / 8] ^ b[bits / 8]) & mask));
}

/* "10.0.0.0/8", "fd00::/8", or an address. */
static bool in_network(const char *network, const char *host)
{
	unsigned char net[16], address[16];
	__cleanup_free char *text = xstrdup(network);
	char *slash = strchr(text, '/'), *end = NULL;
	int family = strchr(host, ':') ? AF_INET6 : AF_INET;
	unsigned long most = family == AF_INET ? 32 : 128, bits = most;

	if (slash) {
		*slash = 0;
		bits = strtoul(slash + 1, &end, 10);
		if (!isdigit((unsigned char)slash[1]) || *end || bits > most)
			return false;
	}
	return inet_pton(family, text, net) == 1 && inet_pton(family, host, address) == 1 &&
	       same_bits(net, address, (unsigned)bits);
}

/* The name itself, and those below it; a dot before it makes no difference. */
static bool is_below(const char *name, const char *host)
{
	size_t len, host_len = strlen(host);

	name += *name == '.';
	len = strlen(name);
	return len && len <= host_len && !strcasecmp(host + host_len - len, name) &&
	       (len == host_len || host[host_len - len - 1] == '.');
}

bool http_no_proxy(const char *list, const char *host)
{
	__cleanup_free char *copy = xstrdup(list);
	char *save = NULL;

	for (char *one = strtok_r(copy, ", \t", &save); one; one = strtok_r(NULL, ", \t", &save))
		if (!strcmp(one, "*") || is_below(one, host) || in_network(one, host))
			return true;
	return false;
}

/* Both spellings, but for http_proxy: a CGI program gets HTTP_PROXY from whoever asks it. */
static const char *of_environment(const char *lower, const char *upper)
{
	const char *value = getenv(lower);

	if ((!value || !*value) && upper)
		value = getenv(upper);
	return value && *value ? value : NULL;
}

const char *http_proxy_of(const struct http_url *u)
{
	const char *proxy = u->tls ? of_environment("https_proxy", "HTTPS_PROXY") : of_environment("http_proxy", NULL);
	const char *except = of_environment("no_proxy", "NO_PROXY");

	if (!proxy)
		proxy = of_environment("all_proxy", "ALL_PROXY");
	return proxy && !(except && http_no_proxy(except, u->host)) ? proxy : NULL;
}

const char *http_ca_of_environment(void)
{
	return of_environment("SSL_CERT_FILE", NULL);
}
