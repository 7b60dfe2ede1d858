// SPDX-License-Identifier: MIT
#include "user/push/secrets.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX   65536
#define SECRET_MIN 6 /* shorter ones would hide half of a sentence */

static void add_line(struct push_headers *h, char *line)
{
	xgrow(h->lines, h->cnt, h->cap);
	h->lines[h->cnt++] = line;
}

void push_headers__add(struct push_headers *h, const char *name, const char *value)
{
	add_line(h, xasprintf("%s: %s", name, value));
	h->public_cnt = h->cnt;
}

void push_headers__clear(struct push_headers *h)
{
	for (size_t i = 0; i < h->cnt; i++) {
		explicit_bzero(h->lines[i], strlen(h->lines[i]));
		free(h->lines[i]);
	}
	free(h->lines);
	*h = (struct push_headers){0};
}

/* ---- files ---------------------------------------------------------------------------------------------- */

static int fail(char **why, int err, const char *path, const char *text)
{
	*why = xasprintf("%s: %s", path, text);
	return err;
}

/* A regular file, whatever links lead there: Kubernetes has its secrets behind two. Descriptor or negative errno. */
static int open_regular(const char *path, char **why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), err;
	struct stat st;

	if (fd < 0)
		return fail(why, -errno, path, strerror(errno));
	if (!fstat(fd, &st) && S_ISREG(st.st_mode))
		return fd;
	err = fail(why, -EINVAL, path, "this is no file");
	close(fd);
	return err;
}

int push_check_file(const char *path, char **why)
{
	__cleanup_close int fd = open_regular(path, why);

	return fd < 0 ? fd : 0;
}

static int read_text(const char *path, struct buf *out, char **why)
{
	__cleanup_close int fd = open_regular(path, why);
	char bytes[4096];
	ssize_t n = 0;

	if (fd < 0)
		return fd;
	while (out->len <= FILE_MAX && (n = read(fd, bytes, sizeof(bytes))) > 0)
		buf_put(out, bytes, (size_t)n);
	explicit_bzero(bytes, sizeof(bytes));
	if (n < 0)
		return fail(why, -errno, path, strerror(errno));
	buf_put(out, "", 0);
	if (out->len > FILE_MAX || memchr(out->data, 0, out->len))
		return fail(why, -EINVAL, path, "this is too long, or no text");
	return 0;
}

static void forget(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_free(b);
}

static char *trimmed(char *text)
{
	char *end;

	text += strspn(text, " \t\r\n");
	end = text + strlen(text);
	while (end > text && strchr(" \t\r\n", end[-1]))
		*--end = 0;
	return text;
}

/* Nothing that could end a line of the request and begin another. */
static bool is_value(const char *text)
{
	if (!*text)
		return false;
	for (; *text; text++)
		if ((unsigned char)*text < ' ' && *text != '\t')
			return false;
	return true;
}

/* RFC 9110, 5.6.2. */
static bool is_name(const char *text)
{
	if (!*text)
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("!#$%&'*+-.^_`|~", *text))
			return false;
	return true;
}

/* ---- what is in them -------------------------------------------------------------------------------------- */

static int add_token(struct push_headers *h, const char *from, char *text, char **why)
{
	text = trimmed(text);
	if (!*text)
		return fail(why, -EINVAL, from, "there is no token in it");
	if (!is_value(text) || strpbrk(text, " \t"))
		return fail(why, -EINVAL, from, "a token is one word on one line");
	add_line(h, xasprintf("Authorization: Bearer %s", text));
	return 0;
}

int push_headers__add_token(struct push_headers *h, const char *token, char **why)
{
	char *copy = xstrdup(token);
	int err = add_token(h, "the token of the environment", copy, why);

	explicit_bzero(copy, strlen(copy));
	free(copy);
	return err;
}

int push_headers__add_token_file(struct push_headers *h, const char *path, char **why)
{
	struct buf text = {0};
	int err = read_text(path, &text, why);

	if (!err)
		err = add_token(h, path, text.data, why);
	forget(&text);
	return err;
}

/* These the request itself needs to be right. */
static const char *const ours[] = {
	"Host",       "Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding",
	"Connection", "Expect",         "Upgrade",      "Trailer",          "TE"};

static int add_header(struct push_headers *h, const char *path, unsigned number, char *line, char **why)
{
	char *colon = strchr(line, ':'), *value;

	if (colon)
		*colon = 0;
	value = colon ? trimmed(colon + 1) : NULL;
	if (!colon || !is_name(line) || !is_value(value)) {
		*why = xasprintf("%s: line %u is not of the form Name: value", path, number);
		return -EINVAL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (!strcasecmp(line, ours[i])) {
			*why = xasprintf("%s: line %u sets %s, which only the request itself can", path, number,
					 ours[i]);
			return -EINVAL;
		}
	add_line(h, xasprintf("%s: %s", line, value));
	return 0;
}

int push_headers__add_file(struct push_headers *h, const char *path, char **why)
{
	struct buf text = {0};
	int err = read_text(path, &text, why);
	unsigned number = 0;
	char *rest = text.data;

	for (char *line; !err && (line = strsep(&rest, "\n"));) {
		line = trimmed(line);
		number++;
		if (*line && *line != '#')
			err = add_header(h, path, number, line, why);
	}
	forget(&text);
	return err;
}

/* ---- what is said ------------------------------------------------------------------------------------------ */

static void hide(char *text, const char *secret)
{
	size_t len = strlen(secret);

	if (len < SECRET_MIN)
		return;
	for (char *at = text; (at = strstr(at, secret)); at += len)
		memset(at, '*', len);
}

void push_headers__hide(const struct push_headers *h, char *text)
{
	for (size_t i = h->public_cnt; i < h->cnt; i++) {
		const char *value = strstr(h->lines[i], ": "), *word;

		if (!value)
			continue;
		value += 2;
		word = strrchr(value, ' '); /* without "Bearer" */
		hide(text, value);
		if (word)
			hide(text, word + 1);
	}
}
