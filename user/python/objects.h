/* SPDX-License-Identifier: MIT */
/*
 * Reading a few kinds of CPython objects of a live process: int, str, dict, instance attributes. The process is not
 * stopped, so whatever is read may be half-changed: types are checked by their flags, sizes are capped, the number of
 * reads in a reader's life too, and a function returns false rather than a guess.
 */
#pragma once
#include "user/os/memory.h"
#include "user/python/build.h"

struct object_reader {
	const struct py_build *build;
	const struct py_objects *objects; /* the build's */
	memory_read_fn read;
	void *ctx;
	uint64_t str_type; /* the type of the last str seen: most are of the same */
	uint32_t reads_left;
	uint32_t larger; /* bytes that PyObject is larger than in a default build */
};

/* Where an object has what objects_common.h says of it. */
static inline uint64_t object_at(const struct object_reader *r, uint64_t addr, unsigned offset)
{
	return addr + offset + r->larger;
}

/* A copy of a dict's first 65536 entries, or of an instance's attributes. */
struct object_dict {
	uint64_t *words;        /* the entries */
	uint64_t *split_values; /* by entry, where the values are not in the entries */
	uint32_t count, entry_words, key_word;
};

/* False when objects of this build cannot be read. */
bool object_reader_init(struct object_reader *r, const struct py_build *build, memory_read_fn read, void *ctx);
bool object_read_bytes(struct object_reader *r, uint64_t addr, void *out, size_t len);
bool object_read_u64(struct object_reader *r, uint64_t addr, uint64_t *value);
/* The type of an object and its tp_flags, of which these tell what it is (Include/object.h: Py_TPFLAGS_…). */
bool object_read_type(struct object_reader *r, uint64_t addr, uint64_t *type, uint64_t *flags);
#define OBJECT_HEAP_TYPE (1ul << 9) /* made by a class statement */
#define OBJECT_IS_INT    (1ul << 24)
#define OBJECT_IS_LIST   (1ul << 25)
#define OBJECT_IS_TUPLE  (1ul << 26)
#define OBJECT_IS_BYTES  (1ul << 27)
#define OBJECT_IS_STR    (1ul << 28)
#define OBJECT_IS_DICT   (1ul << 29)
#define OBJECT_IS_TYPE   (1ul << 31)
/* An int from 0 to 2**64 - 1. */
bool object_read_int(struct object_reader *r, uint64_t addr, uint64_t *value);
/* Of an int of any size: how many digits of 30 bits (u32 each) follow at object_at(OB_VAR_BODY), low ones first. */
bool object_int_digits(struct object_reader *r, uint64_t addr, uint64_t *count, bool *negative);
/* The address of the characters of a str; 0 when it is none. `len` in code points of `kind` bytes. */
uint64_t object_str_data(struct object_reader *r, uint64_t addr, uint64_t *len, unsigned *kind);
/* A str as clean UTF-8 that the caller frees, cut after 256 code points; NULL when it is none. */
char *object_read_str(struct object_reader *r, uint64_t addr);

bool object_dict__open(struct object_dict *d, struct object_reader *r, uint64_t addr);
/* The attributes of an instance of a Python class. */
bool object_dict__open_instance(struct object_dict *d, struct object_reader *r, uint64_t addr);
void object_dict__free(struct object_dict *d);
/* Key and value of entry `i`; false when it is empty. */
bool object_dict__entry(const struct object_dict *d, uint32_t i, uint64_t *key, uint64_t *value);
/* The value under a str key of ASCII characters. */
bool object_dict__find(const struct object_dict *d, struct object_reader *r, const char *name, uint64_t *value);
