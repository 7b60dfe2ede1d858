/* SPDX-License-Identifier: MIT */
/*
 * A type made in C has its module in its name (tp_name); one made by a class statement has a qualified name, and its
 * module in its dict.
 */
#include "user/python/type_name.h"
#include "user/python/objects_common.h"
#include "user/util/alloc.h"
#include "user/util/text.h"
#include <string.h>

#define PAGE 4096u

/* A C string; read up to a page's end at a time, because what lies behind may not be mapped. */
static bool read_c_string(struct object_reader *r, uint64_t addr, char *out, size_t size)
{
	size_t len = 0;

	while (len < size - 1) {
		size_t n = PAGE - (size_t)((addr + len) % PAGE);

		n = n < size - 1 - len ? n : size - 1 - len;
		if (!object_read_bytes(r, addr + len, out + len, n))
			return false;
		if (memchr(out + len, 0, n))
			return true;
		len += n;
	}
	out[len] = 0;
	return true;
}

/* PyTypeObject.tp_name: with its module where the type is made in C. */
static bool read_tp_name(struct object_reader *r, uint64_t type, char *out, size_t size)
{
	uint64_t name;

	return object_read_u64(r, object_at(r, type, TP_NAME), &name) && read_c_string(r, name, out, size) && *out;
}

static char *qualified_name(struct object_reader *r, uint64_t type)
{
	uint64_t name;

	return object_read_u64(r, type + r->objects->type_qualname, &name) ? object_read_str(r, name) : NULL;
}

/* tp_dict["__module__"] */
static char *module_of(struct object_reader *r, uint64_t type)
{
	struct object_dict d = {0};
	uint64_t dict, value;
	char *name = NULL;

	if (object_read_u64(r, object_at(r, type, TP_DICT), &dict) && object_dict__open(&d, r, dict) &&
	    object_dict__find(&d, r, "__module__", &value))
		name = object_read_str(r, value);
	object_dict__free(&d);
	return name;
}

char *type_name(struct object_reader *r, uint64_t type, uint64_t flags)
{
	__cleanup_free char *qualified = flags & OBJECT_HEAP_TYPE ? qualified_name(r, type) : NULL;
	__cleanup_free char *module = qualified ? module_of(r, type) : NULL;
	char name[128];

	if (qualified && module)
		return xasprintf("%s.%s", module, qualified);
	if (!read_tp_name(r, type, name, sizeof(name)))
		return NULL;
	return text_clean(name, strlen(name), 0);
}

char *object_type_name(struct object_reader *r, uint64_t addr)
{
	uint64_t type, flags;

	return object_read_type(r, addr, &type, &flags) ? type_name(r, type, flags) : NULL;
}
