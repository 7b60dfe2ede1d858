/* SPDX-License-Identifier: MIT */
#include "user/resolve/natives.h"
#include "user/resolve/merge.h"
#include "user/util/alloc.h"
#include "user/util/pair_map.h"
#include <string.h>

#define HIDDEN UINT32_MAX

struct natives {
	struct codes *codes;
	const struct native_spaces *spaces;
	struct native_names *names;
	struct pair_map by_name; /* (address of a native_name) → function id, or HIDDEN */
	/* The sample at hand: */
	uint32_t ids[ABI_MAX_KERNEL + ABI_MAX_NATIVE + NATIVES_INLINED], id_cnt;
	uint32_t first[ABI_MAX_KERNEL + ABI_MAX_NATIVE + 1], frame_cnt; /* in `ids`, by its frames */
	uint8_t flags[ABI_MAX_NATIVE];
	bool nameless[ABI_MAX_NATIVE]; /* of no file, and no perf map has it */
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
	native_names__begin_segment(n->names);
}

void natives__wait(struct natives *n, unsigned ms)
{
	native_names__wait(n->names, ms);
}

const uint32_t *natives__frames(const struct natives *n, uint32_t number, uint32_t *cnt)
{
	*cnt = n->first[number + 1] - n->first[number];
	return n->ids + n->first[number];
}

const uint8_t *natives__flags(const struct natives *n)
{
	return n->flags;
}

static uint32_t define(struct natives *n, const struct native_name *name)
{
	const char *file = native_name__file(name), *last = strrchr(file, '/');

	return codes__other(n->codes, &(struct profile_function){.name = name->name,
								 .module = name->module,
								 .file = file,
								 .short_file = last ? last + 1 : file,
								 .first_line = name->first_line,
								 .origin = PROFILE_OBJECT,
								 .kind = name->kind == NATIVE_KERNEL ? PROFILE_KERNEL
									 : name->inlined             ? PROFILE_INLINED
												     : PROFILE_NATIVE});
}

static uint32_t function_of(struct natives *n, const struct native_name *name)
{
	uint64_t at = (uint64_t)(uintptr_t)name;
	uint32_t *slot = pair_map__slot(&n->by_name, (uint32_t)(at >> 32), (uint32_t)at);

	if (!*slot)
		*slot = native_name__is_trampoline(name) ? HIDDEN : define(n, name);
	return *slot;
}

/* One more frame of the sample. What was inlined leaves room for the frames that may still come. */
static void put(struct natives *n, const struct native_frames *frames)
{
	size_t later = ARRAY_SIZE(n->first) - 1 - n->frame_cnt;

	for (uint32_t i = 0; i < frames->cnt; i++) {
		uint32_t function = function_of(n, frames->items[i].name);

		if (function != HIDDEN && (i + 1 == frames->cnt || n->id_cnt + later < ARRAY_SIZE(n->ids)))
			n->ids[n->id_cnt++] = codes__at_line(n->codes, function, frames->items[i].line);
	}
	n->first[++n->frame_cnt] = n->id_cnt;
}

static uint8_t flags_of(const struct process *p, const struct native_place *place, const struct native_name *name)
{
	bool internal = p->interp && native_file__is(place->file, &p->interp->file);

	return merge_flags(name->name, name->module, internal);
}

static bool is_nameless(const struct native_name *name)
{
	return name->kind == NATIVE_UNKNOWN || (name->kind == NATIVE_CODE_MADE && name->name[0] == '[');
}

/*
 * What the interpreter calls of such code its JIT compiler has made of the Python functions that are there (Python/jit.c): it is
 * the evaluator, too.
 */
static void find_jit(struct natives *n, uint32_t cnt)
{
	for (uint32_t i = cnt; i-- > 1;)
		if (n->nameless[i - 1] && n->flags[i] & MERGE_INTERNAL)
			n->flags[i - 1] |= MERGE_INTERNAL | MERGE_EVALUATOR;
}

static struct native_place place_at(const struct natives *n, const struct process *p, uint64_t addr, uint64_t time_ns)
{
	const struct native_space *s = native_spaces__find(n->spaces, p->image_id);

	return s ? native_space__find(s, addr, time_ns) : (struct native_place){0};
}

/*
 * All but the first of its side return to where they called from, which may be another function's first instruction. All names
 * are asked for at once.
 */
static bool name_user(struct natives *n, const struct process *p, const struct abi_sample *sample, bool now)
{
	const struct abi_native *rec = abi_native_of(sample);
	const uint64_t *addrs = (const uint64_t *)abi_native_addrs(rec) + rec->kernel_cnt;
	bool all = true;

	for (uint32_t i = 0; i < rec->native_cnt; i++) {
		uint64_t addr = addrs[i] - (i > 0);
		struct native_place place = place_at(n, p, addr, sample->hdr.time_ns);
		const struct native_frames *frames = native_names__at(n->names, &place, p->pid, addr, now);
		const struct native_name *name;

		all &= frames || now;
		if (!frames)
			frames = native_names__unknown(n->names);
		put(n, frames);
		name = frames->items[frames->cnt - 1].name;
		n->flags[i] = flags_of(p, &place, name);
		n->nameless[i] = is_nameless(name);
	}
	find_jit(n, rec->native_cnt);
	return all;
}

bool natives__name(struct natives *n, const struct process *p, const struct abi_sample *sample, bool now)
{
	const struct abi_native *rec = abi_native_of(sample);
	const uint64_t *addrs = (const uint64_t *)abi_native_addrs(rec);

	n->id_cnt = n->frame_cnt = 0;
	for (uint32_t i = 0; i < rec->kernel_cnt; i++)
		put(n, native_names__in_kernel(n->names, addrs[i] - (i > 0)));
	return name_user(n, p, sample, now);
}
