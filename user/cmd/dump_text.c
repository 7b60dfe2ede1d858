/* SPDX-License-Identifier: MIT */
/* A dump for people, in the order and shape that py-spy's users know: leaf first, `name (file:line)`. */
#include "user/cmd/dump.h"
#include "user/target/outcome.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include <inttypes.h>
#include <string.h>

#define MAX_NATIVE 8 /* are named; JSON has them all */

const char *dump_doing(enum inspect_doing doing)
{
	static const char *const words[] = {
		[INSPECT_UNKNOWN] = "unknown",   [INSPECT_RUNNING] = "running",
		[INSPECT_SLEEPING] = "sleeping", [INSPECT_WAITS_FOR_GIL] = "waits for the GIL",
		[INSPECT_STOPPED] = "stopped",   [INSPECT_TRACED] = "stopped by a debugger",
		[INSPECT_ZOMBIE] = "zombie",
	};

	return words[doing];
}

/* "thread 4243 "worker"" */
static void put_thread_name(struct buf *b, const struct inspect_thread *t)
{
	if (t->tid)
		buf_printf(b, "thread %d", t->tid);
	else
		buf_printf(b, "thread %#" PRIx64, t->ident);
	if (*t->name)
		buf_printf(b, " \"%s\"", t->name);
}

/* "waits for an RLock that thread 4243 "worker" holds" */
static void put_wait(struct buf *b, const struct inspection *s, const struct inspect_wait *w)
{
	if (!w->lock.kind)
		return;
	if (w->lock.name)
		buf_printf(b, ", waits for the %s of %s", w->lock.kind, w->lock.name);
	else if (strcmp(w->lock.kind, "GIL") != 0)
		buf_printf(b, ", waits for an %s", w->lock.kind);
	buf_puts(b, " that ");
	if (w->holder)
		put_thread_name(b, &s->threads[w->holder - 1]);
	else
		buf_printf(b, "thread %#" PRIx64 ", which has ended,", w->lock.owner);
	buf_puts(b, " holds");
}

/* That a sleep is one its call says, and a lock may have a name. */
static bool says_more(const struct inspect_thread *t)
{
	return t->doing == INSPECT_SLEEPING && t->cause && t->why != CAUSE_SLEEP && t->why != CAUSE_CALL &&
	       !(t->why == CAUSE_LOCK && t->waits.lock.kind);
}

/* "sleeping in read: pipe read", "running, holds the GIL" */
static char *state_text(const struct inspection *s, const struct inspect_thread *t)
{
	struct buf b = {0};

	buf_puts(&b, dump_doing(t->doing));
	if (t->doing == INSPECT_SLEEPING && t->call)
		buf_printf(&b, " in %s", t->call);
	if (says_more(t))
		buf_printf(&b, ": %s", t->cause);
	if (t->uninterruptible)
		buf_puts(&b, ", uninterruptible");
	put_wait(&b, s, &t->waits);
	if (t->holds_gil)
		buf_puts(&b, ", holds the GIL");
	return buf_steal_text(&b);
}

static void put_locals(FILE *out, const struct py_locals *l, bool arguments)
{
	bool any = false;

	for (size_t i = 0; i < l->cnt; i++) {
		if (l->items[i].argument != arguments)
			continue;
		if (!any)
			fprintf(out, "        %s:\n", arguments ? "Arguments" : "Locals");
		any = true;
		fprintf(out, "            %s: %s\n", l->items[i].name, l->items[i].text);
	}
}

void dump_text_frame(FILE *out, const struct inspect_frame *f, const struct dump_style *style)
{
	const char *file = style->full_filenames ? f->file : f->short_file;

	bool has_line = !style->no_lines && f->line;

	if (f->kind != PROFILE_PYTHON && !has_line) /* as view__frame_text() has it */
		file = f->module;
	fprintf(out, "    %s", f->name);
	if (*file && !has_line)
		fprintf(out, " (%s", file);
	else if (*file)
		fprintf(out, " (%s:%d", file, f->line);
	fputs(f->kind == PROFILE_INLINED ? ", inlined)\n" : *file ? ")\n" : "\n", out);
	put_locals(out, &f->locals, true);
	put_locals(out, &f->locals, false);
}

/* Why there is no stack, or only a part of one, in the words of bpf/outcomes.h. */
static void put_remark(FILE *out, const struct inspect_thread *t)
{
	if (t->outcome == ABI_NO_FRAME)
		fprintf(out, "    (no Python function is running in it)\n");
	else if (t->outcome == ABI_NO_TSTATE && t->sure)
		return;
	else if (t->outcome == ABI_NO_TSTATE)
		fprintf(out, "    (it runs all the time: `pybpfprof record --native` shows where)\n");
	else if (t->outcome != ABI_OK)
		fprintf(out, "    (the rest is missing: %s)\n", outcome_sentence(t->outcome));
	if (!t->sure && t->outcome != ABI_NO_TSTATE)
		fprintf(out, "    (not sure: the thread ran while its stack was read)\n");
}

static void put_thread(FILE *out, const struct inspection *s, const struct inspect_thread *t,
		       const struct dump_style *style)
{
	__cleanup_free char *state = state_text(s, t);

	if (t->tid)
		fprintf(out, "\nThread %d", t->tid);
	else
		fprintf(out, "\nThread %#" PRIx64, t->ident);
	if (t->inner_tid != t->tid)
		fprintf(out, " [%d in its container]", t->inner_tid);
	fprintf(out, " (%s)", state);
	if (*t->name)
		fprintf(out, ": \"%s\"", t->name);
	if (s->several_interps)
		fprintf(out, " in interpreter %" PRId64, t->interp_id);
	fputc('\n', out);
	for (size_t i = 0; i < t->frame_cnt; i++)
		dump_text_frame(out, &t->frames[i], style);
	put_remark(out, t);
}

/* "web (podman 3f2a91c04bd2)", "web-7d4b9/app (cri-o 3f2a91c04bd2) in namespace shop" */
static void put_container(FILE *out, const struct container *k)
{
	__cleanup_free char *name = container__text(k);

	if (!k->runtime)
		fprintf(out, "Unit %s\n", name);
	else
		fprintf(out, "Container %s (%s %.12s)%s%s\n", name, k->runtime, k->id,
			*k->namespace ? " in namespace " : "", k->namespace);
}

static bool has_no_gil(const struct inspection *s)
{
	for (size_t i = 0; i < s->thread_cnt; i++)
		if (!s->threads[i].no_gil)
			return false;
	return s->thread_cnt;
}

static void put_header(FILE *out, const struct inspection *s)
{
	fprintf(out, "Process %d", s->pid);
	if (s->inner_pid && s->inner_pid != s->pid)
		fprintf(out, " [%d in its container]", s->inner_pid);
	fprintf(out, ": %s\nPython %s (%s)%s\n", s->command, s->version, s->executable,
		has_no_gil(s) ? ", no GIL" : "");
	if (*s->cgroup && (s->cgroup[1] || *s->cgroup != '/'))
		fprintf(out, "Cgroup %s\n", s->cgroup);
	if (s->container)
		put_container(out, s->container);
}

static void put_others(FILE *out, const struct inspection *s)
{
	if (!s->other_cnt)
		return;
	fprintf(out, "\n%zu more thread%s no Python state:", s->other_cnt, s->other_cnt == 1 ? " has" : "s have");
	for (size_t i = 0; i < s->other_cnt && i < MAX_NATIVE; i++)
		fprintf(out, "%s %d \"%s\"", i ? "," : "", s->others[i].tid, s->others[i].name);
	fputs(s->other_cnt > MAX_NATIVE ? ", …\n" : "\n", out);
}

/* From the first of those who wait for each other once around. */
static void put_deadlock(FILE *out, const struct inspection *s, size_t number)
{
	const struct inspect_thread *first = s->threads, *t;
	struct buf b = {0};

	while (first->waits.deadlock != number)
		first++;
	put_thread_name(&b, first);
	t = first;
	do {
		buf_puts(&b, t == first ? " waits for " : ", which waits for ");
		t = &s->threads[t->waits.holder - 1];
		put_thread_name(&b, t);
	} while (t != first);
	fprintf(out, "\nDeadlock: %.*s\n", (int)b.len, b.data);
	buf_free(&b);
}

static void put_remarks(FILE *out, const struct inspection *s)
{
	for (size_t i = 1; i <= s->deadlock_cnt; i++)
		put_deadlock(out, s, i);
	if (s->list_unsure)
		fprintf(out, "\n(threads come and go so quickly that some may be missing)\n");
	if (s->gil_moved)
		fprintf(out, "\n(the GIL changed hands meanwhile: each thread is shown as it was at its own moment)\n");
}

void dump_text_changed(FILE *out, const char *names, size_t len)
{
	for (const char *name = names; name < names + len; name += strlen(name) + 1)
		fprintf(out, "%s(%s was changed after the process started: its lines may have moved)\n",
			name == names ? "\n" : "", name);
}

void dump_text(FILE *out, const struct inspection *s, const struct dump_style *style)
{
	put_header(out, s);
	for (size_t i = 0; i < s->thread_cnt; i++)
		put_thread(out, s, &s->threads[i], style);
	for (size_t i = 0; style->native && i < s->other_cnt; i++)
		put_thread(out, s, &s->others[i], style);
	if (!style->native)
		put_others(out, s);
	dump_text_tasks(out, s, style);
	put_remarks(out, s);
}
