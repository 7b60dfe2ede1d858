/* SPDX-License-Identifier: MIT */
#include "user/resolve/gil_frames.h"
#include "user/profile/gil_waits.h"
#include "user/resolve/threads.h"
#include "user/util/alloc.h"

/* "[held by worker in sort (app/main.py)]"; NULL: it is to be known better soon. */
static char *held_by(struct codes *c, const struct known *k, const struct abi_frame *f, bool now)
{
	bool sure;
	const char *thread = threads__name(k, f[1].code_key, &sure);
	__cleanup_free char *function = f[0].code_key ? codes__text(c, f[0].code_key) : NULL;

	if (!f[1].code_key)
		return xstrdup(GIL_NOBODY);
	if (!now && (!sure || (f[0].code_key && !function && !codes__frame(c, f[0].code_key, f[0].lasti))))
		return NULL;
	return xasprintf(GIL_HELD_BY "%s%s%s]", thread ? thread : "another thread", function ? " in " : "",
			 function ? function : "");
}

int gil_frames(struct codes *c, const struct known *k, const struct abi_sample *rec, bool now, uint32_t out[GIL_FRAMES])
{
	const struct abi_frame *f = (const struct abi_frame *)(rec + 1);
	__cleanup_free char *text = NULL;

	if (rec->frame_cnt < GIL_FRAMES || f[0].what != ABI_FRAME_GIL_FUNCTION || f[1].what != ABI_FRAME_GIL_THREAD)
		return 0;
	text = held_by(c, k, f, now);
	if (!text)
		return -1;
	out[0] = codes__synthetic(c, text);
	out[1] = codes__synthetic(c, GIL_WAIT_NAME);
	return GIL_FRAMES;
}
