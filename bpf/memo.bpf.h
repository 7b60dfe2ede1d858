/* Which code object lies where, as read last: once per walk, and for a while between walks. */
#pragma once
#include "bpf/code.bpf.h"

#define CODE_STOOD 4 /* a code object is trusted once it has stood for so many times the longest trust */

static __always_inline struct code_memos *code_memos(struct walk *w)
{
#ifdef PYBPF_HOST
	return &w->memos;
#else
	u32 zero = 0;

	return bpf_map_lookup_elem(&memos, &zero);
#endif
}

static __always_inline struct code_times *code_times(struct walk *w)
{
#ifdef PYBPF_HOST
	return &w->memo_times;
#else
	u32 zero = 0;

	return bpf_map_lookup_elem(&memo_times, &zero);
#endif
}

static __always_inline bool is_memo_of(const struct walk *w, const struct code_memo *m, u64 addr)
{
	return m->addr == addr && m->image_id == w->image_id;
}

/*
 * What was read again and again and found the same for 200 ms of CPU time is trusted for 50 ms; code objects that come
 * and go (of modules that are being imported, of templates) do not get so old, also where others have the CPU most of
 * the time. When at last something else is found, all samples of the process that trusted are called back from the
 * user side, which holds them for that long, and the process is not trusted for some time.
 *
 * What it is worth, in BPF µs a sample of 50 functions, with it and without: 3.8: 4.0, 21.6; 3.11: 3.6, 24.9; 3.12: 3.6,
 * 7.6; 3.13: 2.8, 7.4. So it begins where reading everything would take some quarter of a point or more: at 200 Hz, and for
 * code objects with a number at 500 Hz (user/session/session.c).
 */
static __always_inline u64 code_trust(struct walk *w, const struct code_memo *m, u32 at, u64 key, bool known)
{
	u64 now = w->sample.hdr.time_ns;
	struct code_times *t = code_times(w);

	if (!t)
		return 0;
	if (known && key == m->key) {
		t->time[at].stood_ns += w->sample.value_ns;
	} else {
		w->replaced |= known && m->until_ns > t->time[at].checked_ns;
		t->time[at].stood_ns = 0;
	}
	t->time[at].checked_ns = now;
	return w->trust_ns && t->time[at].stood_ns >= CODE_STOOD * w->trust_ns ? now + w->trust_ns : now;
}

static __always_inline u64 code_memo_read(struct walk *w, struct code_memo *m, u32 at, u64 addr)
{
	u64 key = code_key_read(w, addr);
	bool known = is_memo_of(w, m, addr);
	u64 until_ns = 0;

	if (w->trust_ns || (known && m->until_ns))
		until_ns = code_trust(w, m, at, key, known);
	m->addr = addr;
	m->key = key;
	/* what is no code object is not trusted to be none */
	m->until_ns = key ? until_ns : 0;
	m->image_id = w->image_id;
	m->walk = w->walk_cnt;
	return key;
}

/* Of two places the one to give away: trusted for less long, or not met for longer. */
static __always_inline bool is_staler(const struct code_memo *m, const struct code_memo *other)
{
	return m->until_ns == other->until_ns ? m->walk < other->walk : m->until_ns < other->until_ns;
}

/* The key of the code object at this address; 0 when there is none. */
static __always_inline u64 code_key(struct walk *w, u64 addr)
{
	u32 at = (u32)(addr >> 4 ^ addr >> 13) * 2 % CODE_MEMOS;
	struct code_memos *all;
	struct code_memo *m;

	if (w->alone)
		return code_key_read(w, addr);
	all = code_memos(w);
	if (!all)
		return 0;
	m = &all->memo[at];
	if (!is_memo_of(w, m, addr) && (is_memo_of(w, m + 1, addr) || is_staler(m + 1, m))) {
		m++;
		at++;
	}
	if (is_memo_of(w, m, addr)) {
		if (m->walk == w->walk_cnt)
			return m->key;
		if (w->trust_ns && w->sample.hdr.time_ns < m->until_ns) {
			w->sample.trusted = 1;
			return m->key;
		}
		if (!w->trust_ns && (w->layout.mech & ABI_MECH_VERSION) && m->key && numbered_key(w, addr) == m->key &&
		    !code_is_new(m->key)) {
			m->walk = w->walk_cnt;
			return m->key;
		}
	}
	return code_memo_read(w, m, at, addr);
}
