/* SPDX-License-Identifier: MIT */
#include "user/target/provenance.h"
#include "user/os/procfs.h"
#include "user/util/alloc.h"
#include <stdio.h>
#include <string.h>

#define START_STEP_NS 10000000u /* of starts in /proc */

static const struct process *parent_of(const struct processes *t, const struct process *p)
{
	return p->parent_image_id ? processes__find(t, p->parent_image_id) : NULL;
}

/* The code of a forked process was loaded by the first of its line, mostly. */
static uint64_t find_code_start(const struct process *p, const struct process *parent)
{
	uint64_t start;

	if (parent && parent->code_start_ns)
		return parent->code_start_ns;
	start = process__is_there(p) ? procfs_code_start(p->pid) : 0;
	if (start && start + START_STEP_NS <= p->start_ns)
		return start;
	return parent && parent->start_ns ? parent->start_ns : p->start_ns;
}

/* Whole groups only: with some of them left out it could read less, never more. */
static void cut(char *rights)
{
	size_t len = strlen(rights);

	if (len < PROCESS_RIGHTS)
		return;
	for (len = PROCESS_RIGHTS - 1; rights[len] != ' '; len--)
		;
	rights[len] = 0;
}

/* NULL when it is gone. Caller frees. */
static char *read_rights(const struct process *p)
{
	char *rights = process__is_there(p) ? procfs_rights(p->pid) : NULL;

	if (rights)
		cut(rights);
	return rights;
}

/* A fork has its parent's groups, too, unless it has changed its user. */
static void set_rights(struct process *p, const struct process *parent, const struct abi_proc_rec *rec)
{
	__cleanup_free char *rights = NULL;
	char ids[32];
	size_t len;

	snprintf(ids, sizeof(ids), "%u %u", rec->uid, rec->gid);
	len = strlen(ids);
	if (parent && !strncmp(parent->rights, ids, len) && (!parent->rights[len] || parent->rights[len] == ' ')) {
		memcpy(p->rights, parent->rights, sizeof(p->rights));
		return;
	}
	rights = read_rights(p);
	strcpy(p->rights, rights ? rights : ids);
}

void provenance_set(const struct processes *t, struct process *p, const struct abi_proc_rec *rec)
{
	const struct process *parent = parent_of(t, p);

	p->own_root = rec->flags & ABI_PROC_OWN_ROOT;
	set_rights(p, parent, rec);
	if (!p->code_start_ns)
		p->code_start_ns = find_code_start(p, parent);
}

bool provenance_refresh(struct process *p)
{
	__cleanup_free char *rights = read_rights(p);

	if (!rights || !strcmp(rights, p->rights))
		return false;
	strcpy(p->rights, rights);
	p->revision++;
	return true;
}
