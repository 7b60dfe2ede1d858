#include "user/cmd/target_end.h"
#include "user/os/cgroup.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include <time.h>

#define LOOK_EVERY_NS 500000000ull
#define STRAGGLERS_NS 200000000ll

static bool cgroups_gone(const struct target_options *o)
{
	for (size_t i = 0; i < o->cgroup_cnt; i++)
		if (cgroup_exists(o->cgroups[i]))
			return false;
	return o->cgroup_cnt > 0;
}

bool target_end__look(struct target_end *e, const struct target_options *o, const struct session *s)
{
	uint64_t now = clock_now_ns();
	struct session_stats st;

	if (now < e->next_look_ns)
		return false;
	e->next_look_ns = now + LOOK_EVERY_NS;
	if (cgroups_gone(o)) {
		log_info("the cgroup is gone");
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
		 "command in the foreground", st.targets_alive, st.targets_alive == 1 ? "s" : "");
}
