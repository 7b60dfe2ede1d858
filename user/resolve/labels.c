/* SPDX-License-Identifier: MIT */
#include "user/resolve/labels.h"
#include <stdio.h>

uint32_t labels_revision(const struct process *p)
{
	uint32_t known = (p->container ? 4 * (p->container->revision + 1) : 0) + 2 * (p->inner_pid != 0);

	return (p->moves << 20) + known + (p->service || p->program);
}

/* What is not so any more is taken back where it may have been said. */
static void send(struct profile_sink sink, uint32_t id, const struct process *p, const char *key, const char *value)
{
	value = value ? value : "";
	if (*value || p->moves)
		sink.ops->label(sink.ctx, &(struct profile_label){.process = id, .key = key, .value = value});
}

static void send_container(struct profile_sink sink, uint32_t id, const struct process *p)
{
	static const struct container none;
	const struct container *k = p->container ? p->container : &none, *c = k->runtime ? k : &none;

	send(sink, id, p, "unit", k->unit);
	send(sink, id, p, "container", c->name);
	send(sink, id, p, "container_id", c->id);
	send(sink, id, p, "runtime", c->runtime);
	send(sink, id, p, "pod", c->pod);
	send(sink, id, p, "namespace", c->namespace);
	send(sink, id, p, "compose_project", c->compose_project);
	send(sink, id, p, "compose_service", c->compose_service);
}

void labels_send(struct profile_sink sink, uint32_t id, const struct process *p)
{
	char inner[16] = "";

	if (p->inner_pid && p->inner_pid != p->pid)
		snprintf(inner, sizeof(inner), "%d", p->inner_pid);
	send(sink, id, p, "inner_pid", inner);
	send(sink, id, p, "service", p->service);
	send(sink, id, p, "program", p->program);
	send_container(sink, id, p);
}
