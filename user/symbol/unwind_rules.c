/* SPDX-License-Identifier: MIT */
/*
 * Few hundred rules serve all the files of a process. Those of tables that have gone are kept, in case that they come again, up to
 * when all numbers are given.
 */
#include "user/symbol/unwind_rules.h"
#include "user/util/alloc.h"
#include <string.h>

#define SLOTS (4 * ABI_UNWIND_RULES)

struct unwind_rules {
	struct abi_unwind_rule rules[ABI_UNWIND_RULES];
	uint32_t refs[ABI_UNWIND_RULES]; /* tables that have it */
	uint32_t cnt, changed;
	uint32_t spare; /* numbers below it are in use, once all were given */
	uint16_t slots[SLOTS];
};

struct unwind_rules *unwind_rules__new(void)
{
	struct unwind_rules *r = xcalloc(1, sizeof(*r));

	r->cnt = 1; /* STOP */
	return r;
}

void unwind_rules__free(struct unwind_rules *r)
{
	free(r);
}

/* The slot of the rule, or the empty one where it would be. */
static uint16_t *find(struct unwind_rules *r, const struct abi_unwind_rule *rule)
{
	uint64_t words[2];
	size_t i;

	memcpy(words, rule, sizeof(words));
	words[0] = (words[0] ^ words[1] * 0x9e3779b97f4a7c15ull) * 0xff51afd7ed558ccdull;
	for (i = words[0] >> 40 & (SLOTS - 1); r->slots[i]; i = (i + 1) & (SLOTS - 1))
		if (!memcmp(&r->rules[r->slots[i]], rule, sizeof(*rule)))
			break;
	return &r->slots[i];
}

/* Forgets what no table has. */
static void sweep(struct unwind_rules *r)
{
	memset(r->slots, 0, sizeof(r->slots));
	r->spare = r->cnt;
	for (uint32_t i = 1; i < r->cnt; i++) {
		if (r->refs[i])
			*find(r, &r->rules[i]) = (uint16_t)i;
		else if (r->spare == r->cnt)
			r->spare = i;
	}
}

/* A number for a new rule; 0: all are in use. */
static uint32_t new_number(struct unwind_rules *r)
{
	if (r->cnt < ABI_UNWIND_RULES)
		return r->cnt++;
	if (!r->spare || r->spare == r->cnt)
		sweep(r);
	while (r->spare < r->cnt && r->refs[r->spare])
		r->spare++;
	return r->spare < r->cnt ? r->spare++ : 0;
}

static uint16_t get(struct unwind_rules *r, const struct abi_unwind_rule *rule)
{
	uint32_t number = *find(r, rule);

	if (!number) {
		number = new_number(r);
		if (!number)
			return 0;
		r->rules[number] = *rule;
		*find(r, rule) = (uint16_t)number;
		if (number < r->changed)
			r->changed = number;
	}
	r->refs[number]++;
	return (uint16_t)number;
}

bool unwind_rules__adopt(struct unwind_rules *r, struct unwind_table *t)
{
	uint16_t *numbers = xcalloc(t->rule_cnt + 1, sizeof(*numbers));
	bool all = true;

	for (uint32_t i = 1; i < t->rule_cnt; i++) {
		numbers[i] = get(r, &t->rules[i]);
		all &= numbers[i] != 0;
	}
	for (uint32_t i = 0; i < t->row_cnt; i++)
		t->rows[i].rule = numbers[t->rows[i].rule];
	for (uint32_t i = 0; i < t->page_cnt; i++)
		t->pages[i].rule = numbers[t->pages[i].rule];
	free(t->rules);
	t->rules = NULL;
	t->numbers = numbers;
	return all;
}

void unwind_rules__release(struct unwind_rules *r, const struct unwind_table *t)
{
	for (uint32_t i = 1; t->numbers && i < t->rule_cnt; i++)
		if (t->numbers[i])
			r->refs[t->numbers[i]]--;
}

const struct abi_unwind_rule *unwind_rules__all(struct unwind_rules *r, uint32_t *cnt, uint32_t *changed)
{
	*cnt = r->cnt;
	*changed = r->changed;
	r->changed = r->cnt;
	return r->rules;
}
