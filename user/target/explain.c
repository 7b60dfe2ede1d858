/* SPDX-License-Identifier: MIT */
/* "No interpreter mapped" is true of a kernel thread, a zombie and a foreign program too, but helps nobody. */
#include "user/target/explain.h"
#include "user/os/caps.h"
#include "user/os/procfs.h"
#include "user/os/kernel.h"
#include "user/os/tasks.h"
#include "user/os/worker.h"
#include "user/symbol/arch.h"
#include "user/util/alloc.h"
#include "user/util/columns.h"
#include "user/util/text.h"
#include <elf.h>
#include <string.h>

#define COMMAND_COLUMNS 60
#define PF_KTHREAD      0x00200000 /* include/linux/sched.h */

/* "42 (python3 app.py)" */
static char *pid_text(pid_t pid)
{
	__cleanup_free char *command = procfs_command(pid), *clean = NULL, *fitting = NULL;

	if (!command)
		return xasprintf("%d", pid);
	clean = text_clean(command, strlen(command), 0);
	fitting = columns_at_most(clean, COMMAND_COLUMNS, COLUMNS_KEEP_START);
	return xasprintf("%d (%s)", pid, fitting);
}

static char *describe_zombie(pid_t pid)
{
	__cleanup_free char *parent_text = NULL;
	pid_t parent = 0;

	procfs_stat(pid, NULL, &parent);
	parent_text = pid_text(parent);
	return xasprintf("it has ended and is a zombie until its parent, process %s, reaps it", parent_text);
}

/* In the worker: nothing for a program that could hold Python as far as its file goes. */
static int describe_file(const void *arg, struct buf *reply)
{
	__cleanup_close int fd = procfs_open_program(*(const pid_t *)arg);
	Elf64_Ehdr head; /* e_ident and e_machine are in the same place in 32-bit files */

	if (fd < 0 || pread(fd, &head, sizeof(head), 0) != sizeof(head) || memcmp(head.e_ident, ELFMAG, SELFMAG))
		return 0;
	if (head.e_ident[EI_CLASS] == ELFCLASS32)
		buf_printf(reply, "it is a 32-bit program; only %s is supported", arch_own->name);
	else if (head.e_machine != arch_own->machine)
		buf_printf(reply, "it is a program for another processor (ELF machine %u); only %s is supported",
			   head.e_machine, arch_own->name);
	return 0;
}

static char *describe_program(pid_t pid)
{
	const struct worker_task t = {.pid = pid, .fn = describe_file, .arg = &pid, .len = sizeof(pid)};
	struct buf reply = {0};

	if (worker_call(&t, &reply))
		return xstrdup("reading its memory or its files times out");
	if (reply.len)
		return buf_steal_text(&reply);
	buf_free(&reply);
	return NULL;
}

bool explain_no_python(pid_t pid, struct explanation *out)
{
	struct task_state s;

	*out = (struct explanation){.remedy = ""};
	if (task_state(pid, pid, &s))
		return false;
	if (s.flags & PF_KTHREAD)
		out->what = xstrdup("it is a kernel thread");
	else if (s.letter == 'Z' && procfs_living_task(pid) == pid)
		out->what = describe_zombie(pid);
	else if (procfs_borrows_memory(pid))
		out->what = xstrdup("it shares its parent's memory until it calls exec (vfork)");
	else
		out->what = describe_program(pid);
	if (out->what)
		return true;
	out->what = xstrdup("it has no interpreter mapped");
	out->remedy = "if it starts Python later, add --subprocesses";
	return true;
}

void explain_no_access(struct explanation *out)
{
	__cleanup_free char *missing = caps_missing();

	*out = (struct explanation){.remedy = ""};
	if (!missing || !strstr(missing, "CAP_SYS_PTRACE")) {
		out->what = xstrdup("CAP_SYS_PTRACE is there, but a security module or a sandbox denies access");
		return;
	}
	out->what = xstrdup("it is another user's, or protected, and CAP_SYS_PTRACE is missing");
	out->remedy =
		setting_read("kernel/yama/ptrace_scope", 0)
			? "run it with sudo; for processes of your own `sysctl kernel.yama.ptrace_scope=0` would do"
			: "run it with sudo";
}

void explanation_clear(struct explanation *e)
{
	free(e->what);
	e->what = NULL;
}

void explain_complain(enum log_level level, pid_t pid, size_t python_children)
{
	__cleanup_free char *name = pid_text(pid);
	struct explanation why;

	if (!explain_no_python(pid, &why)) {
		log_write(level, "process %d has ended", pid);
		return;
	}
	if (python_children)
		log_write(level, "no Python in process %s, but in %zu of its children: add --subprocesses", name,
			  python_children);
	else
		log_write(level, "no Python in process %s: %s%s%s", name, why.what, *why.remedy ? "; " : "",
			  why.remedy);
	explanation_clear(&why);
}
