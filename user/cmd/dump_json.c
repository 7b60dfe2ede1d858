/* SPDX-License-Identifier: MIT */
/*
 * A dump for programs. Keys that py-spy's JSON has too are called the same; the shape is in `dump --help`. A process is
 * written by the worker that looked at it, and ended by the program itself: each has a writer that begins inside.
 */
#include "user/cmd/dump.h"
#include "user/target/outcome.h"
#include "user/util/json_put.h"
#include <string.h>

#define SCHEMA    "pybpfprof-dump/1"
#define IN_LIST   2 /* depth of the list of processes */
#define IN_OBJECT 3 /* … and of a process */

/* A text that may not be known. */
static void put_text(struct json_put *j, const char *key, const char *text)
{
	if (text)
		json_put_text(j, key, text);
	else
		json_put_null(j, key);
}

static void put_tid(struct json_put *j, const char *key, bool is_known, int tid)
{
	if (is_known)
		json_put_int(j, key, tid);
	else
		json_put_null(j, key);
}

static void put_local(struct json_put *j, const struct py_local *l)
{
	json_put_map(j, NULL);
	json_put_count(j, "addr", l->addr);
	put_text(j, "name", l->name);
	put_text(j, "type", l->type);
	json_put_bool(j, "arg", l->argument);
	json_put_text(j, "repr", l->text);
	json_put_end_map(j);
}

static const char *dump_kind(enum profile_kind kind)
{
	return kind == PROFILE_INLINED ? "inlined" : kind == PROFILE_NATIVE ? "native" : "synthetic";
}

void dump_json_frame(struct json_put *j, const struct inspect_frame *f, const struct dump_style *style)
{
	json_put_line(j);
	json_put_map(j, NULL);
	put_text(j, "name", f->name);
	put_text(j, "filename", f->file);
	put_text(j, "short_filename", f->short_file);
	put_text(j, "module", f->module);
	if (f->kind != PROFILE_PYTHON)
		put_text(j, "kind", dump_kind(f->kind));
	if (!style->no_lines)
		json_put_int(j, "line", f->line);
	json_put_list(j, "locals");
	for (size_t i = 0; i < f->locals.cnt; i++)
		put_local(j, &f->locals.items[i]);
	json_put_end_list(j);
	json_put_end_map(j);
}

static void put_wait(struct json_put *j, const struct inspection *s, const struct inspect_wait *w)
{
	const struct inspect_thread *holder = w->holder ? &s->threads[w->holder - 1] : NULL;

	if (!w->lock.kind) {
		json_put_null(j, "waits_for");
		return;
	}
	json_put_map(j, "waits_for");
	json_put_text(j, "kind", w->lock.kind);
	put_text(j, "name", w->lock.name);
	json_put_count(j, "thread_id", w->lock.owner);
	put_tid(j, "os_thread_id", holder && holder->tid, holder ? holder->tid : 0);
	put_text(j, "thread_name", holder ? holder->name : NULL);
	json_put_end_map(j);
}

static void put_deadlocks(struct json_put *j, const struct inspection *s)
{
	json_put_list(j, "deadlocks");
	for (size_t number = 1; number <= s->deadlock_cnt; number++) {
		json_put_list(j, NULL);
		for (size_t i = 0; i < s->thread_cnt; i++)
			if (s->threads[i].waits.deadlock == number)
				json_put_count(j, NULL, s->threads[i].ident);
		json_put_end_list(j);
	}
	json_put_end_list(j);
}

static void put_doing(struct json_put *j, const struct inspect_thread *t)
{
	put_text(j, "state", dump_doing(t->doing));
	put_text(j, "syscall", t->doing == INSPECT_SLEEPING ? t->call : NULL);
	put_text(j, "cause", t->doing == INSPECT_SLEEPING ? t->cause : NULL);
	json_put_bool(j, "uninterruptible", t->uninterruptible);
}

static void put_frames(struct json_put *j, const struct inspect_thread *t, const struct dump_style *style)
{
	json_put_list(j, "frames");
	for (size_t i = 0; i < t->frame_cnt; i++)
		dump_json_frame(j, &t->frames[i], style);
	json_put_end_list(j);
}

static void put_thread(struct json_put *j, const struct inspection *s, const struct inspect_thread *t,
		       const struct dump_style *style)
{
	json_put_line(j);
	json_put_map(j, NULL);
	json_put_int(j, "pid", s->pid);
	json_put_count(j, "thread_id", t->ident);
	put_tid(j, "os_thread_id", t->tid, t->tid);
	put_tid(j, "inner_thread_id", t->tid, t->inner_tid);
	put_text(j, "thread_name", t->name);
	json_put_int(j, "interpreter_id", t->interp_id);
	put_doing(j, t);
	json_put_bool(j, "active", t->doing == INSPECT_RUNNING);
	json_put_bool(j, "owns_gil", t->holds_gil);
	json_put_bool(j, "no_gil", t->no_gil);
	json_put_bool(j, "waits_for_gil", t->doing == INSPECT_WAITS_FOR_GIL);
	put_wait(j, s, &t->waits);
	json_put_bool(j, "sure", t->sure);
	put_text(j, "outcome", outcome_word(t->outcome));
	put_frames(j, t, style);
	json_put_end_map(j);
}

static void put_other(struct json_put *j, const struct inspect_thread *t, const struct dump_style *style)
{
	json_put_map(j, NULL);
	json_put_int(j, "os_thread_id", t->tid);
	json_put_text(j, "thread_name", t->name);
	if (style->native) {
		put_doing(j, t);
		json_put_bool(j, "sure", t->sure);
		put_frames(j, t, style);
	}
	json_put_end_map(j);
}

static void put_others(struct json_put *j, const struct inspection *s, const struct dump_style *style)
{
	json_put_list(j, "native_threads");
	for (size_t i = 0; i < s->other_cnt; i++)
		put_other(j, &s->others[i], style);
	json_put_end_list(j);
}

/* What is not known is null. */
static void put_container(struct json_put *j, const struct container *k)
{
	bool is_known = k && k->runtime;

	put_text(j, "container", is_known ? k->name : NULL);
	put_text(j, "container_id", is_known ? k->id : NULL);
	put_text(j, "runtime", is_known ? k->runtime : NULL);
	put_text(j, "pod", is_known && *k->pod ? k->pod : NULL);
	put_text(j, "namespace", is_known && *k->namespace ? k->namespace : NULL);
	put_text(j, "unit", k && *k->unit ? k->unit : NULL);
}

void dump_json_begin(FILE *out)
{
	struct json_put j = {.out = out};

	json_put_map(&j, NULL);
	json_put_text(&j, "schema", SCHEMA);
	json_put_list(&j, "processes");
}

void dump_json(FILE *out, const struct inspection *s, const struct dump_style *style)
{
	struct json_put j = {.out = out, .depth = IN_LIST};

	json_put_line(&j);
	json_put_map(&j, NULL);
	json_put_int(&j, "pid", s->pid);
	json_put_int(&j, "inner_pid", s->inner_pid);
	json_put_int(&j, "ppid", s->ppid);
	put_text(&j, "command", s->command);
	put_text(&j, "executable", s->executable);
	put_text(&j, "python", s->version);
	put_text(&j, "cgroup", s->cgroup);
	put_container(&j, s->container);
	json_put_bool(&j, "complete", !s->list_unsure);
	json_put_bool(&j, "gil_moved", s->gil_moved);
	put_deadlocks(&j, s);
	put_others(&j, s, style);
	json_put_line(&j);
	json_put_list(&j, "threads");
	for (size_t i = 0; i < s->thread_cnt; i++)
		put_thread(&j, s, &s->threads[i], style);
	json_put_end_list(&j);
	dump_json_tasks(&j, s, style);
}

void dump_json_changed(FILE *out, const char *names, size_t len)
{
	struct json_put j = {.out = out, .depth = IN_OBJECT, .not_first = true};

	json_put_list(&j, "changed_sources");
	for (const char *name = names; name < names + len; name += strlen(name) + 1)
		json_put_text(&j, NULL, name);
	json_put_end_list(&j);
	json_put_end_map(&j);
}

void dump_json_end(FILE *out)
{
	struct json_put j = {.out = out, .depth = IN_LIST};

	json_put_end_list(&j);
	json_put_end_map(&j);
}
