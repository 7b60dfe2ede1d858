/* SPDX-License-Identifier: MIT */
/*
 * A server for test_serve.py: `serve_driver WHERE [FILE]` prints where it is and answers until standard input ends. /metrics: a text;
 * /file: FILE; /later?ms=N&text=T: T after N ms; /echo?x=V: V; /gone: how many clients of /later had gone; else 404.
 */
#include "user/serve/serve.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#define LATER 32

static const char *file;
static struct {
	struct serve_request *q;
	uint64_t at_ns;
	char *text;
} later[LATER];
static unsigned gone_cnt, answered_cnt;

static void answer_text(struct serve_request *q, int status, const char *text)
{
	struct buf body = {0};

	buf_puts(&body, text);
	serve_request__answer(q, status, "text/plain", &body);
	answered_cnt++;
}

static void put_off(struct serve_request *q)
{
	const char *ms = serve_request__param(q, "ms"), *text = serve_request__param(q, "text");

	for (size_t i = 0; i < LATER; i++)
		if (!later[i].q) {
			later[i].q = q;
			later[i].at_ns = clock_now_ns() + strtoull(ms ? ms : "0", NULL, 10) * 1000000;
			later[i].text = xstrdup(text ? text : "");
			return;
		}
	answer_text(q, 503, "too many\n");
}

static void on_request(void *ctx, struct serve_request *q, const char *path)
{
	__cleanup_free char *counted = xasprintf("%u\n", gone_cnt);
	const char *x = serve_request__param(q, "x");

	(void)ctx;
	if (!strcmp(path, "/metrics"))
		answer_text(q, 200, "up 1\n");
	else if (!strcmp(path, "/file"))
		serve_request__answer_file(q, 200, "application/octet-stream", open(file, O_RDONLY | O_CLOEXEC));
	else if (!strcmp(path, "/later"))
		put_off(q);
	else if (!strcmp(path, "/gone"))
		answer_text(q, 200, counted);
	else
		answer_text(q, !strcmp(path, "/echo") ? 200 : 404, x ? x : "there is nothing\n");
}

static void answer_those_due(void)
{
	for (size_t i = 0; i < LATER; i++) {
		struct serve_request *q = later[i].q;

		if (!q || clock_now_ns() < later[i].at_ns)
			continue;
		gone_cnt += serve_request__is_gone(q);
		later[i].q = NULL;
		answer_text(q, 200, later[i].text);
		free(later[i].text);
	}
}

int main(int argc, char **argv)
{
	struct serve *s;

	if (argc < 2 || serve__new(argv[1], on_request, NULL, &s))
		return 1;
	file = argc > 2 ? argv[2] : "/dev/null";
	printf("%s\n", serve__url(s));
	fflush(stdout);
	for (unsigned looks = 0;; looks++) {
		struct pollfd fds[] = {{.fd = serve__fd(s), .events = POLLIN}, {.fd = 0, .events = POLLIN}};

		poll(fds, 2, 20);
		if (fds[0].revents)
			serve__poll(s, clock_now_ns());
		answer_those_due();
		if (fds[1].revents)
			break;
	}
	serve__free(s);
	return 0;
}
