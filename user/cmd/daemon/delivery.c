/* SPDX-License-Identifier: MIT */
#include "user/cmd/daemon/delivery.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/units.h"
#include <string.h>
#include <sys/random.h>

#define SPREAD_PART   5 /* of a window */
#define SPREAD_MAX_NS 10000000000ull

int delivery__open(struct delivery *d, const struct push_options_list *o)
{
	int err = 0;

	*d = (struct delivery){.senders = xcalloc(o->cnt + 1, sizeof(*d->senders)), .naming = o->naming};
	if (getrandom(&d->share, sizeof(d->share), 0) != sizeof(d->share))
		d->share = 0;
	d->has_arrived = xcalloc(o->cnt + 1, sizeof(*d->has_arrived));
	for (size_t i = 0; !err && i < o->cnt; i++) {
		err = push_sender__new(&o->destinations[i], &d->senders[i]);
		d->cnt += !err;
	}
	if (err)
		delivery__close(d, 0);
	return err;
}

static void put(void *ctx, struct buf *body, uint64_t samples)
{
	push_sender__put(ctx, body, samples);
}

/* Windows of all nodes end at the same time: their requests are not to come at once, too. */
static uint64_t spread_ns(const struct delivery *d, uint64_t window_ns)
{
	uint64_t most = window_ns / SPREAD_PART;

	return ((most < SPREAD_MAX_NS ? most : SPREAD_MAX_NS) >> 16) * (d->share >> 16);
}

void delivery__window(struct delivery *d, const struct profile *p, uint64_t window_ns)
{
	uint64_t hold_ns = clock_now_ns() + spread_ns(d, window_ns);
	struct push_window w = {.p = p, .start_unix_ns = p->meta.start_unix_ns, .duration_ns = p->meta.duration_ns};

	if (!d->cnt || !p->sample_cnt)
		return;
	naming__group(d->naming, &w);
	for (size_t i = 0; i < d->cnt; i++) {
		push_sender__hold(d->senders[i], hold_ns);
		push_sender__backend(d->senders[i])->encode(&w, put, d->senders[i]);
	}
	naming_clear(&w);
}

void delivery__tend(struct delivery *d)
{
	struct push_stats st;

	for (size_t i = 0; i < d->cnt; i++) {
		if (d->has_arrived[i])
			continue;
		push_sender__stats(d->senders[i], &st);
		d->has_arrived[i] = st.sent > 0;
		if (st.sent)
			log_info("%s: the first profiles have arrived", st.url);
	}
}

uint64_t delivery__queued(const struct delivery *d)
{
	struct push_stats st;
	uint64_t sum = 0;

	for (size_t i = 0; i < d->cnt; i++) {
		push_sender__stats(d->senders[i], &st);
		sum += st.queued;
	}
	return sum;
}

/* What is lost now is not in anybody's metrics any more. */
static void say_sums(struct push_sender *s)
{
	struct push_stats st;

	push_sender__stats(s, &st);
	__cleanup_free char *sent = units_count_text(st.sent_samples), *dropped = units_count_text(st.dropped_samples),
			    *refused = units_count_text(st.refused_samples),
			    *waiting = units_count_text(st.queued_samples);
	if (st.put)
		log_info("%s: sent %s samples in %llu request%s", st.url, sent, (unsigned long long)st.sent,
			 st.sent == 1 ? "" : "s");
	if (st.dropped_samples)
		log_warn("%s: %s samples were dropped: they could not be sent in time", st.url, dropped);
	if (st.refused_samples)
		log_warn("%s: %s samples were refused", st.url, refused);
	if (st.left_out_profiles)
		log_warn("%s: it left out %llu profiles of what was sent", st.url,
			 (unsigned long long)st.left_out_profiles);
	if (st.queued_samples)
		log_info("%s: %s samples wait in the spool, for the next start", st.url, waiting);
}

void delivery__close(struct delivery *d, unsigned ms)
{
	for (size_t i = 0; i < d->cnt; i++)
		push_sender__stop(d->senders[i], ms);
	for (size_t i = 0; i < d->cnt; i++) {
		say_sums(d->senders[i]);
		push_sender__free(d->senders[i]);
	}
	free(d->senders);
	free(d->has_arrived);
	*d = (struct delivery){0};
}
