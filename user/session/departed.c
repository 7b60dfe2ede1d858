/* SPDX-License-Identifier: MIT */
#include "user/session/departed.h"
#include "pybpfprof.skel.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <bpf/libbpf.h>

#define AGAIN_NS 10000000000ull /* a record may come so late that its process is taken for a new one */

struct look {
	struct departed *d;
	const struct pybpfprof_bpf *skel;
};

static void look_at(void *ctx, struct process *p)
{
	struct look *l = ctx;
	uint32_t tgid = (uint32_t)p->pid;
	struct abi_proc entry;

	if (p->exited)
		return;
	if (!bpf_map__lookup_elem(l->skel->maps.procs, &tgid, sizeof(tgid), &entry, sizeof(entry), 0) &&
	    entry.image_id == p->image_id)
		return;
	xgrow(l->d->recs, l->d->cnt, l->d->cap);
	l->d->recs[l->d->cnt++] = (struct abi_exit){.hdr = {.tgid = tgid}, .image_id = p->image_id};
}

void departed__look(struct departed *d, const struct pybpfprof_bpf *skel, const struct processes *processes,
		    uint64_t now_ns)
{
	uint32_t lost = __atomic_load_n(&skel->bss->exits_lost, __ATOMIC_ACQUIRE);
	struct look look = {d, skel};

	if (lost == d->lost_seen && now_ns < d->again_ns)
		return;
	d->lost_seen = lost;
	d->again_ns = now_ns + AGAIN_NS;
	processes__each_living(processes, look_at, &look);
}

void departed__tell(struct departed *d, const struct processes *processes,
		    void (*fn)(void *ctx, const struct abi_exit *rec), void *ctx)
{
	size_t cnt = 0;

	for (size_t i = 0; i < d->cnt; i++) {
		const struct process *p = processes__find(processes, d->recs[i].image_id);

		if (!p || p->exited)
			continue;
		fn(ctx, &d->recs[i]);
		cnt++;
	}
	d->cnt = 0;
	if (cnt)
		log_verbose("%zu processes ended without a record of it: the ring buffer was full", cnt);
}

void departed__free(struct departed *d)
{
	free(d->recs);
}
