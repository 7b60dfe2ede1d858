/* SPDX-License-Identifier: MIT */
#include "user/cmd/daemon/numbers.h"
#include "user/os/own_cost.h"
#include "user/serve/metrics.h"
#include "user/target/outcome.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#define DROPS 1

struct numbers {
	struct serve_metrics m;
	struct metrics_count ticks[ABI_OUTCOME_CNT], losses[ABI_OUTCOME_CNT], samples[PROFILE_MAX_TYPES];
	struct metrics_push *pushes;
	struct metrics_drop (*drops)[DROPS];
	struct push_stats *stats;
	char **hosts;
};

static void put_session(struct numbers *n, const struct session *s, const uint64_t *samples)
{
	struct session_stats st;
	size_t losses = 0;

	session__stats(s, &st);
	n->m.ticks_due = st.ticks;
	for (unsigned i = 0; i < ABI_OUTCOME_CNT; i++) {
		enum abi_outcome_class class = outcome_class(i);

		n->ticks[i] = (struct metrics_count){outcome_word(i), st.outcomes[i]};
		if (class == ABI_LOST || class == ABI_FAILED)
			n->losses[losses++] = n->ticks[i];
	}
	for (uint32_t i = 0; i < st.resolved->type_cnt; i++)
		n->samples[i] = (struct metrics_count){st.resolved->types[i].name, samples[i]};
	n->m.samples = (struct metrics_counts){n->samples, st.resolved->type_cnt};
	n->m.ticks = (struct metrics_counts){n->ticks, ABI_OUTCOME_CNT};
	n->m.losses = (struct metrics_counts){n->losses, losses};
	n->m.processes = st.resolved->processes;
	session__bpf_time(s, &n->m.bpf_run_ns, &n->m.bpf_runs);
}

/* "host:4040" of a URL. */
static char *host_of(const char *url)
{
	const char *host = strstr(url, "://");

	host = host ? host + 3 : url;
	return xstrndup(host, strcspn(host, "/"));
}

static void put_push(struct metrics_push *out, struct metrics_drop *drops, const struct push_stats *st,
		     const char *backend, const char *host)
{
	drops[0] = (struct metrics_drop){"queue", st->dropped, st->dropped_samples};
	*out = (struct metrics_push){.backend = backend,
				     .host = host,
				     .put_bodies = st->put,
				     .put_samples = st->put_samples,
				     .sent_bodies = st->sent,
				     .sent_samples = st->sent_samples,
				     .sent_bytes = st->sent_bytes,
				     .drops = drops,
				     .drop_cnt = DROPS,
				     .refused_bodies = st->refused,
				     .refused_samples = st->refused_samples,
				     .left_out_profiles = st->left_out_profiles,
				     .queue_bodies = st->queued,
				     .queue_samples = st->queued_samples,
				     .queue_bytes = st->queued_bytes,
				     .spool_bytes = st->spooled_bytes,
				     .requests = st->requests,
				     .retries = st->retries,
				     .connect_failures = st->connect_failures,
				     .last_sent_unix_ns = st->last_sent_unix_ns};
	memcpy(out->answers, st->status, sizeof(out->answers));
}

static void put_delivery(struct numbers *n, const struct delivery *d)
{
	struct naming_stats names;

	n->pushes = xcalloc(d->cnt + 1, sizeof(*n->pushes));
	n->drops = xcalloc(d->cnt + 1, sizeof(*n->drops));
	n->stats = xcalloc(d->cnt + 1, sizeof(*n->stats));
	n->hosts = xcalloc(d->cnt + 1, sizeof(*n->hosts));
	for (size_t i = 0; i < d->cnt; i++) {
		push_sender__stats(d->senders[i], &n->stats[i]);
		n->hosts[i] = host_of(n->stats[i].url);
		put_push(&n->pushes[i], n->drops[i], &n->stats[i], push_sender__backend(d->senders[i])->name,
			 n->hosts[i]);
	}
	n->m.pushes = n->pushes;
	n->m.push_cnt = d->cnt;
	if (!d->naming)
		return;
	naming__stats(d->naming, &names);
	n->m.series = names.series;
	n->m.folded_samples = names.folded_samples;
	n->m.left_out_processes = names.dropped_processes;
	n->m.left_out_samples = names.dropped_samples;
}

static void put_self(struct numbers *n)
{
	struct own_cost c;

	own_cost_read(&c);
	n->m.user_ns = c.user_ns;
	n->m.system_ns = c.system_ns;
	n->m.peak_rss_bytes = c.peak_rss_bytes;
	n->m.rss_bytes = c.rss_bytes;
}

void numbers_put(const struct answers *a, struct buf *out)
{
	struct numbers n = {.m = {.version = PYBPFPROF_VERSION, .http = http_version(), .up = 1}};
	struct utsname u;

	uname(&u);
	n.m.kernel = u.release;
	n.m.start_unix_ns = a->started_unix_ns;
	n.m.targets = a->of.targets;
	n.m.windows = a->windows;
	n.m.window_ns = a->of.window_ns;
	n.m.last_window_unix_ns = a->window_end_unix_ns;
	n.m.window_late_ns = a->late_ns;
	n.m.stacks = a->stacks;
	n.m.files_kept = a->of.files->rotation.keep.file_cnt;
	n.m.files_kept_bytes = a->of.files->rotation.keep.file_bytes;
	n.m.files_removed = a->of.files->rotation.keep.removed;
	n.m.files_written = a->of.files->rotation.written;
	n.m.file_errors = a->of.files->rotation.failed;
	put_session(&n, a->of.session, a->samples);
	put_delivery(&n, a->of.delivery);
	put_self(&n);
	metrics_put(&n.m, out);
	for (size_t i = 0; i < n.m.push_cnt; i++)
		free(n.hosts[i]);
	free(n.hosts);
	free(n.pushes);
	free(n.drops);
	free(n.stats);
}
