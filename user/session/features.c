/*
 * Probing features takes longer than using them: the kernel's type information alone is megabytes. So we
 * just load; only when that fails is everything looked into, to say what to do.
 */
#include "user/session/features.h"
#include "user/os/caps.h"
#include "user/os/container.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

/* Inside a container sudo helps nobody; what does is said to whoever starts it. */
static void hint_at_container(void)
{
	__cleanup_free char *name = container_name();

	if (container_own_users())
		log_info("in a user namespace of its own (a rootless container) capabilities do not count for BPF: run it on "
			 "the host");
	if (!name)
		return;
	log_info("inside a container (%s) its starter must give them: --cap-add BPF --cap-add PERFMON --cap-add SYS_PTRACE "
		 "--cap-add DAC_READ_SEARCH, or --privileged; and --pid=host", name);
}

int features_check_privileges(void)
{
	__cleanup_free char *caps = caps_missing();

	/* Only the first two are needed to load; the others open files of profiled processes. */
	if (caps && (strstr(caps, "CAP_BPF") || strstr(caps, "CAP_PERFMON"))) {
		log_error("not permitted: %s missing. Run it with sudo, or give the program the capabilities "
			  "CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH", caps);
		hint_at_container();
		return -EPERM;
	}
	if (caps)
		log_warn("%s missing: processes of other users may stay without names or be left out", caps);
	return 0;
}

static int missing(const char *what, const char *since)
{
	struct utsname u;

	uname(&u);
	log_error("this kernel (%s) lacks %s, which pybpfprof needs: it is in Linux %s and newer", u.release,
		  what, since);
	return -EOPNOTSUPP;
}

int features_explain(int err)
{
	if (caps_lockdown_confidentiality()) {
		log_error("the kernel is locked down (confidentiality): BPF may not read memory. Boot with "
			  "lockdown=integrity or without lockdown");
		return -EOPNOTSUPP;
	}
	if (access("/sys/kernel/btf/vmlinux", R_OK)) {
		log_error("this kernel has no type information (BTF): /sys/kernel/btf/vmlinux is not there. It needs "
			  "CONFIG_DEBUG_INFO_BTF=y");
		return -EOPNOTSUPP;
	}
	if (err == -EPERM) { /* -EACCES is what the verifier says when it refuses a program */
		log_error("the kernel did not permit loading the BPF programs (CAP_BPF and CAP_PERFMON are needed; "
			  "a seccomp filter may forbid bpf())");
		hint_at_container();
		return -EPERM;
	}
	if (err == -ENOMEM) {
		log_error("no memory for the BPF maps: %s (a memory limit of this cgroup, or RLIMIT_MEMLOCK on "
			  "kernels before 5.11)", strerror(ENOMEM));
		return err;
	}
	if (libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL) != 1)
		return missing("the BPF ring buffer", "5.8");
	if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_PERF_EVENT, BPF_FUNC_loop, NULL) != 1)
		return missing("the BPF helper bpf_loop", "5.17");
	log_error("the kernel did not accept the BPF programs (%s); -v shows its reasons", strerror(-err));
	return -EOPNOTSUPP;
}
