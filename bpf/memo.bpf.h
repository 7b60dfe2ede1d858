/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Which code object lies where, as read last: once per walk, and for a while between walks. */
#pragma once
#include "bpf/code.bpf.h"

#define CODE_VERIFIED_TIMES 4 /* a code object is cached once it was read the same for so many times cache_ns */

static __always_inline bool is_memo_of(const struct walk *w, const struct code_memo *m, u64 addr)
{
	return m->addr == addr && m->image_id == w->image_id;
}

/*
 * Of the code object that was read just now: the body of a module or of a class. However long it takes, then it is gone, and
 * the next one that is imported stands in its place.
 */
static __always_inline bool runs_once(const struct walk *w)
{
	return !(code_u32(w, w->code_flags) & ABI_CODE_OPTIMIZED);
}

/*
 * A code object that was read again and again and found the same for 200 ms of CPU time is cached for 50 ms. Those that
 * come and go (of modules that are being imported, of templates) do not get so old: it is the process's CPU time that
 * counts, so a busy machine makes no difference. When another object is found at the address after all, user space
 * invalidates the unverified samples of the process that show the cached one, which it has kept back for that long, and
 * nothing of the process is cached for some time. What is not readable is no other object. What runs but once is read at
 * each tick.
 *
 * The gain, in BPF µs a sample of 50 functions, with it and without: 3.8: 4.0, 21.6; 3.11: 3.6, 24.9; 3.12: 3.6,
 * 7.6; 3.13: 2.8, 7.4. So it begins where reading everything would take some quarter of a point or more: at 200 Hz, and for
 * code objects with a number at 500 Hz (user/session/session.c).
 */
static __always_inline u64 cached_until(struct walk *w, u32 at, u64 key, bool known)
{
	struct code_memos *all = &w->memos;
	const struct code_memo *m = &all->memo[at];
	u64 now = w->sample.hdr.time_ns;

	if (known && key == m->key) {
		all->time[at].verified_ns += w->cpu_ns;
	} else {
		if (known && key && m->until_ns > all->time[at].checked_ns) {
			w->replaced++;
			w->replaced_key = m->key;
		}
		all->time[at].verified_ns = 0;
	}
	all->time[at].checked_ns = now;
	if (!w->cache_ns || runs_once(w) || all->time[at].verified_ns < CODE_VERIFIED_TIMES * w->cache_ns)
		return now;
	return now + w->cache_ns;
}

/* Notes in slot `at` that the code object at the address was read and has this key. */
static __always_inline void code_note(struct walk *w, u32 at, u64 addr, u64 key)
{
	struct code_memo *m = &w->memos.memo[at];
	bool known = is_memo_of(w, m, addr);
	u64 until_ns = 0;

	if (w->cache_ns || (known && m->until_ns))
		until_ns = cached_until(w, at, key, known);
	m->addr = addr;
	m->key = key;
	/* what is no code object may become one at any time */
	m->until_ns = key ? until_ns : 0;
	m->image_id = w->image_id;
	m->walk = w->walk_cnt;
}

/* Of two slots the one to give away: cached for less long, or not met for longer. */
static __always_inline bool is_staler(const struct code_memo *m, const struct code_memo *other)
{
	return m->until_ns == other->until_ns ? m->walk < other->walk : m->until_ns < other->until_ns;
}

/* Which of the two slots of an address. */
static __always_inline u32 code_slot(const struct walk *w, u64 addr)
{
	u32 at = (u32)(addr >> 4 ^ addr >> 13) * 2 % CODE_MEMOS;
	const struct code_memo *m = &w->memos.memo[at];

	at += !is_memo_of(w, m, addr) && (is_memo_of(w, m + 1, addr) || is_staler(m + 1, m));
	opaque(at); /* Linux 5.10 does not see that it is not more */
	return at % CODE_MEMOS;
}

/* Need it not be read again? */
static __always_inline bool code_is_known(struct walk *w, struct code_memo *m, u64 addr)
{
	if (!is_memo_of(w, m, addr))
		return false;
	if (m->walk == w->walk_cnt)
		return true;
	if (w->cache_ns && w->sample.hdr.time_ns < m->until_ns) {
		w->sample.unverified = 1;
		return true;
	}
	if (w->cache_ns || !(w->layout.mech & ABI_MECH_VERSION) || !m->key || numbered_key(w, addr) != m->key ||
	    code_is_new(w, m->key))
		return false;
	m->walk = w->walk_cnt;
	return true;
}

/* The key of the code object at this address; 0 when there is none. */
static __always_inline u64 code_key(struct walk *w, u64 addr)
{
	u32 at = code_slot(w, addr);
	u64 key;

	if (code_is_known(w, &w->memos.memo[at], addr))
		return w->memos.memo[at].key;
	key = code_key_read(w, addr);
	code_note(w, at, addr, key);
	return key;
}
