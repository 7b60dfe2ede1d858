/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * New memory: a program at each page fault, once the page is there. A fault brings one page, or as many as the process's
 * resident memory is then seen to have grown by (huge pages, pages around the one of a file). Not each of them is walked:
 * what they brought is carried until it is as much as a sample stands for, which the fault that makes it so then is for all.
 *
 * Memory that is given back is not subtracted: what is touched after that is new again.
 */
#include "bpf/sample.bpf.h"
#include "bpf/target.bpf.h"

/* Up to 6.1 with what the thread has yet to add. (mm/memory.c: sync_mm_rss) */
static __always_inline s64 resident_before_6_2(struct task_struct *task, struct mm_struct *mm)
{
	struct mm_struct___before_6_2 *m = (void *)mm;
	struct task_struct___before_6_2 *t = (void *)task;
	s64 sum = BPF_CORE_READ(m, rss_stat.count[MM_FILEPAGES].counter) +
		  BPF_CORE_READ(m, rss_stat.count[MM_ANONPAGES].counter) +
		  BPF_CORE_READ(m, rss_stat.count[MM_SHMEMPAGES].counter);

	if (bpf_core_field_exists(t->rss_stat))
		sum += BPF_CORE_READ(t, rss_stat.count[MM_FILEPAGES]) + BPF_CORE_READ(t, rss_stat.count[MM_ANONPAGES]) +
		       BPF_CORE_READ(t, rss_stat.count[MM_SHMEMPAGES]);
	return sum;
}

/* Pages of the process, by the kernel's sum; it is behind by what CPUs have yet to add. */
static __always_inline u64 resident_pages(struct task_struct *task, struct mm_struct *mm)
{
	struct mm_struct___since_6_2 *m = (void *)mm;
	s64 sum;

	if (bpf_core_field_exists(m->rss_stat[MM_FILEPAGES].count))
		sum = BPF_CORE_READ(m, rss_stat[MM_FILEPAGES].count) + BPF_CORE_READ(m, rss_stat[MM_ANONPAGES].count) +
		      BPF_CORE_READ(m, rss_stat[MM_SHMEMPAGES].count);
	else
		sum = resident_before_6_2(task, mm);
	return sum > 0 ? (u64)sum : 0;
}

static __always_inline u64 draw_next(void)
{
	return cfg_growth_pages / 2 + bpf_get_prandom_u32() % (cfg_growth_pages + 1) + 1;
}

static __always_inline void begin(u64 mm, u32 tgid, u64 resident)
{
	struct growth fresh = {.resident = resident, .next = draw_next(), .free = 1, .tgid = tgid};

	bpf_map_update_elem(&growths, &mm, &fresh, BPF_ANY);
}

/*
 * What this fault brought. Each counts as one page at once, so that who is sampled does not depend on when a CPU adds to the
 * kernel's sum, as it does with 32 pages and more at a time; what is so ahead of the sum is set off against what it then
 * shows. Some faults bring none (a page was read only, or shared with a parent), so it may be ahead by no more than it can lag.
 */
static __always_inline u64 brought(struct growth *g, u64 resident)
{
	u64 grown = resident > g->resident ? resident - g->resident : 0, ahead = g->ahead + 1, pages = 1;

	g->resident = resident;
	if (grown > ahead) {
		pages += grown - ahead;
		ahead = 0;
	} else {
		ahead -= grown;
	}
	if (ahead > cfg_growth_ahead) {
		ahead = cfg_growth_ahead;
		pages = 0;
	}
	g->ahead = ahead;
	return pages;
}

/* The pages that a sample stands for which is due now; 0: none is. */
static __always_inline u64 add(struct growth *g, u64 resident)
{
	u64 due = g->unsent + brought(g, resident);

	if (due < g->next) {
		g->unsent = due;
		return 0;
	}
	g->unsent = 0;
	g->next = draw_next();
	return due;
}

/*
 * Threads fault at the same time: while one is at it, the next one to come will see what both brought. A function apart: old
 * kernels count what is on the stack while the sample is taken, too.
 */
static __attribute__((noinline)) u64 due_pages(u32 tgid)
{
	struct task_struct *task = current_task();
	struct mm_struct *mm = member_of(task, mm);
	u64 key = (u64)mm, due;
	struct growth *g;

	if (!mm)
		return 0;
	g = bpf_map_lookup_elem(&growths, &key);
	if (!g || g->tgid != tgid) {
		begin(key, tgid, resident_pages(task, mm));
		return 0;
	}
	if (!take_bit(&g->free, 1, key))
		return 0;
	due = add(g, resident_pages(task, mm));
	give_bit(&g->free, 1);
	return due;
}

SEC("perf_event")
int faults_fault(struct bpf_perf_event_data *ctx)
{
	u32 zero = 0, tgid = target_current();
	struct fault_count *c = bpf_map_lookup_elem(&fault_counts, &zero);
	u64 pages = tgid ? due_pages(tgid) : 0;
	struct tick t = {.value = pages * cfg_page_bytes};

	if (!c)
		return 0;
	c->faults++;
	c->pages += pages;
	if (!pages) {
		sample_skip(ABI_SOURCE_FAULTS, tgid ? ABI_CARRIED : ABI_NOT_TARGET);
		return 0;
	}
	t.now_ns = bpf_ktime_get_ns();
	t.native = cfg_native;
	if (cfg_kernel && (s64)ctx->regs[ARCH_TICK_IP] < 0)
		t.kernel_ctx = ctx;
	sample_take(&t, ABI_SOURCE_FAULTS, 0);
	return 0;
}
