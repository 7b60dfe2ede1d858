/* SPDX-License-Identifier: MIT */
#include "user/cmd/top/top_source.h"
#include "user/cmd/exit_status.h"
#include "user/cmd/outputs.h"
#include "user/cmd/record_report.h"
#include "user/cmd/view_options.h"
#include "user/format/format.h"
#include "user/os/invoker.h"
#include "user/os/privileges.h"
#include "user/os/procfs.h"
#include "user/os/worker.h"
#include "user/profile/process_tree.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/text.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#define RECORDING_MAX  (1ull << 30) /* what a snapshot may be made of; days at the usual rate */
#define FLUSH_EVERY_NS 1000000000ull
#define HINT_AFTER_NS  900000000ull

/* ---- the recording ----------------------------------------------------------------------------------- */

/* A file that has no name: nothing is left behind, however we end. -1: no snapshots. */
static int open_nameless(void)
{
	const char *dirs[] = {getenv("TMPDIR"), "/var/tmp", "/tmp"};
	char path[] = "/tmp/pybpfprof-XXXXXX";
	int fd = -1;

	for (size_t i = 0; fd < 0 && i < ARRAY_SIZE(dirs); i++)
		if (dirs[i] && *dirs[i])
			fd = open(dirs[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0) {
		fd = mkostemp(path, O_CLOEXEC);
		if (fd >= 0)
			unlink(path);
	}
	return fd;
}

/* The part that was recorded can still be read. */
static void stop_recording(struct top_source *s)
{
	s->recording_full = true;
	top_model__pass_on(s->model, (struct profile_sink){0});
}

static void open_recording(struct top_source *s)
{
	s->recording_fd = open_nameless();
	if (s->recording_fd < 0) {
		log_warn("no room for a recording, so there will be no snapshots: %s", strerror(errno));
		return;
	}
	if (!recording__create(s->recording_fd, &s->recording))
		top_model__pass_on(s->model, recording__sink(s->recording));
}

/* ---- life -------------------------------------------------------------------------------------------- */

static int open_live(struct top_source *s, uint64_t span_ns, const int *stdio)
{
	struct session_options o = {.gil_only = s->o->view.gil_only, .command = s->o->command_line};
	int err, status = command__start(&s->command, &s->o->target, stdio);

	if (status)
		return status;
	target_options__fill(&s->o->target, &o);
	s->model = top_model__new(&s->o->view, 0, span_ns);
	open_recording(s);
	err = session__open(&o, top_model__sink(s->model), &s->session);
	if (err)
		return exit_status(err);
	return view_options_settle(&s->o->view, top_model__profile(s->model)) ? CMD_FAILED : CMD_OK;
}

int top_source__open(struct top_source *s, struct top_options *o, uint64_t span_ns, const int *stdio)
{
	int err;

	s->o = o;
	o->view.no_idle = true;
	s->recording_fd = -1;
	if (!o->input)
		return open_live(s, span_ns, stdio);
	invoker_begin();
	err = format_read(o->input, &s->profile);
	invoker_end();
	if (err || view_options_settle(&o->view, s->profile))
		return CMD_FAILED;
	s->model = top_model__of_profile(&o->view, s->profile);
	s->ended = true;
	return CMD_OK;
}

int top_source__start(struct top_source *s)
{
	int err;

	if (!s->session)
		return 0;
	err = session__start(s->session);
	if (err)
		return exit_status(err);
	privileges_keep_only(PRIVILEGES_SAMPLE | PRIVILEGES_FILES | (s->command.argv ? PRIVILEGES_COMMAND : 0));
	s->start_ns = clock_now_ns();
	s->unix_offset_ns = (int64_t)(top_model__profile(s->model)->meta.start_unix_ns - s->start_ns);
	s->next_hint_ns = s->start_ns + HINT_AFTER_NS;
	if (s->o->duration_ns)
		s->deadline_ns = s->start_ns + s->o->duration_ns;
	worker_set_end(s->deadline_ns);
	top_model__reset(s->model, top_source__now_ns(s));
	return command__go(&s->command);
}

/* What the profile has nothing of is asked of the host, as long as it is there. */
static char *outside_text(const struct top_source *s, const struct top_row *row)
{
	uint32_t pid = process_tree_pid(row->process);
	__cleanup_free char *command = s->profile ? NULL : procfs_command((pid_t)pid);
	__cleanup_free char *clean = command ? text_clean(command, strlen(command), 0) : NULL;

	return clean ? xasprintf("process %u:\"%s\"", pid, clean) : NULL;
}

char *top_source__name(const struct top_source *s, const struct top_lens *l, const struct top_row *row)
{
	char *name = process_tree_is_outside(row->process) ? outside_text(s, row) : NULL;

	return name ? name : top_text_name(top_model__profile(s->model), l, row);
}

bool top_source__next_type(struct top_source *s)
{
	const struct profile *p = top_model__profile(s->model);
	struct view *v = &s->o->view;
	uint32_t cnt = p->type_cnt + view__has_wall(p), next = (v->more_types ? p->type_cnt : v->type) + 1;

	if (cnt < 2)
		return false;
	next %= cnt;
	v->type_name = next < p->type_cnt ? p->types[next].name : view_wall;
	view__choose_type(v, p);
	top_model__retype(s->model, top_source__now_ns(s));
	return true;
}

uint64_t top_source__now_ns(const struct top_source *s)
{
	const struct profile_meta *m = &top_model__profile(s->model)->meta;

	if (s->ended || !s->session)
		return m->start_unix_ns + m->duration_ns;
	return (uint64_t)((int64_t)clock_now_ns() + s->unix_offset_ns);
}

int top_source__fd(const struct top_source *s)
{
	return s->ended ? -1 : session__fd(s->session);
}

/* All that was recorded can be read then. */
static void flush(struct top_source *s)
{
	if (s->session && !s->ended)
		session__send_meta(s->session, false);
	if (s->recording && !s->recording_full && recording__flush(s->recording))
		stop_recording(s);
}

void top_source__end(struct top_source *s)
{
	if (s->ended)
		return;
	session__stop(s->session);
	s->ended = true;
	flush(s);
}

static void flush_now_and_then(struct top_source *s, uint64_t now)
{
	if (now < s->next_flush_ns)
		return;
	s->next_flush_ns = now + FLUSH_EVERY_NS;
	if (!s->recording || s->recording_full)
		return;
	if (recording__flush(s->recording)) {
		stop_recording(s);
		return;
	}
	if (recording__bytes(s->recording) < RECORDING_MAX)
		return;
	stop_recording(s);
	log_warn("snapshots hold the run up to here: their recording has become as large as it may");
}

/* Child processes that nobody asked for may be where the work is done. */
static void hint(struct top_source *s, uint64_t now)
{
	if (now < s->next_hint_ns || !s->o->target.pid_cnt || s->o->target.subprocesses)
		return;
	s->next_hint_ns = UINT64_MAX;
	record_report__left_out(s->session);
}

void top_source__poll(struct top_source *s)
{
	struct pollfd fd = {.fd = command__fd(&s->command), .events = POLLIN};
	uint64_t now = clock_now_ns();
	bool end;

	if (s->ended)
		return;
	end = session__poll(s->session) || (s->deadline_ns && now >= s->deadline_ns);
	if (poll(&fd, 1, 0) > 0) {
		s->command.ended = end = true;
		log_info("the command ended");
	}
	if (!end)
		end = target_end__look(&s->target_end, &s->o->target, s->session);
	flush_now_and_then(s, now);
	if (end)
		top_source__end(s);
	else
		hint(s, now);
}

/* The whole run so far; that the recording has no end yet is no news. NULL: said why. */
static struct profile *read_recording(struct top_source *s)
{
	__cleanup_free char *path = xasprintf("/proc/self/fd/%d", s->recording_fd), *messages = NULL;
	struct profile *p = NULL;
	int err;

	if (!s->recording) {
		log_error("there is no recording to make a snapshot of");
		return NULL;
	}
	flush(s);
	log_capture();
	err = format_read(path, &p);
	messages = log_capture_end();
	if (err)
		log_error("%s", messages);
	return err ? NULL : p;
}

static void write_outputs(struct top_source *s, struct outputs *o, const struct view *v)
{
	struct profile *p;

	if (outputs__check(o))
		return;
	p = s->profile ? s->profile : read_recording(s);
	if (p)
		outputs__write(o, p, v);
	outputs__report(o);
	if (p != s->profile)
		profile__free(p);
}

void top_source__write(struct top_source *s, const char *path, const struct view *v)
{
	struct outputs o = {0};

	outputs__add(&o, path);
	write_outputs(s, &o, v);
	outputs__free(&o);
}

int top_source__status(struct top_source *s, int status)
{
	if (!s->command.argv)
		return status;
	if (s->command.ended || s->stopped)
		return command__status(&s->command, true, status);
	kill(s->command.child.pid, SIGTERM);
	command__status(&s->command, true, status);
	return status;
}

void top_source__free(struct top_source *s)
{
	session__free(s->session);
	recording__close(s->recording);
	if (s->recording_fd >= 0)
		close(s->recording_fd);
	top_model__free(s->model);
	profile__free(s->profile);
}
