/* SPDX-License-Identifier: MIT */
/*
 * The differences between versions (the digits of an int, the header of a dict's keys, the attributes of an instance)
 * are in the build, from its row in versions.c.
 */
#include "user/python/objects.h"
#include "bpf/arch.h"
#include "user/python/dict_keys.h"
#include "user/python/objects_common.h"
#include "user/util/alloc.h"
#include "user/util/text.h"
#include <string.h>

#define MAX_ENTRIES  (1u << 16) /* of a dict */
#define MAX_STR_READ 256
#define MAX_READS    (1u << 18)

/* Include/object.h */
#define TP_INLINE       (1ul << 2) /* Py_TPFLAGS_INLINE_VALUES, 3.13 */
#define TP_MANAGED_DICT (1ul << 4) /* Py_TPFLAGS_MANAGED_DICT, 3.11 on */

/* Words before an object: Include/internal/pycore_object.h _PyObject_ValuesPointer() (3.11), … */
#define MANAGED_VALUES -32
#define MANAGED_DICT   -24
#define DICT_BEFORE    -8 /* … free-threaded builds: no PyGC_Head between */
#define STR_HEAD       56 /* bytes of a str that hold its type, length and state, at most */

bool object_reader_init(struct object_reader *r, const struct py_build *build, memory_read_fn read, void *ctx)
{
	*r = (struct object_reader){
		.build = build, .objects = &build->objects, .read = read, .ctx = ctx, .reads_left = MAX_READS};
	r->larger = build->layout.type_off - OB_TYPE;
	return build->supported;
}

bool object_read_bytes(struct object_reader *r, uint64_t addr, void *out, size_t len)
{
	/* a wild pointer is not worth a system call */
	if (addr < 4096 || arch_untagged(addr) >= ARCH_USER_END || !r->reads_left)
		return false;
	r->reads_left--;
	return !r->read(r->ctx, addr, out, len);
}

bool object_read_u64(struct object_reader *r, uint64_t addr, uint64_t *value)
{
	return object_read_bytes(r, addr, value, sizeof(*value));
}

bool object_read_type(struct object_reader *r, uint64_t addr, uint64_t *type, uint64_t *flags)
{
	return object_read_u64(r, object_at(r, addr, OB_TYPE), type) &&
	       object_read_u64(r, object_at(r, *type, TP_FLAGS), flags);
}

static bool has_type(struct object_reader *r, uint64_t addr, uint64_t flag)
{
	uint64_t type, flags;

	return object_read_type(r, addr, &type, &flags) && flags & flag;
}

/* Digits of 30 bits; their number is in ob_size (or -1 times it), or in lv_tag >> 3. */
bool object_read_int(struct object_reader *r, uint64_t addr, uint64_t *value)
{
	struct {
		uint64_t size;
		uint32_t digits[3];
	} v = {0};
	uint64_t count;

	if (!has_type(r, addr, OBJECT_IS_INT) ||
	    !object_read_bytes(r, object_at(r, addr, OB_SIZE), &v.size, sizeof(v.size)))
		return false;
	count = r->objects->int_tagged ? v.size >> 3 : v.size;
	if (count > 3 || (r->objects->int_tagged && (v.size & 3) == 2) ||
	    !object_read_bytes(r, object_at(r, addr, OB_VAR_BODY), v.digits, count ? count * 4 : 4))
		return false;
	*value = 0;
	for (uint64_t i = 0; i < count; i++) {
		if (v.digits[i] >> 30 || (i == 2 && v.digits[i] > 15))
			return false;
		*value |= (uint64_t)v.digits[i] << (30 * i);
	}
	return true;
}

bool object_int_digits(struct object_reader *r, uint64_t addr, uint64_t *count, bool *negative)
{
	uint64_t size;

	if (!object_read_u64(r, object_at(r, addr, OB_SIZE), &size))
		return false;
	*negative = r->objects->int_tagged ? (size & 3) == 2 : (int64_t)size < 0;
	*count = r->objects->int_tagged ? size >> 3 : *negative ? -size : size;
	return true;
}

static bool is_str_type(struct object_reader *r, uint64_t type)
{
	uint64_t flags;

	if (type == r->str_type)
		return true;
	if (!object_read_u64(r, object_at(r, type, TP_FLAGS), &flags) || !(flags & OBJECT_IS_STR))
		return false;
	r->str_type = type;
	return true;
}

uint64_t object_str_data(struct object_reader *r, uint64_t addr, uint64_t *len, unsigned *kind)
{
	const struct abi_py_layout *l = &r->build->layout;
	char head[STR_HEAD];
	uint64_t type, data;
	uint32_t state;

	if (l->str_length_off > l->str_state_off || l->str_state_off > STR_HEAD - 8 ||
	    !object_read_bytes(r, addr, head, l->str_state_off + 8u))
		return 0;
	memcpy(&type, head + l->type_off, sizeof(type));
	memcpy(len, head + l->str_length_off, sizeof(*len));
	memcpy(&state, head + l->str_state_off, sizeof(state));
	*kind = state >> l->str_kind_shift & 7;
	if (!*kind && l->str_wstr_off) { /* wchar_t's and nothing else yet: PyASCIIObject.wstr */
		*kind = 4;
		if (!object_read_u64(r, addr + l->str_wstr_length_off, len) ||
		    !object_read_u64(r, addr + l->str_wstr_off, &data))
			return 0;
		return is_str_type(r, type) ? data : 0;
	}
	if ((*kind != 1 && *kind != 2 && *kind != 4) || !is_str_type(r, type))
		return 0;
	if (!(state >> l->str_compact_bit & 1)) /* of a subclass: PyUnicodeObject.data, where compact ones have text */
		return object_read_u64(r, addr + l->str_compact_off, &data) ? data : 0;
	return addr + (state >> l->str_ascii_bit & 1 ? l->str_ascii_off : l->str_compact_off);
}

char *object_read_str(struct object_reader *r, uint64_t addr)
{
	char units[MAX_STR_READ * 4];
	uint64_t len, data;
	unsigned kind;

	data = object_str_data(r, addr, &len, &kind);
	if (!data)
		return NULL;
	if (len > MAX_STR_READ)
		len = MAX_STR_READ;
	if (len && !object_read_bytes(r, data, units, len * kind))
		return NULL;
	return text_from_units(units, len * kind, kind);
}

static bool str_equals(struct object_reader *r, uint64_t addr, const char *name)
{
	size_t expected = strlen(name);
	uint64_t len, data;
	char found[32];
	unsigned kind;

	data = object_str_data(r, addr, &len, &kind);
	return data && kind == 1 && len == expected && len <= sizeof(found) && object_read_bytes(r, data, found, len) &&
	       !memcmp(found, name, len);
}

/* dk_nentries stands right before the indices, in all versions. */
static bool open_keys(struct object_dict *d, struct object_reader *r, uint64_t keys)
{
	const struct abi_py_layout *l = &r->build->layout;
	uint64_t size, cnt, off;

	*d = (struct object_dict){0};
	if (!object_read_u64(r, keys + l->keys_size_off, &size) ||
	    !object_read_u64(r, keys + l->keys_indices_off - 8u, &cnt) || cnt > DICT_KEYS_SIZE_MAX)
		return false;
	d->entry_words = dict_keys_entries(l, size, &off);
	if (!d->entry_words)
		return false;
	d->key_word = d->entry_words - 2;
	d->count = cnt < MAX_ENTRIES ? (uint32_t)cnt : MAX_ENTRIES;
	d->words = xcalloc(d->count + 1ul, d->entry_words * 8ul);
	if (!d->count || object_read_bytes(r, keys + off, d->words, d->count * d->entry_words * 8ul))
		return true;
	object_dict__free(d);
	return false;
}

/* Values beside shared keys; `values` is the address of the first. */
static bool open_split(struct object_dict *d, struct object_reader *r, uint64_t keys, uint64_t values)
{
	if (!open_keys(d, r, keys))
		return false;
	d->split_values = xcalloc(d->count + 1ul, 8);
	if (d->count && !object_read_bytes(r, values, d->split_values, d->count * 8ul)) {
		object_dict__free(d);
		return false;
	}
	return true;
}

bool object_dict__open(struct object_dict *d, struct object_reader *r, uint64_t addr)
{
	uint64_t table[2]; /* keys, values */

	*d = (struct object_dict){0};
	if (!has_type(r, addr, OBJECT_IS_DICT) ||
	    !object_read_bytes(r, addr + r->build->layout.dict_keys_off, table, sizeof(table)))
		return false;
	return table[1] ? open_split(d, r, table[0], table[1] + r->objects->values_first) : open_keys(d, r, table[0]);
}

/* The first value of attributes that are not in a dict yet; 0 when they are in one. */
static uint64_t managed_values(struct object_reader *r, uint64_t addr, uint64_t flags)
{
	uint64_t word = 0, inside = object_at(r, addr, OB_BODY);
	uint8_t valid = 0;

	switch (r->objects->attributes) {
	case PY_ATTRIBUTES_TWO_WORDS:
		return object_read_u64(r, addr + MANAGED_VALUES, &word) ? word : 0;
	case PY_ATTRIBUTES_TAGGED_WORD:
		return object_read_u64(r, addr + MANAGED_DICT, &word) && word & 1 ? word + 1 : 0;
	case PY_ATTRIBUTES_INLINE:
	case PY_ATTRIBUTES_INLINE_NO_GC_HEAD:
		if (flags & TP_INLINE && object_read_bytes(r, inside + r->objects->values_valid, &valid, 1) && valid)
			return inside + r->objects->values_first;
		return 0;
	default:
		return 0;
	}
}

static uint64_t managed_dict(const struct object_reader *r)
{
	bool near = r->objects->attributes == PY_ATTRIBUTES_INLINE_NO_GC_HEAD;

	return (uint64_t)(near ? DICT_BEFORE : MANAGED_DICT);
}

bool object_dict__open_instance(struct object_dict *d, struct object_reader *r, uint64_t addr)
{
	uint64_t type, flags, values, keys, at;

	*d = (struct object_dict){0};
	if (!object_read_type(r, addr, &type, &flags))
		return false;
	if (r->objects->attributes == PY_ATTRIBUTES_IN_DICT || !(flags & TP_MANAGED_DICT)) {
		if (!object_read_u64(r, object_at(r, type, TP_DICTOFFSET), &at) || at < 16 || at > 4096)
			return false;
		return object_read_u64(r, addr + at, &at) && object_dict__open(d, r, at);
	}
	values = managed_values(r, addr, flags);
	if (values)
		return object_read_u64(r, type + r->objects->type_cached_keys, &keys) && open_split(d, r, keys, values);
	return object_read_u64(r, addr + managed_dict(r), &at) && object_dict__open(d, r, at);
}

void object_dict__free(struct object_dict *d)
{
	free(d->words);
	free(d->split_values);
	*d = (struct object_dict){0};
}

bool object_dict__entry(const struct object_dict *d, uint32_t i, uint64_t *key, uint64_t *value)
{
	const uint64_t *entry = d->words + (size_t)i * d->entry_words + d->key_word;

	*key = entry[0];
	*value = d->split_values ? d->split_values[i] : entry[1];
	return *key && *value;
}

bool object_dict__find(const struct object_dict *d, struct object_reader *r, const char *name, uint64_t *value)
{
	uint64_t key;

	for (uint32_t i = 0; i < d->count; i++)
		if (object_dict__entry(d, i, &key, value) && str_equals(r, key, name))
			return true;
	return false;
}
