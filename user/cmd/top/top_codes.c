#include "user/cmd/top/top_codes.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/intern.h"
#include <string.h>

struct top_codes {
	bool lines;
	struct intern *names;
	uint32_t *frames; /* by code id: one frame of it */
	size_t frames_cap;
	uint32_t *of_frame; /* code id by frame */
	size_t of_cap, of_cnt;
};

static uint32_t name_code(struct top_codes *c, const struct profile *p, uint32_t frame)
{
	const struct profile_function *f = &p->functions[p->frames[frame].function];
	struct buf key = {0};
	uint32_t id;

	buf_put(&key, f->name, strlen(f->name) + 1);
	buf_put(&key, f->file, strlen(f->file) + 1);
	buf_printf(&key, "%d", c->lines ? p->frames[frame].line : f->first_line);
	id = intern__id(c->names, key.data, key.len);
	buf_free(&key);
	while (c->frames_cap <= id) {
		c->frames_cap = c->frames_cap ? c->frames_cap * 2 : 64;
		c->frames = xrealloc(c->frames, c->frames_cap * sizeof(*c->frames));
	}
	c->frames[id] = frame;
	return id;
}

uint32_t top_codes__of_frame(struct top_codes *c, const struct profile *p, uint32_t frame)
{
	if (frame > p->frame_cnt)
		return 0;
	for (; c->of_cnt <= frame; c->of_cnt++) {
		xgrow(c->of_frame, c->of_cnt, c->of_cap);
		c->of_frame[c->of_cnt] = c->of_cnt ? name_code(c, p, (uint32_t)c->of_cnt) : 0;
	}
	return c->of_frame[frame];
}

uint32_t top_codes__frame(const struct top_codes *c, uint32_t code)
{
	return code && code <= intern__count(c->names) ? c->frames[code] : 0;
}

struct top_codes *top_codes__new(bool lines)
{
	struct top_codes *c = xcalloc(1, sizeof(*c));

	c->lines = lines;
	c->names = intern__new();
	return c;
}

void top_codes__free(struct top_codes *c)
{
	if (!c)
		return;
	intern__free(c->names);
	free(c->frames);
	free(c->of_frame);
	free(c);
}
