/* SPDX-License-Identifier: MIT */
/*
 * Functions are sorted by where they start. Mostly they follow each other; where one lies in another, as post-link optimizers
 * leave them, the inner one counts as far as it goes, and the outer one again behind it.
 */
#include "user/symbol/unwind_table.h"
#include "user/symbol/code_rows.h"
#include "user/symbol/eh_frame.h"
#include "user/util/alloc.h"
#include "user/util/search.h"
#include <elf.h>
#include <string.h>

#define PAGE          (1u << ABI_UNWIND_PAGE_SHIFT)
#define PADDING       16 /* bytes between functions, at most */
#define MAX_FUNCTIONS (1u << 20)
#define MAX_MOVES     (1u << 26) /* rows, by functions that lie in others */
#define RULE_SLOTS    4096
#define UNWIND_STOP   0
#define NO_ENTRY      SIZE_MAX /* of a "function" that is code which .eh_frame says nothing of */

/* A row before it is in a page; addresses count from the table's first. */
struct flat_row {
	uint32_t at;
	uint16_t rule;
};

struct builder {
	struct unwind_table *t;
	const struct elf_file *e;
	struct eh_frame frame;
	struct eh_function *functions;
	size_t function_cnt, function_cap;
	struct flat_row *rows;
	size_t row_cnt, row_cap;
	uint64_t first;          /* of code that has rules */
	uint64_t text, text_end; /* what compilers and assemblers put code into */
	uint8_t *starts;         /* of each byte of it: code_starts(); NULL: not asked yet, or too much */
	uint16_t slots[RULE_SLOTS];
	uint16_t last_rule;
	/* What the function at hand lies in: rows behind its start, which it covers or goes before. */
	struct flat_row *tail;
	size_t tail_cnt, tail_cap, moves;
	uint32_t gap; /* where the last function ended, if in none */
};

/* ---- what is code ---------------------------------------------------------------------------------------- */

static void find_parts(struct unwind_table *t, const struct elf_file *e)
{
	struct elf_part part;

	for (size_t i = 0; elf_file__part(e, i, &part); i++)
		if (part.exec && t->part_cnt < UNWIND_MAX_PARTS)
			t->parts[t->part_cnt++] = part;
}

bool unwind_table__vaddr(const struct unwind_table *t, uint64_t offset, uint64_t *vaddr)
{
	for (uint32_t i = 0; i < t->part_cnt; i++) {
		/* mapped from the page it begins in, to the end of the one it ends in */
		uint64_t first = t->parts[i].offset & ~(uint64_t)(PAGE - 1);

		if (offset >= first && offset < t->parts[i].offset + t->parts[i].bytes) {
			*vaddr = offset - t->parts[i].offset + t->parts[i].vaddr;
			return true;
		}
	}
	return false;
}

static bool is_code(const struct unwind_table *t, uint64_t start, uint64_t end)
{
	for (uint32_t i = 0; i < t->part_cnt; i++)
		if (start >= t->parts[i].vaddr && end - t->parts[i].vaddr <= t->parts[i].bytes)
			return true;
	return false;
}

/* ---- functions ------------------------------------------------------------------------------------------- */

static bool keep_function(void *ctx, const struct eh_function *f)
{
	struct builder *b = ctx;

	if (!is_code(b->t, f->start, f->end))
		return true;
	xgrow(b->functions, b->function_cnt, b->function_cap);
	b->functions[b->function_cnt++] = *f;
	return b->function_cnt < MAX_FUNCTIONS;
}

/* Of those that start together the longest first, so that the others lie in it. */
static int compare_functions(const void *a, const void *b)
{
	const struct eh_function *f = a, *g = b;

	if (f->start != g->start)
		return f->start < g->start ? -1 : 1;
	if (f->end != g->end)
		return f->end > g->end ? -1 : 1;
	return f->at < g->at ? -1 : f->at > g->at;
}

static void sort_functions(struct builder *b)
{
	if (b->function_cnt)
		qsort(b->functions, b->function_cnt, sizeof(*b->functions), compare_functions);
}

static void add_gap(struct builder *b, uint64_t start, uint64_t end)
{
	if (end <= start || end - start <= PADDING || end - start > CODE_ROWS_MAX || !is_code(b->t, start, end) ||
	    b->function_cnt >= MAX_FUNCTIONS)
		return;
	xgrow(b->functions, b->function_cnt, b->function_cap);
	b->functions[b->function_cnt++] = (struct eh_function){start, end, NO_ENTRY};
}

/* What no function has of .text. */
static void add_gaps(struct builder *b)
{
	size_t cnt = b->function_cnt;
	uint64_t at, bytes, end;

	if (!elf_file__section(b->e, ".text", &at, &bytes) || at + bytes < at)
		return;
	end = at + bytes;
	b->text = at;
	b->text_end = end;
	for (size_t i = 0; i < cnt && at < end; i++) {
		struct eh_function f = b->functions[i];

		if (f.start > at)
			add_gap(b, at, f.start < end ? f.start : end);
		if (f.end > at)
			at = f.end;
	}
	add_gap(b, at, end);
}

/* Sorted, and none beyond what a table may span. */
static bool collect(struct builder *b)
{
	eh_frame__functions(&b->frame, keep_function, b);
	sort_functions(b);
	if (b->frame.machine == EM_X86_64)
		add_gaps(b);
	if (!b->function_cnt)
		return false;
	sort_functions(b);
	b->first = b->functions[0].start & ~(uint64_t)(PAGE - 1);
	while (b->functions[b->function_cnt - 1].end - b->first >= (uint64_t)UNWIND_MAX_PAGES * PAGE)
		b->function_cnt--;
	return b->function_cnt > 0;
}

/* ---- rules ----------------------------------------------------------------------------------------------- */

static size_t slot_of(const struct abi_unwind_rule *rule)
{
	uint64_t words[2];

	memcpy(words, rule, sizeof(words));
	words[0] = (words[0] ^ words[1] * 0x9e3779b97f4a7c15ull) * 0xff51afd7ed558ccdull;
	return words[0] >> 40 & (RULE_SLOTS - 1);
}

/* Its number in the table; that of STOP when there is no room. */
static uint16_t number_of(struct builder *b, const struct abi_unwind_rule *rule)
{
	struct unwind_table *t = b->t;
	size_t i;

	if (!memcmp(&t->rules[b->last_rule], rule, sizeof(*rule)))
		return b->last_rule;
	if (rule->kind == ABI_UNWIND_STOP)
		return UNWIND_STOP;
	for (i = slot_of(rule); b->slots[i]; i = (i + 1) & (RULE_SLOTS - 1))
		if (!memcmp(&t->rules[b->slots[i]], rule, sizeof(*rule)))
			return b->last_rule = b->slots[i];
	if (t->rule_cnt == UNWIND_MAX_RULES)
		return UNWIND_STOP;
	t->rules[t->rule_cnt] = *rule;
	return b->last_rule = b->slots[i] = (uint16_t)t->rule_cnt++;
}

/* ---- rows ------------------------------------------------------------------------------------------------ */

/* Rows come in ascending order; one that says the same as the one before it is none. */
static bool put_row(struct builder *b, uint32_t at, uint16_t rule)
{
	if (b->row_cnt && b->rows[b->row_cnt - 1].at == at)
		b->row_cnt--;
	if (b->row_cnt && b->rows[b->row_cnt - 1].rule == rule)
		return true;
	if (b->row_cnt == UNWIND_MAX_ROWS)
		return false;
	xgrow(b->rows, b->row_cnt, b->row_cap);
	b->rows[b->row_cnt++] = (struct flat_row){at, rule};
	return true;
}

static bool on_row(void *ctx, uint64_t vaddr, const struct abi_unwind_rule *rule)
{
	struct builder *b = ctx;

	return put_row(b, (uint32_t)(vaddr - b->first), number_of(b, rule));
}

/* Takes away the rows from `at` on. The first one of the tail is what was in force there. False: enough of that. */
static bool cut_tail(struct builder *b, uint32_t at)
{
	size_t from = b->row_cnt;

	b->tail_cnt = 0;
	while (from && b->rows[from - 1].at >= at)
		from--;
	b->moves += b->row_cnt - from;
	if (b->moves > MAX_MOVES)
		return false;
	for (size_t i = from ? from - 1 : 0; i < b->row_cnt; i++) {
		xgrow(b->tail, b->tail_cnt, b->tail_cap);
		b->tail[b->tail_cnt++] = b->rows[i];
	}
	b->row_cnt = from;
	return true;
}

/* What the tail says behind a function's end. */
static bool put_tail(struct builder *b, uint32_t end)
{
	uint16_t rule = UNWIND_STOP;
	size_t i = 0;

	for (; i < b->tail_cnt && b->tail[i].at <= end; i++)
		rule = b->tail[i].rule;
	if (!put_row(b, end, rule))
		return false;
	b->gap = rule == UNWIND_STOP ? end : UINT32_MAX;
	for (; i < b->tail_cnt; i++)
		if (!put_row(b, b->tail[i].at, b->tail[i].rule))
			return false;
	return true;
}

/* Padding behind a function belongs to it. */
static void fill_gap(struct builder *b, uint32_t start)
{
	const struct flat_row *last = b->row_cnt ? &b->rows[b->row_cnt - 1] : NULL;

	if (last && last->rule == UNWIND_STOP && last->at == b->gap && start - last->at <= PADDING)
		b->row_cnt--;
}

static uint8_t *read_bytes(struct builder *b, uint64_t start, uint64_t end)
{
	uint8_t *bytes = xmalloc(end - start);

	if (elf_file__read(b->e, start, bytes, end - start))
		return bytes;
	free(bytes);
	return NULL;
}

/* All code tells where functions begin, unless it is so much that it would take long. */
static void find_starts(struct builder *b)
{
	struct code_range code = {.entry = elf_file__entry(b->e)};
	__cleanup_free uint8_t *bytes = NULL;

	if (b->starts || b->text_end - b->text > CODE_ROWS_MAX)
		return;
	code.bytes = bytes = read_bytes(b, b->text, b->text_end);
	code.vaddr = b->text;
	code.len = b->text_end - b->text;
	if (bytes)
		b->starts = code_starts(&code);
}

/* Rows by the code itself. */
static void read_code(struct builder *b, const struct eh_function *f)
{
	struct code_range code = {.len = f->end - f->start, .vaddr = f->start, .entry = elf_file__entry(b->e)};
	__cleanup_free uint8_t *bytes = read_bytes(b, f->start, f->end);

	find_starts(b);
	code.starts = b->starts ? b->starts + (f->start - b->text) : NULL;
	code.bytes = bytes;
	if (bytes)
		code_rows(&code, on_row, b);
}

static bool add_function(struct builder *b, const struct eh_function *f)
{
	uint32_t start = (uint32_t)(f->start - b->first), end = (uint32_t)(f->end - b->first);

	if (!cut_tail(b, start))
		return false;
	fill_gap(b, start);
	if (f->at == NO_ENTRY)
		read_code(b, f);
	else
		eh_frame__rows(&b->frame, f, on_row, b);
	return put_tail(b, end);
}

/* ---- the table ------------------------------------------------------------------------------------------- */

static void make_pages(struct builder *b)
{
	struct unwind_table *t = b->t;
	uint16_t rule = UNWIND_STOP;

	t->first = b->first;
	t->row_cnt = (uint32_t)b->row_cnt;
	t->rows = xmalloc((b->row_cnt + 1) * sizeof(*t->rows));
	t->page_cnt = b->rows[b->row_cnt - 1].at / PAGE + 1;
	t->pages = xcalloc(t->page_cnt, sizeof(*t->pages));
	for (uint32_t page = 0, i = 0; page < t->page_cnt; page++) {
		t->pages[page].first_row = i;
		t->pages[page].rule = rule;
		for (; i < b->row_cnt && b->rows[i].at / PAGE == page; i++) {
			t->rows[i] = (struct abi_unwind_row){b->rows[i].at % PAGE, b->rows[i].rule};
			t->pages[page].row_cnt++;
			rule = b->rows[i].rule;
		}
	}
}

static bool compile(struct builder *b)
{
	struct unwind_table *t = b->t;

	t->rules = xcalloc(UNWIND_MAX_RULES, sizeof(*t->rules));
	t->rule_cnt = 1;
	if (!collect(b))
		return false;
	for (size_t i = 0; i < b->function_cnt && add_function(b, &b->functions[i]); i++)
		;
	if (!b->row_cnt)
		return false;
	make_pages(b);
	return true;
}

bool unwind_table__build(struct unwind_table *t, const struct elf_file *e)
{
	struct builder b = {.t = t, .e = e, .gap = UINT32_MAX, .frame = {.machine = elf_file__machine(e)}};
	__cleanup_free uint8_t *bytes = elf_file__unwind_bytes(e, &b.frame.vaddr, &b.frame.len);
	bool built;

	*t = (struct unwind_table){0};
	b.frame.bytes = bytes;
	find_parts(t, e);
	built = compile(&b);
	free(b.functions);
	free(b.rows);
	free(b.tail);
	free(b.starts);
	if (!built)
		unwind_table__clear(t);
	return built;
}

void unwind_table__shed(struct unwind_table *t)
{
	free(t->pages);
	free(t->rows);
	t->pages = NULL;
	t->rows = NULL;
}

void unwind_table__clear(struct unwind_table *t)
{
	free(t->pages);
	free(t->rows);
	free(t->rules);
	free(t->numbers);
	*t = (struct unwind_table){0};
}

uint16_t unwind_table__rule_number(const struct unwind_table *t, uint64_t vaddr)
{
	uint64_t number = (vaddr - t->first) / PAGE;
	const struct abi_unwind_page *page;
	size_t low;

	if (vaddr < t->first || number >= t->page_cnt)
		return UNWIND_STOP;
	page = &t->pages[number];
	low = search_first(page->row_cnt, i, t->rows[page->first_row + i].at > vaddr % PAGE);
	return low ? t->rows[page->first_row + low - 1].rule : page->rule;
}

const struct abi_unwind_rule *unwind_table__rule(const struct unwind_table *t, uint64_t vaddr)
{
	return &t->rules[unwind_table__rule_number(t, vaddr)];
}

size_t unwind_table__bytes(const struct unwind_table *t)
{
	return t->page_cnt * sizeof(*t->pages) + t->row_cnt * sizeof(*t->rows);
}
