/*
 * The walker over the memory of a live process that is stopped or asleep. Usage: host_walk PID; prints, separated by
 * tabs, for each thread that has a Python state
 *     thread IDENT OUTCOME GIL
 *     frame FIRST-LINE LINE NAME FILE MODULE      (leaf first)
 * Code objects are named by key, as a recording names them: from what the walker listed as new.
 */
#include "bpf/module.bpf.h"
#include "bpf/pywalk.bpf.h"
#include "bpf/tstate.bpf.h"
#include "tests/host/kernel.h"
#include "user/python/code_object.h"
#include "user/python/line_table.h"
#include "user/target/interpreters.h"
#include "user/target/outcome.h"
#include "user/util/alloc.h"
#include "user/util/text.h"
#include <inttypes.h>

#define MAX_THREADS 4096

struct named {
	u64 key;
	struct code_object code;
	char *module; /* as the kernel side reads it */
};

struct target {
	const struct py_build *build;
	uint64_t runtime;
	u32 tss_key;
	struct walk *w;
	struct named *names;
	size_t name_cnt, name_cap;
};

static struct named *find_name(struct target *t, u64 key)
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

static void name_new_ones(struct target *t)
{
	for (u32 i = 0; i < t->w->todo_cnt; i++) {
		const struct code_todo *todo = &t->w->todo[i];
		const struct code_reader r = {&t->build->layout, image__read, host.memory, SIZE_MAX};
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
static u32 tick(struct target *t, u64 thread_pointer)
{
	const struct abi_py_layout *l = &t->build->layout;
	struct walk *w = t->w;
	u32 outcome;

	w->layout = *l;
	w->code_type_addr = l->code_type_delta ? t->runtime + (u64)l->code_type_delta : 0;
	w->max_frames = ABI_MAX_FRAMES;
	w->limit_ns = ~0ull;
	w->frame_cnt = w->todo_cnt = 0;
	outcome = tstate_find(w, t->runtime, thread_pointer, &t->tss_key);
	return outcome == ABI_OK ? pywalk(w) : outcome;
}

static void print_frame(struct target *t, const struct abi_frame *f)
{
	const struct named *n = find_name(t, f->code_key);
	const struct code_object *c = n ? &n->code : NULL;

	if (!c) {
		printf("frame\t0\t0\t[unknown]\t\t\n");
		return;
	}
	printf("frame\t%d\t%d\t%s\t%s\t%s\n", c->first_line,
	       line_table_lookup(t->build->lines, c->table, c->table_len, c->first_line, f->lasti), c->name, c->file,
	       n->module);
}

static void walk_thread(struct target *t, u64 thread_pointer)
{
	static const char *const gil[] = {"unknown", "held", "not held", "none"};
	u32 outcome;

	do {
		outcome = tick(t, thread_pointer);
		name_new_ones(t);
	} while (t->w->todo_cnt);
	printf("thread\t%llu\t%s\t%s\n", thread_pointer, outcome_word(outcome), gil[t->w->sample.gil]);
	for (u32 i = 0; i < t->w->frame_cnt; i++)
		print_frame(t, &t->w->frames[i]);
}

static u64 read_word(u64 addr)
{
	u64 word = 0;

	image__read(host.memory, addr, &word, sizeof(word));
	return word;
}

/* Threads of all interpreters; one that is in several has the same identity in each. */
static size_t find_threads(const struct target *t, u64 *idents)
{
	const struct py_objects *o = &t->build->objects;
	size_t n = 0;

	for (u64 interp = read_word(t->runtime + o->runtime_interp_head); interp;
	     interp = read_word(interp + o->interp_next)) {
		for (u64 ts = read_word(interp + o->interp_threads_head); ts && n < MAX_THREADS;
		     ts = read_word(ts + o->tstate_next)) {
			u64 ident = read_word(ts + t->build->layout.ts_thread_id_off);
			size_t i = 0;

			while (i < n && idents[i] != ident)
				i++;
			idents[i] = ident;
			n += i == n;
		}
	}
	return n;
}

static void free_target(struct target *t)
{
	for (size_t i = 0; i < t->name_cnt; i++) {
		code_object_clear(&t->names[i].code);
		free(t->names[i].module);
	}
	free(t->names);
	free(t->w);
	host_forget_seen();
	image__free(host.memory);
}

static void ignore(void *ctx, const struct interpreter *i)
{
	(void)ctx;
	(void)i;
}

int main(int argc, char **argv)
{
	struct interpreters *all = interpreters__new(ignore, NULL);
	const struct interpreter *found = NULL;
	struct target t = {.w = xcalloc(1, sizeof(*t.w))};
	pid_t pid = argc == 2 ? atoi(argv[1]) : 0;
	int err = interpreters__discover(all, pid, &found, &t.runtime);
	u64 idents[MAX_THREADS];

	host.memory = image__new();
	if (!err && found->build.supported)
		err = image__copy_process(host.memory, pid);
	if (err || !found->build.supported) {
		fprintf(stderr, "host_walk: no interpreter that can be walked in process %d\n", pid);
	} else {
		t.build = &found->build;
		for (size_t i = 0, n = find_threads(&t, idents); i < n; i++)
			walk_thread(&t, idents[i]);
	}
	free_target(&t);
	interpreters__free(all);
	return err ? 2 : 0;
}
