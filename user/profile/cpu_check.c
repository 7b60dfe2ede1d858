/* SPDX-License-Identifier: MIT */
#include "user/profile/cpu_check.h"
#include "user/profile/value_type.h"
#include "user/util/alloc.h"
#include <math.h>

#define DIFFERS_PART       20
#define DIFFERS_DEVIATIONS 3

struct cpu_check *cpu_checks_new(const struct profile *p)
{
	struct cpu_check *checks = xcalloc((size_t)p->process_cnt + 1, sizeof(*checks));
	const struct profile_value_type *cpu = profile__type(p, profile_cpu_type.name);

	if (!cpu)
		return checks; /* there is nothing to compare with the clocks */
	for (size_t i = 0; i < p->bucket_cnt; i++)
		if (p->buckets[i].type == cpu->id)
			checks[p->threads[p->buckets[i].thread].process].sampled_ns += p->buckets[i].value;
	for (size_t i = 0; i < p->loss_cnt; i++)
		if (p->losses[i].type == cpu->id)
			checks[p->losses[i].process].sampled_ns += p->losses[i].value;
	checks[0].sampled_ns = 0;
	for (uint32_t i = 1; i <= p->process_cnt; i++) {
		checks[i].clock_ns = p->processes[i].cpu_ns;
		if (!checks[i].clock_ns)
			continue;
		checks[0].clock_ns += checks[i].clock_ns;
		checks[0].sampled_ns += checks[i].sampled_ns;
	}
	return checks;
}

bool cpu_check_differs(const struct cpu_check *c, double rate_hz)
{
	uint64_t most = c->clock_ns > c->sampled_ns ? c->clock_ns : c->sampled_ns;
	uint64_t diff = most - (c->clock_ns > c->sampled_ns ? c->sampled_ns : c->clock_ns);
	/* Of independent draws; work in long pieces is met more evenly than that. */
	double deviation = rate_hz > 0 ? sqrt((double)most * 1e9 / rate_hz) : 0;

	return c->clock_ns && diff > most / DIFFERS_PART && (double)diff > DIFFERS_DEVIATIONS * deviation;
}

char *cpu_check_text(const struct cpu_check *c)
{
	return xasprintf("%.2f s by its clock, %.2f s sampled", (double)c->clock_ns / 1e9, (double)c->sampled_ns / 1e9);
}
