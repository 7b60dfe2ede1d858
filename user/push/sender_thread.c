// SPDX-License-Identifier: MIT
/*
 * The thread that posts. Bodies are in one of three places: the queue in memory, the spool on disk, or being sent; the oldest
 * goes first. While a server is away, what waits in memory is moved to the spool, so that little is lost when we are killed.
 * The sender's `lock` is for the numbers alone; nothing is held while something is sent.
 */
#include "user/format/gzip.h"
#include "user/os/privileges.h"
#include "user/push/sender_state.h"
#include "user/push/verdict.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/text.h"
#include "user/util/units.h"
#include <string.h>
#include <sys/random.h>

#define TOO_OLD_NS   3600000000000ull /* back ends refuse what is older */
#define SAY_EVERY_NS 60000000000ull
#define REASON_MAX   300 /* bytes of a server's words */

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

/* What OpenSSL, GnuTLS and mbedTLS say of a server without TLS. */
static bool is_plain_there(const char *error)
{
	static const char *const words[] = {"wrong version number", "unexpected TLS packet", "invalid SSL record"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strstr(error, words[i]))
			return true;
	return false;
}

static char *words_of_silence(const struct push_sender *s, const struct http_answer *a)
{
	const char *what = a->connected ? "no answer" : "no connection";

	if (is_plain_there(a->error))
		return xasprintf("%s: %s; without TLS its URL is %s+http://…", what, a->error, s->to.backend->name);
	return xasprintf("%s: %s", what, a->error);
}

/* "it says 400: …", in the server's own words; or why there was no answer. */
static char *words_of(const struct push_sender *s, const struct http_answer *a, const struct push_headers *h)
{
	__cleanup_free char *reason = NULL;

	if (!a->status)
		return words_of_silence(s, a);
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
		sender_set_aside(s, b);
	}
}

/* It was not sent: it waits where it was, or on the disk. */
static void keep(struct push_sender *s, struct push_body *b)
{
	if (b->file)
		push_spool__put_back(s->spool, b);
	else if (s->spool || !push_queue__put_back(s->queue, b))
		sender_set_aside(s, b);
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
		sender_settle(s, FATE_DROPPED, b);
	}
	sender_drop_lost(s, &lost);
	return b;
}

/* ---- requests --------------------------------------------------------------------------------------------- */

int sender_make_headers(const struct push_sender *s, bool is_gzip, struct push_headers *h, char **why)
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
	if (sender_make_headers(s, b->is_gzip, h, &why)) { /* a secret that is just being replaced */
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

/* Of what it took it may have left out some: that is said, and counted, but it was sent. */
static void note_left_out(struct push_sender *s, const struct http_answer *a, const struct push_headers *h)
{
	const struct backend *b = s->to.backend;
	__cleanup_free char *why = NULL;
	uint64_t cnt;

	if (!b->left_out || !a->body.len)
		return;
	cnt = b->left_out(a->body.data, a->body.len, &why);
	pthread_mutex_lock(&s->lock);
	s->stats.left_out_profiles += cnt;
	pthread_mutex_unlock(&s->lock);
	if (why)
		push_headers__hide(h, why);
	if (cnt)
		complain(s, xasprintf("it took all but %llu profiles%s%.*s", (unsigned long long)cnt, why ? ": " : "",
				      REASON_MAX, why ? why : ""));
	else if (why)
		complain(s, xasprintf("it took everything, and warns: %.*s", REASON_MAX, why));
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
	if (verdict == VERDICT_SENT)
		note_left_out(s, &a, &headers);
	if (verdict == VERDICT_REFUSED)
		complain(s, xasprintf("refused, and not sent again: %s", words));
	if (verdict == VERDICT_LATER || verdict == VERDICT_FEW)
		back_off(s, a.retry_after_ns, words);
	else
		s->failures = 0;
	if (verdict == VERDICT_SENT)
		sender_settle(s, FATE_SENT, b);
	else if (verdict == VERDICT_REFUSED || (verdict == VERDICT_FEW && ++b->tries >= VERDICT_TRIES))
		sender_settle(s, FATE_REFUSED, b);
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

/* A server that is slow loses bodies without any failure. */
static void say_dropped(struct push_sender *s)
{
	struct push_stats st;

	push_sender__stats(s, &st);
	if (st.dropped == s->dropped_said)
		return;
	complain(s, xasprintf("%llu bodies so far were dropped, for want of room or as too old",
			      (unsigned long long)st.dropped));
	s->dropped_said = st.dropped;
}

/* One body, or some rest. False: it was asked to end, and there is nothing left that it could do. */
static bool work(struct push_sender *s)
{
	bool ending = __atomic_load_n(&s->ending, __ATOMIC_ACQUIRE), fine;
	uint64_t hold_ns = __atomic_load_n(&s->hold_ns, __ATOMIC_ACQUIRE);
	struct push_body *b;

	if (!ending && clock_now_ns() < hold_ns) {
		push_queue__wait(s->queue, hold_ns);
		return true;
	}
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
	say_dropped(s);
	return fine || !__atomic_load_n(&s->ending, __ATOMIC_ACQUIRE);
}

void *sender_run(void *arg)
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
