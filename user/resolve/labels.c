/* SPDX-License-Identifier: MIT */
#include "user/resolve/labels.h"
#include <stdio.h>

uint32_t labels_revision(const struct process *p)
{
	return (p->container ? 2 * (p->container->revision + 1) : 0) + (p->inner_pid != 0);
}

static void send(struct profile_sink sink, uint32_t id, const char *key, const char *value)
{
	if (value && *value)
		sink.ops->label(sink.ctx, &(struct profile_label){.process = id, .key = key, .value = value});
}

void labels_send(struct profile_sink sink, uint32_t id, const struct process *p)
{
	const struct container *k = p->container;
	char inner[16] = "";

	if (p->inner_pid && p->inner_pid != p->pid)
		snprintf(inner, sizeof(inner), "%d", p->inner_pid);
	send(sink, id, "inner_pid", inner);
	if (!k)
		return;
	send(sink, id, "unit", k->unit);
	if (!k->runtime)
		return;
	send(sink, id, "container", k->name);
	send(sink, id, "container_id", k->id);
	send(sink, id, "runtime", k->runtime);
	send(sink, id, "pod", k->pod);
	send(sink, id, "namespace", k->namespace);
}
