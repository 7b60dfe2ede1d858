#include "user/session/features.h"
#include "user/os/caps.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

static bool has_function(const struct btf *btf, const char *name)
{
	return btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) > 0;
}

static int missing(const char *what, const char *since)
{
	struct utsname u;

	uname(&u);
	log_error("this kernel (%s) lacks %s, which pybpfprof needs: it is in Linux %s and newer", u.release,
		  what, since);
	return -EOPNOTSUPP;
}

static int check_privileges(void)
{
	__cleanup_free char *caps = caps_missing();

	/* Only the first two are needed to load; the others open files of profiled processes. */
	if (caps && (strstr(caps, "CAP_BPF") || strstr(caps, "CAP_PERFMON"))) {
		log_error("not permitted: %s missing. Run it with sudo, or give the program the capabilities "
			  "CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH", caps);
		return -EPERM;
	}
	if (caps)
		log_warn("%s missing: processes of other users may stay without names or be left out", caps);
	return 0;
}

/* Called only after privileges were checked: without them every probe looks like a missing feature. */
static int check_kernel(void)
{
	if (libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_PERF_EVENT, NULL) != 1)
		return missing("BPF programs on perf events", "4.9");
	if (libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL) != 1)
		return missing("the BPF ring buffer", "5.8");
	if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_PERF_EVENT, BPF_FUNC_loop, NULL) != 1)
		return missing("the BPF helper bpf_loop", "5.17");
	return 0;
}

int features_check(struct features *out)
{
	struct btf *btf;
	int err = check_privileges();

	if (err)
		return err;
	if (caps_lockdown_confidentiality()) {
		log_error("the kernel is locked down (confidentiality): BPF may not read memory. Boot with "
			  "lockdown=integrity or without lockdown");
		return -EOPNOTSUPP;
	}
	btf = btf__load_vmlinux_btf();
	if (!btf) {
		log_error("this kernel has no type information (BTF): /sys/kernel/btf/vmlinux is not there. It needs "
			  "CONFIG_DEBUG_INFO_BTF=y");
		return -EOPNOTSUPP;
	}
	out->task_work = has_function(btf, "bpf_task_work_schedule_resume_impl");
	btf__free(btf);
	return check_kernel();
}
