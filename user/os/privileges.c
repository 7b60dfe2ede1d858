/* SPDX-License-Identifier: MIT */
/*
 * A program that reads the memory of every process must be hard to borrow. So its rights must be the caller's (root, by
 * sudo, or given by a service manager or a container), and most are given up as soon as they have been used: what is
 * read afterwards is hostile.
 */
#include "user/os/privileges.h"
#include "user/os/capability.h"
#include "user/os/invoker.h"
#include "user/os/perf.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- those it must not have ------------------------------------------------------------------------------ */

#define REMEDY "Type sudo pybpfprof … instead"

/* More than what the caller had and hands on ("ambient"): that comes from the file. Root has all by itself. */
static bool has_file_capabilities(void)
{
	cap_flag_value_t on;
	cap_t own = getuid() ? cap_get_proc() : NULL;
	bool found = false;

	for (cap_value_t cap = 0; own && prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		if (!cap_get_flag(own, cap, CAP_PERMITTED, &on) && on == CAP_SET &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) != 1)
			found = true;
	if (own)
		cap_free(own);
	return found;
}

/* A file with capabilities that only a group may run was made so for that group. */
static bool is_for_everybody(void)
{
	struct stat st;

	return stat("/proc/self/exe", &st) || st.st_mode & S_IXOTH;
}

int privileges_check(void)
{
	if (getuid() != geteuid() || getgid() != getegid()) {
		log_error("refused: this program's file is setuid or setgid (chmod ug-s takes that away). %s", REMEDY);
		return -EPERM;
	}
	if (has_file_capabilities() && is_for_everybody()) {
		log_error("refused: this program's file has capabilities, and everybody may run it: everybody could "
			  "read the memory of every process. Take them away (setcap -r), or let only a group run it "
			  "(chmod o-x). %s",
			  REMEDY);
		return -EPERM;
	}
	return 0;
}

/* ---- those it gives up ------------------------------------------------------------------------------------ */

static bool always(void)
{
	return true;
}

/* Outputs are then written with the user's own rights. */
static bool is_for_itself(void)
{
	return !invoker_is_another();
}

static bool are_timers_admins(void)
{
	return perf_paranoid() > 2;
}

static const struct {
	cap_value_t cap;
	unsigned uses;
	bool (*needed)(void);
} table[] = {
	{CAP_BPF, PRIVILEGES_SAMPLE | PRIVILEGES_DAEMON, always},     /* maps, where only it may write to them */
	{CAP_PERFMON, PRIVILEGES_SAMPLE | PRIVILEGES_DAEMON, always}, /* timers for CPUs and cgroups that come later */
	{CAP_SYS_ADMIN, PRIVILEGES_SAMPLE | PRIVILEGES_DAEMON,
	 are_timers_admins}, /* … on Debian and Ubuntu as they come */
	{CAP_SYS_PTRACE, PRIVILEGES_SAMPLE | PRIVILEGES_DAEMON | PRIVILEGES_LOOK | PRIVILEGES_SOURCES, always},
	{CAP_DAC_READ_SEARCH, PRIVILEGES_SAMPLE | PRIVILEGES_DAEMON | PRIVILEGES_LOOK, always},
	{CAP_CHECKPOINT_RESTORE, PRIVILEGES_SAMPLE | PRIVILEGES_LOOK, always}, /* /proc/PID/map_files */
	{CAP_SETUID, PRIVILEGES_SAMPLE | PRIVILEGES_LOOK | PRIVILEGES_FILES, invoker_is_another},
	{CAP_SETGID, PRIVILEGES_SAMPLE | PRIVILEGES_LOOK | PRIVILEGES_FILES, invoker_is_another},
	{CAP_DAC_OVERRIDE, PRIVILEGES_FILES, is_for_itself}, /* root's outputs in directories of others */
	{CAP_FOWNER, PRIVILEGES_FILES, is_for_itself},       /* … and in the place of their files, in /tmp */
	{CAP_KILL, PRIVILEGES_COMMAND, always},
};

static bool is_kept(cap_value_t cap, unsigned uses)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].cap == cap)
			return table[i].uses & uses && table[i].needed();
	return false;
}

/* No more than there is, and nothing to hand on. */
static int keep(unsigned uses)
{
	cap_t own = cap_get_proc(), kept = cap_init();
	cap_flag_value_t on;
	int err;

	for (size_t i = 0; own && kept && i < ARRAY_SIZE(table); i++) {
		if (!is_kept(table[i].cap, uses))
			continue;
		for (int set = CAP_EFFECTIVE; set <= CAP_PERMITTED; set++) /* they follow each other */
			if (!cap_get_flag(own, table[i].cap, (cap_flag_t)set, &on) && on == CAP_SET)
				cap_set_flag(kept, (cap_flag_t)set, 1, &table[i].cap, CAP_SET);
	}
	err = own && kept && !cap_set_proc(kept) ? 0 : -errno;
	cap_free(own);
	cap_free(kept);
	return err;
}

void privileges_keep(unsigned uses)
{
	int err = keep(uses);

	if (err)
		log_warn("cannot drop privileges that are no longer needed: %s", strerror(-err));
}

void privileges_keep_only(unsigned uses)
{
	int is_there;

	/* This takes CAP_SETPCAP; without it the next line binds us all the same. */
	for (cap_value_t cap = 0; (is_there = prctl(PR_CAPBSET_READ, cap)) >= 0; cap++)
		if (is_there && !is_kept(cap, uses))
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	privileges_keep(uses);
}
