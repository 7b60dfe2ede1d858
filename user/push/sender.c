// SPDX-License-Identifier: MIT
/*
 * The thread that posts. Bodies are in one of three places: the queue in memory, the spool on disk, or being sent; the oldest
 * goes first. While a server is away, what waits in memory is moved to the spool, so that little is lost when we are killed.
 * `lock` is for the numbers alone; nothing is held while something is sent.
 */
#include "user/push/sender.h"
#include "user/format/gzip.h"
#include "user/os/privileges.h"
#include "user/push/destination.h"
#include "user/push/http_url.h"
#include "user/push/queue.h"
#include "user/push/secrets.h"
#include "user/push/spool.h"
#include "user/push/verdict.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/text.h"
#include "user/util/units.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/random.h>

#define QUEUE_DEFAULT   (16ull << 20)
#define SPOOL_DEFAULT   (256ull << 20)
#define TIMEOUT_DEFAULT 30000000000ull
#define TOO_OLD_NS      3600000000000ull /* back ends refuse what is older */
#define SAY_EVERY_NS    60000000000ull
#define STACK_BYTES     (512u << 10)
#define REASON_MAX      300 /* bytes of a server's words */
#define USER_AGENT      "pybpfprof/" PYBPFPROF_VERSION " (otlp profiles v1development 1.10)"

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
};

/* ---- numbers ------------------------------------------------------------------------------------------ */

enum fate { FATE_SENT, FATE_DROPPED, FATE_REFUSED };

static void settle_count(struct push_sender *s, enum fate fate, const struct push_count *c)
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

/* The end of a body, wherever it came from. */
static void settle(struct push_sender *s, enum fate fate, struct push_body *b)
{
	struct push_count c = {0};

	push_count__add(&c, b);
	if (b->file)
		push_spool__done(s->spool, b);
	else
		push_body__free(b);
	settle_count(s, fate, &c);
}

static void count_put(struct push_sender *s, uint64_t bodies, uint64_t samples)
{
	s->stats.put += bodies;
	s->stats.put_samples += samples;
	s->stats.queued += bodies;
	s->stats.queued_samples += samples;
}

/* The answer to one request. */
static void count_answer(struct push_sender *s, const struct http_answer *a)
{
	struct push_stats *st = &s->stats;
	int digit = a->status / 100;

	pthread_mutex_lock(&s->lock);
	st->requests++;
	st->retries += s->failures != 0;
	st->connect_failures += !a->status && !a->connected;
	st->status[digit < 6 ? digit : 0]++;
	pthread_mutex_unlock(&s->lock);
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

/* ---- what is said --------------------------------------------------------------------------------------- */

/* Once a minute at most; what was not said is counted. Takes `text`. */
static void complain(struct push_sender *s, char *text)
{
	__cleanup_free char *said = text;
	uint64_t now = clock_now_ns();

	if (now < s->say_ns) {
		log_debug("%s: %s", s->to.shown, said);
		s->unsaid++;
		return;
	}
	if (s->unsaid)
		log_warn("%s: %s (%llu more like it were not said)", s->to.shown, said, (unsigned long long)s->unsaid);
	else
		log_warn("%s: %s", s->to.shown, said);
	s->say_ns = now + SAY_EVERY_NS;
	s->unsaid = 0;
	s->has_complained = true;
}

/* The first line of an answer, where it is one for people. */
static char *first_line(const char *body, size_t len)
{
	const char *end = len ? memchr(body, '\n', len) : NULL;

	if (end)
		len = (size_t)(end - body);
	if (!len || *body == '<')
		return xstrdup("");
	return text_clean(body, len < REASON_MAX ? len : REASON_MAX, 0);
}

/* "it says 400: …", in the server's own words; or why there was no answer. */
static char *words_of(const struct push_sender *s, const struct http_answer *a, const struct push_headers *h)
{
	__cleanup_free char *reason = NULL;

	if (!a->status)
		return xasprintf("%s: %s", a->connected ? "no answer" : "no connection", a->error);
	if (verdict_is_page(a))
		return xasprintf("it answers with a web page: there is no %s at this URL", s->to.backend->name);
	if (s->to.backend->reason && a->body.len)
		reason = s->to.backend->reason(a->body.data, a->body.len);
	if (!reason || !*reason) {
		free(reason);
		reason = first_line(a->body.data, a->body.len);
	}
	push_headers__hide(h, reason);
	return xasprintf("it says %d%s%.*s", a->status, *reason ? ": " : "", REASON_MAX, reason);
}

static void say_recovered(struct push_sender *s)
{
	struct push_stats st;

	if (!s->failures || !s->has_complained)
		return;
	push_sender__stats(s, &st);
	log_info("%s: takes profiles again; %llu wait", s->to.shown, (unsigned long long)st.queued);
	s->has_complained = false;
}

/* ---- where bodies are ------------------------------------------------------------------------------------- */

static void drop_lost(struct push_sender *s, const struct push_count *lost)
{
	if (lost->bodies)
		settle_count(s, FATE_DROPPED, lost);
}

/* What has no place in memory: to the disk, or nowhere. */
static void set_aside(struct push_sender *s, struct push_body *b)
{
	struct push_count lost = {0};
	bool kept = s->spool && !push_spool__put(s->spool, b, &lost);

	if (kept)
		push_body__free(b);
	else
		settle(s, FATE_DROPPED, b);
	drop_lost(s, &lost);
}

/* Compressed once, here: it costs the thread that samples nothing. */
static void pack(struct push_sender *s, struct push_body *b)
{
	struct buf packed = {0};

	if (b->is_gzip || !s->to.backend->gzip || !gzip_pack(b->bytes.data, b->bytes.len, &packed))
		return;
	buf_free(&b->bytes);
	b->bytes = packed;
	b->is_gzip = true;
}

/* While the server is away. */
static void move_to_disk(struct push_sender *s)
{
	struct push_body *b;

	while (s->spool && (b = push_queue__take(s->queue))) {
		pack(s, b);
		set_aside(s, b);
	}
}

/* It was not sent: it waits where it was, or on the disk. */
static void keep(struct push_sender *s, struct push_body *b)
{
	if (b->file)
		push_spool__put_back(s->spool, b);
	else if (s->spool || !push_queue__put_back(s->queue, b))
		set_aside(s, b);
}

static bool is_too_old(const struct push_body *b)
{
	uint64_t now = clock_unix_ns();

	return now > b->unix_ns && now - b->unix_ns > TOO_OLD_NS;
}

static struct push_body *next(struct push_sender *s)
{
	struct push_count lost = {0};
	struct push_body *b;

	for (;;) {
		b = s->spool ? push_spool__take(s->spool, &lost) : NULL;
		if (!b)
			b = push_queue__take(s->queue);
		if (!b || !is_too_old(b))
			break;
		complain(s, xstrdup("what could not be sent for an hour is dropped: it would be refused"));
		settle(s, FATE_DROPPED, b);
	}
	drop_lost(s, &lost);
	return b;
}

/* ---- requests --------------------------------------------------------------------------------------------- */

static int make_headers(const struct push_sender *s, bool is_gzip, struct push_headers *h, char **why)
{
	int err = 0;

	push_headers__add(h, "Content-Type", s->to.backend->content_type);
	if (is_gzip)
		push_headers__add(h, "Content-Encoding", "gzip");
	if (s->token_file)
		err = push_headers__add_token_file(h, s->token_file, why);
	else if (s->token)
		err = push_headers__add_token(h, s->token, why);
	for (size_t i = 0; !err && i < s->header_file_cnt; i++)
		err = push_headers__add_file(h, s->header_files[i], why);
	return err;
}

static void post(struct push_sender *s, const struct push_body *b, struct push_headers *h, struct http_answer *a)
{
	__cleanup_free char *why = NULL;
	struct http_request q = {.url = s->to.url,
				 .body = b->bytes.data,
				 .len = b->bytes.len,
				 .ca_file = s->ca_file,
				 .proxy = s->proxy,
				 .timeout_ns = s->timeout_ns,
				 .stop = &s->stop};

	*a = (struct http_answer){0};
	if (make_headers(s, b->is_gzip, h, &why)) { /* a secret that is just being replaced */
		snprintf(a->error, sizeof(a->error), "%s", why);
		return;
	}
	q.headers = (const char *const *)h->lines;
	q.header_cnt = h->cnt;
	http__post(s->http, &q, a);
	count_answer(s, a);
}

static void back_off(struct push_sender *s, uint64_t retry_after_ns, const char *words)
{
	uint64_t random = 0, wait;
	__cleanup_free char *time = NULL;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = clock_now_ns();
	s->failures++;
	wait = verdict_wait_ns(s->failures, retry_after_ns, random);
	s->not_before_ns = clock_now_ns() + wait;
	time = units_duration_text(wait);
	if (!__atomic_load_n(&s->ending, __ATOMIC_ACQUIRE))
		complain(s, xasprintf("%s; the next try is in %s", words, time));
	else if (!__atomic_load_n(&s->stop, __ATOMIC_ACQUIRE))
		complain(s, xstrdup(words));
}

/* Sends it, and sees to what becomes of it. False: it is not the time for more. */
static bool deliver(struct push_sender *s, struct push_body *b)
{
	struct push_headers headers = {0};
	struct http_answer a;
	enum verdict verdict;
	__cleanup_free char *words = NULL;

	pack(s, b);
	post(s, b, &headers, &a);
	words = words_of(s, &a, &headers);
	verdict = __atomic_load_n(&s->stop, __ATOMIC_ACQUIRE) && !a.status ? VERDICT_LATER : verdict_of(&a);
	if (verdict == VERDICT_SENT || verdict == VERDICT_REFUSED)
		say_recovered(s);
	if (verdict == VERDICT_REFUSED)
		complain(s, xasprintf("refused, and not sent again: %s", words));
	if (verdict == VERDICT_LATER || verdict == VERDICT_FEW)
		back_off(s, a.retry_after_ns, words);
	else
		s->failures = 0;
	if (verdict == VERDICT_SENT)
		settle(s, FATE_SENT, b);
	else if (verdict == VERDICT_REFUSED || (verdict == VERDICT_FEW && ++b->tries >= VERDICT_TRIES))
		settle(s, FATE_REFUSED, b);
	else
		keep(s, b);
	http_answer__clear(&a);
	push_headers__clear(&headers);
	return !s->failures;
}

static void note_sending(struct push_sender *s, const struct push_body *b)
{
	pthread_mutex_lock(&s->lock);
	s->sending_bytes = b && !b->file ? b->bytes.len : 0;
	pthread_mutex_unlock(&s->lock);
}

/* One body, or some rest. False: it was asked to end, and there is nothing left that it could do. */
static bool work(struct push_sender *s)
{
	bool ending = __atomic_load_n(&s->ending, __ATOMIC_ACQUIRE), fine;
	struct push_body *b;

	if (!ending && clock_now_ns() < s->not_before_ns) {
		move_to_disk(s);
		push_queue__wait(s->queue, s->not_before_ns);
		return true;
	}
	b = next(s);
	if (!b && !ending)
		push_queue__wait(s->queue, 0);
	if (!b)
		return !ending;
	note_sending(s, b);
	fine = deliver(s, b);
	note_sending(s, NULL);
	return fine || !__atomic_load_n(&s->ending, __ATOMIC_ACQUIRE);
}

static void *run(void *arg)
{
	struct push_sender *s = arg;

	pthread_setname_np(pthread_self(), "push");
	privileges_keep_only(
		PRIVILEGES_DAEMON); /* they are each thread's own, and it began before the others gave theirs up */
	while (work(s))
		;
	pthread_mutex_lock(&s->lock);
	s->has_ended = true;
	pthread_cond_signal(&s->ended);
	pthread_mutex_unlock(&s->lock);
	return NULL;
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
	int err = make_headers(s, false, &h, &why);

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
	count_put(s, found.bodies + lost.bodies, found.samples + lost.samples);
	drop_lost(s, &lost);
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
	err = pthread_create(&s->thread, &attr, run, s);
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

void push_sender__put(struct push_sender *s, struct buf *body, uint64_t samples)
{
	struct push_body *b = push_body__new(body, samples), *gone;

	pthread_mutex_lock(&s->lock);
	b->seq = s->seq++;
	count_put(s, 1, samples);
	pthread_mutex_unlock(&s->lock);
	if (!s->runs) {
		settle(s, FATE_DROPPED, b);
		return;
	}
	gone = push_queue__put(s->queue, b);
	if (!gone)
		return;
	while (gone) {
		struct push_body *after = gone->next;

		set_aside(s, gone);
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
		set_aside(s, b);
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
