/* SPDX-License-Identifier: MIT */
/* libcap: a healthy library that knows names and the effective set. */
#include "user/os/caps.h"
#include "user/os/capability.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include <string.h>

static bool has(cap_t set, cap_value_t cap)
{
	cap_flag_value_t on = CAP_CLEAR;

	return !cap_get_flag(set, cap, CAP_EFFECTIVE, &on) && on == CAP_SET;
}

/* CAP_SYS_ADMIN stands for some of the others (kernel/bpf/token.c, include/linux/perf_event.h). */
static const struct {
	cap_value_t cap;
	const char *name, *purpose;
	bool wanted, needed, admin;
} table[] = {
	{CAP_BPF, "CAP_BPF", "loads the BPF programs", true, true, true},
	{CAP_PERFMON, "CAP_PERFMON", "attaches them to timers and reads memory", true, true, true},
	{CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "looks into other users' processes", true, false, false},
	{CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", "opens the interpreters of other users' processes", true, false,
	 false},
	{CAP_CHECKPOINT_RESTORE, "CAP_CHECKPOINT_RESTORE", "opens interpreters whose file was replaced", false, false,
	 true},
	{CAP_SYS_ADMIN, "CAP_SYS_ADMIN",
	 "stands for CAP_BPF and CAP_PERFMON; timers where perf_event_paranoid is above 2", false, false, false},
};

void caps_each(void (*fn)(void *ctx, const struct cap_fact *f), void *ctx)
{
	cap_t set = cap_get_proc();

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct cap_fact f = {.name = table[i].name, .purpose = table[i].purpose, .needed = table[i].needed};

		f.present = set && has(set, table[i].cap);
		f.by_admin = !f.present && set && table[i].admin && has(set, CAP_SYS_ADMIN);
		f.present |= f.by_admin;
		fn(ctx, &f);
	}
	if (set)
		cap_free(set);
}

static void note_missing(void *ctx, const struct cap_fact *f)
{
	struct buf *out = ctx;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].name == f->name && table[i].wanted && !f->present)
			buf_printf(out, "%s%s", out->len ? ", " : "", f->name);
}

char *caps_missing(void)
{
	struct buf out = {0};

	caps_each(note_missing, &out);
	return out.len ? buf_steal_text(&out) : NULL;
}

/* The file reads "none [integrity] confidentiality": the word in brackets is how it is. */
char *caps_lockdown(void)
{
	__cleanup_file FILE *f = fopen("/sys/kernel/security/lockdown", "re");
	char line[128] = "", *at;

	if (!f || !fgets(line, sizeof(line), f) || !(at = strchr(line, '[')))
		return NULL;
	return xstrndup(at + 1, strcspn(at + 1, "]"));
}

bool caps_lockdown_confidentiality(void)
{
	__cleanup_free char *word = caps_lockdown();

	return word && !strcmp(word, "confidentiality");
}
