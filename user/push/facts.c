/* SPDX-License-Identifier: MIT */
/*
 * "3.12.1" and "3.12.7" compare well, and an update of a host should not end all its series: so `python` is the minor version.
 * Never is anything called by what the kernel calls a thread, which its program changes at will.
 */
#include "user/push/facts.h"
#include "user/util/alloc.h"
#include "user/util/program_name.h"
#include <stdio.h>
#include <string.h>

#define SHORT_ID 12 /* digits of an id that stand for a name which is not known (user/target/containers.c) */

const struct fact facts[FACT_CNT] = {
	{"service_name", NULL, FACT_ALWAYS},
	{"namespace", "namespace", FACT_ALWAYS},
	{"pod", "pod", FACT_ALWAYS},
	{"container", "container", FACT_ALWAYS},
	{"node", NULL, FACT_ALWAYS},
	{"python", NULL, FACT_ALWAYS},
	{"container_id", "container_id", FACT_WHEN_ASKED},
	{"pid", NULL, FACT_WHEN_ASKED},
	{"unit", "unit", FACT_WHEN_ASKED},
	{"runtime", "runtime", FACT_WHEN_ASKED},
	{"compose_project", "compose_project", FACT_WHEN_ASKED},
	{"compose_service", "compose_service", FACT_WHEN_ASKED},
	{"program", "program", FACT_NEVER},
	{"service", "service", FACT_NEVER}, /* the process's own word */
	{"cgroup", NULL, FACT_NEVER},
};

const struct fact *fact_find(const char *name)
{
	for (size_t i = 0; i < FACT_CNT; i++)
		if (!strcmp(facts[i].name, name))
			return &facts[i];
	return NULL;
}

/* "3.12", "3.13t" */
static char *python_of(const char *version)
{
	const char *dot = strchr(version, '.');
	size_t digits = dot ? strspn(dot + 1, "0123456789") : 0, len = strlen(version);

	if (!digits)
		return xstrdup(version);
	return xasprintf("%.*s%s", (int)((size_t)(dot - version) + 1 + digits), version,
			 version[len - 1] == 't' ? "t" : "");
}

static void put_profile_labels(struct label_set *s, const struct profile *p, uint32_t process)
{
	size_t cnt;
	const struct profile_label *l = profile__labels(p, process, &cnt);

	for (size_t i = 0; i < cnt; i++)
		for (size_t k = 0; k < FACT_CNT; k++)
			if (facts[k].key && !strcmp(facts[k].key, l[i].key))
				label_set__put(s, facts[k].name, l[i].value);
}

/* One whose name nobody knows is called by its id: every one another. */
static bool has_name(const struct label_set *s)
{
	const char *name = label_set__get(s, "container"), *id = label_set__get(s, "container_id");

	return *name && (strlen(name) != SHORT_ID || strncmp(id, name, SHORT_ID));
}

/* Of systemd's units those that a service is; what systemd-run makes up and what manages a user's session are none. */
static char *unit_service(const char *unit)
{
	size_t len = strlen(unit), suffix = strlen(".service");

	if (len <= suffix || strcmp(unit + len - suffix, ".service") || !strncmp(unit, "run-", 4) ||
	    !strncmp(unit, "user@", 5))
		return NULL;
	return xstrndup(unit, len - suffix);
}

static char *container_service(const struct label_set *s)
{
	const char *namespace = label_set__get(s, "namespace"), *name = label_set__get(s, "container");
	const char *compose = label_set__get(s, "compose_service");

	if (*namespace && has_name(s))
		return xasprintf("%s/%s", namespace, name);
	if (*compose)
		return xstrdup(compose);
	return has_name(s) ? xstrdup(name) : NULL;
}

/* Caller frees. */
static char *service_of(const struct label_set *s)
{
	const char *own = label_set__get(s, "service"), *program = label_set__get(s, "program");
	bool is_contained = *label_set__get(s, "runtime");
	char *name;

	if (*own)
		return xstrdup(own);
	name = container_service(s);
	if (!name && !is_contained)
		name = unit_service(label_set__get(s, "unit"));
	return name ? name : xstrdup(*program ? program : "python");
}

void facts_put(struct label_set *s, const struct profile *p, uint32_t process, const char *node)
{
	const struct profile_process *of = &p->processes[process];
	__cleanup_free char *python = python_of(of->python), *program = program_name(of->command), *service = NULL;
	char pid[16];

	snprintf(pid, sizeof(pid), "%u", of->pid);
	label_set__put(s, "program", program);
	put_profile_labels(s, p, process); /* a program that was found by its parent's is better */
	label_set__put(s, "node", node);
	label_set__put(s, "python", python);
	label_set__put(s, "pid", pid);
	label_set__put(s, "cgroup", of->cgroup);
	service = service_of(s);
	label_set__put(s, "service_name", service);
}
