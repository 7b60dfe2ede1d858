#include "user/cmd/top/top_source.h"
#include "user/cmd/exit_status.h"
#include "user/format/format.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#define RECORDING_MAX  (1ull << 30) /* what a snapshot may be made of; days at the usual rate */
#define FLUSH_EVERY_NS 1000000000ull
#define HINT_AFTER_NS  900000000ull

/* ---- two consumers ----------------------------------------------------------------------------------- */

#define TEE(kind)                                                                                              \
	static void tee_##kind(void *ctx, const struct profile_##kind *x)                                      \
	{                                                                                                      \
		struct top_source *s = ctx;                                                                    \
                                                                                                               \
		s->to_model.ops->kind(s->to_model.ctx, x);                                                     \
		if (s->recording && !s->recording_full)                                                        \
			s->to_recording.ops->kind(s->to_recording.ctx, x);                                     \
	}
TEE(meta)
TEE(process)
TEE(thread)
TEE(function)
TEE(frame)
TEE(stack)
TEE(sample)
TEE(loss)

static const struct profile_sink_ops tee_ops = {
	.meta = tee_meta,
	.process = tee_process,
	.thread = tee_thread,
	.function = tee_function,
	.frame = tee_frame,
	.stack = tee_stack,
	.sample = tee_sample,
	.loss = tee_loss,
};

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

static void open_recording(struct top_source *s)
{
	s->recording_fd = open_nameless();
	if (s->recording_fd < 0) {
		log_warn("no room for a recording, so there will be no snapshots: %s", strerror(errno));
		return;
	}
	if (!recording__create(s->recording_fd, &s->recording))
		s->to_recording = recording__sink(s->recording);
}

/* ---- life -------------------------------------------------------------------------------------------- */

static int open_live(struct top_source *s, uint64_t window_ns, const int *stdio)
{
	struct session_options o = {.gil_only = s->o->gil_only, .command = s->o->command_line};
	int err = command__start(&s->command, &s->o->target, stdio);

	if (err)
		return exit_status(err);
	target_options__fill(&s->o->target, &o);
	s->model = top_model__new(0, window_ns);
	s->to_model = top_model__sink(s->model);
	open_recording(s);
	return exit_status(session__open(&o, (struct profile_sink){&tee_ops, s}, &s->session));
}

int top_source__open(struct top_source *s, struct top_options *o, uint64_t window_ns, const int *stdio)
{
	s->o = o;
	s->recording_fd = -1;
	if (!o->input)
		return open_live(s, window_ns, stdio);
	if (format_read(o->input, &s->profile))
		return CMD_FAILED;
	s->model = top_model__of_profile(s->profile, o->gil_only);
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
	s->start_ns = clock_now_ns();
	s->unix_offset_ns = (int64_t)(top_model__profile(s->model)->meta.start_unix_ns - s->start_ns);
	s->next_hint_ns = s->start_ns + HINT_AFTER_NS;
	if (s->o->duration_ns)
		s->deadline_ns = s->start_ns + s->o->duration_ns;
	top_model__reset(s->model, top_source__now_ns(s));
	return command__go(&s->command);
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

void top_source__end(struct top_source *s)
{
	if (s->ended)
		return;
	session__stop(s->session);
	s->ended = true;
	top_source__flush(s);
}

void top_source__flush(struct top_source *s)
{
	if (s->session && !s->ended)
		session__send_meta(s->session, false);
	if (s->recording && !s->recording_full && recording__flush(s->recording))
		s->recording_full = true; /* said already */
}

static void flush_now_and_then(struct top_source *s, uint64_t now)
{
	if (now < s->next_flush_ns)
		return;
	s->next_flush_ns = now + FLUSH_EVERY_NS;
	if (!s->recording || s->recording_full)
		return;
	if (recording__flush(s->recording))
		s->recording_full = true;
	if (recording__bytes(s->recording) < RECORDING_MAX)
		return;
	s->recording_full = true;
	log_warn("snapshots hold the run up to here: their recording has become as large as it may");
}

/* Nothing seen, but there is something beside it. */
static void hint(struct top_source *s, uint64_t now)
{
	size_t cnt;

	if (now < s->next_hint_ns || !s->o->target.pid_cnt || s->o->target.subprocesses)
		return;
	s->next_hint_ns = UINT64_MAX;
	cnt = session__children_left_out(s->session);
	if (cnt)
		log_warn("%zu Python process%s among the target's children %s left out: add --subprocesses", cnt,
			 cnt == 1 ? "" : "es", cnt == 1 ? "is" : "are");
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

struct profile *top_source__profile(struct top_source *s)
{
	__cleanup_free char *path = NULL;
	struct profile *p = NULL;

	if (s->profile)
		return s->profile;
	if (!s->recording) {
		log_error("there is no recording to make a snapshot of");
		return NULL;
	}
	path = xasprintf("/proc/self/fd/%d", s->recording_fd);
	return format_read(path, &p) ? NULL : p;
}

int top_source__status(struct top_source *s, int status)
{
	if (!s->command.argv)
		return status;
	if (s->command.ended || s->told)
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
