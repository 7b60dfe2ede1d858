/* SPDX-License-Identifier: MIT */
/* The facts come from the modules that use them; here each becomes a sentence with a remedy. */
#include "user/cmd/check/check_system.h"
#include "user/os/caps.h"
#include "user/os/cgroup.h"
#include "user/os/container.h"
#include "user/os/kernel.h"
#include "user/os/perf.h"
#include "user/session/features.h"
#include "user/session/selftest.h"
#include "user/symbol/arch.h"
#include "user/util/alloc.h"
#include "user/util/units.h"
#include "user/cmd/exit_status.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

/* ---- the kernel ----------------------------------------------------------------------------- */

static void check_version(struct check_list *l)
{
	bool ok = kernel_is_since(features_oldest());
	struct check_item *i;
	struct utsname u;

	uname(&u);
	i = check_list__add(l, ok ? CHECK_OK : CHECK_MISSING, "kernel", "Linux %s, %s", u.release, u.machine);
	if (!ok)
		check_item__remedy(i, CMD_NO_FEATURE, "Linux %s or newer is needed", features_oldest());
	if (!strcmp(u.machine, arch_own->kernel))
		return;
	i = check_list__add(l, CHECK_MISSING, "processor", "%s", u.machine);
	check_item__remedy(i, CMD_NO_FEATURE, "only %s is supported yet", arch_own->name);
}

/* A timer that is refused is a matter of privileges, not of the kernel. */
static bool is_refusal(const struct feature_look *look)
{
	return look->err == -EPERM || look->err == -EACCES;
}

static void check_feature(struct check_list *l, const struct feature *f)
{
	const struct feature_look look = feature_look(f);
	enum check_state state = !look.present ? (f->lost ? CHECK_NOTE : CHECK_MISSING)
				 : look.tried  ? CHECK_OK
					       : CHECK_UNKNOWN;
	__cleanup_free char *since = *f->since ? xasprintf("in Linux %s and newer", f->since) : xstrdup("");
	struct check_item *i;

	if (look.tried)
		i = check_list__add(l, state, f->name, "%s%s%s", look.present ? "there" : "not there",
				    look.present || !*since ? "" : "; it is ", look.present ? "" : since);
	else
		i = check_list__add(l, state, f->name, "not tried for want of privileges; %s", since);
	if (state == CHECK_OK || (look.present && !is_refusal(&look)))
		return;
	if (state == CHECK_UNKNOWN)
		check_item__remedy(i, CMD_OK, "check it with sudo");
	else if (f->lost)
		check_item__remedy(i, CMD_OK, "%s%s",
				   f->remedy ? "" : "not required: ", f->remedy ? f->remedy : f->lost);
	else if (f->remedy)
		check_item__remedy(i, CMD_NO_FEATURE, "%s", f->remedy);
	else
		check_item__remedy(i, CMD_NO_FEATURE, "use Linux %s or newer", features_oldest());
}

static void check_lockdown(struct check_list *l)
{
	__cleanup_free char *word = caps_lockdown();
	bool bad = word && !strcmp(word, "confidentiality");
	struct check_item *i = check_list__add(l, bad ? CHECK_MISSING : CHECK_OK, "lockdown", "%s",
					       word ? word : "not in this kernel");

	if (bad)
		check_item__remedy(i, CMD_NO_FEATURE,
				   "BPF may not read memory then: boot with lockdown=integrity or without lockdown");
}

static void check_cgroups(struct check_list *l)
{
	__cleanup_free char *mount = cgroup_mount();

	if (mount)
		check_list__add(l, CHECK_OK, "cgroup v2", "mounted at %s", mount);
	else
		check_item__remedy(
			check_list__add(l, CHECK_WARN, "cgroup v2", "not mounted"), CMD_OK,
			"give --cgroup the whole path of a directory of version 1 (/sys/fs/cgroup/memory/…)");
}

/* ---- privileges --------------------------------------------------------------------------------- */

static void check_capability(void *ctx, const struct cap_fact *f)
{
	struct check_list *l = ctx;
	struct check_item *i;

	if (f->present) {
		check_list__add(l, CHECK_OK, f->name, "%s%s", f->purpose,
				f->by_admin ? " (CAP_SYS_ADMIN stands for it)" : "");
		return;
	}
	i = check_list__add(l, f->needed ? CHECK_MISSING : CHECK_NOTE, f->name, "%s%s", f->needed ? "" : "not there; ",
			    f->purpose);
	if (f->needed)
		check_item__remedy(
			i, CMD_NOT_PERMITTED,
			"run it with sudo, or start it with the capability (AmbientCapabilities=, --cap-add)");
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
	check_item__remedy(i, CMD_NOT_PERMITTED,
			   "run it with sudo, or set it to 2: sysctl -w kernel.perf_event_paranoid=2");
}

static void check_rate(struct check_list *l, double rate_hz)
{
	long most = setting_read("kernel/perf_event_max_sample_rate", 0);
	struct check_item *i;

	if (!most)
		return;
	i = check_list__add(l, rate_hz > (double)most ? CHECK_WARN : CHECK_OK, "kernel.perf_event_max_sample_rate",
			    "%ld per second and CPU; asked for: %g", most, rate_hz);
	if (rate_hz > (double)most)
		check_item__remedy(i, CMD_OK,
				   "choose a lower --rate, or: sysctl -w kernel.perf_event_max_sample_rate=%.0f",
				   rate_hz);
}

static void check_container(struct check_list *l)
{
	__cleanup_free char *name = container_name();
	struct check_item *i;

	if (name)
		check_list__add(l, CHECK_NOTE, "container", "this seems to run inside one (%s)", name);
	if (container_own_users()) {
		i = check_list__add(l, CHECK_MISSING, "user namespace",
				    "not the host's: capabilities do not count for BPF");
		check_item__remedy(
			i, CMD_NOT_PERMITTED,
			"run it on the host, or in a container without user namespace (no rootless, --userns=host)");
	}
	if (container_own_pids()) {
		i = check_list__add(l, CHECK_MISSING, "PID namespace",
				    "not the host's: the kernel side knows processes by the host's numbers only");
		check_item__remedy(i, CMD_NOT_PERMITTED,
				   "run it on the host, or with the host's PID namespace (--pid=host, hostPID: true)");
	}
	if (container_filters_calls()) {
		i = check_list__add(l, CHECK_WARN, "seccomp",
				    "a filter is in force; it may forbid bpf() and perf_event_open()");
		check_item__remedy(
			i, CMD_OK,
			"if loading fails below: --security-opt seccomp=unconfined (or a profile that allows both)");
	}
}

static void check_jit(struct check_list *l)
{
	if (!setting_read("net/core/bpf_jit_enable", 1))
		check_item__remedy(
			check_list__add(l, CHECK_WARN, "net.core.bpf_jit_enable", "0: BPF is interpreted, slowly"),
			CMD_OK, "sysctl -w net.core.bpf_jit_enable=1");
}

/* ---- self-test ----------------------------------------------------------------------------- */

/* The messages of the self-test: errors or warnings. */
static void add_lines(struct check_list *l, const struct selftest *t)
{
	char *save = NULL;

	if (t->err && !*t->said)
		check_list__add(l, CHECK_MISSING, "attaches", "no: %s", strerror(-t->err))->status =
			exit_status(t->err);
	for (char *line = strtok_r(t->said, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		check_list__add(l, t->err ? CHECK_MISSING : CHECK_WARN, "", "%s", line)->status = exit_status(t->err);
}

static void check_selftest(struct check_list *l, const struct session_options *o)
{
	__cleanup_free char *took = NULL;
	struct check_item *i;
	struct selftest t;
	bool ticked;

	selftest_run(o, &t);
	took = units_duration_text(t.elapsed_ns);
	ticked = t.ticks || o->scoped; /* timers of a cgroup run only with it */
	if (t.variant)
		check_list__add(l, CHECK_OK, "loads", "%s", t.variant);
	if (!t.err) {
		i = check_list__add(l, ticked ? CHECK_OK : CHECK_MISSING, "attaches",
				    "timers on %u CPU%s, %llu tick%s in %s", t.cpus, t.cpus == 1 ? "" : "s",
				    (unsigned long long)t.ticks, t.ticks == 1 ? "" : "s", took);
		if (!ticked)
			check_item__remedy(
				i, CMD_NO_FEATURE,
				"the timers do not fire: see dmesg for what perf says, and the settings above");
	}
	add_lines(l, &t);
	free(t.said);
}

void check_system(struct check_list *l, const struct session_options *o)
{
	size_t cnt;
	const struct feature *all = features(&cnt);

	l->section = "Kernel";
	check_version(l);
	for (size_t i = 0; i < cnt; i++)
		check_feature(l, &all[i]);
	check_lockdown(l);
	check_cgroups(l);
	l->section = "Privileges";
	caps_each(check_capability, l);
	check_paranoid(l);
	check_rate(l, o->rate_hz);
	check_jit(l);
	check_container(l);
	l->section = "Self-test";
	if (check_list__status(l) == CMD_NOT_PERMITTED)
		check_list__add(l, CHECK_UNKNOWN, "", "left out: the privileges above are missing");
	else
		check_selftest(l, o);
}
