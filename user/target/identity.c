/* SPDX-License-Identifier: MIT */
/*
 * OTEL_SERVICE_NAME comes before service.name of OTEL_RESOURCE_ATTRIBUTES, whose values are percent-encoded (OpenTelemetry
 * specification: configuration/sdk-environment-variables, resource/sdk; W3C baggage). What is in /proc/PID/environ is the memory
 * that the environment was given in at exec: a program that overwrites it with its title has none there any more.
 */
#include "user/target/identity.h"
#include "user/os/procfs.h"
#include "user/os/tasks.h"
#include "user/os/worker.h"
#include "user/util/alloc.h"
#include "user/util/program_name.h"
#include "user/util/text.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>

#define EXITING       4u /* PF_EXITING, include/linux/sched.h */
#define VALUE_MAX     16384
#define ANCESTORS_MAX 8

enum { SERVICE_NAME, ATTRIBUTES, VARIABLES };

static const char *const variables[VARIABLES] = {
	[SERVICE_NAME] = "OTEL_SERVICE_NAME=", [ATTRIBUTES] = "OTEL_RESOURCE_ATTRIBUTES="};

/* ---- the environment -------------------------------------------------------------------------------------- */

static void begin_word(struct identity_scan *s)
{
	s->word_len = 0;
	s->variable = 0;
}

/* 1 + its index, 0: it may become one, -1: none. */
static int variable_of(const struct identity_scan *s)
{
	int may_be = -1;

	for (int i = 0; i < VARIABLES; i++) {
		size_t len = strlen(variables[i]);

		if (memcmp(s->word, variables[i], s->word_len < len ? s->word_len : len))
			continue;
		if (s->word_len == len)
			return i + 1;
		may_be = 0;
	}
	return may_be;
}

/* The first of several counts, as for getenv(3). */
static void begin_value(struct identity_scan *s, int i)
{
	if (s->values[i])
		s->variable = -1;
	else
		s->values[i] = xcalloc(1, VALUE_MAX + 1);
}

static void put_byte(struct identity_scan *s, char c)
{
	if (s->variable > 0) {
		int i = s->variable - 1;

		if (s->lens[i] < VALUE_MAX)
			s->values[i][s->lens[i]++] = c;
		return;
	}
	s->word[s->word_len++] = c;
	s->variable = variable_of(s);
	if (s->variable > 0)
		begin_value(s, s->variable - 1);
}

void identity_scan__feed(struct identity_scan *s, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!bytes[i])
			begin_word(s);
		else if (s->variable >= 0)
			put_byte(s, bytes[i]);
}

static void set_clean(char out[IDENTITY_SERVICE], const char *bytes, size_t len)
{
	__cleanup_free char *clean = NULL;

	while (len && isspace((unsigned char)bytes[len - 1]))
		len--;
	while (len && isspace((unsigned char)*bytes)) {
		bytes++;
		len--;
	}
	if (len >= IDENTITY_SERVICE)
		for (len = IDENTITY_SERVICE - 1; len && ((unsigned char)bytes[len] & 0xc0) == 0x80; len--)
			;
	clean = text_clean(bytes, len, 0);
	snprintf(out, IDENTITY_SERVICE, "%s", clean);
}

static int hex_digit(char c)
{
	return isdigit((unsigned char)c)    ? c - '0'
	       : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
					    : -1;
}

/* In place; its new length. */
static size_t decode_percent(char *text, size_t len)
{
	size_t to = 0;

	for (size_t i = 0; i < len; i++, to++) {
		int high = i + 2 < len && text[i] == '%' ? hex_digit(text[i + 1]) : -1;
		int low = high < 0 ? -1 : hex_digit(text[i + 2]);

		text[to] = low < 0 ? text[i] : (char)(high << 4 | low);
		i += low < 0 ? 0 : 2;
	}
	text[to] = 0;
	return to;
}

/* "key=value,service.name=shop" */
static void find_attribute(char *text, char out[IDENTITY_SERVICE])
{
	static const char key[] = "service.name";

	for (char *at = text, *next; at; at = next) {
		char *value;

		next = strchr(at, ',');
		if (next)
			*next++ = 0;
		at += strspn(at, " \t");
		value = at + strspn(at, "abcdefghijklmnopqrstuvwxyz._");
		if ((size_t)(value - at) != strlen(key) || memcmp(at, key, strlen(key)))
			continue;
		value += strspn(value, " \t");
		if (*value++ == '=')
			set_clean(out, value, decode_percent(value, strlen(value)));
		return;
	}
}

void identity_scan__end(struct identity_scan *s, char out[IDENTITY_SERVICE])
{
	*out = 0;
	if (s->values[SERVICE_NAME])
		set_clean(out, s->values[SERVICE_NAME], s->lens[SERVICE_NAME]);
	if (!*out && s->values[ATTRIBUTES])
		find_attribute(s->values[ATTRIBUTES], out);
	for (int i = 0; i < VARIABLES; i++) {
		if (s->values[i])
			explicit_bzero(s->values[i], s->lens[i]);
		free(s->values[i]);
	}
	*s = (struct identity_scan){0};
}

/* ---- reading it ------------------------------------------------------------------------------------------- */

static void feed(void *ctx, const char *bytes, size_t len)
{
	identity_scan__feed(ctx, bytes, len);
}

/* In the worker, which alone ever sees the rest. The number of bytes that it looked at, or negative errno. */
static int read_aside(const void *arg, struct buf *reply)
{
	struct identity_scan s = {0};
	char service[IDENTITY_SERVICE];
	int err = procfs_environ(*(const pid_t *)arg, feed, &s);

	identity_scan__end(&s, service);
	buf_put(reply, service, sizeof(service));
	return err;
}

/* An environment of no bytes may be an empty one, or that of a process whose memory has gone already. */
static bool is_ending(pid_t pid)
{
	struct task_state s;

	return task_has_ended(pid, pid) || task_state(pid, pid, &s) || s.flags & EXITING;
}

int identity_read_service(pid_t pid, char out[IDENTITY_SERVICE])
{
	const struct worker_task t = {.pid = pid, .fn = read_aside, .arg = &pid, .len = sizeof(pid)};
	struct buf reply = {0};
	int got = worker_call(&t, &reply);

	*out = 0;
	if (got > 0 && reply.len == IDENTITY_SERVICE)
		memcpy(out, reply.data, IDENTITY_SERVICE);
	buf_free(&reply);
	out[IDENTITY_SERVICE - 1] = 0;
	if (!got && is_ending(pid))
		return -ESRCH;
	return got < 0 ? got : 0;
}

/* ---- at first sight --------------------------------------------------------------------------------------- */

static void keep(char **field, const char *text)
{
	free(*field);
	*field = text && *text ? xstrdup(text) : NULL;
}

struct search {
	const struct process *of;
	struct process *best;
};

static void compare(void *ctx, struct process *p)
{
	struct search *s = ctx;

	if (p->pid == s->of->ppid && p != s->of && p->identified && p->start_ns <= s->of->start_ns &&
	    (!s->best || p->start_ns >= s->best->start_ns))
		s->best = p;
}

/* What starts containers is their parent, and none of them: so only where both are in one cgroup. */
static void inherit(const struct processes *t, struct process *p)
{
	struct search s = {.of = p};
	__cleanup_free char *cgroup = NULL;
	char service[IDENTITY_SERVICE];

	processes__each(t, compare, &s);
	if (s.best && !strcmp(s.best->cgroup, p->cgroup)) {
		keep(&p->service, s.best->service);
		keep(&p->program, s.best->program);
		return;
	}
	cgroup = p->ppid > 1 ? procfs_cgroup(p->ppid) : xstrdup("");
	if (*cgroup && !strcmp(cgroup, p->cgroup) && !identity_read_service(p->ppid, service))
		keep(&p->service, service);
}

static bool runs_the_same(pid_t a, pid_t b)
{
	struct procfs_file x, y;

	return !procfs_program_file(a, &x) && !procfs_program_file(b, &y) && x.inode == y.inode && x.dev == y.dev;
}

/* Whose pool is it in? Those who keep pools may be workers themselves, or serve forks alone. */
static void find_pool(struct process *p)
{
	pid_t pid = p->ppid;

	if (!program_is_pool_worker(p->command))
		return;
	for (int i = 0; pid > 1 && i < ANCESTORS_MAX && runs_the_same(p->pid, pid); i++) {
		__cleanup_free char *command = procfs_command(pid), *name = NULL;

		if (command && !program_is_pool_worker(command)) {
			name = program_name(command);
			keep(&p->program, name);
			return;
		}
		if (procfs_stat(pid, NULL, &pid))
			return;
	}
}

/* Its number may be another's by now. */
static int read_own(const struct process *p, char out[IDENTITY_SERVICE])
{
	int err = process__is_there(p) ? identity_read_service(p->pid, out) : -ESRCH;

	return !err && !process__is_there(p) ? -ESRCH : err;
}

void identity_set(const struct processes *t, struct process *p)
{
	const struct process *parent = p->parent_image_id ? processes__find(t, p->parent_image_id) : NULL;
	char service[IDENTITY_SERVICE];

	if (p->identified || !processes__identifies(t))
		return;
	p->identified = true;
	if (parent && parent->identified) { /* a fork has the same environment */
		keep(&p->service, parent->service);
		keep(&p->program, parent->program);
		return;
	}
	find_pool(p);
	if (read_own(p, service)) /* it is gone, or nothing answers */
		inherit(t, p);
	else
		keep(&p->service, service);
}
