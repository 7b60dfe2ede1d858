/* SPDX-License-Identifier: MIT */
#include "user/python/modules.h"
#include "user/python/objects_common.h"

bool module_find(struct object_reader *r, uint64_t dict, const char *name, uint64_t *value)
{
	struct object_dict d;
	bool found = object_dict__open(&d, r, dict) && object_dict__find(&d, r, name, value);

	object_dict__free(&d);
	return found;
}

bool instance_find(struct object_reader *r, uint64_t instance, const char *name, uint64_t *value)
{
	struct object_dict d;
	bool found = object_dict__open_instance(&d, r, instance) && object_dict__find(&d, r, name, value);

	object_dict__free(&d);
	return found;
}

uint64_t module_dict(struct object_reader *r, uint64_t interp, const char *name)
{
	uint64_t at;

	return object_read_u64(r, interp + r->build->objects.interp_modules, &at) && module_find(r, at, name, &at) &&
			       object_read_u64(r, object_at(r, at, OB_BODY) /* PyModuleObject.md_dict */, &at)
		       ? at
		       : 0;
}
