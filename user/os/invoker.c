/* SPDX-License-Identifier: MIT */
/*
 * The file system's idea of who we are (fsuid) takes root's capabilities over files with it and leaves the others.
 * Groups are those of the whole process, so there must be one thread only. System calls by their own: the C library's
 * setgroups() is not for signal handlers, and a file half written is removed by one.
 */
#include "user/os/invoker.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>

#define MOST_GROUPS 1024

static struct {
	uid_t uid;
	gid_t gid;
	gid_t groups[MOST_GROUPS], own_groups[MOST_GROUPS];
	int group_cnt, own_cnt;
	bool known; /* groups are those of uid and gid */
	unsigned depth;
	bool changed;
} invoker;

/* The id that sudo leaves in the environment; -1: none. */
static uint32_t sudo_id(const char *variable)
{
	const char *text = getenv(variable);
	char *end;
	unsigned long id;

	if (!text || *text < '0' || *text > '9')
		return (uint32_t)-1;
	errno = 0;
	id = strtoul(text, &end, 10);
	return errno || *end || id >= (uint32_t)-1 ? (uint32_t)-1 : (uint32_t)id;
}

static void learn(uid_t uid, gid_t gid)
{
	const struct passwd *pw;

	if (invoker.known && invoker.uid == uid && invoker.gid == gid)
		return;
	pw = getpwuid(uid);
	invoker.group_cnt = MOST_GROUPS;
	if (!pw || getgrouplist(pw->pw_name, gid, invoker.groups, &invoker.group_cnt) < 0) {
		invoker.groups[0] = gid;
		invoker.group_cnt = 1;
	}
	invoker.uid = uid;
	invoker.gid = gid;
	invoker.known = true;
}

bool invoker_is_another(void)
{
	uid_t uid = geteuid() == 0 ? sudo_id("SUDO_UID") : (uid_t)-1;

	return uid != (uid_t)-1 && uid != 0;
}

void invoker_begin(void)
{
	gid_t gid;

	if (invoker.depth++)
		return;
	invoker.changed = invoker_is_another();
	if (!invoker.changed)
		return;
	gid = sudo_id("SUDO_GID");
	learn(sudo_id("SUDO_UID"), gid == (gid_t)-1 ? getegid() : gid);
	invoker.own_cnt = getgroups(MOST_GROUPS, invoker.own_groups);
	syscall(SYS_setgroups, invoker.group_cnt, invoker.groups);
	setfsgid(invoker.gid);
	setfsuid(invoker.uid);
}

void invoker_end(void)
{
	if (--invoker.depth || !invoker.changed)
		return;
	setfsuid(geteuid());
	setfsgid(getegid());
	syscall(SYS_setgroups, invoker.own_cnt < 0 ? 0 : invoker.own_cnt, invoker.own_groups);
}

const char *invoker_hint(void)
{
	static char text[64];

	if (!invoker.changed)
		return "";
	snprintf(text, sizeof(text), " (with the privileges of user %u, who ran sudo)", invoker.uid);
	return text;
}
