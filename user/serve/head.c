/* SPDX-License-Identifier: MIT */
/*
 * Requests of RFC 9112 without a body. What is not one is refused, never repaired: who guesses what was meant is guessed
 * differently by the next in line.
 */
#include "user/serve/head.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

size_t head_length(const char *bytes, size_t len)
{
	const char *at = bytes, *end = bytes + len;

	while ((at = memchr(at, '\n', (size_t)(end - at)))) {
		at++;
		if (at < end && *at == '\n')
			return (size_t)(at + 1 - bytes);
		if (end - at >= 2 && at[0] == '\r' && at[1] == '\n')
			return (size_t)(at + 2 - bytes);
	}
	return 0;
}

/* ---- the target ---------------------------------------------------------------------------------------- */

static int digit_of(char c)
{
	if (!isxdigit((unsigned char)c))
		return -1;
	return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* In place. Controls are in no name that we have, and stay outside. */
static bool decode(char *text, bool plus_is_space)
{
	char *to = text;

	for (const char *at = text; *at; at++) {
		unsigned char c = (unsigned char)*at;

		if (c == '%') {
			int high = digit_of(at[1]), low = high < 0 ? -1 : digit_of(at[2]);

			if (low < 0)
				return false;
			c = (unsigned char)(high << 4 | low);
			at += 2;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		if (c < 0x20 || c == 0x7f)
			return false;
		*to++ = (char)c;
	}
	*to = '\0';
	return true;
}

static bool split_query(char *query, struct head *out)
{
	char *rest = query, *pair;

	while ((pair = strsep(&rest, "&"))) {
		char *value = strchr(pair, '=');

		if (!*pair)
			continue;
		if (value)
			*value++ = '\0';
		else
			value = pair + strlen(pair);
		if (out->param_cnt == HEAD_PARAMS || !decode(pair, true) || !decode(value, true))
			return false;
		out->params[out->param_cnt++] = (struct head_param){pair, value};
	}
	return true;
}

/* "/path?query", or the same behind "http://HOST", as proxies are sent it. */
static bool split_target(char *target, struct head *out)
{
	char *path = target, *query;

	if (!strncasecmp(target, "http://", 7)) {
		size_t len = strcspn(target + 7, "/?");

		memmove(target, target + 7, len); /* room for its zero */
		path = target + 7 + len;
		target[len] = '\0';
		out->host = target;
	}
	query = strchr(path, '?');
	if (query)
		*query++ = '\0';
	if (*path != '/' || !decode(path, false))
		return false;
	out->path = path;
	return !query || split_query(query, out);
}

/* ---- lines --------------------------------------------------------------------------------------------- */

static bool is_token(const char *word)
{
	static const char others[] = "!#$%&'*+-.^_`|~0123456789";

	for (; *word; word++)
		if (!((*word | 0x20) >= 'a' && (*word | 0x20) <= 'z') && !strchr(others, *word))
			return false;
	return true;
}

/* "GET /path HTTP/1.1" */
static int parse_first(char *line, struct head *out, bool *is_1_0, const char **why)
{
	char *method = strsep(&line, " "), *target = strsep(&line, " "), *version = line;

	*why = "this is no HTTP request";
	if (!version || !*method || !is_token(method) || strncmp(version, "HTTP/", 5))
		return 400;
	*why = "this version of HTTP is not spoken here: HTTP/1.1 is";
	if (strcmp(version, "HTTP/1.1") && strcmp(version, "HTTP/1.0"))
		return 505;
	*is_1_0 = version[7] == '0';
	*why = "only GET and HEAD are answered here";
	if (strcmp(method, "GET") && strcmp(method, "HEAD"))
		return 405;
	out->without_body = *method == 'H';
	*why = "the path or the query is malformed";
	return split_target(target, out) ? 0 : 400;
}

/* "Name: value"; of all that there are one matters. */
static bool parse_field(char *line, const char **host)
{
	char *value = strchr(line, ':'), *end;

	if (!value || value == line)
		return false; /* continued lines (obs-fold) are, too */
	*value++ = '\0';
	if (!is_token(line))
		return false;
	if (strcasecmp(line, "Host"))
		return true;
	value += strspn(value, " \t");
	for (end = value + strlen(value); end > value && (end[-1] == ' ' || end[-1] == '\t'); end--)
		end[-1] = '\0';
	if (*host)
		return false;
	*host = value;
	return true;
}

static char *next_line(char **rest)
{
	char *line = strsep(rest, "\n");
	size_t len = line ? strlen(line) : 0;

	if (len && line[len - 1] == '\r')
		line[len - 1] = '\0';
	return line;
}

int head_parse(char *text, size_t len, struct head *out, const char **why)
{
	const char *host = NULL;
	char *rest = text, *line;
	bool is_1_0 = false;
	int status;

	*out = (struct head){0};
	*why = "a zero byte is in no header";
	if (memchr(text, 0, len))
		return 400;
	status = parse_first(next_line(&rest), out, &is_1_0, why);
	if (status)
		return status;
	*why = "a line of the header is malformed";
	while ((line = next_line(&rest)) && *line)
		if (!parse_field(line, &host))
			return 400;
	*why = "there is no Host line in the header";
	if (!host && !is_1_0)
		return 400;
	out->host = out->host ? out->host : host;
	return 0;
}

/* ---- whom it was sent to ------------------------------------------------------------------------------- */

bool head_is_loopback(const char *host)
{
	size_t len = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
	const char *port = host + len;
	struct in_addr address;
	char name[32] = "";

	if (len > strlen(host) || len >= sizeof(name) ||
	    (*port && (*port != ':' || port[1 + strspn(port + 1, "0123456789")])))
		return false;
	memcpy(name, host, len);
	if (!strcasecmp(name, "localhost") || !strcmp(name, "[::1]"))
		return true;
	return inet_pton(AF_INET, name, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}
