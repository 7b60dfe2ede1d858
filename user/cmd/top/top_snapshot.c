#include "user/cmd/top/top_snapshot.h"
#include "user/cmd/outputs.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include "user/util/units.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int tell_fd; /* in the writer: to the process that has the screen */

static void tell(enum log_level level, const char *text)
{
	ssize_t ignored;

	if (level > LOG_INFO)
		return;
	ignored = write(tell_fd, text, strlen(text));
	ignored = write(tell_fd, "\n", 1);
	(void)ignored;
}

/* In the writer; never returns to the screen's code. */
static void write_it(struct top_source *source, struct outputs *o, const struct view *view)
{
	struct profile *p;
	struct stat st;

	log_divert(tell);
	log_set_level(LOG_ERROR); /* that the recording has no end yet is no news here */
	p = top_source__profile(source);
	log_set_level(LOG_INFO);
	if (!p || outputs__write_one(o, 0, p, view))
		_exit(1);
	if (!stat(o->items[0].path, &st)) {
		__cleanup_free char *size = units_size_text((uint64_t)st.st_size);

		log_info("wrote %s (%s)", o->items[0].path, size);
	}
	_exit(0);
}

int top_snapshot__start(struct top_snapshot *t, struct top_source *source, const char *path, const struct view *view)
{
	struct outputs o = {0};
	int ends[2], err = 0;

	if (t->pid) {
		log_warn("the last snapshot is still being written");
		return -EBUSY;
	}
	outputs__add(&o, path);
	if (outputs__check(&o) || pipe2(ends, O_CLOEXEC)) {
		outputs__free(&o);
		return -EINVAL;
	}
	top_source__flush(source);
	t->pid = fork();
	if (!t->pid) {
		close(ends[0]);
		tell_fd = ends[1];
		write_it(source, &o, view);
	}
	close(ends[1]);
	outputs__free(&o);
	if (t->pid < 0) {
		err = -errno;
		log_error("cannot write a snapshot: %s", strerror(-err));
		close(ends[0]);
		t->pid = 0;
		return err;
	}
	t->said = ends[0];
	t->len = 0;
	return 0;
}

int top_snapshot__fd(const struct top_snapshot *t)
{
	return t->pid ? t->said : -1;
}

static void end(struct top_snapshot *t)
{
	int status = 0;

	waitpid(t->pid, &status, 0);
	close(t->said);
	t->pid = 0;
	while (t->len && t->text[t->len - 1] == '\n')
		t->len--;
	t->text[t->len] = 0;
	if (status)
		log_error("%s", t->len ? t->text : "the snapshot was not written");
	else if (t->len)
		log_info("%s", t->text);
}

void top_snapshot__take(struct top_snapshot *t)
{
	char rest[256];
	bool room = t->len < sizeof(t->text) - 1;
	ssize_t n = read(t->said, room ? t->text + t->len : rest, room ? sizeof(t->text) - 1 - t->len : sizeof(rest));

	if (n > 0 && room)
		t->len += (size_t)n;
	if (n <= 0)
		end(t);
}

void top_snapshot__finish(struct top_snapshot *t)
{
	while (t->pid)
		top_snapshot__take(t);
}
