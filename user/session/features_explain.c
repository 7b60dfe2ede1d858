/* SPDX-License-Identifier: MIT */
/*
 * Probing features takes longer than using them: the kernel's type information alone is megabytes. So we
 * just load; only when that fails is everything looked into, to say what to do.
 */
#include "user/session/features.h"
#include "user/os/caps.h"
#include "user/os/container.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

/* Inside a container sudo helps nobody; what does is said to whoever starts it. */
static void hint_at_container(void)
{
	__cleanup_free char *name = container_name();

	if (container_own_users())
		log_info("in a user namespace of its own (a rootless container) capabilities do not count for BPF: run "
			 "it on "
			 "the host");
	if (!name)
		return;
	log_info("inside a container (%s) its starter must give them: --cap-add BPF --cap-add PERFMON --cap-add "
		 "SYS_PTRACE "
		 "--cap-add DAC_READ_SEARCH, or --privileged; and --pid=host",
		 name);
}

int features_check_privileges(void)
{
	__cleanup_free char *caps = caps_missing();

	/* Only the first two are needed to load; the others open files of profiled processes. */
	if (caps && (strstr(caps, "CAP_BPF") || strstr(caps, "CAP_PERFMON"))) {
		log_error("not permitted: %s missing; run it with sudo, or with these capabilities", caps);
		hint_at_container();
		return -EPERM;
	}
	if (caps)
		log_warn("%s missing: processes of other users may stay without names or be left out", caps);
	return 0;
}

/* False when nothing that is needed is missing. */
static bool name_missing(void)
{
	size_t cnt;
	const struct feature *all = features(&cnt);
	struct utsname u;

	uname(&u);
	for (size_t i = 0; i < cnt; i++) {
		if (all[i].lost || feature_look(&all[i]).present)
			continue;
		if (all[i].remedy)
			log_error("this kernel (%s) lacks %s: %s", u.release, all[i].name, all[i].remedy);
		else
			log_error("this kernel (%s) lacks %s, which pybpfprof needs: it is in Linux %s and newer; use "
				  "%s or "
				  "newer",
				  u.release, all[i].name, all[i].since, features_oldest());
		return true;
	}
	return false;
}

/* Kernels before 5.11 count maps as locked memory, and say that there may be no more as if they forbade it. */
static bool name_memlock(void)
{
	struct rlimit limit;
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, sizeof(uint32_t), sizeof(uint32_t), 1, NULL);

	if (fd < 0 || getrlimit(RLIMIT_MEMLOCK, &limit) || limit.rlim_cur == RLIM_INFINITY)
		return false;
	close(fd);
	log_error("not permitted: this kernel counts BPF maps as locked memory, and RLIMIT_MEMLOCK is %llu KiB. Run it "
		  "with sudo, or start it with LimitMEMLOCK=infinity or CAP_SYS_RESOURCE",
		  (unsigned long long)limit.rlim_cur >> 10);
	return true;
}

int features_explain(int err)
{
	if (caps_lockdown_confidentiality()) {
		log_error("the kernel is locked down (confidentiality): BPF may not read memory. Boot with "
			  "lockdown=integrity or without lockdown");
		return -EOPNOTSUPP;
	}
	if (name_missing())
		return -EOPNOTSUPP;
	if (err == -EPERM && name_memlock())
		return -EPERM;
	if (err == -EPERM) { /* -EACCES is what the verifier says when it refuses a program */
		log_error("the kernel did not permit loading the BPF programs (CAP_BPF and CAP_PERFMON are needed; "
			  "a seccomp filter may forbid bpf())");
		hint_at_container();
		return -EPERM;
	}
	if (err == -ENOMEM) {
		log_error("no memory for the BPF maps: %s (a memory limit of this cgroup, or RLIMIT_MEMLOCK on "
			  "kernels before 5.11)",
			  strerror(ENOMEM));
		return err;
	}
	log_error("the kernel did not accept the BPF programs (%s); -v shows its reasons", strerror(-err));
	return -EOPNOTSUPP;
}
