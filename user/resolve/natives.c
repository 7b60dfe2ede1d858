#include "user/resolve/natives.h"
#include "user/resolve/merge.h"
#include "user/util/alloc.h"
#include "user/util/pair_map.h"
#include <string.h>

struct natives {
	struct codes *codes;
	const struct native_spaces *spaces;
	struct native_names *names;
	struct pair_map by_name; /* (address of a native_name) → frame id + 1 */
	uint32_t ids[ABI_MAX_KERNEL + ABI_MAX_NATIVE];
	uint8_t flags[ABI_MAX_NATIVE];
};

struct natives *natives__new(struct codes *codes, const struct natives_of *of)
{
	struct natives *n = xcalloc(1, sizeof(*n));

	n->codes = codes;
	n->spaces = of->spaces;
	n->names = native_names__new(of->files, of->kernel);
	return n;
}

void natives__free(struct natives *n)
{
	if (!n)
		return;
	native_names__free(n->names);
	pair_map__free(&n->by_name);
	free(n);
}

void natives__begin_segment(struct natives *n)
{
	pair_map__free(&n->by_name);
}

void natives__wait(struct natives *n, unsigned ms)
{
	native_names__wait(n->names, ms);
}

const uint32_t *natives__ids(const struct natives *n)
{
	return n->ids;
}

const uint8_t *natives__flags(const struct natives *n)
{
	return n->flags;
}

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/* Trampolines that `-X perf` makes are called after the Python function (Python/perf_trampoline.c), whose frame is there. */
static bool is_trampoline(const struct native_name *name)
{
	return name->kind == NATIVE_CODE_MADE && begins(name->name, "py::");
}

static uint32_t frame_of(struct natives *n, const struct native_name *name)
{
	uint64_t at = (uint64_t)(uintptr_t)name;
	uint32_t *slot = pair_map__slot(&n->by_name, (uint32_t)(at >> 32), (uint32_t)at);

	if (*slot)
		return *slot;
	if (is_trampoline(name))
		return *slot = CODES_HIDDEN;
	return *slot = codes__native(n->codes, name->name, name->module,
				     name->kind == NATIVE_KERNEL ? PROFILE_KERNEL : PROFILE_NATIVE);
}

static bool is_same_file(const struct abi_file *a, const struct abi_file *b)
{
	return a->inode == b->inode && a->dev == b->dev && a->changed_ns == b->changed_ns;
}

/* What of the C library is below a Python frame starts programs and threads. */
static bool is_libc(const char *module)
{
	return begins(module, "libc.so") || begins(module, "libc-") || begins(module, "ld-") ||
	       begins(module, "libpthread");
}

static uint8_t flags_of(const struct process *p, const struct native_place *place, const struct native_name *name)
{
	uint8_t flags = 0;

	if (place->file && p->interp && is_same_file(&place->file->file, &p->interp->file))
		flags |= MERGE_INTERNAL;
	if (begins(name->name, "_PyEval_EvalFrameDefault"))
		flags |= MERGE_EVALUATOR;
	if (is_libc(name->module) || !strcmp(name->name, "_start") || !strcmp(name->name, "main"))
		flags |= MERGE_START;
	return flags;
}

static const struct native_name *name_at(struct natives *n, const struct process *p, uint64_t addr,
					 struct native_place *place)
{
	const struct native_space *s = native_spaces__find(n->spaces, p->image_id);

	*place = (struct native_place){0};
	if (!s)
		return native_names__unknown(n->names);
	*place = native_space__find(s, addr);
	if (place->file)
		return native_names__in_file(n->names, place->file, place->vaddr);
	return place->known ? native_names__in_memory(n->names, p->pid, addr) : native_names__unknown(n->names);
}

/*
 * Code made at run time that a stack could be unwound through is such a trampoline (bpf/native.bpf.c), whether its name is in the
 * process's perf map yet or not: what is written there comes late.
 */
static bool was_passed(const struct native_place *place, const struct abi_native *rec, uint32_t i)
{
	return place->known && place->kind == MAPPING_ANONYMOUS && i + 1 < rec->native_cnt;
}

/*
 * All but the first of its side return to where they called from, which may be another function's first instruction. All names
 * are asked for at once.
 */
static bool name_user(struct natives *n, const struct process *p, const struct abi_native *rec, bool now)
{
	const uint64_t *addrs = (const uint64_t *)abi_native_addrs(rec) + rec->kernel_cnt;
	bool all = true;

	for (uint32_t i = 0; i < rec->native_cnt; i++) {
		struct native_place place;
		const struct native_name *name = name_at(n, p, addrs[i] - (i > 0), &place);

		all &= name || now;
		if (!name)
			name = native_names__unknown(n->names);
		n->ids[rec->kernel_cnt + i] = was_passed(&place, rec, i) ? CODES_HIDDEN : frame_of(n, name);
		n->flags[i] = flags_of(p, &place, name);
	}
	return all;
}

bool natives__name(struct natives *n, const struct process *p, const struct abi_native *rec, bool now)
{
	const uint64_t *addrs = (const uint64_t *)abi_native_addrs(rec);

	if (!name_user(n, p, rec, now))
		return false;
	for (uint32_t i = 0; i < rec->kernel_cnt; i++)
		n->ids[i] = frame_of(n, native_names__in_kernel(n->names, addrs[i] - (i > 0)));
	return true;
}
