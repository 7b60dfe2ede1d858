/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The unwinder. User space has compiled what the files of a process say of their frames (bpf/abi.h: abi_unwind_…); here an
 * address is looked up among the process's mappings, then in its file's table, and the rule found is applied: one frame
 * after the other, with all of the state in the map's value.
 */
#include "bpf/native.bpf.h"
#include "bpf/record.bpf.h"

#define MAPPING_STEPS 17 /* of a binary search among ABI_UNWIND_MAPPINGS … */
#define ROW_STEPS     13 /* … and among the rows of a page */
#define PAGE_BYTES    (1u << ABI_UNWIND_PAGE_SHIFT)
#define ENTRIES_MOST  4 /* looked at per frame: one is in it, others may be on no stack */
#define GOES_ON       ABI_NATIVE_END_CNT

static __always_inline u32 find_mapping(struct native *n, u64 addr)
{
	u32 low = 0, high = n->cnt;

	if (addr >= n->map.start && addr < n->map.end) /* as the frame before */
		return GOES_ON;
	for (u32 i = 0; i < MAPPING_STEPS && low < high; i++) {
		u32 middle = low + (high - low) / 2, at = n->first + middle;
		const struct abi_unwind_mapping *m = bpf_map_lookup_elem(&unwind_mappings, &at);

		if (!m)
			break;
		if (addr < m->start) {
			high = middle;
		} else if (addr >= m->end) {
			low = middle + 1;
		} else {
			n->map = *m;
			return GOES_ON;
		}
	}
	return ABI_NATIVE_NO_MAPPING;
}

/* The last row of the page that begins at or before this place; rows are two in a word. */
static __always_inline u32 find_row(const struct native *n, u64 page, u32 place)
{
	u32 low = 0, high = (u32)(page >> 32) & 0xffff, rule = (u32)(page >> 48);

	for (u32 i = 0; i < ROW_STEPS && low < high; i++) {
		u32 middle = low + (high - low) / 2, row = (u32)page + middle, at = n->map.rows + row / 2;
		const u64 *word = bpf_map_lookup_elem(&unwind_words, &at);
		u32 half;

		if (!word)
			return 0;
		half = (u32)(*word >> (row & 1) * 32);
		if ((half & 0xffff) <= place) {
			rule = half >> 16;
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return rule;
}

static __always_inline u32 find_rule(struct native *n)
{
	u64 addr = n->ip - !n->exact, place;
	u32 end = find_mapping(n, addr), at;
	const struct abi_unwind_rule *rule;
	const u64 *word;

	if (end != GOES_ON)
		return end;
	if (!n->map.page_cnt)
		return n->map.made ? ABI_NATIVE_MADE : ABI_NATIVE_NO_TABLE;
	place = addr - n->map.first;
	if (place >> ABI_UNWIND_PAGE_SHIFT >= n->map.page_cnt)
		return ABI_NATIVE_NO_ROW;
	at = n->map.pages + (u32)(place >> ABI_UNWIND_PAGE_SHIFT);
	word = bpf_map_lookup_elem(&unwind_words, &at);
	if (!word)
		return ABI_NATIVE_NO_ROW;
	at = find_row(n, *word, (u32)place & (PAGE_BYTES - 1));
	rule = bpf_map_lookup_elem(&unwind_rules, &at);
	if (!rule)
		return ABI_NATIVE_NO_ROW;
	n->rule = *rule;
	return GOES_ON;
}

/* Are the registers known that the rule goes by? */
static __always_inline bool is_usable(const struct native *n)
{
	switch (n->rule.kind) {
	case ABI_UNWIND_STOP:
		return false;
	case ABI_UNWIND_BP:
	case ABI_UNWIND_BP_MEM:
		return !n->bp_lost;
	case ABI_UNWIND_REG:
		return n->head.native_cnt == 1;
	default:
		return true;
	}
}

/* Register `number` of the innermost frame. */
static __always_inline u64 first_register(const struct native *n, u32 number)
{
	u32 at = (u32)(ARCH_DWARF_WORDS >> (number & 15) * 4) & 15;

	opaque(at);
	return at < ARCH_UNWIND_REGISTERS ? n->registers[at] : 0;
}

static __always_inline bool find_cfa(struct native *n)
{
	switch (n->rule.kind) {
	case ABI_UNWIND_SP:
		n->cfa = n->sp + (s64)n->rule.cfa_off;
		return true;
	case ABI_UNWIND_BP:
		n->cfa = n->bp + (s64)n->rule.cfa_off;
		return true;
	case ABI_UNWIND_PLT:
		n->cfa = n->sp + 8 + ((s32)(n->ip & 15) >= n->rule.cfa_off ? 8 : 0);
		return true;
	case ABI_UNWIND_REG:
		n->cfa = first_register(n, (u16)n->rule.cfa_add) + (s64)n->rule.cfa_off;
		return true;
	case ABI_UNWIND_BP_MEM:
	case ABI_UNWIND_SP_MEM:
		if (read_user(&n->cfa, 8, (n->rule.kind == ABI_UNWIND_SP_MEM ? n->sp : n->bp) + (s64)n->rule.cfa_off))
			return false;
		n->cfa += (s64)n->rule.cfa_add;
		return true;
	default:
		return false;
	}
}

/*
 * Of code made at run time one kind is known: what `-X perf` has each Python function called by (Python/asm_trampoline.S,
 * Python/perf_trampoline.c). Here its call returns to what frees the frame:
 * call *%rcx; add $8,%rsp; ret, or with a frame pointer call *%rcx; pop %rbp; ret.
 */
#define TRAMPOLINE_CODE       0x00c308c48348d1ffull
#define TRAMPOLINE_MASK       0x00ffffffffffffffull
#define TRAMPOLINE_FRAME_CODE 0xc35dd1ffull
#define TRAMPOLINE_FRAME_MASK 0xffffffffull

static __always_inline u32 find_trampoline(struct native *n)
{
	u64 code = 0;

	if (n->exact || read_user(&code, 8, n->ip - 2))
		return ABI_NATIVE_MADE;
	n->rule.kind = ABI_UNWIND_SP;
	n->rule.cfa_off = 16;
	n->rule.ra_off = -8;
	n->rule.bp = ABI_UNWIND_BP_SAME;
	if ((code & TRAMPOLINE_MASK) == TRAMPOLINE_CODE)
		return GOES_ON;
	n->rule.bp = ABI_UNWIND_BP_AT_CFA;
	n->rule.bp_off = -16;
	return (code & TRAMPOLINE_FRAME_MASK) == TRAMPOLINE_FRAME_CODE ? GOES_ON : ABI_NATIVE_MADE;
}

/* The frame of a signal holds all registers (arch/x86/include/uapi/asm/sigcontext.h; struct ucontext is 40 bytes before). */
#define SIGNAL_BP 120
#define SIGNAL_SP 160
#define SIGNAL_IP 168

static __always_inline u32 leave_signal(struct native *n)
{
	u64 frame = n->sp + (s64)n->rule.cfa_off, bp = 0, sp_ip[2] = {};

	if (read_user(&bp, 8, frame + SIGNAL_BP) || read_user(sp_ip, sizeof(sp_ip), frame + SIGNAL_SP))
		return ABI_NATIVE_FAULT;
	n->bp = bp;
	n->bp_lost = 0;
	n->sp = sp_ip[0];
	n->ip = sp_ip[1];
	n->exact = 1;
	return GOES_ON;
}

/* ---- code without a rule ----------------------------------------------------------------------------------- */

/*
 * What a JIT compiler made, and the like. Its frame ends where the first word lies that is a return address, as far as that is
 * told by something else as well: by the frame pointer, which is saved right below, or by the C evaluator, which that address
 * is in and whose entry lies where it does in all its frames. Else nothing is passed: a frame less would be a wrong stack.
 */
#define SEEK_WORDS 96
#define ENTRY_NEAR 4096u /* of a frame of the evaluator */

/* call *…, of that many bytes before the address that it returns to; `code`: the 8 bytes before. */
static __always_inline bool is_call_through(u64 code, u32 bytes)
{
	u8 opcode = (u8)(code >> 8 * (8 - bytes)), modrm = (u8)(code >> 8 * (9 - bytes)), mod = modrm >> 6,
	   rm = modrm & 7;
	u32 rest = (rm == 4) + (mod == 1 ? 1 : mod == 2 || rm == 5 ? 4 : 0);

	return opcode == 0xff && (modrm & 0x38) == 0x10 && bytes == 2 + (mod == 3 ? 0 : rest);
}

static __always_inline bool is_return(struct native *n, u64 ip)
{
	u64 code = 0;

	if (find_mapping(n, ip - 1) != GOES_ON || read_user(&code, 8, ip - 8))
		return false;
	return (u8)(code >> 24) == 0xe8 || is_call_through(code, 2) || is_call_through(code, 3) ||
	       is_call_through(code, 4) || is_call_through(code, 6) || is_call_through(code, 7);
}

static __always_inline u32 seek_one(u32 i, struct native *n)
{
	u64 value = 0, at = n->sp + 8ull * i;

	if (read_user(&value, 8, at))
		return 1;
	if (!value || !is_return(n, value) || (!n->map.page_cnt && at != n->bp + 8))
		return 0;
	n->seek = at;
	n->back = value;
	return 1;
}

LOOP(seek_loop, struct native, SEEK_WORDS, seek_one)

static __always_inline u64 next_entry(const struct native *n)
{
	u32 at = n->placed;

	opaque(at);
	if (at >= n->head.run_cnt)
		return 0;
	at += n->skip;
	opaque(at);
	return at < ABI_MAX_RUNS + 2 ? n->entries[at] : 0;
}

static __always_inline struct unwind_gaps *gaps_of(const struct native *n)
{
	return bpf_map_lookup_elem(&unwind_gaps, &n->layout_id);
}

/* An entry was found in a frame of the evaluator. */
static __always_inline void learn(const struct native *n, u64 gap)
{
	struct unwind_gaps *gaps = n->guessed ? NULL : gaps_of(n);

	if (gaps)
		gaps->pages = n->map.pages;
	for (u32 i = 0; gaps && i < UNWIND_GAPS; i++) {
		if (gaps->of[i] == gap)
			return;
		if (gaps->of[i])
			continue;
		gaps->of[i] = gap;
		return;
	}
}

/* With a frame pointer, which is not known here, the frame is where its entry says: one of the gaps leads to a return address. */
static __always_inline bool find_framed(struct native *n, const struct unwind_gaps *gaps, u64 entry)
{
	u64 ip = 0, found = 0;
	s32 off = n->rule.cfa_off;

	for (u32 i = 0; i < UNWIND_GAPS; i++) {
		u64 cfa = entry + gaps->of[i];

		if (!gaps->of[i] || read_user(&ip, 8, cfa - 8) || !is_return(n, ip))
			continue;
		if (found)
			return false;
		found = cfa;
	}
	n->bp = found - (s64)off;
	n->bp_lost = 0;
	return found;
}

/* Is it the evaluator that is returned to? */
static __always_inline bool is_evaluator(struct native *n)
{
	const struct unwind_gaps *gaps = gaps_of(n);
	u64 entry = next_entry(n), cfa;

	n->ip = n->back;
	n->exact = 0;
	if (!gaps || entry - n->seek > ENTRY_NEAR || find_rule(n) != GOES_ON)
		return false;
	if (n->map.pages != gaps->pages) /* any other function that has called such code */
		return false;
	if (n->rule.kind == ABI_UNWIND_BP)
		return find_framed(n, gaps, entry);
	cfa = n->seek + 8 + (s64)n->rule.cfa_off;
	n->bp_lost = 1;
	for (u32 i = 0; n->rule.kind == ABI_UNWIND_SP && i < UNWIND_GAPS; i++)
		if (gaps->of[i] && entry + gaps->of[i] == cfa)
			return true;
	return false;
}

static __always_inline bool pass(struct native *n)
{
	u64 bp = 0;

	n->back = 0;
	n->guessed = 1;
	seek_loop(n, SEEK_WORDS);
	if (!n->back)
		return false;
	if (!n->bp_lost && n->bp + 8 == n->seek) {
		if (read_user(&bp, 8, n->bp))
			return false;
		n->bp = bp;
	} else if (!is_evaluator(n)) {
		return false;
	}
	n->ip = n->back;
	n->sp = n->seek + 8;
	n->exact = 0;
	return true;
}

/* ---- frames -------------------------------------------------------------------------------------------------- */

/* Both lie side by side, mostly. */
static __always_inline bool read_saved(struct native *n, u64 *bp, u64 *ip)
{
	u64 bp_at = (n->rule.bp == ABI_UNWIND_BP_AT_CFA ? n->cfa : n->bp) + (s64)n->rule.bp_off, both[2] = {};
	u64 ip_at = n->cfa + (s64)n->rule.ra_off;

	bool saved = n->rule.bp == ABI_UNWIND_BP_AT_CFA || n->rule.bp == ABI_UNWIND_BP_AT_BP;

	*bp = n->bp;
	if (saved && bp_at + 8 == ip_at) {
		if (read_user(both, sizeof(both), bp_at))
			return false;
		*bp = both[0];
		*ip = both[1];
		return true;
	}
	return !read_user(ip, 8, ip_at) && (!saved || !read_user(bp, 8, bp_at));
}

/* Entries rise towards the root; one below the frame is on no stack that is unwound here. */
static __always_inline void place_runs(struct native *n, u32 native)
{
	for (u32 i = 0; i < ENTRIES_MOST; i++) {
		u32 at = n->placed;
		u64 entry;

		opaque(at);
		if (at >= ABI_MAX_RUNS || at >= n->head.run_cnt)
			return;
		entry = next_entry(n);
		if (entry >= n->cfa)
			return;
		if (entry >= n->sp) {
			n->runs[at].native = (u16)native;
			learn(n, n->cfa - entry);
		}
		n->placed = at + 1;
	}
}

static __always_inline u32 unwind_one(struct native *n, u32 i)
{
	u64 bp = 0, ip = 0;
	u32 end;

	opaque(i);
	if (i >= ABI_MAX_NATIVE)
		return ABI_NATIVE_DEPTH;
	n->user[i] = n->ip;
	n->head.native_cnt = (u16)(i + 1);
	end = find_rule(n);
	if (end == ABI_NATIVE_MADE)
		end = find_trampoline(n);
	if (end == GOES_ON && !is_usable(n))
		end = ABI_NATIVE_NO_ROW;
	if (end != GOES_ON)
		return pass(n) ? GOES_ON : end;
	if (n->rule.kind == ABI_UNWIND_ROOT)
		return ABI_NATIVE_ROOT;
	if (n->rule.kind == ABI_UNWIND_SIGNAL)
		return leave_signal(n);
	if (!find_cfa(n) || !read_saved(n, &bp, &ip))
		return ABI_NATIVE_FAULT;
	if (n->cfa <= n->sp)
		return ABI_NATIVE_BACKWARDS;
	place_runs(n, i);
	if (n->rule.bp != ABI_UNWIND_BP_SAME)
		n->bp_lost = n->rule.bp == ABI_UNWIND_BP_LOST;
	n->sp = n->cfa;
	n->bp = bp;
	n->ip = ip;
	n->exact = 0;
	return ip ? GOES_ON : ABI_NATIVE_ROOT;
}

static __always_inline u32 unwind_next(u32 i, struct native *n)
{
	n->end = unwind_one(n, i);
	return n->end != GOES_ON;
}

LOOP(unwind_loop, struct native, ABI_MAX_NATIVE, unwind_next)

/* Code that was mapped since is told of, but what is known is good for the rest. */
static __always_inline bool find_process(struct native *n, u32 image_id)
{
	struct abi_unwind_process *p = bpf_map_lookup_elem(&unwind_processes, &image_id);
	u64 pages;

	if (!p)
		return false;
	pages = BPF_CORE_READ(current_task(), mm, exec_vm);
	if (!p->exec_pages)
		p->exec_pages = pages;
	n->head.stale = p->exec_pages != pages;
	n->first = p->first;
	n->cnt = p->cnt;
	return true;
}

static __always_inline void begin(struct native *n)
{
	__builtin_memset(n->registers, 0, sizeof(n->registers));
	read_user_registers(n->registers, sizeof(n->registers));
	n->ip = n->registers[ARCH_REGISTER_IP];
	n->sp = n->registers[ARCH_REGISTER_SP];
	n->bp = n->registers[ARCH_REGISTER_BP];
	n->exact = 1;
	n->bp_lost = n->guessed = 0;
	n->placed = 0;
	n->map.start = n->map.end = 0;
}

__verified_once u32 native_walk(u32 slot, u32 image_id)
{
	struct native *n;

	if (!HAS_NATIVE || !cfg_native)
		return ABI_INTERNAL;
	n = native_of(slot);
	if (!n)
		return ABI_INTERNAL;
	n->head.native_cnt = 0;
	n->head.stale = 0;
	begin(n);
	n->end = ABI_NATIVE_NO_MAPS;
	if (find_process(n, image_id)) {
		n->end = GOES_ON;
		unwind_loop(n, ABI_MAX_NATIVE);
	}
	n->head.end = n->end == GOES_ON ? ABI_NATIVE_DEPTH : (u8)n->end;
	return ABI_OK;
}

/* So many of an array, never more than there is room for. */
#define APPEND(n, at, array, cnt, most)                                                                                \
	({                                                                                                             \
		u32 n_ = (cnt);                                                                                        \
		opaque(n_);                                                                                            \
		n_ = n_ > (most) ? 0 : n_ * sizeof((array)[0]);                                                        \
		bpf_probe_read_kernel((u8 *)(n)->record + (at), n_, array);                                            \
		(at) += n_;                                                                                            \
	})

static __always_inline long send_record(struct stack *s, struct native *n, u64 flags)
{
	u32 at = s->sample.frame_cnt;

	s->sample.flags |= ABI_SAMPLE_NATIVE;
	opaque(at);
	if (at > ABI_MAX_FRAMES)
		return -1;
	at *= sizeof(struct abi_frame);
	opaque(at); /* an "or" instead of a sum has no bound that the verifier sees */
	at += sizeof(s->sample);
	opaque(at);
	s->sample.hdr.size = at + sizeof(n->head) + abi_native_bytes(&n->head);
	bpf_probe_read_kernel(n->record, at, s);
	*(u64 *)((u8 *)n->record + at) = *(u64 *)&n->head;
	at += sizeof(n->head);
	opaque(at);
	APPEND(n, at, n->kernel, n->head.kernel_cnt, ABI_MAX_KERNEL);
	APPEND(n, at, n->user, n->head.native_cnt, ABI_MAX_NATIVE);
	APPEND(n, at, n->runs, n->head.run_cnt, ABI_MAX_RUNS);
	return bpf_ringbuf_output(&events, n->record, at, flags);
}

__verified_once long native_send(struct stack *s, u32 slot, u64 flags)
{
	struct native *n;

	if (!HAS_NATIVE || !cfg_native || !s)
		return -1;
	n = native_of(slot);
	return n ? send_record(s, n, flags) : -1;
}

#define COPY(dst, src, cnt, most)                                                                                      \
	({                                                                                                             \
		u32 n_ = (cnt);                                                                                        \
		opaque(n_);                                                                                            \
		bpf_probe_read_kernel(dst, n_ > (most) ? 0 : n_ * sizeof((dst)[0]), src);                              \
	})

__hidden void native_keep(struct walk *w, u32 at)
{
	struct kept_native *kept;
	struct native *n;

	if (!HAS_NATIVE || !cfg_native)
		return;
	kept = bpf_map_lookup_elem(&kept_natives, &at);
	n = native_of(w->slot);
	if (!kept || !n)
		return;
	kept->head = n->head;
	COPY(kept->user, n->user, n->head.native_cnt, ABI_MAX_NATIVE);
	COPY(kept->runs, n->runs, n->head.run_cnt, ABI_MAX_RUNS);
	w->sample.flags |= ABI_SAMPLE_NATIVE;
}

__verified_once long native_send_kept(struct stack *s, u32 slot, u32 at, u32 kernel_cnt, u64 flags)
{
	struct kept_native *kept;
	struct native *n;

	if (!HAS_NATIVE || !cfg_native || !s)
		return -1;
	kept = bpf_map_lookup_elem(&kept_natives, &at);
	n = native_of(slot);
	if (!kept || !n)
		return -1;
	n->head = kept->head;
	n->head.kernel_cnt = (u16)kernel_cnt;
	COPY(n->user, kept->user, n->head.native_cnt, ABI_MAX_NATIVE);
	COPY(n->runs, kept->runs, n->head.run_cnt, ABI_MAX_RUNS);
	return send_record(s, n, flags);
}
