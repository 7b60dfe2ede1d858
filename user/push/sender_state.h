/* SPDX-License-Identifier: MIT */
/* The two halves of a sender: what others ask of it (sender.c), and its thread (sender_thread.c). */
#pragma once
#include "user/push/destination.h"
#include "user/push/queue.h"
#include "user/push/secrets.h"
#include "user/push/sender.h"
#include "user/push/spool.h"
#include <pthread.h>

struct push_sender {
	struct destination to;
	char *token_file, *token, *ca_file, *proxy;
	char **header_files;
	size_t header_file_cnt;
	uint64_t timeout_ns;
	struct http *http;
	struct push_queue *queue;
	struct push_spool *spool; /* NULL: none */
	pthread_t thread;
	bool runs;         /* there is the thread */
	uint64_t hold_ns;  /* atomically: posts nothing before */
	bool ending, stop; /* atomically: waits no more; gives up what it sends */
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool has_ended;
	struct push_stats stats; /* but for what is asked of the queue and the spool */
	uint64_t sending_bytes;  /* that are in neither */
	uint32_t seq;
	/* The thread's. */
	unsigned failures; /* in a row */
	uint64_t not_before_ns;
	uint64_t say_ns; /* from when on the next failure is said */
	uint64_t unsaid;
	bool has_complained; /* since it last went well */
	uint64_t dropped_said;
};

enum fate { FATE_SENT, FATE_DROPPED, FATE_REFUSED };

/* So many bodies have met their end. */
void sender_settle_count(struct push_sender *s, enum fate fate, const struct push_count *c);
/* The end of a body, wherever it came from. */
void sender_settle(struct push_sender *s, enum fate fate, struct push_body *b);
/* What the spool says that it has lost. */
void sender_drop_lost(struct push_sender *s, const struct push_count *lost);
/* What has no place in memory: to the disk, or nowhere. */
void sender_set_aside(struct push_sender *s, struct push_body *b);
/* Those of a request, from the files as they are now. 0 or negative errno with `*why`. */
int sender_make_headers(const struct push_sender *s, bool is_gzip, struct push_headers *h, char **why);
/* The thread. */
void *sender_run(void *s);
