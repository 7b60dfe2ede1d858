/* SPDX-License-Identifier: MIT */
#include "user/resolve/collecting.h"
#include <string.h>

/* Up to 3.10 the name lacks the class. */
static bool is_finaliser(const struct codes *c, const struct abi_frame *f)
{
	struct code_names n;
	const char *dot;

	if (!codes__names(c, f->code_key, &n))
		return false;
	dot = strrchr(n.name, '.');
	return !strcmp(dot ? dot + 1 : n.name, "__del__");
}

/* Where the interpreter says no more than that it is in a collection, a finaliser on the stack is taken for one that it called. */
bool collecting_is(const struct codes *c, const struct abi_sample *rec)
{
	const struct abi_frame *f = (const struct abi_frame *)(rec + 1);
	uint32_t what = rec->frame_cnt ? f->what : ABI_FRAME_PYTHON;

	for (uint32_t i = 0; what == ABI_FRAME_IN_COLLECTION && i < rec->frame_cnt; i++)
		if (is_finaliser(c, &f[i]))
			return false;
	return what == ABI_FRAME_COLLECTING || what == ABI_FRAME_IN_COLLECTION;
}
