/* SPDX-License-Identifier: MIT */
#include "user/cmd/top/top_output.h"
#include "user/util/log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int top_output__open(struct top_output *o, int stdio[3])
{
	int ends[2];

	stdio[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (stdio[0] < 0 || pipe2(ends, O_CLOEXEC)) {
		log_error("cannot create a buffer for the command's output: %s", strerror(errno));
		return -errno;
	}
	o->from = ends[0];
	fcntl(o->from, F_SETFL, O_NONBLOCK);
	stdio[1] = stdio[2] = ends[1];
	return 0;
}

void top_output__take(struct top_output *o)
{
	ssize_t n;

	while (o->from >= 0) {
		n = read(o->from, o->text + o->at, sizeof(o->text) - o->at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0) {
			close(o->from);
			o->from = -1;
		}
		if (n <= 0)
			return;
		o->at = (o->at + (size_t)n) % sizeof(o->text);
		o->len += (size_t)n;
	}
}

void top_output__show(struct top_output *o)
{
	top_output__take(o);
	if (o->len > sizeof(o->text)) {
		log_info("the end of what the command printed:");
		fwrite(o->text + o->at, 1, sizeof(o->text) - o->at, stdout);
	}
	fwrite(o->text, 1, o->at, stdout);
	fflush(stdout);
}

void top_output__close(struct top_output *o)
{
	if (o->from >= 0)
		close(o->from);
	o->from = -1;
}
