/* SPDX-License-Identifier: MIT */
/* Uses a session as a real recording does. */
#include "user/session/selftest.h"
#include "user/profile/profile.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/log.h"

#define PATIENCE_NS 1000000000ull

/* A timer rests while its CPU is idle, so ours must not be; timers of a cgroup run only with it. */
static void wait_for_ticks(struct session *s, struct selftest *t, bool scoped)
{
	uint64_t start = clock_now_ns();
	struct session_stats st;

	do {
		session__poll(s);
		session__stats(s, &st);
		t->elapsed_ns = clock_now_ns() - start;
	} while (!scoped && !st.ticks && t->elapsed_ns < PATIENCE_NS);
	t->ticks = st.ticks;
	t->cpus = st.cpus;
}

void selftest_run(const struct session_options *o, struct selftest *t)
{
	uint32_t self = (uint32_t)getpid();
	struct session_options mine = {
		.target = SESSION_PIDS,
		.pids = &self,
		.pid_cnt = 1,
		.events = o->events,
		.event_cnt = o->event_cnt,
		.rate_hz = o->rate_hz,
		.allow_no_python = true,
		.no_task_work = o->no_task_work,
		.old_kernel = o->old_kernel,
		.btf = o->btf,
	};
	struct profile_builder *nobody = profile_builder__new(false); /* what is recorded is thrown away */
	struct session *s = NULL;

	if (o->scoped && o->target == SESSION_CGROUPS) {
		mine.target = SESSION_CGROUPS;
		mine.cgroups = o->cgroups;
		mine.cgroup_cnt = o->cgroup_cnt;
		mine.scoped = true;
	}
	*t = (struct selftest){0};
	log_capture();
	t->err = session__open(&mine, profile_builder__sink(nobody), &s);
	if (!t->err) {
		t->variant = session__variant(s);
		t->err = session__start(s);
	}
	if (!t->err) {
		wait_for_ticks(s, t, mine.scoped);
		session__stop(s);
	}
	session__free(s);
	profile__free(profile_builder__finish(nobody));
	t->said = log_capture_end();
}
