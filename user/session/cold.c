/* SPDX-License-Identifier: MIT */
#include "user/session/cold.h"
#include "user/os/procfs.h"
#include "user/os/worker.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include <string.h>
#include <sys/socket.h>

#define RECENT   32
#define AGAIN_NS 50000000ull   /* until then what was asked for is on its way */
#define STUCK_NS 2000000000ull /* with all that may wait waiting */
#define CHILDREN 8             /* that may get stuck */

struct request {
	pid_t pid;
	uint8_t outcome; /* enum abi_outcome */
	uint64_t addr;
	struct abi_py_layout layout;
};

struct cold {
	pid_t child; /* 0: none any more */
	int fd;
	unsigned stuck_cnt;
	uint64_t full_since_ns; /* 0: there is room */
	struct {
		pid_t pid;
		uint64_t addr, when_ns;
	} recent[RECENT];
	unsigned next;
};

static uint64_t word_at(const unsigned char *block, uint16_t off, uint16_t base)
{
	uint64_t word = 0;

	memcpy(&word, block + (off - base), sizeof(word));
	return word;
}

/* Only for the pages' sake; what is read is not looked at. */
static void touch(const struct request *q, uint64_t addr, size_t len)
{
	char bytes[ABI_LINES_HASHED];

	if (addr)
		procfs_read_memory(q->pid, addr, bytes, len < sizeof(bytes) ? len : sizeof(bytes));
}

static void touch_code(const struct request *q, uint64_t code)
{
	const struct abi_py_layout *l = &q->layout;
	unsigned char block[ABI_CODE_BLOCK];
	uint64_t lines, size = 0;

	if (procfs_read_memory(q->pid, code + l->code_base, block, sizeof(block)))
		return;
	touch(q, word_at(block, l->code_name_off, l->code_base), l->str_compact_off);
	touch(q, word_at(block, l->code_filename_off, l->code_base), l->str_compact_off);
	lines = word_at(block, l->code_lines_off, l->code_base);
	if (procfs_read_memory(q->pid, lines + l->bytes_size_off, &size, sizeof(size)))
		return;
	/* The fingerprint is made of the beginning and the end. */
	touch(q, lines + l->bytes_data_off, size);
	if (size > ABI_LINES_HASHED)
		touch(q, lines + l->bytes_data_off + size - ABI_LINES_HASHED, ABI_LINES_HASHED);
}

/* The thread runs meanwhile, so this is no stack; but what is asleep does not change. */
static void touch_frames(const struct request *q, uint64_t frame)
{
	const struct abi_py_layout *l = &q->layout;

	for (unsigned i = 0; frame && i < ABI_MAX_FRAMES; i++) {
		unsigned char block[ABI_FRAME_BLOCK];

		if (procfs_read_memory(q->pid, frame + l->frame_base, block, l->frame_bytes))
			return;
		touch_code(q, word_at(block, l->frame_code_off, l->frame_base) & ~ABI_REF_TAGS);
		frame = word_at(block, l->frame_prev_off, l->frame_base);
	}
}

/* The missing memory was the thread's state, or something on the way to it; then nothing is found here. */
static uint64_t first_frame(const struct request *q)
{
	const struct abi_py_layout *l = &q->layout;
	unsigned char block[ABI_TSTATE_BLOCK];
	uint64_t frame;

	if (procfs_read_memory(q->pid, q->addr, block, sizeof(block)))
		return 0;
	frame = word_at(block, l->ts_frame_off, 0);
	if ((l->mech & ABI_MECH_CFRAME) &&
	    procfs_read_memory(q->pid, frame + l->cframe_frame_off, &frame, sizeof(frame)))
		return 0;
	return frame;
}

static void serve(int fd)
{
	struct request q;

	while (recv(fd, &q, sizeof(q), 0) == sizeof(q)) {
		bool before = q.outcome == ABI_FAULT_RUNTIME || q.outcome == ABI_FAULT_TSTATE;

		touch_frames(&q, before ? first_frame(&q) : q.addr);
	}
}

static void start(struct cold *c)
{
	c->child = worker_start(serve, &c->fd);
	if (c->child < 0)
		c->child = 0;
	c->full_since_ns = 0;
}

struct cold *cold__new(void)
{
	struct cold *c = xcalloc(1, sizeof(*c));

	start(c);
	return c;
}

static void leave(struct cold *c)
{
	if (c->child)
		worker_leave(c->child, c->fd);
	c->child = 0;
}

void cold__free(struct cold *c)
{
	if (!c)
		return;
	leave(c);
	free(c);
}

static bool was_asked(struct cold *c, const struct request *q, uint64_t now)
{
	for (size_t i = 0; i < RECENT; i++)
		if (c->recent[i].pid == q->pid && c->recent[i].addr == q->addr && now < c->recent[i].when_ns + AGAIN_NS)
			return true;
	c->recent[c->next].pid = q->pid;
	c->recent[c->next].addr = q->addr;
	c->recent[c->next].when_ns = now;
	c->next = (c->next + 1) % RECENT;
	return false;
}

/* Nothing goes on in it: another one takes over, for the sake of other processes. */
static void replace_when_stuck(struct cold *c, uint64_t now)
{
	if (!c->full_since_ns)
		c->full_since_ns = now;
	if (now < c->full_since_ns + STUCK_NS)
		return;
	leave(c);
	if (++c->stuck_cnt < CHILDREN)
		start(c);
}

void cold__ask(struct cold *c, const struct abi_sample *rec, const struct abi_py_layout *layout)
{
	struct request q = {(pid_t)rec->hdr.tgid, rec->outcome, rec->cold_addr, *layout};
	uint64_t now = clock_now_ns();

	if (!c->child || was_asked(c, &q, now))
		return;
	if (send(c->fd, &q, sizeof(q), MSG_NOSIGNAL) == sizeof(q))
		c->full_since_ns = 0;
	else
		replace_when_stuck(c, now);
}
