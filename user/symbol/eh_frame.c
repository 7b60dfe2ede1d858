/* SPDX-License-Identifier: MIT */
#include "user/symbol/eh_reader.h"
#include <elf.h>

#define MAX_PROGRAM 512 /* bytes of a CIE's instructions, which are run for each function of it; real ones have 20 */

/* LSB 5.0, core generic, table 10.1 */
enum { PE_ABSOLUTE = 0, PE_RELATIVE = 0x10, PE_APPLIED = 0x70, PE_INDIRECT = 0x80, PE_FORMAT = 0x0f };

/* ---- addresses ------------------------------------------------------------------------------------------- */

static bool read_number(struct eh_reader *r, unsigned format, uint64_t *value)
{
	switch (format) {
	case 0x0: /* an address */
	case 0x4:
	case 0xc:
		*value = eh_bytes(r, 8);
		break;
	case 0x1:
		*value = eh_uleb(r);
		break;
	case 0x2:
		*value = eh_bytes(r, 2);
		break;
	case 0x3:
		*value = eh_bytes(r, 4);
		break;
	case 0x9:
		*value = (uint64_t)eh_sleb(r);
		break;
	case 0xa:
		*value = (uint64_t)(int16_t)eh_bytes(r, 2);
		break;
	case 0xb:
		*value = (uint64_t)(int32_t)eh_bytes(r, 4);
		break;
	default:
		return false;
	}
	return !r->bad;
}

/* False: in an encoding that is not known here. */
static bool read_address(const struct eh_frame *f, struct eh_reader *r, uint8_t encoding, uint64_t *value)
{
	uint64_t here = f->vaddr + (uint64_t)(r->at - f->bytes);
	unsigned applied = encoding & PE_APPLIED;

	if (encoding & PE_INDIRECT || (applied != PE_ABSOLUTE && applied != PE_RELATIVE) ||
	    !read_number(r, encoding & PE_FORMAT, value))
		return false;
	if (applied == PE_RELATIVE)
		*value += here;
	return true;
}

/* ---- entries --------------------------------------------------------------------------------------------- */

/* An entry's content, behind its length. False at the end of the section. `*next`: where the one after it begins. */
static bool open_entry(const struct eh_frame *f, size_t at, struct eh_reader *r, size_t *next)
{
	uint64_t len;

	if (at >= f->len)
		return false;
	*r = (struct eh_reader){f->bytes + at, f->bytes + f->len, false};
	len = eh_bytes(r, 4);
	if (len == 0xffffffff)
		len = eh_bytes(r, 8);
	if (!len || len > eh_left(r))
		return false;
	r->end = r->at + len;
	*next = (size_t)(r->end - f->bytes);
	return true;
}

/* A letter of the augmentation each, in order. */
static bool read_augmentation(struct eh_reader *r, const char *letters, struct eh_common *c)
{
	uint64_t ignored;
	uint8_t encoding;

	for (; *letters; letters++) {
		switch (*letters) {
		case 'R':
			c->encoding = eh_u8(r);
			break;
		case 'P': /* the function that exceptions are handled by */
			encoding = eh_u8(r);
			if (!read_number(r, encoding & PE_FORMAT, &ignored))
				return false;
			break;
		case 'L':
			eh_u8(r);
			break;
		case 'S':
			c->signal = true;
			break;
		case 'B': /* arm64: return addresses are signed by the other key, memory is tagged */
		case 'G':
			break;
		default:
			return true; /* the rest is not known, but its length is */
		}
	}
	return true;
}

static bool read_common(struct eh_reader *r, struct eh_common *c)
{
	unsigned version = eh_u8(r);
	const char *letters = (const char *)r->at;
	size_t len = strnlen(letters, eh_left(r));

	eh_skip(r, len + 1);
	if (r->bad || (version != 1 && version != 3 && version != 4) || (*letters && *letters != 'z'))
		return false;
	if (version == 4)
		eh_skip(r, 2); /* sizes of addresses and segments */
	c->code_align = eh_uleb(r);
	c->data_align = eh_sleb(r);
	c->ra = version == 1 ? eh_u8(r) : eh_uleb(r);
	if (*letters == 'z') {
		uint64_t bytes = eh_uleb(r);
		struct eh_reader data = *r;

		eh_skip(r, bytes);
		if (r->bad)
			return false;
		data.end = r->at;
		c->has_length = true;
		if (!read_augmentation(&data, letters + 1, c) || data.bad)
			return false;
	}
	c->program = *r;
	return !r->bad && eh_left(r) <= MAX_PROGRAM;
}

static const struct eh_common *get_common(const struct eh_frame *f, size_t at, struct eh_common *c)
{
	struct eh_reader r;
	size_t next;

	if (c->tried && c->at == at)
		return c->usable ? c : NULL;
	*c = (struct eh_common){.at = at, .tried = true};
	c->usable = open_entry(f, at, &r, &next) && eh_bytes(&r, 4) == 0 && read_common(&r, c);
	return c->usable ? c : NULL;
}

static bool read_entry(const struct eh_frame *f, struct eh_reader *r, struct eh_common *common, struct eh_entry *out)
{
	size_t here = (size_t)(r->at - f->bytes);
	uint64_t back = eh_bytes(r, 4), bytes;
	const struct eh_common *c;

	if (!back || back > here)
		return false;
	c = get_common(f, here - back, common);
	if (!c || !read_address(f, r, c->encoding, &out->start) || !read_number(r, c->encoding & PE_FORMAT, &bytes) ||
	    !bytes || out->start + bytes < out->start)
		return false;
	out->end = out->start + bytes;
	if (c->has_length)
		eh_skip(r, eh_uleb(r));
	out->program = *r;
	return !r->bad;
}

bool eh_frame__entry(const struct eh_frame *f, size_t at, struct eh_common *common, struct eh_entry *entry)
{
	struct eh_reader r;
	size_t next;

	return open_entry(f, at, &r, &next) && read_entry(f, &r, common, entry);
}

void eh_frame__functions(const struct eh_frame *f, bool (*fn)(void *ctx, const struct eh_function *function), void *ctx)
{
	struct eh_common common = {0};
	struct eh_entry entry;
	struct eh_reader r;
	size_t next;

	for (size_t at = 0; open_entry(f, at, &r, &next); at = next) {
		if (read_entry(f, &r, &common, &entry) && !fn(ctx, &(struct eh_function){entry.start, entry.end, at}))
			return;
	}
}
