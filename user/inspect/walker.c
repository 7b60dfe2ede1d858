/* SPDX-License-Identifier: MIT */
/*
 * bpf/tstate.bpf.c and bpf/pywalk.bpf.c are compiled a second time as ordinary C (PYBPF_HOST); the BPF
 * helpers they call are defined here. Two things differ from the kernel: a stack deeper than the walker's limit is
 * walked in several goes, and each code object is read at once, so "new" means "not named yet".
 */
#include "user/inspect/walker.h"
#include "bpf/pywalk.bpf.h"
#include "bpf/tstate.bpf.h"
#include "user/util/alloc.h"
#include <string.h>

#define MAX_FRAMES (1u << 20)

struct named {
	uint64_t key;
	struct code_object *code;
};

#define TABLES_MAX (64u << 20) /* bytes of line tables of one stack */

struct walker {
	struct walk walk; /* by which the helpers below find the rest */
	const struct py_build *build;
	uint64_t runtime_addr;
	memory_read_fn read;
	void *ctx;
	struct walked_frame *frames;
	size_t frame_cnt, frame_cap;
	struct named *names;
	size_t name_cnt, name_cap;
	size_t table_bytes;    /* of line tables read in this walk */
	struct native *native; /* NULL: nobody wants to know */
};

/* ---- helpers for the walker ---------------------------------------------------------------------------- */

static struct walker *walker_of(const struct walk *w)
{
	return (struct walker *)((char *)w - offsetof(struct walker, walk));
}

long walk_read(const struct walk *walk, void *dst, u32 size, u64 addr)
{
	const struct walker *w = walker_of(walk);
	int err = w->read(w->ctx, addr, dst, size);

	if (err)
		memset(dst, 0, size); /* as bpf_probe_read_user() does */
	return err;
}

u64 host_now_ns(void)
{
	return 0; /* no deadline */
}

static struct code_object *find_name(const struct walker *w, uint64_t key)
{
	for (size_t i = 0; i < w->name_cnt; i++)
		if (w->names[i].key == key)
			return w->names[i].code;
	return NULL;
}

bool code_is_new(const struct walk *walk, u64 key)
{
	return !find_name(walker_of(walk), key);
}

void frame_stored(struct walk *walk, u32 n, u64 frame_addr, u64 code_addr)
{
	struct walker *w = walker_of(walk);
	const struct abi_frame *f = &walk->frames[n];

	xgrow(w->frames, w->frame_cnt, w->frame_cap);
	w->frames[w->frame_cnt++] = (struct walked_frame){
		.addr = frame_addr, .code_addr = code_addr, .code_key = f->code_key, .lasti = f->lasti};
}

void frames_forgotten(struct walk *walk, u32 n)
{
	walker_of(walk)->frame_cnt -= n;
}

struct native *host_native(const struct walk *walk)
{
	return walker_of(walk)->native;
}

/* Other threads' registers are not looked at. */
void user_registers(struct walk *walk)
{
	memset(walk->registers, 0, sizeof(walk->registers));
}

/* ---- ours ------------------------------------------------------------------------------------------- */

struct walker *walker__new(const struct py_build *build, uint64_t runtime_addr, memory_read_fn read, void *ctx)
{
	struct walker *w = xcalloc(1, sizeof(*w));

	w->build = build;
	w->runtime_addr = runtime_addr;
	w->read = read;
	w->ctx = ctx;
	return w;
}

static void forget_names(struct walker *w)
{
	for (size_t i = 0; i < w->name_cnt; i++) {
		code_object_clear(w->names[i].code);
		free(w->names[i].code);
	}
	w->name_cnt = w->table_bytes = 0;
}

void walker__free(struct walker *w)
{
	if (!w)
		return;
	forget_names(w);
	free(w->names);
	free(w->frames);
	free(w->native);
	free(w);
}

static struct code_object *read_name(struct walker *w, const struct walked_frame *f)
{
	struct code_object *known = find_name(w, f->code_key);
	const struct code_reader r = {&w->build->layout, w->read, w->ctx, TABLES_MAX - w->table_bytes};
	struct code_object code;
	uint64_t globals;

	if (known || !f->code_key)
		return known;
	if (w->read(w->ctx, f->addr + w->build->layout.frame_globals_off, &globals, sizeof(globals)))
		globals = 0;
	if (code_object_read(&r, f->code_addr, globals, &code))
		return known;
	code.lines = (struct line_table){.kind = w->build->lines, .bytes = code.table, .len = code.table_len};
	w->table_bytes += code.table_len;
	xgrow(w->names, w->name_cnt, w->name_cap);
	w->names[w->name_cnt] = (struct named){f->code_key, xmalloc(sizeof(code))};
	*w->names[w->name_cnt].code = code;
	return w->names[w->name_cnt++].code;
}

static void prepare(struct walker *w)
{
	const struct abi_py_layout *l = &w->build->layout;

	w->frame_cnt = 0;
	w->walk.layout = *l;
	w->walk.code_type_addr = l->code_type_delta ? w->runtime_addr + (uint64_t)l->code_type_delta : 0;
	w->walk.max_frames = ABI_MAX_FRAMES;
	w->walk.limit_ns = ~0ull;
}

/* As walk_python() in bpf/sample.bpf.c, but it goes on where the limit was met. */
static unsigned walk_all(struct walker *w, uint64_t tstate_addr)
{
	unsigned outcome = tstate_take(&w->walk, w->runtime_addr, tstate_addr);

	if (outcome != ABI_OK)
		return outcome;
	do {
		w->walk.native = w->native && !w->frame_cnt ? NATIVE_WANTED : NATIVE_NONE; /* later goes know no runs */
		outcome = pywalk(&w->walk);
	} while (outcome == ABI_CUT_DEPTH && w->frame_cnt < MAX_FRAMES);
	if (outcome == ABI_NO_FRAME && w->frame_cnt)
		return ABI_OK; /* the last go met only what ends a stack */
	if (outcome == ABI_FAULT_FRAME && w->frame_cnt)
		return ABI_CUT_FAULT;
	return outcome;
}

unsigned walker__walk(struct walker *w, uint64_t tstate_addr, const struct walked_frame **frames, size_t *cnt)
{
	unsigned outcome;

	forget_names(w);
	prepare(w);
	if (w->native)
		w->native->head.run_cnt = 0;
	outcome = walk_all(w, tstate_addr);
	if (outcome == ABI_TORN)
		w->frame_cnt = 0;
	for (size_t i = 0; i < w->frame_cnt; i++)
		w->frames[i].code = read_name(w, &w->frames[i]);
	*frames = w->frames;
	*cnt = w->frame_cnt;
	return outcome;
}

/* A chain of one, for which it does not matter how it ends. */
bool walker__frame(struct walker *w, uint64_t frame_addr, struct walked_frame *out)
{
	struct walk *k = &w->walk;

	prepare(w);
	k->native = NATIVE_NONE;
	k->layout.torn_owners = 0;
	k->layout.mech &= ~(uint32_t)ABI_MECH_IS_ENTRY;
	k->max_frames = 1;
	k->frame_addr = frame_addr;
	k->tstate_addr = k->cframe_addr = k->entry_from = k->entry_open = 0;
	pywalk(k);
	if (w->frame_cnt != 1 || !w->frames[0].code_key)
		return false;
	*out = w->frames[0];
	out->code = read_name(w, out);
	return true;
}

void walker__forget(struct walker *w)
{
	forget_names(w);
}

enum abi_gil walker__gil(const struct walker *w)
{
	return w->walk.sample.gil;
}

void walker__note_runs(struct walker *w)
{
	if (!w->native)
		w->native = xcalloc(1, sizeof(*w->native));
}

uint32_t walker__runs(const struct walker *w, const uint64_t **entries, const struct abi_run **runs)
{
	if (!w->native)
		return 0;
	*entries = (const uint64_t *)w->native->entries + w->native->skip;
	*runs = w->native->runs;
	return w->native->head.run_cnt;
}
