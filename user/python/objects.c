/*
 * Objects of 3.8 to 3.13. What differs between versions is in one table, `layouts`: the header of a
 * dict's keys, the digits of an int, and where an instance keeps its attributes. Sources:
 * Objects/dict-common.h (up to 3.10), Include/internal/pycore_dict.h and pycore_object.h.
 */
#include "user/python/objects.h"
#include "user/util/alloc.h"
#include "user/util/text.h"
#include <string.h>

#define MAX_ENTRIES  (1u << 20) /* of a dict */
#define WINDOW       4096       /* entries that are read at once */
#define MAX_STR_READ 256
#define MAX_READS    (1u << 18)

/* Include/object.h: PyObject.ob_type; PyTypeObject.tp_flags, tp_dictoffset */
#define OB_TYPE         8
#define TP_FLAGS        168
#define TP_DICTOFFSET   288
#define TP_INLINE       (1ul << 2)  /* Py_TPFLAGS_INLINE_VALUES, 3.13 */
#define TP_MANAGED_DICT (1ul << 4)  /* Py_TPFLAGS_MANAGED_DICT, 3.11 on */

/* Include/cpython/dictobject.h: PyDictObject.ma_keys, ma_values */
#define MA_KEYS   32
#define MA_VALUES 40

/* Words before an object: Include/internal/pycore_object.h _PyObject_ValuesPointer() (3.11), … */
#define MANAGED_VALUES -32
#define MANAGED_DICT   -24
#define STR_HEAD       40 /* bytes of a str that hold its type, length and state */
#define OBJECT_BYTES   16 /* sizeof(PyObject); inline values follow */
#define VALUES_VALID   3  /* 3.13: struct _dictvalues.valid */

enum attributes {
	IN_DICT,       /* up to 3.10: a dict, pointed to from the object at tp_dictoffset */
	TWO_WORDS,     /* 3.11: values or a dict, pointed to by two words before the object */
	TAGGED_WORD,   /* 3.12: one such word; its low bit tells which */
	INLINE_VALUES, /* 3.13: in the object while they are valid, else a dict as in 3.12 */
};

struct object_layout {
	enum attributes attributes;
	bool log2_keys;       /* struct _dictkeysobject with dk_log2_size and dk_kind (3.11 on) */
	bool tagged_int;      /* PyLongObject.long_value.lv_tag instead of ob_size (3.12 on) */
	uint16_t values_at;   /* first value in a PyDictValues */
	uint16_t cached_keys; /* PyHeapTypeObject.ht_cached_keys */
};

/* clang-format off */
static const struct object_layout layouts[] = {
	[8]  = {IN_DICT, false, false, 0, 0},
	[9]  = {IN_DICT, false, false, 0, 0},
	[10] = {IN_DICT, false, false, 0, 0},
	[11] = {TWO_WORDS, true, false, 0, 872},
	[12] = {TAGGED_WORD, true, true, 0, 880},
	[13] = {INLINE_VALUES, true, true, 8, 880},
};
/* clang-format on */

bool object_reader_init(struct object_reader *r, const struct py_build *build, memory_read_fn read,
			void *ctx)
{
	if (!build->supported || build->objects.minor < 8 ||
	    build->objects.minor >= ARRAY_SIZE(layouts))
		return false;
	*r = (struct object_reader){.build = build,
				    .layout = &layouts[build->objects.minor],
				    .read = read,
				    .ctx = ctx,
				    .reads_left = MAX_READS};
	return true;
}

bool object_read_bytes(struct object_reader *r, uint64_t addr, void *out, size_t len)
{
	/* user space ends at 2**47; a wild pointer is not worth a system call */
	if (addr < 4096 || addr >= 1ull << 47 || !r->reads_left)
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
	return object_read_u64(r, addr + OB_TYPE, type) &&
	       object_read_u64(r, *type + TP_FLAGS, flags);
}

static bool has_type(struct object_reader *r, uint64_t addr, uint64_t flag)
{
	uint64_t type, flags;

	return object_read_type(r, addr, &type, &flags) && flags & flag;
}

/* Digits of 30 bits at 24; their number is in ob_size (or -1 times it), or in lv_tag >> 3. */
bool object_read_int(struct object_reader *r, uint64_t addr, uint64_t *value)
{
	struct {
		uint64_t size;
		uint32_t digits[3];
	} v = {0};
	uint64_t count;

	if (!has_type(r, addr, OBJECT_IS_INT) || !object_read_bytes(r, addr + 16, &v.size, sizeof(v.size)))
		return false;
	count = r->layout->tagged_int ? v.size >> 3 : v.size;
	if (count > 3 || (r->layout->tagged_int && (v.size & 3) == 2) ||
	    !object_read_bytes(r, addr + 24, v.digits, count ? count * 4 : 4))
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

	if (!object_read_u64(r, addr + 16, &size))
		return false;
	*negative = r->layout->tagged_int ? (size & 3) == 2 : (int64_t)size < 0;
	*count = r->layout->tagged_int ? size >> 3 : *negative ? -size : size;
	return true;
}

static bool is_str_type(struct object_reader *r, uint64_t type)
{
	uint64_t flags;

	if (type == r->str_type)
		return true;
	if (!object_read_u64(r, type + TP_FLAGS, &flags) || !(flags & OBJECT_IS_STR))
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

	if (l->str_length_off > STR_HEAD - 8 || l->str_state_off > STR_HEAD - 4 ||
	    !object_read_bytes(r, addr, head, sizeof(head)))
		return 0;
	memcpy(&type, head + OB_TYPE, sizeof(type));
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
	return data && kind == 1 && len == expected && len <= sizeof(found) &&
	       object_read_bytes(r, data, found, len) && !memcmp(found, name, len);
}

/* To 3.10: dk_size at 8, dk_nentries at 32, indices at 40; then entries of hash, key, value. */
static bool keys_by_size(const uint64_t *head, struct object_dict *d)
{
	uint64_t size = head[1];
	unsigned index_bytes = size <= 0xff ? 1 : size <= 0xffff ? 2 : 4;

	if (size > 1u << 30 || head[4] > size)
		return false;
	d->entries_addr = 40 + size * index_bytes;
	d->total = head[4];
	d->entry_words = 3;
	return true;
}

/*
 * From 3.11: dk_log2_index_bytes at 9, dk_kind at 10 (0: general, entries as before; else str keys
 * without their hash), dk_nentries at 24, indices at 32.
 */
static bool keys_by_log2(const uint64_t *head, struct object_dict *d)
{
	unsigned log2_index_bytes = head[1] >> 8 & 0xff, kind = head[1] >> 16 & 0xff;

	if (log2_index_bytes > 32 || kind > 2 || head[3] > 1ull << 32)
		return false;
	d->entries_addr = 32 + (1ull << log2_index_bytes);
	d->total = head[3];
	d->entry_words = kind ? 2 : 3;
	return true;
}

static bool load(struct object_dict *d, struct object_reader *r, uint64_t first)
{
	uint64_t left = d->total - first, bytes = d->entry_words * 8ul;

	d->first = first;
	d->count = left < WINDOW ? (uint32_t)left : WINDOW;
	return !d->count || object_read_bytes(r, d->entries_addr + first * bytes, d->words, d->count * bytes);
}

static bool open_keys(struct object_dict *d, struct object_reader *r, uint64_t keys)
{
	uint64_t head[5];

	*d = (struct object_dict){0};
	if (!object_read_bytes(r, keys, head, sizeof(head)) ||
	    !(r->layout->log2_keys ? keys_by_log2 : keys_by_size)(head, d))
		return false;
	if (d->total > MAX_ENTRIES)
		d->total = MAX_ENTRIES;
	d->entries_addr += keys;
	d->key_word = d->entry_words - 2;
	d->words = xcalloc((d->total < WINDOW ? d->total : WINDOW) + 1, d->entry_words * 8ul);
	if (load(d, r, 0))
		return true;
	object_dict__free(d);
	return false;
}

bool object_dict__next(struct object_dict *d, struct object_reader *r)
{
	return !d->split_values && d->first + d->count < d->total && load(d, r, d->first + d->count);
}

/* Values beside shared keys; `values` is the address of the first. */
static bool open_split(struct object_dict *d, struct object_reader *r, uint64_t keys,
		       uint64_t values)
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
	uint64_t keys, values;

	*d = (struct object_dict){0};
	if (!has_type(r, addr, OBJECT_IS_DICT) || !object_read_u64(r, addr + MA_KEYS, &keys) ||
	    !object_read_u64(r, addr + MA_VALUES, &values))
		return false;
	return values ? open_split(d, r, keys, values + r->layout->values_at)
		      : open_keys(d, r, keys);
}

/* The first value of attributes that are not in a dict yet; 0 when they are in one. */
static uint64_t managed_values(struct object_reader *r, uint64_t addr, uint64_t flags)
{
	uint64_t word = 0;
	uint8_t valid = 0;

	switch (r->layout->attributes) {
	case TWO_WORDS:
		return object_read_u64(r, addr + MANAGED_VALUES, &word) ? word : 0;
	case TAGGED_WORD:
		return object_read_u64(r, addr + MANAGED_DICT, &word) && word & 1 ? word + 1 : 0;
	case INLINE_VALUES:
		if (flags & TP_INLINE &&
		    object_read_bytes(r, addr + OBJECT_BYTES + VALUES_VALID, &valid, 1) && valid)
			return addr + OBJECT_BYTES + r->layout->values_at;
		return 0;
	default:
		return 0;
	}
}

bool object_dict__open_instance(struct object_dict *d, struct object_reader *r, uint64_t addr)
{
	uint64_t type, flags, values, keys, at;

	*d = (struct object_dict){0};
	if (!object_read_type(r, addr, &type, &flags))
		return false;
	if (r->layout->attributes == IN_DICT || !(flags & TP_MANAGED_DICT)) {
		if (!object_read_u64(r, type + TP_DICTOFFSET, &at) || at < 16 || at > 4096)
			return false;
		return object_read_u64(r, addr + at, &at) && object_dict__open(d, r, at);
	}
	values = managed_values(r, addr, flags);
	if (values)
		return object_read_u64(r, type + r->layout->cached_keys, &keys) &&
		       open_split(d, r, keys, values);
	return object_read_u64(r, addr + MANAGED_DICT, &at) && object_dict__open(d, r, at);
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

bool object_dict__find(struct object_dict *d, struct object_reader *r, const char *name, uint64_t *value)
{
	uint64_t key;

	if (d->first && !load(d, r, 0))
		return false;
	do {
		for (uint32_t i = 0; i < d->count; i++)
			if (object_dict__entry(d, i, &key, value) && str_equals(r, key, name))
				return true;
	} while (object_dict__next(d, r));
	return false;
}
