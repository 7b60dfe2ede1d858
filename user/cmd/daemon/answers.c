/* SPDX-License-Identifier: MIT */
#include "user/cmd/daemon/answers.h"
#include "user/cmd/daemon/numbers.h"
#include "user/profile/only.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/units.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECONDS_NS   10000000000ull /* of a profile, unless the client says otherwise */
#define SECONDS_MAX  300000000000ull
#define AT_ONCE      4
#define NICE_CHILD   10
#define LATE_WINDOWS 3
#define LATE_NS      10000000000ull /* and so much: a busy machine is late, whatever the window */

/* Somebody's profile of the next seconds. */
struct answer {
	struct serve_request *q;
	const struct format *format;
	struct profile_builder *builder;
	struct only *only; /* NULL: of everybody */
	struct stream_part *part;
	uint64_t until_ns;
	bool begun, over; /* its part of the stream has begun, and has ended */
	pid_t child;      /* makes the file; 0: not yet */
	int fd;           /* of the file */
	struct answer *next;
};

static void say(struct serve_request *q, int status, const char *text)
{
	struct buf body = {0};

	buf_puts(&body, text);
	serve_request__answer(q, status, "text/plain; charset=utf-8", &body);
}

/* ---- /profile ------------------------------------------------------------------------------------------ */

static const char *const labels[] = {"container", "container_id", "pod", "namespace", "unit", "service"};

static struct profile_sink sink_of(struct answer *a)
{
	struct profile_sink all = profile_builder__sink(a->builder);

	for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
		const char *value = serve_request__param(a->q, labels[i]);

		if (!value)
			continue;
		a->only = only__new(all, labels[i], value);
		return only__sink(a->only);
	}
	return all;
}

static size_t count(const struct answers *all)
{
	size_t cnt = 0;

	for (const struct answer *a = all->first; a; a = a->next)
		cnt++;
	return cnt;
}

static uint64_t parse_seconds(const char *text)
{
	const char *why;
	uint64_t ns = 0;

	if (!text)
		return SECONDS_NS;
	return units_parse_duration(text, &ns, &why) || ns > SECONDS_MAX ? 0 : ns;
}

static void begin_profile(struct answers *all, struct serve_request *q)
{
	const char *name = serve_request__param(q, "format");
	const struct format *f = format_by_name(name ? name : format_svg.name);
	uint64_t ns = parse_seconds(serve_request__param(q, "seconds"));
	struct answer *a;

	if (!f || f == &format_recording)
		return say(q, 400,
			   "format: svg, html, pprof, folded, json, speedscope, pstats or another of convert's\n");
	if (!ns)
		return say(q, 400, "seconds: a time up to 300\n");
	if (count(all) >= AT_ONCE)
		return say(q, 503, "others are waiting for their profiles; try again in a moment\n");
	a = xcalloc(1, sizeof(*a));
	*a = (struct answer){.q = q, .format = f, .fd = -1, .until_ns = all->now_ns + ns, .next = all->first};
	a->builder = profile_builder__new(true);
	a->part = stream__add(all->of.stream, sink_of(a));
	all->first = a;
}

static const char *content_type(const struct format *f)
{
	static const struct {
		const struct format *format;
		const char *type;
	} table[] = {
		{&format_svg, "image/svg+xml"},
		{&format_html, "text/html; charset=utf-8"},
		{&format_json, "application/json"},
		{&format_speedscope, "application/json"},
		{&format_folded, "text/plain; charset=utf-8"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].format == f)
			return table[i].type;
	return "application/octet-stream";
}

/* In a child of ours, so that sampling and draining go on meanwhile. */
static void make_file(const struct answer *a, const struct profile *p)
{
	struct view v = {0};
	FILE *out = fdopen(a->fd, "w");

	setpriority(PRIO_PROCESS, 0, NICE_CHILD);
	log_set_level(LOG_ERROR);
	_exit(!out || format_write(a->format, p, &v, out) || fclose(out));
}

static void start_child(struct answer *a)
{
	struct profile *p = profile_builder__finish(a->builder);

	a->builder = NULL;
	a->fd = memfd_create("profile", MFD_CLOEXEC);
	a->child = a->fd < 0 ? -1 : fork();
	if (!a->child)
		make_file(a, p);
	profile__free(p);
}

static void remove_answer(struct answers *all, struct answer *a)
{
	struct answer **at = &all->first;

	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	if (a->builder)
		profile__free(profile_builder__finish(a->builder));
	only__free(a->only);
	free(a);
}

/* True when it has been answered. */
static bool look_at_child(struct answer *a)
{
	int status;

	if (a->child > 0 && !waitpid(a->child, &status, WNOHANG))
		return false;
	if (a->child > 0 && !status) {
		lseek(a->fd, 0, SEEK_SET);
		serve_request__answer_file(a->q, 200, content_type(a->format), a->fd);
		return true;
	}
	if (a->fd >= 0)
		close(a->fd);
	say(a->q, 500, "the profile could not be made\n");
	return true;
}

static bool is_over(const struct answer *a, uint64_t now_ns)
{
	return now_ns >= a->until_ns || serve_request__is_gone(a->q);
}

/* Those that begin or end now, at one cut. */
static void cut_for_profiles(struct answers *all)
{
	bool is_news = false;

	for (struct answer *a = all->first; a; a = a->next) {
		if (!a->begun)
			is_news = true;
		else if (!a->over && is_over(a, all->now_ns)) {
			stream__remove(all->of.stream, a->part);
			is_news = a->over = true;
		}
		a->begun = true;
	}
	if (is_news)
		stream__cut(all->of.stream, all->of.session);
}

static void tend_profiles(struct answers *all)
{
	struct answer *next;

	cut_for_profiles(all);
	for (struct answer *a = all->first; a; a = next) {
		next = a->next;
		if (a->over && !a->child)
			start_child(a);
		if (a->child && look_at_child(a))
			remove_answer(all, a);
	}
}

/* ---- /metrics, /healthz ----------------------------------------------------------------------------------- */

static void answer_metrics(struct answers *all, struct serve_request *q)
{
	struct buf body = {0};

	numbers_put(all, &body);
	serve_request__answer(q, 200, "text/plain; version=0.0.4; charset=utf-8", &body);
}

/* Windows come in time; what back ends do with them is no matter of ours. */
static void answer_health(struct answers *all, struct serve_request *q)
{
	if (all->now_ns > all->turned_ns + LATE_WINDOWS * all->of.window_ns + LATE_NS)
		say(q, 503, "no window for long\n");
	else
		say(q, 200, "ok\n");
}

static const struct {
	const char *path;
	void (*answer)(struct answers *all, struct serve_request *q);
} table[] = {
	{"/metrics", answer_metrics},
	{"/healthz", answer_health},
	{"/profile", begin_profile},
};

static void on_request(void *ctx, struct serve_request *q, const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (!strcmp(path, table[i].path)) {
			table[i].answer(ctx, q);
			return;
		}
	say(q, 404, "there are /metrics, /healthz and /profile?seconds=10&format=svg&container=NAME\n");
}

/* ---- life ---------------------------------------------------------------------------------------------- */

int answers__open(struct answers *a, const char *listen)
{
	*a = (struct answers){.started_unix_ns = clock_unix_ns(), .turned_ns = clock_now_ns()};
	if (!listen)
		return 0;
	a->where = xstrdup(listen);
	return serve__new(listen, on_request, a, &a->serve);
}

/* Nothing more comes for those who wait. */
static void cut_off(struct answers *a)
{
	for (struct answer *one = a->first; one; one = one->next)
		if (!one->over)
			stream__remove(a->of.stream, one->part);
	if (a->first)
		stream__cut(a->of.stream, a->of.session);
}

void answers__listen(struct answers *a, const char *listen, const struct answers_of *of)
{
	struct serve *next = NULL;

	if (listen && a->where && !strcmp(listen, a->where))
		return;
	if (listen && serve__new(listen, on_request, a, &next))
		return;
	a->of = *of;
	cut_off(a);
	answers__close(a);
	a->serve = next;
	a->where = listen ? xstrdup(listen) : NULL;
}

int answers__fd(const struct answers *a)
{
	return a->serve ? serve__fd(a->serve) : -1;
}

void answers__poll(struct answers *a, const struct answers_of *of, uint64_t now_ns)
{
	if (!a->serve)
		return;
	a->of = *of;
	a->now_ns = now_ns;
	serve__poll(a->serve, now_ns);
	tend_profiles(a);
}

void answers__count_window(struct answers *a, const struct profile *p)
{
	a->windows++;
	a->window_end_unix_ns = clock_unix_ns();
	a->turned_ns = clock_now_ns();
	a->stacks = p->stack_cnt;
	for (size_t i = 0; i < p->bucket_cnt; i++)
		a->samples[p->buckets[i].type % PROFILE_MAX_TYPES] += p->buckets[i].samples;
}

void answers__close(struct answers *a)
{
	while (a->first) {
		struct answer *one = a->first;

		if (one->child > 0) {
			kill(one->child, SIGKILL);
			waitpid(one->child, NULL, 0);
		}
		if (one->fd >= 0)
			close(one->fd);
		say(one->q, 503, "the daemon has ended\n");
		remove_answer(a, one);
	}
	serve__free(a->serve);
	free(a->where);
	a->serve = NULL;
	a->where = NULL;
}
