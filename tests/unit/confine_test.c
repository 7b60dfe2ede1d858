/* SPDX-License-Identifier: MIT */
/* What can still be called, and what cannot, each in a child that is confined as the daemon is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "user/os/confine.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void *map_both(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int go[2], done[2]; /* pipes, to a thread and back */

/* ---- what must fail, with EPERM ------------------------------------------------------------------------------- */

static bool run_program(void)
{
	return execl("/bin/true", "true", NULL) == 0;
}
static bool trace(void)
{
	return ptrace(PTRACE_TRACEME, 0, 0, 0) == 0;
}
static bool write_memory(void)
{
	return syscall(SYS_process_vm_writev, getpid(), NULL, 0, NULL, 0, 0) == 0;
}
static bool mount_something(void)
{
	return mount("none", "/tmp", "tmpfs", 0, NULL) == 0;
}
static bool enter_namespace(void)
{
	return unshare(CLONE_NEWUSER) == 0;
}
static bool clone_namespace(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);

	if (!pid)
		_exit(0);
	return pid > 0;
}
static bool map_writable_code(void)
{
	return map_both() != MAP_FAILED;
}
static bool make_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0;
}
static bool make_packet_socket(void)
{
	return socket(AF_PACKET, SOCK_DGRAM, 0) >= 0;
}
static bool make_vsock(void)
{
	return socket(AF_VSOCK, SOCK_STREAM, 0) >= 0;
}
static bool type_for_another(void)
{
	return syscall(SYS_ioctl, 0, 0x5412 /* TIOCSTI */, "x") == 0;
}
static bool keep_capabilities(void)
{
	return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0;
}
static bool become_another(void)
{
	return syscall(SYS_setuid, getuid()) == 0;
}
static bool load_module(void)
{
	return syscall(SYS_finit_module, -1, "", 0) == 0;
}
static bool use_keys(void)
{
	return syscall(SYS_keyctl, 0, 0, 0, 0, 0) >= 0;
}
static bool use_io_uring(void)
{
	return syscall(SYS_io_uring_setup, 0, NULL) >= 0;
}
static bool change_personality(void)
{
	return personality(0xffffffff) != -1;
}

static const struct {
	const char *name;
	bool (*try)(void);
} refused[] = {
	{"execve", run_program},
	{"ptrace", trace},
	{"process_vm_writev", write_memory},
	{"mount", mount_something},
	{"unshare", enter_namespace},
	{"clone with a namespace", clone_namespace},
	{"mmap of writable code", map_writable_code},
	{"mprotect to code", make_code},
	{"socket AF_PACKET", make_packet_socket},
	{"socket AF_VSOCK", make_vsock},
	{"ioctl TIOCSTI", type_for_another},
	{"prctl PR_SET_KEEPCAPS", keep_capabilities},
	{"setuid", become_another},
	{"finit_module", load_module},
	{"keyctl", use_keys},
	{"io_uring_setup", use_io_uring},
	{"personality", change_personality},
};

/* ---- what must go on ------------------------------------------------------------------------------------------ */

static void *thread_main(void *arg)
{
	return arg;
}

static bool start_thread(void)
{
	pthread_t thread;
	void *result;

	return !pthread_create(&thread, NULL, thread_main, go) && !pthread_join(thread, &result) && result == go;
}
static bool start_child(void)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(7);
	return waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7;
}
/* Reads its list of names and, statically linked or not, opens libraries for it. */
static bool look_up_name(void)
{
	struct addrinfo *found = NULL;
	int err = getaddrinfo("localhost", "80", NULL, &found);

	freeaddrinfo(found);
	return !err;
}
static bool write_file(void)
{
	char path[] = "/tmp/confine_test.XXXXXX";
	int fd = mkstemp(path);

	return fd >= 0 && write(fd, "x", 1) == 1 && !fsync(fd) && !fchmod(fd, 0600) && !unlink(path) && !close(fd);
}
static bool make_sockets(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0 && socket(AF_UNIX, SOCK_DGRAM, 0) >= 0;
}
static bool get_memory(void)
{
	void *bytes = malloc(64 << 20);

	memset(bytes, 1, 64 << 20);
	free(bytes);
	return memfd_create("x", MFD_CLOEXEC) >= 0;
}

static const struct {
	const char *name;
	bool (*try)(void);
} allowed[] = {
	{"a thread", start_thread}, {"a child", start_child},  {"getaddrinfo", look_up_name},
	{"a file", write_file},     {"sockets", make_sockets}, {"memory", get_memory},
};

/* In a child that is confined: 0 it succeeded, else the errno it failed with. */
static int run_confined(bool (*try)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (confine_calls())
			_exit(255);
		errno = 0;
		_exit(try() ? 0 : errno ? errno : 254);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void what_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		int got = run_confined(refused[i].try);

		if (got != EPERM)
			fail_msg("%s: %d", refused[i].name, got);
	}
}

/* Or the list above would show nothing: unconfined none of these says EPERM, but for those that need rights. */
static void what_is_refused_is_by_us(void **state)
{
	static bool (*const tries[])(void) = {map_writable_code, make_code, change_personality, keep_capabilities,
					      become_another};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tries); i++)
		assert_true(tries[i]());
}

static void what_goes_on(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
		int got = run_confined(allowed[i].try);

		if (got)
			fail_msg("%s: %d", allowed[i].name, got);
	}
}

/* ---- threads, and memory ---------------------------------------------------------------------------------------- */

static void *wait_and_try(void *arg)
{
	char byte;
	int result;

	(void)arg;
	result = read(go[0], &byte, 1) == 1 && map_both() == MAP_FAILED ? errno : 0;
	return write(done[1], &result, sizeof(result)) == sizeof(result) ? arg : NULL;
}

/* A thread that there was before is bound, too. */
static bool bind_other_thread(void)
{
	int result = 0;

	errno = EPERM;
	return write(go[1], "x", 1) == 1 && read(done[0], &result, sizeof(result)) == sizeof(result) && result == EPERM;
}

static void threads_are_bound(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(go) | pipe(done), 0);
	pid = fork();
	if (!pid) {
		pthread_t thread;

		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		pthread_create(&thread, NULL, wait_and_try, NULL);
		_exit(confine_calls() || !bind_other_thread());
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static void memory_is_not_dumped(void **state)
{
	(void)state;
	confine_memory();
	assert_int_equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_refused_is_by_us),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(what_goes_on),
		cmocka_unit_test(threads_are_bound),
		cmocka_unit_test(memory_is_not_dumped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
