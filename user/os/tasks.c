/* SPDX-License-Identifier: MIT */
/* Readers of /proc/PID/task: small files, one read each, parsed from their fixed places. */
#include "user/os/tasks.h"
#include "user/os/stat_text.h"
#include "user/util/alloc.h"
#include "user/util/text.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

struct task_file {
	char path[64], text[4096];
};

/* 0 or negative errno; the text is cut to what fits. */
static int read_task(struct task_file *f, pid_t pid, pid_t tid, const char *name)
{
	__cleanup_close int fd = -1;
	ssize_t n;

	snprintf(f->path, sizeof(f->path), "/proc/%d/task/%d/%s", pid, tid, name);
	fd = open(f->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	n = read(fd, f->text, sizeof(f->text) - 1);
	if (n < 0)
		return -errno;
	f->text[n] = 0;
	return 0;
}

/* "NSpid:	4711	7": one number per namespace, outermost first. */
static pid_t inner_tid(const char *status, pid_t tid)
{
	const char *line = strstr(status, "\nNSpid:");
	pid_t found = tid;
	int n, skip;

	for (line = line ? line + 7 : ""; sscanf(line, "%*[ \t]%d%n", &n, &skip) == 1; line += skip)
		found = n;
	return found;
}

pid_t task_inner_tid(pid_t pid, pid_t tid)
{
	struct task_file f;

	return read_task(&f, pid, tid, "status") ? tid : inner_tid(f.text, tid);
}

bool task_read_name(pid_t pid, struct task *t)
{
	struct task_file f;
	__cleanup_free char *clean = NULL;

	if (read_task(&f, pid, t->tid, "comm"))
		return false;
	clean = text_clean(f.text, strcspn(f.text, "\n"), 0);
	snprintf(t->name, sizeof(t->name), "%s", clean);
	return true;
}

static bool read_names(pid_t pid, struct task *t)
{
	struct task_file f;

	if (read_task(&f, pid, t->tid, "status"))
		return false;
	t->inner_tid = inner_tid(f.text, t->tid);
	return task_read_name(pid, t);
}

int tasks_list(pid_t pid, struct task **out, size_t *cnt)
{
	size_t cap = 0;
	struct dirent *e;
	char path[32];
	DIR *dir;

	*out = NULL;
	*cnt = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		struct task t = {.tid = atoi(e->d_name)};

		if (t.tid <= 0 || !read_names(pid, &t))
			continue;
		xgrow(*out, *cnt, cap);
		(*out)[(*cnt)++] = t;
	}
	if (dir)
		closedir(dir);
	return *cnt ? 0 : -ESRCH;
}

int task_state(pid_t pid, pid_t tid, struct task_state *out)
{
	struct task_file f;
	int err = read_task(&f, pid, tid, "stat");

	if (err)
		return err;
	if (!stat_field(f.text, 9))
		return -ESRCH;
	out->letter = *stat_field(f.text, 3);
	out->flags = (unsigned)stat_number(f.text, 9);
	return 0;
}

bool task_has_ended(pid_t pid, pid_t tid)
{
	struct task_state s;

	return task_state(pid, tid, &s) || s.letter == 'Z' || s.letter == 'X';
}

static uint64_t status_number(const char *status, const char *key)
{
	const char *at = strstr(status, key);

	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

int task_switches(pid_t pid, pid_t tid, uint64_t *out)
{
	struct task_file f;
	int err = read_task(&f, pid, tid, "status");

	if (!err)
		*out = status_number(f.text, "\nvoluntary_ctxt_switches:") +
		       status_number(f.text, "\nnonvoluntary_ctxt_switches:");
	return err;
}

/* "running", or number, six arguments, stack pointer, program counter; outside of a call -1 and the last two (fs/proc/base.c). */
int task_call(pid_t pid, pid_t tid, struct task_call *out)
{
	unsigned long long args[6] = {0}, sp = 0, ip = 0;
	struct task_file f;
	int err = read_task(&f, pid, tid, "syscall"), cnt;

	*out = (struct task_call){.number = -1};
	if (err)
		return err;
	cnt = sscanf(f.text, "%ld %llx %llx %llx %llx %llx %llx %llx %llx", &out->number, &args[0], &args[1], &args[2],
		     &args[3], &args[4], &args[5], &sp, &ip);
	out->off_cpu = cnt >= 1;
	out->sp = cnt == 9 ? sp : cnt == 3 ? args[0] : 0;
	out->ip = cnt == 9 ? ip : cnt == 3 ? args[1] : 0;
	out->first_arg = out->number >= 0 ? args[0] : 0;
	out->second_arg = out->number >= 0 ? args[1] : 0;
	return 0;
}

enum call_file task_file(pid_t pid, uint64_t fd)
{
	char path[64], target[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/fd/%u", pid, (unsigned)fd);
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return CALL_FILE_OTHER;
	target[n] = 0;
	if (!strncmp(target, "socket:", 7))
		return CALL_FILE_SOCKET;
	if (!strncmp(target, "pipe:", 5))
		return CALL_FILE_PIPE;
	return *target == '/' && strncmp(target, "/dev/", 5) ? CALL_FILE_DISK : CALL_FILE_OTHER;
}
