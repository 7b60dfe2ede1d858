/* SPDX-License-Identifier: MIT */
/*
 * One destination: a thread that posts request bodies from a bounded queue. Whatever the server does, putting never waits:
 * when the queue is full the oldest body goes, and is counted.
 */
#pragma once
#include "user/push/backend.h"
#include "user/push/http.h"

struct push_options {
	const char *url;                 /* "pyroscope+https://host:4040/prefix"; BACKEND:// is BACKEND+https:// */
	const char *token_file;          /* bearer token, read anew for each request; NULL none */
	const char *token;               /* the same from the environment; NULL none */
	const char *const *header_files; /* lines "Name: value", read anew too */
	size_t header_file_cnt;
	const char *ca_file; /* NULL: the system's */
	const char *proxy;   /* NULL: as https_proxy, http_proxy and no_proxy say */
	const char *
		spool; /* directory for bodies that find no room in the queue, and for those left at the end; NULL none */
	uint64_t queue_bytes, spool_bytes; /* 0: 16 MiB, 256 MiB */
	uint64_t timeout_ns;               /* of one request; 0: 30 s */
};

struct push_stats {
	/* Bodies handed over (by a former run, too, that left them in the spool), and the samples in them: the sum of … */
	uint64_t put, put_samples;
	uint64_t sent, sent_samples, sent_bytes;
	uint64_t dropped, dropped_samples; /* for want of room, or as too old */
	uint64_t refused, refused_samples; /* by the server, for good; or it was broken too often */
	uint64_t queued, queued_samples,
		queued_bytes;       /* … and these, that wait in memory or in the spool, or are being sent */
	uint64_t left_out_profiles; /* of bodies that were sent, as the server says; in how many samples it does not */
	uint64_t spooled_bytes;
	uint64_t requests, retries, connect_failures;
	uint64_t status[6]; /* answers by their first digit; 0: none */
	uint64_t last_sent_unix_ns;
	const char *url; /* without what is secret in it */
};

struct push_sender;

/* Checks the URL and what it is told to read, finds what a former run left in the spool. 0 or -EINVAL with what is wrong, which was said. */
int push_sender__new(const struct push_options *o, struct push_sender **out);
const struct backend *push_sender__backend(const struct push_sender *s);
/* Posts nothing before this time of CLOCK_MONOTONIC, unless it is to end: so that not all nodes come at once. */
void push_sender__hold(struct push_sender *s, uint64_t until_ns);
/* Takes the body (it is empty afterwards). Never blocks on the server or, but for the spool, on a disk. */
void push_sender__put(struct push_sender *s, struct buf *body, uint64_t samples);
void push_sender__stats(struct push_sender *s, struct push_stats *out);
/* Sends what there is for so long at most; the rest is spooled, or dropped and counted. Then only __stats and __free. */
void push_sender__stop(struct push_sender *s, unsigned ms);
void push_sender__free(struct push_sender *s);
