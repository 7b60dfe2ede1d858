/* SPDX-License-Identifier: MIT */
#include "user/symbol/symbols.h"
#include "user/symbol/debug_file.h"
#include "user/symbol/eh_frame.h"
#include "user/symbol/elf_file.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/search.h"
#include <string.h>

#define MAX_SYMBOLS   (2u << 20)
#define MAX_NAMES     (256u << 20)
#define MAX_FUNCTIONS (1u << 20)
#define NAME_LEN      4096
#define STEPS         256 /* back from an address to a symbol that still covers it */
#define MAX_PARTS     8

struct symbol {
	uint64_t start;
	uint64_t size;  /* 0: up to the next one */
	uint64_t reach; /* up to where any of those up to this one goes */
	uint32_t name;  /* in `names` */
	uint8_t rank;   /* the lower the better */
};

struct function {
	uint64_t start, end;
};

struct symbols {
	struct symbol *items;
	size_t cnt, cap;
	struct buf names;
	struct function *functions;
	size_t function_cnt, function_cap;
	struct elf_part parts[MAX_PARTS]; /* that are code */
	size_t part_cnt;
	bool sorted, has_all;
};

/* ---- reading --------------------------------------------------------------------------------------------- */

static bool is_code(const struct symbols *s, uint64_t vaddr)
{
	for (size_t i = 0; i < s->part_cnt; i++)
		if (vaddr >= s->parts[i].vaddr && vaddr - s->parts[i].vaddr < s->parts[i].bytes)
			return true;
	return false;
}

/* That it is a function, and how far it goes, is worth more than whose it is. */
static uint8_t rank_of(const Elf64_Sym *s, const char *name)
{
	unsigned type = ELF64_ST_TYPE(s->st_info), rank = 0;

	if (!s->st_size)
		rank |= 32;
	if (type != STT_FUNC && type != STT_GNU_IFUNC)
		rank |= 16;
	rank |= (unsigned)strspn(name, "_") < 3 ? (unsigned)strspn(name, "_") << 2 : 3 << 2;
	if (ELF64_ST_BIND(s->st_info) == STB_WEAK)
		rank |= 1;
	else if (ELF64_ST_BIND(s->st_info) == STB_LOCAL)
		rank |= 2;
	return (uint8_t)rank;
}

static bool is_function(const struct symbols *s, const Elf64_Sym *sym)
{
	unsigned type = ELF64_ST_TYPE(sym->st_info);

	return sym->st_shndx != SHN_UNDEF && sym->st_shndx != SHN_ABS &&
	       (type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE) && is_code(s, sym->st_value);
}

static bool add_symbol(void *ctx, const Elf64_Sym *sym, const char *name)
{
	struct symbols *s = ctx;
	size_t len = strnlen(name, NAME_LEN);
	uint64_t end;

	/* "$x" and ".L1" are marks of assemblers */
	if (!len || name[0] == '$' || name[0] == '.' || !is_function(s, sym))
		return true;
	if (s->cnt == MAX_SYMBOLS || s->names.len > MAX_NAMES)
		return false;
	xgrow(s->items, s->cnt, s->cap);
	end = sym->st_value + sym->st_size < sym->st_value ? UINT64_MAX : sym->st_value + sym->st_size;
	s->items[s->cnt++] = (struct symbol){.start = sym->st_value,
					     .size = end - sym->st_value,
					     .name = (uint32_t)s->names.len,
					     .rank = rank_of(sym, name)};
	buf_put(&s->names, name, len);
	buf_put(&s->names, "", 1);
	return true;
}

static bool add_function(void *ctx, const struct eh_function *f)
{
	struct symbols *s = ctx;

	if (!is_code(s, f->start))
		return true;
	xgrow(s->functions, s->function_cnt, s->function_cap);
	s->functions[s->function_cnt++] = (struct function){f->start, f->end};
	return s->function_cnt < MAX_FUNCTIONS;
}

static int compare_functions(const void *a, const void *b)
{
	const struct function *f = a, *g = b;

	if (f->start != g->start)
		return f->start < g->start ? -1 : 1;
	return f->end > g->end ? -1 : f->end < g->end;
}

static void read_functions(struct symbols *s, const struct elf_file *e)
{
	struct eh_frame f = {.machine = elf_file__machine(e)};
	__cleanup_free uint8_t *bytes = elf_file__unwind_bytes(e, &f.vaddr, &f.len);

	f.bytes = bytes;
	if (bytes)
		eh_frame__functions(&f, add_function, s);
	if (s->function_cnt)
		qsort(s->functions, s->function_cnt, sizeof(*s->functions), compare_functions);
}

void symbols__add(struct symbols *s, const struct elf_file *debug)
{
	s->has_all |= elf_file__each_symbol(debug, false, add_symbol, s);
	s->sorted = false;
}

static void add_debug_data(struct symbols *s, const struct elf_file *e)
{
	__cleanup_close int fd = debug_data_open(e);
	struct elf_file *debug = fd < 0 ? NULL : elf_file__open(fd);

	if (debug)
		symbols__add(s, debug);
	elf_file__free(debug);
}

struct symbols *symbols__read(const struct elf_file *e)
{
	struct symbols *s = xcalloc(1, sizeof(*s));
	struct elf_part part;

	for (size_t i = 0; elf_file__part(e, i, &part); i++)
		if (part.exec && s->part_cnt < MAX_PARTS)
			s->parts[s->part_cnt++] = part;
	elf_file__each_symbol(e, true, add_symbol, s);
	symbols__add(s, e);
	if (!s->has_all)
		add_debug_data(s, e);
	read_functions(s, e);
	return s;
}

void symbols__free(struct symbols *s)
{
	if (!s)
		return;
	free(s->items);
	free(s->functions);
	buf_free(&s->names);
	free(s);
}

bool symbols__has_all(const struct symbols *s)
{
	return s->has_all;
}

size_t symbols__bytes(const struct symbols *s)
{
	return sizeof(*s) + s->cap * sizeof(*s->items) + s->function_cap * sizeof(*s->functions) + s->names.cap;
}

/* ---- order ----------------------------------------------------------------------------------------------- */

static int compare_symbols(const void *a, const void *b, void *ctx)
{
	const struct symbols *s = ctx;
	const struct symbol *x = a, *y = b;
	const char *one = s->names.data + x->name, *other = s->names.data + y->name;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	if (strlen(one) != strlen(other))
		return strlen(one) < strlen(other) ? -1 : 1;
	return strcmp(one, other);
}

/* Of those that start together the best one stays. */
static void sort(struct symbols *s)
{
	size_t kept = 0;

	if (s->cnt)
		qsort_r(s->items, s->cnt, sizeof(*s->items), compare_symbols, s);
	for (size_t i = 0; i < s->cnt; i++)
		if (!kept || s->items[kept - 1].start != s->items[i].start)
			s->items[kept++] = s->items[i];
	s->cnt = kept;
	for (size_t i = 0; i < s->cnt; i++) {
		struct symbol *one = &s->items[i];
		uint64_t end = one->start + one->size;

		if (!one->size)
			end = i + 1 < s->cnt ? s->items[i + 1].start : UINT64_MAX;
		one->reach = i && s->items[i - 1].reach > end ? s->items[i - 1].reach : end;
	}
	s->sorted = true;
}

/* ---- look-up --------------------------------------------------------------------------------------------- */

/* The last symbol that starts there or before and goes beyond. */
static const struct symbol *symbol_of(const struct symbols *s, uint64_t vaddr, uint64_t *end)
{
	size_t low = search_first(s->cnt, i, s->items[i].start > vaddr);

	for (size_t steps = 0; low-- && s->items[low].reach > vaddr && steps < STEPS; steps++) {
		const struct symbol *one = &s->items[low];

		*end = one->start + one->size;
		if (!one->size)
			*end = low + 1 < s->cnt ? s->items[low + 1].start : UINT64_MAX;
		if (*end > vaddr)
			return one;
	}
	return NULL;
}

static const struct function *function_of(const struct symbols *s, uint64_t vaddr)
{
	size_t low = search_first(s->function_cnt, i, s->functions[i].start > vaddr);

	for (size_t steps = 0; low-- && steps < 8; steps++)
		if (s->functions[low].end > vaddr)
			return &s->functions[low];
	return NULL;
}

struct symbols_found symbols__find(struct symbols *s, uint64_t vaddr)
{
	const struct function *f = function_of(s, vaddr);
	const struct symbol *one;
	uint64_t end;

	if (!is_code(s, vaddr))
		return (struct symbols_found){0};
	if (!s->sorted)
		sort(s);
	one = symbol_of(s, vaddr, &end);
	/* One without a size, which another function lies behind, is not that function's. */
	if (one && !one->size && f && f->start > one->start)
		one = NULL;
	if (one)
		return (struct symbols_found){s->names.data + one->name, one->start, end};
	return f ? (struct symbols_found){NULL, f->start, f->end} : (struct symbols_found){0};
}
