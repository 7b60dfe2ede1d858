/* SPDX-License-Identifier: MIT */
/*
 * Scalars of numpy, shown as the numbers they are. Their value is what follows PyObject: numpy/arrayscalars.h
 * (PyInt8ScalarObject and so on), the same in numpy 1 and 2.
 */
#include "user/python/repr_parts.h"
#include "user/util/alloc.h"
#include <inttypes.h>
#include <string.h>

static bool put_bool(struct repr *p, uint64_t addr)
{
	uint8_t value;

	if (!object_read_bytes(p->r, object_at(p->r, addr, OB_BODY), &value, 1) || value > 1)
		return false;
	buf_puts(&p->out, value ? "True" : "False");
	return true;
}

static bool put_signed(struct repr *p, uint64_t addr, size_t bytes)
{
	unsigned unused = (unsigned)(64 - 8 * bytes);
	uint64_t value = 0;

	if (!object_read_bytes(p->r, object_at(p->r, addr, OB_BODY), &value, bytes))
		return false;
	buf_printf(&p->out, "%" PRId64, (int64_t)(value << unused) >> unused);
	return true;
}

static bool put_unsigned(struct repr *p, uint64_t addr, size_t bytes)
{
	uint64_t value = 0;

	if (!object_read_bytes(p->r, object_at(p->r, addr, OB_BODY), &value, bytes))
		return false;
	buf_printf(&p->out, "%" PRIu64, value);
	return true;
}

static const struct {
	const char *type;
	size_t bytes; /* of a number with … */
	bool (*number)(struct repr *p, uint64_t addr, size_t bytes);
	repr_fn other;
} scalars[] = {
	{"int8", 1, put_signed, NULL},        {"int16", 2, put_signed, NULL},    {"int32", 4, put_signed, NULL},
	{"int64", 8, put_signed, NULL},       {"longlong", 8, put_signed, NULL}, {"uint8", 1, put_unsigned, NULL},
	{"uint16", 2, put_unsigned, NULL},    {"uint32", 4, put_unsigned, NULL}, {"uint64", 8, put_unsigned, NULL},
	{"ulonglong", 8, put_unsigned, NULL}, {"bool", 0, NULL, put_bool},       {"bool_", 0, NULL, put_bool},
	{"float32", 0, NULL, repr_float32},   {"float64", 0, NULL, repr_float},  {"complex128", 0, NULL, repr_complex},
};

bool repr_numpy(struct repr *p, uint64_t addr, const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(scalars); i++)
		if (!strcmp(type, scalars[i].type))
			return scalars[i].number ? scalars[i].number(p, addr, scalars[i].bytes)
						 : scalars[i].other(p, addr);
	return false;
}
