#include "user/cmd/target_end.h"
#include "user/os/cgroup.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/log.h"

#define LOOK_EVERY_NS 500000000ull

static bool cgroups_gone(const struct target_options *o)
{
	for (size_t i = 0; i < o->cgroup_cnt; i++) {
		__cleanup_free char *mount = cgroup_mount();
		__cleanup_free char *below = xasprintf("%s/%s", mount ? mount : "", o->cgroups[i]);

		if (!access(o->cgroups[i], F_OK) || !access(below, F_OK))
			return false;
	}
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
