#include "user/session/cold.h"
#include "user/os/procfs.h"
#include "user/util/alloc.h"
#include <pthread.h>
#include <string.h>
#include <time.h>

#define QUEUE	 32
#define PATIENCE 1 /* seconds that an end waits for the thread */

struct request {
	pid_t pid;
	uint8_t outcome; /* enum abi_outcome */
	uint64_t addr;
	struct abi_py_layout layout;
};

struct cold {
	pthread_mutex_t lock;
	pthread_cond_t asked;
	pthread_t thread;
	struct request queue[QUEUE];
	size_t cnt;
	bool stop;
	unsigned users; /* the last one frees */
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

		if (procfs_read_memory(q->pid, frame + l->frame_base, block, sizeof(block)))
			return;
		touch_code(q, word_at(block, l->frame_code_off, l->frame_base));
		frame = word_at(block, l->frame_prev_off, l->frame_base);
	}
}

/* What was missing is the thread's state, if it is not something on the way to it. */
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

static void serve(const struct request *q)
{
	bool before = q->outcome == ABI_FAULT_RUNTIME || q->outcome == ABI_FAULT_TSTATE;

	touch_frames(q, before ? first_frame(q) : q->addr);
}

/* With the lock held; true when nobody is left who could use it. */
static bool leave(struct cold *c)
{
	return --c->users == 0;
}

static void destroy(struct cold *c)
{
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->asked);
	free(c);
}

static void *run(void *arg)
{
	struct cold *c = arg;
	bool last;

	pthread_mutex_lock(&c->lock);
	while (!c->stop) {
		struct request q;

		if (!c->cnt) {
			pthread_cond_wait(&c->asked, &c->lock);
			continue;
		}
		q = c->queue[--c->cnt];
		pthread_mutex_unlock(&c->lock);
		serve(&q);
		pthread_mutex_lock(&c->lock);
	}
	last = leave(c);
	pthread_mutex_unlock(&c->lock);
	if (last)
		destroy(c);
	return NULL;
}

struct cold *cold__new(void)
{
	struct cold *c = xcalloc(1, sizeof(*c));

	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->asked, NULL);
	c->users = 2;
	if (!pthread_create(&c->thread, NULL, run, c))
		return c;
	destroy(c);
	return NULL;
}

void cold__free(struct cold *c)
{
	struct timespec until;
	bool last;

	if (!c)
		return;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE;
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_cond_signal(&c->asked);
	pthread_mutex_unlock(&c->lock);
	if (pthread_timedjoin_np(c->thread, NULL, &until))
		pthread_detach(c->thread);
	pthread_mutex_lock(&c->lock);
	last = leave(c);
	pthread_mutex_unlock(&c->lock);
	if (last)
		destroy(c);
}

void cold__ask(struct cold *c, const struct abi_sample *rec, const struct abi_py_layout *layout)
{
	struct request q = {(pid_t)rec->hdr.tgid, rec->outcome, rec->cold_addr, *layout};
	bool waits = false;

	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < c->cnt; i++)
		waits |= c->queue[i].pid == q.pid && c->queue[i].addr == q.addr;
	if (!waits && c->cnt < QUEUE) {
		c->queue[c->cnt++] = q;
		pthread_cond_signal(&c->asked);
	}
	pthread_mutex_unlock(&c->lock);
}
