/* SPDX-License-Identifier: MIT */
/* Which text goes with a file of a profile, by what is known of the processes that ran it. */
#include "tests/unit/small_profile.h"
#include "tests/unit/temp_folder.h"
#include "user/cmd/sources.h"
#include "user/os/procfs.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#define OLD 1000000000ull /* when files were written, as far as they say */
#define S   1000000000ull

static uint64_t now_ns; /* when the files were put there */

static char *in_folder(const char *name)
{
	return xasprintf("%s/%s", folder, name);
}

static uint64_t unix_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * S + (uint64_t)t.tv_nsec;
}

static void put(const char *name, const char *text, mode_t mode)
{
	const struct timespec times[2] = {{OLD, 0}, {OLD, 0}};
	__cleanup_free char *path = in_folder(name);
	__cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(futimens(fd, times), 0);
}

/* Processes that each ran one function, of the same file. */
static void tell_runs(struct profile_sink to, const char *file, const struct profile_process *list, uint32_t cnt,
		      const char *host)
{
	to.ops->meta(to.ctx, &(struct profile_meta){.start_unix_ns = OLD * S + S, .host = host});
	emit_function(to, 1, "main", "/nowhere/main.py");
	emit_function(to, 2, "work", file);
	tell_frame(to, 1, 1, 3);
	tell_frame(to, 2, 2, 4);
	tell_stack(to, 1, 0, 2);
	tell_stack(to, 2, 1, 1); /* the file is a caller's */
	for (uint32_t i = 0; i < cnt; i++) {
		struct profile_process p = list[i];

		p.id = i + 1;
		to.ops->process(to.ctx, &p);
		emit_thread(to, p.id, p.id, "MainThread");
		emit_sample(to, i, p.id, 2);
	}
}

static struct profile *profile_of(const char *file, const struct profile_process *list, uint32_t cnt, const char *host)
{
	struct profile_builder *b = profile_builder__new(true);

	tell_runs(profile_builder__sink(b), file, list, cnt, host);
	return profile_builder__finish(b);
}

static void expect_at(const char *host, const struct profile_process *list, uint32_t cnt, const char *name,
		      enum view_source state, const char *text)
{
	__cleanup_free char *path = in_folder(name);
	struct profile *p = profile_of(path, list, cnt, host);
	struct sources *s = sources__new(p);
	struct view_sources v = sources__view(s);

	for (int again = 0; again < 2; again++) {
		char *got = (char *)"unset";

		assert_int_equal(v.read(v.ctx, path, &got), state);
		if (text)
			assert_string_equal(got, text);
		else
			assert_null(got);
		free(got);
		assert_int_equal(v.read(v.ctx, "/etc/never-run.py", &got), VIEW_SOURCE_MISSING);
	}
	sources__free(s);
	profile__free(p);
}

static void expect(const struct profile_process *list, uint32_t cnt, enum view_source state, const char *text)
{
	expect_at("", list, cnt, "app.py", state, text);
}

#define OWN_OF(may, ...) ((struct profile_process){.pid = 1, .root = PROFILE_ROOT_OWN, .rights = may, __VA_ARGS__})
#define OWN(...)         OWN_OF("0 0", __VA_ARGS__)

static void the_earliest_process_bounds(void **state)
{
	const uint64_t before = now_ns - 10 * S, after = now_ns + 10 * S;
	const struct profile_process cases[][2] = {
		{OWN(.start_unix_ns = after), OWN(.start_unix_ns = after)},
		{OWN(.start_unix_ns = before), OWN(.start_unix_ns = after)},
		{OWN(.start_unix_ns = after), OWN(.start_unix_ns = before)},
		{OWN(.start_unix_ns = after, .code_start_unix_ns = before), OWN(.start_unix_ns = after)}, /* a worker */
		{OWN(.start_unix_ns = after, .code_start_unix_ns = after), OWN(.start_unix_ns = after)},
		/* written when the interpreter had just been started */
		{OWN(.start_unix_ns = now_ns - 5000000), OWN(.start_unix_ns = after)},
	};
	static const bool fits[] = {true, false, false, false, true, true};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect(cases[i], 2, fits[i] ? VIEW_SOURCE_TEXT : VIEW_SOURCE_CHANGED, fits[i] ? "ours\n" : NULL);
}

/* Earlier recordings: only when it was written is judged, by the process's start or that of the recording. */
static void earlier_recordings_keep_their_rule(void **state)
{
	struct profile_process p = {.pid = 1};

	(void)state;
	expect(&p, 1, VIEW_SOURCE_TEXT, "ours\n");
	p.start_unix_ns = (OLD - 1) * S;
	expect(&p, 1, VIEW_SOURCE_CHANGED, NULL);
	expect_at("", &p, 1, "private.py", VIEW_SOURCE_CHANGED, NULL);
	p.start_unix_ns = OLD * S;
	expect_at("", &p, 1, "private.py", VIEW_SOURCE_TEXT, "private\n");
}

static void other_machines_have_other_files(void **state)
{
	const struct profile_process p = OWN(.start_unix_ns = now_ns + S);
	const struct profile_process unsaid = {.pid = 1};
	struct utsname here;

	(void)state;
	uname(&here);
	expect_at(here.nodename, &p, 1, "app.py", VIEW_SOURCE_TEXT, "ours\n");
	expect_at("another.example", &p, 1, "app.py", VIEW_SOURCE_MISSING, NULL);
	expect_at("another.example", &unsaid, 1, "app.py", VIEW_SOURCE_TEXT, "ours\n");
}

/* Who could not read it did not; one who could is enough. */
static void rights_are_those_of_the_processes(void **state)
{
	const struct profile_process root = OWN(.start_unix_ns = now_ns + S);
	const struct profile_process nobody = OWN_OF("65534 65534", .start_unix_ns = now_ns + S);
	const struct profile_process unknown = OWN_OF("", .start_unix_ns = now_ns + S);

	(void)state;
	if (geteuid() != 0)
		skip();
	expect_at("", &root, 1, "private.py", VIEW_SOURCE_TEXT, "private\n");
	expect_at("", &nobody, 1, "private.py", VIEW_SOURCE_MISSING, NULL);
	expect_at("", &unknown, 1, "private.py", VIEW_SOURCE_MISSING, NULL);
	expect_at("", &nobody, 1, "app.py", VIEW_SOURCE_TEXT, "ours\n");
	expect_at("", (struct profile_process[]){nobody, unknown, root}, 3, "private.py", VIEW_SOURCE_TEXT,
		  "private\n");
}

/* In a root of its own. */
static void put_in(const char *root, const char *name, const char *text)
{
	__cleanup_free char *command = NULL, *place = xasprintf("%s%s/%s", root, folder, name);

	command = xasprintf("mkdir -p '%s/%s%s'", folder, root, folder);
	assert_int_equal(system(command), 0);
	put(place, text, 0644);
}

/* A process whose root that is. What is in there must be older than all of them. */
static struct profile_process start_in(const char *root)
{
	__cleanup_free char *top = in_folder(root);
	struct profile_process p = {.root = PROFILE_ROOT_OTHER, .rights = "0 0", .cgroup = root};
	int ready[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	p.pid = (uint32_t)fork();
	if (!p.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (chroot(top) || chdir("/") || write(ready[1], "r", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	assert_int_equal(procfs_stat((pid_t)p.pid, &p.start_unix_ns, NULL), 0);
	p.start_unix_ns += clock_boot_unix_ns();
	p.code_start_unix_ns = p.start_unix_ns;
	return p;
}

static void end(const struct profile_process *p)
{
	kill((pid_t)p->pid, SIGKILL);
	waitpid((pid_t)p->pid, NULL, 0);
}

static void other_roots_are_looked_into(void **state)
{
	struct profile_process list[2], *box = &list[0], *alike = &list[1], forked;

	(void)state;
	if (geteuid() != 0)
		skip();
	put_in("container", "app.py", "its\n");
	put_in("alike", "app.py", "ours\n");
	*box = forked = start_in("container");
	*alike = start_in("alike");
	forked.pid = 0x3ffffff0; /* has ended; what it was forked from has not */
	expect(box, 1, VIEW_SOURCE_TEXT, "its\n");
	expect((struct profile_process[]){forked, *box}, 2, VIEW_SOURCE_TEXT, "its\n");
	expect(&forked, 1, VIEW_SOURCE_MISSING, NULL);
	forked.cgroup = "another container, started in the same moment";
	expect((struct profile_process[]){*box, forked}, 2, VIEW_SOURCE_MISSING, NULL);
	/* in several roots: only where it is the same text in all of them */
	expect((struct profile_process[]){OWN(.start_unix_ns = now_ns + S), *box}, 2, VIEW_SOURCE_MISSING, NULL);
	expect((struct profile_process[]){*alike, *box}, 2, VIEW_SOURCE_MISSING, NULL);
	expect((struct profile_process[]){OWN(.start_unix_ns = now_ns + S), *alike}, 2, VIEW_SOURCE_TEXT, "ours\n");
	box->code_start_unix_ns -= 10 * S;
	expect(box, 1, VIEW_SOURCE_CHANGED, NULL);
	box->code_start_unix_ns += 10 * S;
	end(box);
	expect(box, 1, VIEW_SOURCE_MISSING, NULL);
	end(alike);
	expect(alike, 1, VIEW_SOURCE_MISSING, NULL); /* not even though ours is the same */
}

/* What processes had of a file that is none: texts by process, NULL where one had none. */
static void expect_held(const char *const *texts, uint32_t cnt, enum view_source state, const char *text)
{
	struct profile_process list[3] = {OWN(.start_unix_ns = 1), OWN(.start_unix_ns = 1), OWN(.start_unix_ns = 1)};
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to = profile_builder__sink(b);
	struct profile *p;
	struct sources *s;
	struct view_sources v;
	char *got;

	tell_runs(to, "<made>", list, cnt, "another.example");
	for (uint32_t i = 0; i < cnt; i++)
		if (texts[i])
			to.ops->source(to.ctx, &(struct profile_source){i + 1, "<made>", "", texts[i]});
	to.ops->source(to.ctx, &(struct profile_source){1, "<never run>", "", "text"});
	p = profile_builder__finish(b);
	s = sources__new(p);
	v = sources__view(s);
	assert_int_equal(v.read(v.ctx, "<made>", &got), state);
	if (text)
		assert_string_equal(got, text);
	else
		assert_null(got);
	free(got);
	assert_int_equal(v.read(v.ctx, "<never run>", &got), VIEW_SOURCE_MISSING);
	sources__free(s);
	profile__free(p);
}

static void processes_have_texts_themselves(void **state)
{
	(void)state;
	expect_held((const char *[]){"a\n"}, 1, VIEW_SOURCE_TEXT, "a\n");
	expect_held((const char *[]){"a\n", "a\n", "a\n"}, 3, VIEW_SOURCE_TEXT, "a\n");
	expect_held((const char *[]){"a\n", "b\n"}, 2, VIEW_SOURCE_MISSING, NULL);
	expect_held((const char *[]){"a\n", NULL}, 2, VIEW_SOURCE_MISSING, NULL); /* it may have been another one */
	expect_held((const char *[]){NULL, "a\n"}, 2, VIEW_SOURCE_MISSING, NULL);
	expect_held((const char *[]){""}, 1, VIEW_SOURCE_MISSING, NULL);
}

static int make_files(void **state)
{
	if (make_folder(state))
		return -1;
	put("app.py", "ours\n", 0644);
	put("private.py", "private\n", 0600);
	now_ns = unix_ns();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_earliest_process_bounds),     cmocka_unit_test(earlier_recordings_keep_their_rule),
		cmocka_unit_test(other_machines_have_other_files), cmocka_unit_test(rights_are_those_of_the_processes),
		cmocka_unit_test(other_roots_are_looked_into),     cmocka_unit_test(processes_have_texts_themselves),
	};

	return cmocka_run_group_tests(tests, make_files, remove_folder);
}
