/* libcap: a healthy library that knows names and the effective set. */
#include "user/os/caps.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include <string.h>
#include <sys/capability.h>

#ifndef CAP_BPF
#define CAP_PERFMON 38
#define CAP_BPF	    39
#endif

static bool has(cap_t set, cap_value_t cap)
{
	cap_flag_value_t on = CAP_CLEAR;

	return !cap_get_flag(set, cap, CAP_EFFECTIVE, &on) && on == CAP_SET;
}

char *caps_missing(void)
{
	/* Load and attach; then open the files that profiled processes have mapped. */
	static const struct {
		cap_value_t cap;
		const char *name;
	} needed[] = {
		{CAP_BPF, "CAP_BPF"},
		{CAP_PERFMON, "CAP_PERFMON"},
		{CAP_SYS_PTRACE, "CAP_SYS_PTRACE"},
		{CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH"},
	};
	cap_t set = cap_get_proc();
	struct buf out = {0};

	for (size_t i = 0; set && i < ARRAY_SIZE(needed); i++) {
		/* CAP_SYS_ADMIN stands for the first two (kernel/bpf/token.c, perf_event.h). */
		if (has(set, needed[i].cap) || (i < 2 && has(set, CAP_SYS_ADMIN)))
			continue;
		buf_printf(&out, "%s%s", out.len ? ", " : "", needed[i].name);
	}
	if (set)
		cap_free(set);
	return out.len ? buf_steal_text(&out) : NULL;
}

bool caps_lockdown_confidentiality(void)
{
	__cleanup_file FILE *f = fopen("/sys/kernel/security/lockdown", "re");
	char line[128] = "";

	return f && fgets(line, sizeof(line), f) && strstr(line, "[confidentiality]");
}
