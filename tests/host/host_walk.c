/* SPDX-License-Identifier: MIT */
/*
 * The walker over the memory of a live process, whose threads are stopped or asleep. Prints, separated by tabs, for each
 * thread that has a Python state
 *     thread IDENT OUTCOME GIL
 *     frame FIRST-LINE LINE NAME FILE MODULE      (leaf first)
 *
 *     host_walk [--image FILE] PID
 *     host_walk --steps COUNT [--image FILE] PID  its first thread alone, after each of so many instructions, where
 *                                                 another stack comes than before; OUTCOME is "registers" where
 *                                                 memory alone did not name it
 *
 * An image (process_image.h) is of what was read; of the steps, it is of the first that took registers.
 */
#include "tests/host/named_walk.h"
#include "tests/host/process_image.h"
#include "tests/host/tracee.h"
#include "user/target/interpreters.h"
#include "user/target/outcome.h"
#include "user/util/alloc.h"
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define MAX_THREADS 4096

struct target {
	pid_t pid;
	const struct py_build *build;
	uint64_t runtime;
	const char *image; /* NULL: none, or it is written already */
};

static const char *gil_word(const struct named_walk *n)
{
	static const char *const words[] = {"unknown", "held", "not held", "none"};

	return words[named_walk__gil(n)];
}

static void print_thread(const struct named_walk *n, u64 ident, const char *outcome, FILE *f)
{
	fprintf(f, "thread\t%llu\t%s\t%s\n", ident, outcome, gil_word(n));
	for (u32 i = 0; i < named_walk__cnt(n); i++) {
		struct named_frame frame = named_walk__frame(n, i);

		fprintf(f, "frame\t%d\t%d\t%s\t%s\t%s\n", frame.first_line, frame.line, frame.name, frame.file,
			frame.module);
	}
}

/* ---- images -------------------------------------------------------------------------------------------- */

/* A thread that is stopped already. */
static int add_thread(struct process_image *p, const struct target *t, pid_t tid)
{
	struct process_image_thread thread = {};
	int err = tracee_registers(tid, &thread.pointer, thread.registers);

	if (err)
		return err;
	thread.ident = thread.pointer - t->build->layout.thread_below;
	xgrow(p->threads, p->thread_cnt, p->thread_cap);
	p->threads[p->thread_cnt++] = thread;
	return 0;
}

/* Is the build that is made of the image the one that the file of the interpreter has? */
static int check_build(const struct process_image *p, const struct py_build *build)
{
	struct py_build again;
	const char *wrong = process_image__build(p, &again);

	if (!wrong && memcmp(&again.layout, &build->layout, sizeof(again.layout)))
		wrong = "its layout is not that of its file";
	if (wrong)
		fprintf(stderr, "host_walk: the image is of no use: %s\n", wrong);
	return wrong ? -EINVAL : 0;
}

static int write_image(const struct target *t, const pid_t *tids, size_t cnt)
{
	struct process_image *p = xcalloc(1, sizeof(*p));
	int err = 0;

	process_image__take_build(p, t->build, t->runtime);
	p->memory = host.memory;
	for (size_t i = 0; i < cnt && !err; i++)
		err = add_thread(p, t, tids[i]);
	if (!err)
		err = check_build(p, t->build);
	if (!err)
		err = process_image__write(p, t->image);
	p->memory = NULL;
	process_image__free(p);
	return err;
}

/* ---- all threads --------------------------------------------------------------------------------------- */

static u64 read_word(u64 addr)
{
	u64 word = 0;

	image__read(host.memory, addr, &word, sizeof(word));
	return word;
}

/* Threads of all interpreters; one that is in several has the same identity in each. */
static size_t find_threads(const struct target *t, u64 *idents)
{
	const struct py_objects *o = &t->build->objects;
	size_t n = 0;

	for (u64 interp = read_word(t->runtime + o->runtime_interp_head); interp;
	     interp = read_word(interp + o->interp_next)) {
		for (u64 ts = read_word(interp + o->interp_threads_head); ts && n < MAX_THREADS;
		     ts = read_word(ts + o->tstate_next)) {
			u64 ident = read_word(ts + t->build->layout.ts_thread_id_off);
			size_t i = 0;

			while (i < n && idents[i] != ident)
				i++;
			idents[i] = ident;
			n += i == n;
		}
	}
	return n;
}

static int stop_all(pid_t pid, pid_t *tids, size_t *cnt)
{
	__cleanup_free char *path = xasprintf("/proc/%d/task", (int)pid);
	DIR *folder = opendir(path);
	const struct dirent *entry;
	int err = folder ? 0 : -errno;

	while (!err && (entry = readdir(folder)) && *cnt < MAX_THREADS) {
		if (*entry->d_name == '.')
			continue;
		tids[*cnt] = atoi(entry->d_name);
		err = tracee_stop(tids[(*cnt)++]);
	}
	if (folder)
		closedir(folder);
	return err;
}

static int walk_all(const struct target *t)
{
	u64 idents[MAX_THREADS];
	pid_t tids[MAX_THREADS];
	size_t tid_cnt = 0, n;
	struct named_walk *walk;
	int err = t->image ? stop_all(t->pid, tids, &tid_cnt) : 0;

	if (err)
		return err;
	host.memory = image__of_process(t->pid);
	walk = named_walk__new(t->build, t->runtime);
	n = find_threads(t, idents);
	for (size_t i = 0; i < n; i++) {
		u32 outcome = named_walk__thread(walk, idents[i]);

		print_thread(walk, idents[i], outcome_word(outcome), stdout);
	}
	err = t->image ? write_image(t, tids, tid_cnt) : 0;
	named_walk__free(walk);
	image__free(host.memory);
	return err;
}

/* ---- instruction by instruction ------------------------------------------------------------------------ */

struct steps {
	struct target t;
	struct named_walk *walk; /* names are read once */
	char *last;              /* what was printed */
};

/* What was read of this moment, and all that names it: without what is known from moments before. */
static int write_moment(const struct target *t, u64 ident)
{
	struct named_walk *walk = named_walk__new(t->build, t->runtime);
	u64 registers[ARCH_USER_REGISTERS];
	int err;

	host_forget_seen();
	memcpy(registers, host.registers, sizeof(registers));
	memset(host.registers, 0, sizeof(host.registers));
	named_walk__thread(walk, ident);
	memcpy(host.registers, registers, sizeof(registers));
	named_walk__thread(walk, ident);
	err = write_image(t, &t->pid, 1);
	named_walk__free(walk);
	return err;
}

static void print_if_new(struct steps *s, u64 ident, const char *outcome)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	print_thread(s->walk, ident, outcome, f);
	fclose(f);
	if (!s->last || strcmp(text, s->last))
		fputs(text, stdout);
	free(s->last);
	s->last = text;
}

/* The stack at this instruction, by memory, and where that is not all, by registers, too. */
static int look(struct steps *s)
{
	u64 registers[ARCH_USER_REGISTERS], pointer, ident;
	int err = tracee_registers(s->t.pid, &pointer, registers);
	bool by_registers;
	u32 outcome;

	host.memory = image__of_process(s->t.pid);
	ident = pointer - s->t.build->layout.thread_below;
	memset(host.registers, 0, sizeof(host.registers));
	outcome = named_walk__thread(s->walk, ident);
	memcpy(host.registers, registers, sizeof(registers));
	by_registers = outcome != ABI_OK && (outcome = named_walk__thread(s->walk, ident)) == ABI_OK;
	print_if_new(s, ident, by_registers ? "registers" : outcome_word(outcome));
	if (!err && by_registers && s->t.image) {
		err = write_moment(&s->t, ident);
		s->t.image = NULL;
	}
	image__free(host.memory);
	return err;
}

static int walk_steps(const struct target *t, unsigned long cnt)
{
	struct steps s = {.t = *t, .walk = named_walk__new(t->build, t->runtime)};
	int err = tracee_stop(t->pid);

	while (cnt-- && !err) {
		err = look(&s);
		if (!err)
			err = tracee_step(t->pid);
	}
	tracee_release(t->pid);
	named_walk__free(s.walk);
	free(s.last);
	return err;
}

/* ---- options ------------------------------------------------------------------------------------------- */

static void ignore(void *ctx, const struct interpreter *i)
{
	(void)ctx;
	(void)i;
}

int main(int argc, char **argv)
{
	struct interpreters *all = interpreters__new(ignore, NULL);
	const struct interpreter *found = NULL;
	struct target t = {.pid = argc > 1 ? atoi(argv[argc - 1]) : 0};
	unsigned long steps = 0;
	int err;

	for (int i = 1; i + 1 < argc - 1; i += 2) {
		if (!strcmp(argv[i], "--image"))
			t.image = argv[i + 1];
		else if (!strcmp(argv[i], "--steps"))
			steps = strtoul(argv[i + 1], NULL, 10);
	}
	err = interpreters__discover(all, t.pid, &found, &t.runtime);
	if (err || !found->build.supported) {
		fprintf(stderr, "host_walk: no interpreter that can be walked in process %d\n", t.pid);
		return 2;
	}
	t.build = &found->build;
	err = steps ? walk_steps(&t, steps) : walk_all(&t);
	if (err)
		fprintf(stderr, "host_walk: process %d: %s\n", t.pid, strerror(-err));
	interpreters__free(all);
	return err ? 2 : 0;
}
