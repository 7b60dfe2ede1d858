/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Python/ceval_gil.h (from 3.12 on ceval_gil.c), struct _gil_runtime_state (Include/internal/pycore_gil.h): take_gil() waits on
 * `cond` with `mutex`, for an interval at a time; drop_gil() of who was asked for it, on `switch_cond` with `switch_mutex`. glibc
 * waits at words of the condition itself, musl at one on the waiter's stack, of which the condition has a list.
 */
#include "bpf/gil.bpf.h"
#include "bpf/tstate.bpf.h"

#define MUSL_WAITERS    32            /* that are looked at; the last one to come is the first */
#define MAX_INTERVAL_US (60000000ull) /* longer ones are not believed */
#define HOLDER_INTERVAL 8             /* from interval to last_holder */

__hidden u64 gil_find(struct walk *w, u64 runtime_addr)
{
	const struct abi_py_layout *l = &w->layout;
	u64 interp, gil = 0;

	if (!l->gil_switch_off || w->sample.gil == ABI_GIL_NONE)
		return 0;
	if (l->rt_gil_off)
		return runtime_addr + l->rt_gil_off;
	interp = block_u64((const u8 *)w->tstate_block, ABI_TSTATE_BLOCK, l->ts_interp_off);
	if (!l->interp_gil_off || walk_read(w, &gil, 8, interp + l->interp_gil_off))
		return 0;
	return gil;
}

static __always_inline bool is_in_list(struct walk *w, u64 cond, u64 futex)
{
	const struct abi_py_layout *l = &w->layout;
	u64 at = 0;

	if (!l->waiter_futex_off || walk_read(w, &at, 8, cond + l->cond_first_off))
		return false;
	for (u32 i = 0; i < MUSL_WAITERS && at; i++) {
		if (futex == at + l->waiter_futex_off)
			return true;
		if (walk_read(w, &at, 8, at + l->waiter_next_off))
			return false;
	}
	return false;
}

__hidden enum gil_wait gil_wait_of(struct walk *w, u64 gil, u64 futex)
{
	u64 cond = w->layout.gil_cond_off, other = w->layout.gil_switch_off, at = futex - gil;

	if (!gil)
		return GIL_NO_WAIT;
	if (at >= cond && at < other)
		return GIL_WANTED;
	if (at >= other && at < 2 * other - cond)
		return GIL_GIVEN_UP;
	if (is_in_list(w, gil + cond, futex))
		return GIL_WANTED;
	return is_in_list(w, gil + other, futex) ? GIL_GIVEN_UP : GIL_NO_WAIT;
}

__hidden u64 gil_holder(struct walk *w, u64 gil)
{
	struct {
		u64 last;
		s32 locked, pad; /* -1: not made yet */
	} holder = {};

	if (walk_read(w, &holder, sizeof(holder), gil + w->layout.gil_holder_off) || holder.locked <= 0)
		return 0;
	return holder.last;
}

__hidden u64 gil_interval_ns(struct walk *w, u64 gil)
{
	u64 us = 0;

	if (walk_read(w, &us, 8, gil + w->layout.gil_holder_off - HOLDER_INTERVAL) || us > MAX_INTERVAL_US)
		return 0;
	return us * 1000;
}

__hidden u32 gil_thread_number(struct walk *w)
{
	const struct abi_py_layout *l = &w->layout;
	const u8 *block = (const u8 *)w->tstate_block;
	u32 tid = 0;

	if (l->ts_native_id_off)
		return (u32)block_u64(block, ABI_TSTATE_BLOCK, l->ts_native_id_off);
	if (!l->pthread_tid_off ||
	    walk_read(w, &tid, sizeof(tid),
		      block_u64(block, ABI_TSTATE_BLOCK, l->ts_thread_id_off) + l->pthread_tid_off))
		return 0;
	return tid;
}

__hidden bool gil_begin(struct scratch *s, const struct tick *t, struct gil_look *out)
{
	struct walk *w = &s->walk;
	struct abi_proc *p = NULL;
	u32 key;

	if (sample_begin(s, t, &p) != ABI_OK || !p)
		return false;
	w->foreign = 0;
	key = p->tss_key;
	out->outcome = tstate_find(w, p->runtime_addr, w->sample.thread_ident, &key);
	p->tss_key = key;
	if (out->outcome != ABI_OK && out->outcome != ABI_NO_FRAME)
		return false;
	out->p = p;
	out->gil = gil_find(w, p->runtime_addr);
	return out->gil != 0;
}

__hidden bool gil_look(struct scratch *s, const struct tick *t, u64 futex, struct gil_look *out)
{
	if (!gil_begin(s, t, out))
		return false;
	out->wait = gil_wait_of(&s->walk, out->gil, futex);
	return out->wait != GIL_NO_WAIT;
}

/* ---- what it is held for ------------------------------------------------------------------------------------ */

static __always_inline s32 *waiters_of(u32 tgid, u64 gil)
{
	struct gil_key key = {.gil_addr = gil, .tgid = tgid};

	return bpf_map_lookup_elem(&gil_waiters, &key);
}

/* It runs, so it does not wait: nobody has told. */
static __always_inline s32 counted_of_current(void)
{
	u32 tid = (u32)bpf_get_current_pid_tgid(), *at = bpf_map_lookup_elem(&gil_waits, &tid);
	struct gil_slot *slot = at ? bpf_map_lookup_elem(&gil_slots, at) : NULL;

	return slot ? (s32)slot->counted : 0;
}

__hidden s32 gil_waiting(u32 tgid, u64 gil)
{
	s32 *cnt = waiters_of(tgid, gil);

	return cnt ? *(volatile s32 *)cnt - counted_of_current() : 0;
}

__hidden void gil_count(u32 tgid, u64 gil, s32 more)
{
	struct gil_key key = {.gil_addr = gil, .tgid = tgid};
	s32 *cnt = waiters_of(tgid, gil), none = 0;

	if (!cnt) {
		bpf_map_update_elem(&gil_waiters, &key, &none, BPF_NOEXIST);
		cnt = waiters_of(tgid, gil);
	}
	if (cnt)
		__sync_fetch_and_add(cnt, more);
}

__hidden void gil_sent(struct abi_sample *s, u32 outcome, bool dropped)
{
	if (dropped)
		sample_dropped(s);
	__sync_fetch_and_add(&gil_due, 1);
	__sync_fetch_and_add(&gil_due_ns, s->value);
	sample_count(ABI_SOURCE_GIL, dropped ? ABI_RING_FULL : outcome, 1);
}
