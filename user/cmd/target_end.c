/* SPDX-License-Identifier: MIT */
#include "user/cmd/target_end.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include <time.h>

#define LOOK_EVERY_NS 500000000ull
#define COME_BACK_S   10
#define STRAGGLERS_NS 200000000ll

/* A service that is started again has another one of the same name, sooner or later (systemd: RestartSec=). */
static bool cgroups_gone(struct target_end *e, const struct session *s, uint64_t now)
{
	if (session__has_cgroups(s)) {
		e->gone_ns = 0;
		return false;
	}
	if (!e->gone_ns) {
		e->gone_ns = now;
		log_info("the cgroup is gone; waiting %d s for it to be recreated", COME_BACK_S);
	}
	return now - e->gone_ns >= COME_BACK_S * 1000000000ull;
}

bool target_end__look(struct target_end *e, const struct target_options *o, const struct session *s)
{
	uint64_t now = clock_now_ns();
	struct session_stats st;

	if (now < e->next_look_ns)
		return false;
	e->next_look_ns = now + LOOK_EVERY_NS;
	if (target_options__by_cgroup(o) && cgroups_gone(e, s, now)) {
		log_info("the cgroup did not come back");
		return true;
	}
	if (!o->pid_cnt || o->command)
		return false;
	session__stats(s, &st);
	if (st.targets_alive > 0)
		return false;
	log_info("the last target ended");
	return true;
}

/* A daemon's starter ends at once; helpers of multiprocessing outlive their parent for a moment. */
void target_end__command(const struct target_options *o, struct session *s)
{
	uint64_t end = clock_now_ns() + STRAGGLERS_NS;
	struct session_stats st;

	if (!o->subprocesses)
		return;
	do {
		session__poll(s);
		session__stats(s, &st);
		if (st.targets_alive <= 0)
			return;
		nanosleep(&(struct timespec){.tv_nsec = STRAGGLERS_NS / 10}, NULL);
	} while (clock_now_ns() < end);
	log_info("the command ended, %d of its subprocesses run%s on: profile them by --pid or --cgroup, or keep the "
		 "command in the foreground",
		 st.targets_alive, st.targets_alive == 1 ? "s" : "");
}
