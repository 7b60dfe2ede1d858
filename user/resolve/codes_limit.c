/* SPDX-License-Identifier: MIT */
/*
 * A process may make code for as long as it lives: templates, lambdas, `eval`. Its code objects are kept as long as there
 * is room; then those go that were met least recently. The kernel side sends each of them once, so it is told first, and
 * sends them again when it meets them again. Samples that were taken before it was told may still be on their way, so
 * they go a little later, and those that are met meanwhile stay.
 */
#include "user/resolve/codes_parts.h"
#include "user/util/alloc.h"
#include "user/util/log.h"

#define SECOND_NS 1000000000ull
#define GRACE_NS  (2 * SECOND_NS) /* all that was taken before is here, or waits (codes__meet()) */
#define YOUNG_S   10              /* such are kept, a record of theirs may be on its way … */
#define YOUNGER_S 3               /* … or only such, where all are far too many */
#define OVERHEAD  16              /* bytes, of a piece of memory */
#define SLOTS     1024            /* of ages: a second each … */
#define FINE_S    256             /* … up to here, then … */
#define COARSE_S  64              /* … so many */

void codes__set_limit(struct codes *c, const struct codes_limit *limit)
{
	c->limit = *limit;
}

size_t codes__bytes(const struct codes *c)
{
	return HASH_COUNT(c->by_key) * (sizeof(struct code) + OVERHEAD) + contents__bytes(c->contents);
}

/* Of what equal ones share its part. */
static size_t bytes_of(const struct code *code)
{
	return sizeof(*code) + OVERHEAD + (code->content ? content__bytes(code->content) : 0);
}

static uint32_t age_of(const struct codes *c, const struct code *code)
{
	return c->now_s - code->used_s;
}

static uint32_t slot_of(uint32_t age)
{
	uint32_t slot = age < FINE_S ? age : FINE_S + (age - FINE_S) / COARSE_S;

	return slot < SLOTS ? slot : SLOTS - 1;
}

/* The youngest slot that goes, for so many bytes to become free; not one below `least`. */
static uint32_t find_slot(const struct codes *c, size_t bytes, uint32_t least)
{
	__cleanup_free size_t *by_age = xcalloc(SLOTS, sizeof(*by_age));
	uint32_t slot = SLOTS - 1;
	size_t sum = 0;

	for (const struct code *code = c->by_key; code; code = code->hh.next)
		by_age[slot_of(age_of(c, code))] += bytes_of(code);
	while ((sum += by_age[slot]) < bytes && slot > least)
		slot--;
	return slot;
}

static void mark(struct codes *c, size_t bytes)
{
	uint32_t young = bytes > 2 * c->limit.bytes ? YOUNGER_S : YOUNG_S;
	uint32_t slot = find_slot(c, bytes - c->limit.bytes / 4 * 3, young);

	for (struct code *code = c->by_key; code; code = code->hh.next) {
		if (slot_of(age_of(c, code)) < slot || code->leaving)
			continue;
		code->leaving = true;
		c->limit.forget(c->limit.ctx, code->key);
	}
}

static size_t drop_from(struct codes *c, struct code_image *i)
{
	struct code **at = &i->codes, *code;
	size_t cnt = 0;

	while ((code = *at)) {
		if (!code->leaving) {
			at = &code->next_of_image;
			continue;
		}
		*at = code->next_of_image;
		HASH_DEL(c->by_key, code);
		code_free(c, code);
		cnt++;
	}
	return cnt;
}

static void drop_marked(struct codes *c)
{
	struct code_image *i, *next;
	size_t cnt = 0;

	HASH_ITER(hh, c->images, i, next)
	cnt += drop_from(c, i);
	log_verbose("%zu code objects that were not met for a while were forgotten; %zu bytes are kept", cnt,
		    codes__bytes(c));
}

bool codes__will_drop(const struct codes *c, uint64_t now_ns)
{
	return c->leaving_ns && now_ns > c->leaving_ns + GRACE_NS;
}

void codes__tend(struct codes *c, uint64_t now_ns)
{
	size_t bytes = codes__bytes(c);

	c->now_s = (uint32_t)(now_ns / SECOND_NS);
	if (codes__will_drop(c, now_ns)) {
		drop_marked(c);
		c->leaving_ns = 0;
	} else if (!c->leaving_ns && c->limit.forget && bytes > c->limit.bytes) {
		mark(c, bytes);
		c->leaving_ns = now_ns;
	}
}
