/* Facts come from the folders that use them; here they become sentences with a remedy. */
#include "user/cmd/check/check_system.h"
#include "user/os/caps.h"
#include "user/os/cgroup.h"
#include "user/os/container.h"
#include "user/os/perf.h"
#include "user/os/settings.h"
#include "user/session/features.h"
#include "user/session/trial.h"
#include "user/util/alloc.h"
#include "user/util/units.h"
#include "user/cmd/exit_status.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#define GET_RIGHTS                                                                                 \
	"run it with sudo, or give the program the capability (setcap, AmbientCapabilities=, "     \
	"--cap-add)"

/* ---- the kernel ----------------------------------------------------------------------------- */

static void check_version(struct check_list *l)
{
	unsigned major = 0, minor = 0;
	struct check_item *i;
	struct utsname u;
	bool ok;

	uname(&u);
	sscanf(u.release, "%u.%u", &major, &minor);
	ok = major > 5 || (major == 5 && minor >= 17);
	i = check_list__add(l, ok ? CHECK_OK : CHECK_MISSING, "kernel", "Linux %s, %s", u.release,
			    u.machine);
	if (!ok) {
		i->status = CMD_NO_FEATURE;
		check_item__remedy(i, "Linux 5.17 or newer is needed");
	}
	if (!strcmp(u.machine, "x86_64"))
		return;
	i = check_list__add(l, CHECK_MISSING, "processor", "%s", u.machine);
	i->status = CMD_NO_FEATURE;
	check_item__remedy(i, "only x86-64 is supported yet");
}

/* A timer that is refused is a matter of rights, not of the kernel. */
static bool is_refusal(const struct feature *f)
{
	return f->err == -EPERM || f->err == -EACCES;
}

static void check_feature(void *ctx, const struct feature *f)
{
	struct check_list *l = ctx;
	enum check_state state = !f->present ? (f->needed ? CHECK_MISSING : CHECK_NOTE)
				 : f->tried  ? CHECK_OK
					     : CHECK_UNKNOWN;
	__cleanup_free char *since =
		*f->since ? xasprintf("in Linux %s and newer", f->since) : xstrdup("");
	struct check_item *i;

	if (f->tried)
		i = check_list__add(l, state, f->name, "%s%s%s", f->present ? "there" : "not there",
				    f->present || !*since ? "" : "; it is ",
				    f->present ? "" : since);
	else
		i = check_list__add(l, state, f->name, "not tried for want of rights; %s", since);
	if (state == CHECK_OK || (f->present && !is_refusal(f)))
		return;
	if (state == CHECK_UNKNOWN) {
		check_item__remedy(i, "check it with sudo");
		return;
	}
	if (f->needed)
		i->status = CMD_NO_FEATURE;
	check_item__remedy(i, "%s", f->remedy);
}

static void check_lockdown(struct check_list *l)
{
	__cleanup_free char *word = caps_lockdown();
	bool bad = word && !strcmp(word, "confidentiality");
	struct check_item *i = check_list__add(l, bad ? CHECK_MISSING : CHECK_OK, "lockdown", "%s",
					       word ? word : "not in this kernel");

	if (!bad)
		return;
	i->status = CMD_NO_FEATURE;
	check_item__remedy(
		i,
		"BPF may not read memory then: boot with lockdown=integrity or without lockdown");
}

static void check_cgroups(struct check_list *l)
{
	__cleanup_free char *mount = cgroup_mount();

	if (mount)
		check_list__add(l, CHECK_OK, "cgroup v2", "mounted at %s", mount);
	else
		check_item__remedy(check_list__add(l, CHECK_WARN, "cgroup v2",
						   "not mounted: --cgroup cannot work"),
				   "mount -t cgroup2 none /sys/fs/cgroup/unified, or profile by "
				   "--pid PID --subprocesses");
}

/* ---- rights --------------------------------------------------------------------------------- */

static void check_capability(void *ctx, const struct cap_fact *f)
{
	struct check_list *l = ctx;
	struct check_item *i;

	if (f->present) {
		check_list__add(l, CHECK_OK, f->name, "%s%s", f->purpose,
				f->by_admin ? " (CAP_SYS_ADMIN stands for it)" : "");
		return;
	}
	i = check_list__add(l, f->needed ? CHECK_MISSING : CHECK_NOTE, f->name, "%s%s",
			    f->needed ? "" : "not there; ", f->purpose);
	if (!f->needed)
		return;
	i->status = CMD_NOT_PERMITTED;
	check_item__remedy(i, GET_RIGHTS);
}

static void find_admin(void *ctx, const struct cap_fact *f)
{
	if (!strcmp(f->name, "CAP_SYS_ADMIN"))
		*(bool *)ctx = f->present;
}

static void check_paranoid(struct check_list *l)
{
	long value = perf_paranoid();
	bool admin = false;
	struct check_item *i;

	caps_each(find_admin, &admin);
	if (value <= 2 || admin) {
		check_list__add(l, CHECK_OK, "kernel.perf_event_paranoid", "%ld", value);
		return;
	}
	i = check_list__add(l, CHECK_MISSING, "kernel.perf_event_paranoid",
			    "%ld: this kernel gives timers to CAP_SYS_ADMIN only", value);
	i->status = CMD_NOT_PERMITTED;
	check_item__remedy(
		i, "run it with sudo, or set it to 2: sysctl -w kernel.perf_event_paranoid=2");
}

static void check_rate(struct check_list *l, double rate_hz)
{
	long most = setting_read("kernel/perf_event_max_sample_rate", 0);
	long percent = setting_read("kernel/perf_cpu_time_max_percent", -1);
	struct check_item *i;

	if (!most)
		return;
	i = check_list__add(l, rate_hz > (double)most ? CHECK_WARN : CHECK_OK,
			    "kernel.perf_event_max_sample_rate",
			    "%ld per second and CPU; asked for: %g", most, rate_hz);
	if (rate_hz > (double)most)
		check_item__remedy(i,
				   "choose a lower --rate, or: sysctl -w "
				   "kernel.perf_event_max_sample_rate=%.0f",
				   rate_hz);
	if (percent == 0 || percent == 100)
		check_list__add(l, CHECK_OK, "kernel.perf_cpu_time_max_percent", "%ld: no limit",
				percent);
	else if (percent > 0)
		check_list__add(
			l, CHECK_OK, "kernel.perf_cpu_time_max_percent",
			"%ld: where interrupts take longer the kernel lowers the rate above",
			percent);
}

static void check_settings(struct check_list *l, double rate_hz)
{
	static const struct {
		const char *name, *path, *text;
	} notes[] = {
		{"kernel.unprivileged_bpf_disabled", "kernel/unprivileged_bpf_disabled",
		 "concerns only those without CAP_BPF"},
		{"kernel.yama.ptrace_scope", "kernel/yama/ptrace_scope",
		 "concerns only those without CAP_SYS_PTRACE"},
	};
	long jit = setting_read("net/core/bpf_jit_enable", 1);

	check_paranoid(l);
	check_rate(l, rate_hz);
	for (size_t i = 0; i < ARRAY_SIZE(notes); i++) {
		long value = setting_read(notes[i].path, -1);

		if (value >= 0)
			check_list__add(l, CHECK_NOTE, notes[i].name, "%ld; %s", value,
					notes[i].text);
	}
	if (!jit)
		check_item__remedy(check_list__add(l, CHECK_WARN, "net.core.bpf_jit_enable",
						   "0: BPF is interpreted, slowly"),
				   "sysctl -w net.core.bpf_jit_enable=1");
}

static void check_container(struct check_list *l)
{
	__cleanup_free char *name = container_name();
	struct check_item *i;

	if (name)
		check_list__add(l, CHECK_NOTE, "container", "we seem to be inside one (%s)", name);
	if (container_own_users()) {
		i = check_list__add(l, CHECK_MISSING, "user namespace",
				    "not the host's: capabilities do not count for BPF");
		i->status = CMD_NOT_PERMITTED;
		check_item__remedy(i, "run it on the host, or in a container without user "
				      "namespace (no rootless, --userns=host)");
	}
	if (container_own_pids()) {
		i = check_list__add(l, CHECK_MISSING, "PID namespace",
				    "not the host's: the kernel side knows processes by the host's "
				    "numbers only");
		i->status = CMD_NOT_PERMITTED;
		check_item__remedy(i, "run it on the host, or with the host's PID namespace "
				      "(--pid=host, hostPID: true)");
	}
	if (container_filters_calls()) {
		i = check_list__add(
			l, CHECK_WARN, "seccomp",
			"a filter is in force; it may forbid bpf() and perf_event_open()");
		check_item__remedy(i, "if loading fails below: --security-opt seccomp=unconfined "
				      "(or a profile that allows both)");
	}
}

/* ---- a real try ----------------------------------------------------------------------------- */

static void add_lines(struct check_list *l, const struct trial *t)
{
	__cleanup_free char *copy = xstrdup(t->said);
	char *save = NULL;

	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		check_list__add(l, t->err ? CHECK_MISSING : CHECK_WARN, "", "%s", line)->status =
			t->err ? exit_status(t->err) : CMD_OK;
}

static void check_trial(struct check_list *l, const struct session_options *o)
{
	__cleanup_free char *took = NULL;
	struct check_item *i;
	struct trial t;

	trial_run(o, &t);
	if (t.variant)
		check_list__add(l, CHECK_OK, "loads", "%s", t.variant);
	if (t.err) {
		if (!*t.said)
			check_list__add(l, CHECK_MISSING, "attaches", "no: %s", strerror(-t.err))
				->status = exit_status(t.err);
	} else {
		took = units_duration_text(t.elapsed_ns);
		i = check_list__add(l, t.ticks || o->scoped ? CHECK_OK : CHECK_MISSING, "attaches",
				    "timers on %u CPU%s, %llu tick%s in %s", t.cpus,
				    t.cpus == 1 ? "" : "s", (unsigned long long)t.ticks,
				    t.ticks == 1 ? "" : "s", took);
		if (i->state == CHECK_MISSING) {
			i->status = CMD_NO_FEATURE;
			check_item__remedy(i, "the timers do not fire: see dmesg for what perf "
					      "says, and the settings above");
		}
	}
	add_lines(l, &t);
	trial_clear(&t);
}

void check_system(struct check_list *l, const struct session_options *o)
{
	enum cmd_exit so_far;

	l->section = "Kernel";
	check_version(l);
	features_each(check_feature, l);
	check_lockdown(l);
	check_cgroups(l);
	l->section = "Rights";
	caps_each(check_capability, l);
	check_settings(l, o->rate_hz);
	check_container(l);
	l->section = "A real try";
	so_far = check_list__status(l);
	if (so_far == CMD_NOT_PERMITTED)
		check_list__add(l, CHECK_UNKNOWN, "", "left out: the rights above are missing");
	else
		check_trial(l, o);
}
