/* SPDX-License-Identifier: MIT */
#include "tests/host/named_walk.h"
#include "bpf/module.bpf.h"
#include "bpf/pywalk.bpf.h"
#include "bpf/tstate.bpf.h"
#include "user/python/code_object.h"
#include "user/python/line_table.h"
#include "user/util/alloc.h"
#include "user/util/text.h"

struct named {
	u64 key;
	struct code_object code;
	char *module; /* as the kernel side reads it */
};

struct named_walk {
	const struct py_build *build;
	u64 runtime_addr;
	u32 tss_key;
	struct walk w;
	struct named *names;
	size_t name_cnt, name_cap;
};

struct named_walk *named_walk__new(const struct py_build *build, u64 runtime_addr)
{
	struct named_walk *t = xcalloc(1, sizeof(*t));

	t->build = build;
	t->runtime_addr = runtime_addr;
	return t;
}

void named_walk__free(struct named_walk *t)
{
	for (size_t i = 0; i < t->name_cnt; i++) {
		code_object_clear(&t->names[i].code);
		free(t->names[i].module);
	}
	free(t->names);
	free(t);
	host_forget_seen();
}

static const struct named *find_name(const struct named_walk *t, u64 key)
{
	for (size_t i = 0; i < t->name_cnt; i++)
		if (t->names[i].key == key)
			return &t->names[i];
	return NULL;
}

static char *read_by_bpf(const struct abi_py_layout *l, u64 globals_addr)
{
	u64 entries[MODULE_WORDS];
	char data[ABI_MAX_TEXT];
	struct abi_text text;
	__cleanup_free char *utf8 = NULL;

	read_module(l, globals_addr, entries, &text, data, false);
	if (!(text.flags & ABI_TEXT_UNREADABLE))
		utf8 = text_from_units(data, text.bytes, text.kind);
	return code_module(utf8, text.flags);
}

/* As /proc/PID/mem, which takes tagged addresses. */
static int read_remote(void *ctx, uint64_t addr, void *out, size_t len)
{
	return image__read(ctx, addr, out, len) ? image__read(ctx, arch_untagged(addr), out, len) : 0;
}

static void name_new_ones(struct named_walk *t)
{
	for (u32 i = 0; i < t->w.todo_cnt; i++) {
		const struct code_todo *todo = &t->w.todo[i];
		const struct code_reader r = {&t->build->layout, read_remote, host.memory, SIZE_MAX};
		struct named n = {.key = todo->key};

		host_mark_seen(todo->key);
		if (find_name(t, todo->key) || code_object_read(&r, todo->addr, todo->globals_addr, &n.code))
			continue;
		n.module = read_by_bpf(&t->build->layout, todo->globals_addr);
		xgrow(t->names, t->name_cnt, t->name_cap);
		t->names[t->name_cnt++] = n;
	}
}

/* As walk_python() in bpf/sample.bpf.c. */
static u32 tick(struct named_walk *t, u64 ident)
{
	const struct abi_py_layout *l = &t->build->layout;
	struct walk *w = &t->w;
	u32 outcome;

	w->layout = *l;
	w->code_type_addr = l->code_type_delta ? t->runtime_addr + (u64)l->code_type_delta : 0;
	w->max_frames = ABI_MAX_FRAMES;
	w->limit_ns = ~0ull;
	w->frame_cnt = w->todo_cnt = 0;
	outcome = tstate_find(w, t->runtime_addr, ident, &t->tss_key);
	return outcome == ABI_OK ? pywalk(w) : outcome;
}

u32 named_walk__thread(struct named_walk *t, u64 ident)
{
	u32 outcome;

	do {
		outcome = tick(t, ident);
		name_new_ones(t);
	} while (t->w.todo_cnt);
	return outcome;
}

u32 named_walk__cnt(const struct named_walk *t)
{
	return t->w.frame_cnt;
}

struct named_frame named_walk__frame(const struct named_walk *t, u32 i)
{
	const struct abi_frame *f = &t->w.frames[i];
	const struct named *n = find_name(t, f->code_key);
	const struct code_object *c = n ? &n->code : NULL;

	if (!c)
		return (struct named_frame){"[unknown]", "", "", 0, 0};
	return (struct named_frame){
		c->name, c->file, n->module, c->first_line,
		line_table_lookup(t->build->lines, c->table, c->table_len, c->first_line, f->lasti)};
}

u8 named_walk__gil(const struct named_walk *t)
{
	return t->w.sample.gil;
}
