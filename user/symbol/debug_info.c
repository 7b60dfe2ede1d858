/* SPDX-License-Identifier: MIT */
/*
 * Debug information may be hundreds of megabytes, so only what is asked for is looked at: the ranges of all units (one look
 * at the head of each: not every compiler writes .debug_aranges), then the functions of one unit, then what is inlined in
 * one function. Each list is kept, since addresses come again and again out of the same functions.
 */
#include "user/symbol/debug_info.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/search.h"
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define CPU_NS    2000000000ull /* for all that is asked about a file */
#define LOOK_EACH 256           /* entries between two looks at the clock */
#define DEPTH     64            /* of entries in each other */
_Static_assert(DEPTH + 2 < DEBUG_FRAMES, "a function and all that is inlined in each other");
#define STEPS 64 /* back from an address to a range that still covers it */

/* Where code of an entry (a unit, a function, something inlined) is. An entry may have several. */
struct range {
	uint64_t low, high;
	uint64_t reach; /* up to where any of those up to this one goes */
	Dwarf_Off die;
	uint32_t depth; /* of what is inlined in each other, from 1 on */
};

struct ranges {
	struct range *items;
	size_t cnt, cap;
};

/* A unit or a function that was looked into. */
struct looked_into {
	Dwarf_Off die;
	struct ranges ranges;
};

struct debug_info {
	Dwarf *dwarf;
	struct ranges units;
	struct looked_into *known;
	size_t known_cnt, known_cap;
	uint64_t used_ns;
	/* of the question at hand */
	uint64_t since_ns;
	uint32_t entries;
	bool spent;
};

/* ---- limits ---------------------------------------------------------------------------------------------- */

static uint64_t cpu_now(void)
{
	return clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);
}

/* One more entry is looked at: false when there is no time for it. */
static bool go_on(struct debug_info *d)
{
	if (!d->spent && ++d->entries % LOOK_EACH == 0)
		d->spent = d->used_ns + (cpu_now() - d->since_ns) > CPU_NS;
	return !d->spent;
}

/*
 * libdw would open other files that a file names (DWARF package files, alternate debug files), wherever that leads: as long as it
 * works, nothing can be opened.
 */
static void forbid_opening(struct rlimit *before)
{
	getrlimit(RLIMIT_NOFILE, before);
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, before->rlim_max});
}

static void allow_opening(const struct rlimit *before)
{
	setrlimit(RLIMIT_NOFILE, before);
}

/* ---- ranges ---------------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	if (x->low != y->low)
		return x->low < y->low ? -1 : 1;
	if (x->high != y->high)
		return x->high > y->high ? -1 : 1;
	return x->depth < y->depth ? -1 : x->depth > y->depth;
}

static void sort(struct ranges *r)
{
	if (r->cnt)
		qsort(r->items, r->cnt, sizeof(*r->items), compare);
	for (size_t i = 0; i < r->cnt; i++) {
		struct range *one = &r->items[i];

		one->reach = i && one[-1].reach > one->high ? one[-1].reach : one->high;
	}
}

/* What the linker dropped is left at address 0, where no code is. */
static void add_ranges(struct ranges *r, Dwarf_Die *die, uint32_t depth)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(die, at, &base, &low, &high)) > 0) {
		if (!low || high <= low)
			continue;
		xgrow(r->items, r->cnt, r->cap);
		r->items[r->cnt++] =
			(struct range){.low = low, .high = high, .die = dwarf_dieoffset(die), .depth = depth};
	}
}

/* The last that begins there or before and goes beyond. */
static const struct range *find(const struct ranges *r, uint64_t vaddr)
{
	size_t low = search_first(r->cnt, i, r->items[i].low > vaddr);

	for (size_t steps = 0; low-- && r->items[low].reach > vaddr && steps < STEPS; steps++)
		if (r->items[low].high > vaddr)
			return &r->items[low];
	return NULL;
}

/* ---- lists ----------------------------------------------------------------------------------------------- */

static void list_units(struct debug_info *d)
{
	Dwarf_CU *unit = NULL;
	Dwarf_Die die;
	uint8_t type;

	while (go_on(d) && !dwarf_get_units(d->dwarf, unit, &unit, NULL, &type, &die, NULL))
		if (type == DW_UT_compile)
			add_ranges(&d->units, &die, 0);
	sort(&d->units);
}

/* Entries that functions with code are in: a lambda's is in the function that makes it. */
static bool holds_functions(int tag)
{
	return tag == DW_TAG_namespace || tag == DW_TAG_module || tag == DW_TAG_structure_type ||
	       tag == DW_TAG_class_type || tag == DW_TAG_union_type || tag == DW_TAG_subprogram ||
	       tag == DW_TAG_lexical_block;
}

static void list_functions(struct debug_info *d, Dwarf_Die *parent, struct ranges *r, unsigned deep)
{
	Dwarf_Die die;

	if (deep > DEPTH || dwarf_child(parent, &die))
		return;
	do {
		int tag = dwarf_tag(&die);

		if (tag == DW_TAG_subprogram)
			add_ranges(r, &die, 0);
		if (holds_functions(tag))
			list_functions(d, &die, r, deep + 1);
	} while (go_on(d) && !dwarf_siblingof(&die, &die));
}

static void list_inlined(struct debug_info *d, Dwarf_Die *parent, struct ranges *r, unsigned deep, uint32_t depth)
{
	Dwarf_Die die;

	if (deep > DEPTH || dwarf_child(parent, &die))
		return;
	do {
		int tag = dwarf_tag(&die);

		if (tag == DW_TAG_inlined_subroutine)
			add_ranges(r, &die, depth + 1);
		if (tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block)
			list_inlined(d, &die, r, deep + 1, depth + (tag == DW_TAG_inlined_subroutine));
	} while (go_on(d) && !dwarf_siblingof(&die, &die));
}

static size_t place_of(const struct debug_info *d, Dwarf_Off die)
{
	return search_first(d->known_cnt, i, d->known[i].die >= die);
}

/* The functions of a unit, or what is inlined in a function. Valid until the next call. */
static const struct ranges *look_into(struct debug_info *d, Dwarf_Die *die, bool is_unit)
{
	Dwarf_Off offset = dwarf_dieoffset(die);
	size_t at = place_of(d, offset);
	struct looked_into *one;

	if (at < d->known_cnt && d->known[at].die == offset)
		return &d->known[at].ranges;
	xgrow(d->known, d->known_cnt, d->known_cap);
	one = &d->known[at];
	memmove(one + 1, one, (d->known_cnt - at) * sizeof(*one));
	*one = (struct looked_into){.die = offset};
	d->known_cnt++;
	if (is_unit)
		list_functions(d, die, &one->ranges, 0);
	else
		list_inlined(d, die, &one->ranges, 0, 0);
	sort(&one->ranges);
	return &one->ranges;
}

/* ---- frames ---------------------------------------------------------------------------------------------- */

static const char *text_of(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attribute;

	return dwarf_formstring(dwarf_attr_integrate(die, name, &attribute));
}

static const char *name_of(Dwarf_Die *die)
{
	const char *name = text_of(die, DW_AT_linkage_name);

	if (!name)
		name = text_of(die, DW_AT_MIPS_linkage_name);
	return name ? name : dwarf_diename(die);
}

/* A place in a source; `file` NULL: not known. */
struct source_line {
	const char *file;
	int32_t line;
};

static struct source_line line_at(Dwarf_Die *unit, uint64_t vaddr)
{
	Dwarf_Line *line = dwarf_getsrc_die(unit, vaddr);
	struct source_line at = {0};
	int number = 0;

	if (line && !dwarf_lineno(line, &number) && number > 0) {
		at.file = dwarf_linesrc(line, NULL, NULL);
		at.line = number;
	}
	return at;
}

static Dwarf_Word number_of(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attribute;
	Dwarf_Word number;

	return dwarf_formudata(dwarf_attr(die, name, &attribute), &number) ? 0 : number;
}

/* Where the inlined function was called. */
static struct source_line call_of(Dwarf_Die *unit, Dwarf_Die *inlined)
{
	Dwarf_Word file = number_of(inlined, DW_AT_call_file), line = number_of(inlined, DW_AT_call_line);
	struct source_line at = {0};
	Dwarf_Files *files;
	size_t cnt;

	if (line && line <= INT32_MAX && !dwarf_getsrcfiles(unit, &files, &cnt) && file < cnt) {
		at.file = dwarf_filesrc(files, file, NULL, NULL);
		at.line = (int32_t)line;
	}
	return at;
}

static void describe(Dwarf_Die *unit, Dwarf_Die *function, const struct source_line *at, struct debug_frame *f)
{
	const char *declared = dwarf_decl_file(function);
	int line = 0;

	*f = (struct debug_frame){.name = name_of(function), .file = declared ? declared : at->file};
	if (f->file && *f->file != '/')
		f->folder = text_of(unit, DW_AT_comp_dir);
	if (at->file && !strcmp(f->file, at->file))
		f->line = at->line;
	if (declared && !dwarf_decl_line(function, &line) && line > 0)
		f->first_line = line;
}

/* Of ranges that have the address, those in each other: one of each depth. The outermost first. */
static size_t find_inlined(const struct ranges *r, uint64_t vaddr, Dwarf_Off out[DEBUG_FRAMES])
{
	size_t cnt = 0;

	for (size_t i = 0; i < r->cnt && r->items[i].low <= vaddr; i++) {
		uint32_t depth = r->items[i].depth;

		if (r->items[i].high <= vaddr)
			continue;
		out[depth - 1] = r->items[i].die;
		cnt = depth > cnt ? depth : cnt;
	}
	return cnt;
}

static size_t find_frames(struct debug_info *d, uint64_t vaddr, struct debug_frame *out)
{
	const struct range *unit_range = find(&d->units, vaddr), *range;
	struct source_line at;
	Dwarf_Off inlined[DEBUG_FRAMES] = {0};
	Dwarf_Die unit, function, die;
	size_t cnt, shown = 0;

	if (!unit_range || !dwarf_offdie(d->dwarf, unit_range->die, &unit))
		return 0;
	at = line_at(&unit, vaddr);
	range = find(look_into(d, &unit, true), vaddr);
	if (!range || !dwarf_offdie(d->dwarf, range->die, &function))
		return 0;
	cnt = find_inlined(look_into(d, &function, false), vaddr, inlined);
	while (cnt--) {
		if (!inlined[cnt] || !dwarf_offdie(d->dwarf, inlined[cnt], &die))
			continue;
		describe(&unit, &die, &at, &out[shown++]);
		at = call_of(&unit, &die);
	}
	describe(&unit, &function, &at, &out[shown++]);
	return d->spent ? 0 : shown;
}

/* ---- the whole ------------------------------------------------------------------------------------------- */

struct debug_info *debug_info__open(int fd)
{
	struct debug_info *d = xcalloc(1, sizeof(*d));
	struct rlimit files;

	d->since_ns = cpu_now();
	forbid_opening(&files);
	d->dwarf = dwarf_begin(fd, DWARF_C_READ);
	if (d->dwarf)
		list_units(d);
	allow_opening(&files);
	d->used_ns = cpu_now() - d->since_ns;
	if (d->units.cnt && !d->spent)
		return d;
	debug_info__free(d);
	return NULL;
}

void debug_info__free(struct debug_info *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->known_cnt; i++)
		free(d->known[i].ranges.items);
	free(d->known);
	free(d->units.items);
	dwarf_end(d->dwarf);
	free(d);
}

size_t debug_info__find(struct debug_info *d, uint64_t vaddr, struct debug_frame out[DEBUG_FRAMES])
{
	struct rlimit files;
	size_t cnt;

	if (d->spent)
		return 0;
	d->since_ns = cpu_now();
	forbid_opening(&files);
	cnt = find_frames(d, vaddr, out);
	allow_opening(&files);
	d->used_ns += cpu_now() - d->since_ns;
	d->spent |= d->used_ns > CPU_NS;
	return cnt;
}
