/* SPDX-License-Identifier: MIT */
/* URLs of servers and of proxies, and which proxy the environment wants for which server. Pure but for getenv(). */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct http_url {
	bool tls;
	char *user; /* "name:password", as it stands there; NULL none */
	char *host; /* without the brackets of an address of IPv6 */
	unsigned port;
	char *path; /* begins with '/' */
};

/* "http://…" or "https://…". 0 or -EINVAL with `*why`, a sentence that repeats nothing of it. */
int http_url__parse(const char *text, struct http_url *out, const char **why);
void http_url__clear(struct http_url *u);
/* For people, and as a name for what a connection leads to: "https://host:4040/prefix". Caller frees. */
char *http_url__text(const struct http_url *u);
/* "host:port", with brackets where it is an address of IPv6. Caller frees. */
char *http_url__authority(const struct http_url *u);

/* Does a list as that of `no_proxy` ("localhost,.example.com,10.0.0.0/8,*") name this host? */
bool http_no_proxy(const char *list, const char *host);
/* The URL of the proxy for `u`, as https_proxy, http_proxy, all_proxy and no_proxy say; NULL: none. */
const char *http_proxy_of(const struct http_url *u);
/* The file of certificates that the environment names in SSL_CERT_FILE, as many programs take it; NULL: the system's. */
const char *http_ca_of_environment(void);
