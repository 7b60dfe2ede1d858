// SPDX-License-Identifier: MIT
/* What a sender is asked and told: options, bodies, numbers, its end. */
#include "user/push/sender.h"
#include "user/push/http_url.h"
#include "user/push/sender_state.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include <errno.h>
#include <signal.h>
#include <string.h>

#define QUEUE_DEFAULT   (16ull << 20)
#define SPOOL_DEFAULT   (256ull << 20)
#define TIMEOUT_DEFAULT 30000000000ull
#define STACK_BYTES     (512u << 10)
#define USER_AGENT      "pybpfprof/" PYBPFPROF_VERSION " (otlp profiles v1development 1.10)"

/* ---- numbers ------------------------------------------------------------------------------------------ */

void sender_settle_count(struct push_sender *s, enum fate fate, const struct push_count *c)
{
	struct push_stats *st = &s->stats;
	uint64_t *const bodies[] = {&st->sent, &st->dropped, &st->refused};
	uint64_t *const samples[] = {&st->sent_samples, &st->dropped_samples, &st->refused_samples};

	pthread_mutex_lock(&s->lock);
	*bodies[fate] += c->bodies;
	*samples[fate] += c->samples;
	st->queued -= c->bodies;
	st->queued_samples -= c->samples;
	if (fate == FATE_SENT) {
		st->sent_bytes += c->bytes;
		st->last_sent_unix_ns = clock_unix_ns();
	}
	pthread_mutex_unlock(&s->lock);
}

void sender_settle(struct push_sender *s, enum fate fate, struct push_body *b)
{
	struct push_count c = {0};

	push_count__add(&c, b);
	if (b->file)
		push_spool__done(s->spool, b);
	else
		push_body__free(b);
	sender_settle_count(s, fate, &c);
}

static void sender_count_put(struct push_sender *s, uint64_t bodies, uint64_t samples)
{
	s->stats.put += bodies;
	s->stats.put_samples += samples;
	s->stats.queued += bodies;
	s->stats.queued_samples += samples;
}

void push_sender__stats(struct push_sender *s, struct push_stats *out)
{
	struct push_count queued, spooled = {0};

	push_queue__count(s->queue, &queued);
	if (s->spool)
		push_spool__count(s->spool, &spooled);
	pthread_mutex_lock(&s->lock);
	*out = s->stats;
	out->queued_bytes = queued.bytes + spooled.bytes + s->sending_bytes;
	pthread_mutex_unlock(&s->lock);
	out->spooled_bytes = spooled.bytes;
	out->url = s->to.shown;
}

void sender_drop_lost(struct push_sender *s, const struct push_count *lost)
{
	if (lost->bodies)
		sender_settle_count(s, FATE_DROPPED, lost);
}

void sender_set_aside(struct push_sender *s, struct push_body *b)
{
	struct push_count lost = {0};
	bool kept = s->spool && !push_spool__put(s->spool, b, &lost);

	if (kept)
		push_body__free(b);
	else
		sender_settle(s, FATE_DROPPED, b);
	sender_drop_lost(s, &lost);
}

/* ---- from outside ----------------------------------------------------------------------------------------- */

static char *copy(const char *text)
{
	return text && *text ? xstrdup(text) : NULL;
}

static void take_options(struct push_sender *s, const struct push_options *o)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->ended, &attr);
	pthread_condattr_destroy(&attr);
	s->token_file = copy(o->token_file);
	s->token = copy(o->token);
	s->ca_file = copy(o->ca_file);
	s->proxy = copy(o->proxy);
	s->timeout_ns = o->timeout_ns ? o->timeout_ns : TIMEOUT_DEFAULT;
	s->header_files = xcalloc(o->header_file_cnt, sizeof(*s->header_files));
	for (; s->header_file_cnt < o->header_file_cnt; s->header_file_cnt++)
		s->header_files[s->header_file_cnt] = xstrdup(o->header_files[s->header_file_cnt]);
	s->queue = push_queue__new(o->queue_bytes ? o->queue_bytes : QUEUE_DEFAULT);
	s->http = http__new(USER_AGENT);
}

/* What is wrong from the start is said at the start. */
static int check_files(const struct push_sender *s)
{
	struct push_headers h = {0};
	__cleanup_free char *why = NULL;
	int err = sender_make_headers(s, false, &h, &why);

	push_headers__clear(&h);
	if (!err && s->ca_file)
		err = push_check_file(s->ca_file, &why);
	if (err)
		log_error("cannot push to %s: %s", s->to.shown, why);
	return err ? -EINVAL : 0;
}

static int check_proxy(const struct push_sender *s)
{
	struct http_url u = {0};
	const char *why = "";
	int err = s->proxy ? http_url__parse(s->proxy, &u, &why) : 0;

	if (!err && u.user) {
		why = "a user and a password do not belong into its URL, where others see them: put it into the "
		      "variable "
		      "https_proxy (or http_proxy) of the environment";
		err = -EINVAL;
	}
	if (err)
		log_error("cannot push to %s: the proxy is given as http://HOST:PORT: %s", s->to.shown, why);
	http_url__clear(&u);
	return err;
}

static int open_spool(struct push_sender *s, const struct push_options *o)
{
	struct push_count lost = {0}, found;
	int err;

	if (!o->spool)
		return 0;
	err = push_spool__open(o->spool, s->to.folder, o->spool_bytes ? o->spool_bytes : SPOOL_DEFAULT, &s->spool,
			       &lost);
	if (err)
		return -EINVAL;
	push_spool__count(s->spool, &found);
	sender_count_put(s, found.bodies + lost.bodies, found.samples + lost.samples);
	sender_drop_lost(s, &lost);
	if (found.bodies)
		log_info("%s: %llu bodies of a former run are in the spool", s->to.shown,
			 (unsigned long long)found.bodies);
	return 0;
}

/* Signals are for the main thread: this one never sees any. */
static int start(struct push_sender *s)
{
	sigset_t all, before;
	pthread_attr_t attr;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	err = pthread_create(&s->thread, &attr, sender_run, s);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	s->runs = !err;
	if (err)
		log_error("cannot push to %s: no thread can be made: %s", s->to.shown, strerror(err));
	return -err;
}

int push_sender__new(const struct push_options *o, struct push_sender **out)
{
	struct push_sender *s = xcalloc(1, sizeof(*s));
	int err;

	take_options(s, o);
	err = destination__parse(o->url, backends, &s->to);
	if (!err)
		err = check_files(s);
	if (!err)
		err = check_proxy(s);
	if (!err)
		err = open_spool(s, o);
	if (!err)
		err = start(s);
	if (err)
		push_sender__free(s);
	else
		*out = s;
	return err;
}

const struct backend *push_sender__backend(const struct push_sender *s)
{
	return s->to.backend;
}

void push_sender__hold(struct push_sender *s, uint64_t until_ns)
{
	__atomic_store_n(&s->hold_ns, until_ns, __ATOMIC_RELEASE);
}

void push_sender__put(struct push_sender *s, struct buf *body, uint64_t samples)
{
	struct push_body *b = push_body__new(body, samples), *gone;

	pthread_mutex_lock(&s->lock);
	b->seq = s->seq++;
	sender_count_put(s, 1, samples);
	pthread_mutex_unlock(&s->lock);
	if (!s->runs) {
		sender_settle(s, FATE_DROPPED, b);
		return;
	}
	gone = push_queue__put(s->queue, b);
	if (!gone)
		return;
	while (gone) {
		struct push_body *after = gone->next;

		sender_set_aside(s, gone);
		gone = after;
	}
	push_queue__wake(s->queue); /* of what is in the spool now */
}

/* False: it has not ended by then. */
static bool await_end(struct push_sender *s, unsigned ms)
{
	uint64_t end = clock_now_ns() + ms * 1000000ull;
	struct timespec until = {(time_t)(end / 1000000000ull), (long)(end % 1000000000ull)};
	bool ended;
	int err = 0;

	pthread_mutex_lock(&s->lock);
	while (!s->has_ended && !err)
		err = pthread_cond_timedwait(&s->ended, &s->lock, &until);
	ended = s->has_ended;
	pthread_mutex_unlock(&s->lock);
	return ended;
}

void push_sender__stop(struct push_sender *s, unsigned ms)
{
	struct push_body *b;

	if (!s->runs)
		return;
	__atomic_store_n(&s->ending, true, __ATOMIC_RELEASE);
	push_queue__wake(s->queue);
	if (!await_end(s, ms))
		__atomic_store_n(&s->stop, true, __ATOMIC_RELEASE);
	pthread_join(s->thread, NULL);
	s->runs = false;
	while ((b = push_queue__take(s->queue)))
		sender_set_aside(s, b);
}

void push_sender__free(struct push_sender *s)
{
	if (!s)
		return;
	push_sender__stop(s, 0);
	push_spool__free(s->spool);
	push_queue__free(s->queue);
	http__free(s->http);
	for (size_t i = 0; i < s->header_file_cnt; i++)
		free(s->header_files[i]);
	free(s->header_files);
	free(s->token_file);
	if (s->token)
		explicit_bzero(s->token, strlen(s->token));
	free(s->token);
	free(s->ca_file);
	free(s->proxy);
	destination__clear(&s->to);
	pthread_cond_destroy(&s->ended);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
