/* SPDX-License-Identifier: MIT */
#include "user/session/follow.h"
#include "user/target/container_choice.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define LOOK_FOR_NS 3000000000ull /* engines start what they have made a cgroup for within that */
#define REST_NS     25000000ull   /* between two looks, at least … */
#define REST        50            /* … and so many times as long as one took */

struct follow {
	struct containers *containers;
	struct container_choice **choices;
	size_t cnt;
	uint64_t made, until_ns, next_ns;
	int timer;
};

int follow__find(const struct session_options *o, struct follow **out)
{
	struct follow *f = xcalloc(1, sizeof(*f));
	int err = 0;

	*out = f;
	f->timer = -1;
	f->containers = containers__new("");
	f->choices = xcalloc(o->container_cnt + 1, sizeof(struct container_choice *));
	while (f->cnt < o->container_cnt && !err) {
		err = container_choice__find(f->containers, o->containers[f->cnt], &f->choices[f->cnt]);
		f->cnt += !err;
	}
	if (err || !f->cnt)
		return err;
	for (size_t i = 0; i < f->cnt; i++)
		log_info("%s is %s", o->containers[i], container_choice__text(f->choices[i]));
	f->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (f->timer >= 0)
		return 0;
	log_error("cannot have a timer: %s", strerror(errno));
	return -errno;
}

void follow__free(struct follow *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->cnt; i++)
		container_choice__free(f->choices[i]);
	if (f->timer >= 0)
		close(f->timer);
	containers__free(f->containers);
	free(f->choices);
	free(f);
}

struct told {
	follow_fn fn;
	void *ctx;
	size_t choice;
};

static void tell(void *ctx, const char *path)
{
	struct told *t = ctx;

	t->fn(t->ctx, t->choice, path);
}

void follow__each(const struct follow *f, follow_fn fn, void *ctx)
{
	for (size_t i = 0; i < f->cnt; i++)
		container_choice__each_path(f->choices[i], f->containers, tell, &(struct told){fn, ctx, i});
}

const char *follow__text(const struct follow *f, size_t choice)
{
	return container_choice__text(f->choices[choice]);
}

bool follow__is_due(struct follow *f, uint64_t made, uint64_t now_ns)
{
	uint64_t expired;

	if (!f->cnt)
		return false;
	if (made != f->made)
		f->until_ns = now_ns + LOOK_FOR_NS;
	f->made = made;
	if (read(f->timer, &expired, sizeof(expired)) < 0 && errno != EAGAIN)
		log_debug("timer: %s", strerror(errno));
	return now_ns < f->until_ns && now_ns >= f->next_ns;
}

void follow__looked(struct follow *f, uint64_t began_ns, uint64_t now_ns)
{
	uint64_t rest = (now_ns - began_ns) * REST;
	struct itimerspec t = {0};

	rest = rest < REST_NS ? REST_NS : rest;
	f->next_ns = now_ns + rest;
	t.it_value.tv_sec = (time_t)(rest / 1000000000);
	t.it_value.tv_nsec = (long)(rest % 1000000000);
	if (f->next_ns < f->until_ns)
		timerfd_settime(f->timer, 0, &t, NULL);
}

int follow__fd(const struct follow *f)
{
	return f->timer;
}
