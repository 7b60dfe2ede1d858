/* A dump for programs. Keys that py-spy's JSON has too are called the same; the shape is in `dump --help`. */
#include "user/cmd/dump.h"
#include "user/format/json/json_member.h"
#include "user/resolve/resolve.h"
#include "user/util/alloc.h"
#include <inttypes.h>

#define SCHEMA "pybpfprof-dump/1"

/* A text that may not be known. */
static void put_text(FILE *out, const char *key, const char *text)
{
	if (text)
		json_member_text(out, key, text);
	else
		fprintf(out, "\"%s\":null,", key);
}

/* The last member of an object is a list, so that every other may end with a comma. */
static void put_local(FILE *out, const struct py_local *l)
{
	__cleanup_free char *text = json_quote(l->text);

	fprintf(out, "{\"addr\":%" PRIu64 ",", l->addr);
	put_text(out, "name", l->name);
	put_text(out, "type", l->type);
	json_member_bool(out, "arg", l->argument);
	fprintf(out, "\"repr\":%s}", text);
}

static void put_frame(FILE *out, const struct snapshot_frame *f, const struct dump_style *style)
{
	fputc('{', out);
	put_text(out, "name", f->name);
	put_text(out, "filename", f->file);
	put_text(out, "short_filename", f->short_file);
	put_text(out, "module", f->module);
	if (!style->no_lines)
		fprintf(out, "\"line\":%d,", f->line);
	fputs("\"locals\":[", out);
	for (size_t i = 0; i < f->locals.cnt; i++) {
		fputs(i ? "," : "", out);
		put_local(out, &f->locals.items[i]);
	}
	fputs("]}", out);
}

static void put_thread(FILE *out, const struct snapshot *s, const struct snapshot_thread *t,
		       const struct dump_style *style)
{
	fprintf(out, "{\"pid\":%d,\"thread_id\":%" PRIu64 ",", s->pid, t->ident);
	if (t->tid)
		fprintf(out, "\"os_thread_id\":%d,\"inner_thread_id\":%d,", t->tid, t->inner_tid);
	else
		fputs("\"os_thread_id\":null,\"inner_thread_id\":null,", out);
	put_text(out, "thread_name", t->name);
	fprintf(out, "\"interpreter_id\":%" PRId64 ",", t->interp_id);
	put_text(out, "state", dump_doing(t->doing));
	put_text(out, "syscall", t->doing == SNAPSHOT_SLEEPING ? t->call : NULL);
	json_member_bool(out, "uninterruptible", t->uninterruptible);
	json_member_bool(out, "active", t->doing == SNAPSHOT_RUNNING);
	json_member_bool(out, "owns_gil", t->holds_gil);
	json_member_bool(out, "waits_for_gil", t->doing == SNAPSHOT_WAITS_FOR_GIL);
	json_member_bool(out, "sure", t->sure);
	json_member_bool(out, "locals_sure", t->locals_sure);
	put_text(out, "outcome", outcome_word(t->outcome));
	fputs("\"frames\":[", out);
	for (size_t i = 0; i < t->frame_cnt; i++) {
		fputs(i ? ",\n   " : "\n   ", out);
		put_frame(out, &t->frames[i], style);
	}
	fputs("]}", out);
}

static void put_native(FILE *out, const struct snapshot *s)
{
	fputs("\"native_threads\":[", out);
	for (size_t i = 0; i < s->native_cnt; i++) {
		__cleanup_free char *name = json_quote(s->native[i].name);

		fprintf(out, "%s{\"os_thread_id\":%d,\"thread_name\":%s}", i ? "," : "", s->native[i].tid, name);
	}
	fputs("],", out);
}

static void put_changed(FILE *out, const struct snapshot *s)
{
	fputs("\"changed_sources\":[", out);
	for (size_t i = 0; i < s->changed_cnt; i++) {
		__cleanup_free char *name = json_quote(s->changed[i]);

		fprintf(out, "%s%s", i ? "," : "", name);
	}
	fputs("],", out);
}

void dump_json_begin(FILE *out)
{
	fprintf(out, "{\"schema\":\"%s\",\"processes\":[", SCHEMA);
}

void dump_json(FILE *out, const struct snapshot *s, const struct dump_style *style, bool first)
{
	fprintf(out, "%s\n{\"pid\":%d,\"inner_pid\":%d,\"ppid\":%d,", first ? "" : ",", s->pid, s->inner_pid, s->ppid);
	put_text(out, "command", s->command);
	put_text(out, "executable", s->executable);
	put_text(out, "python", s->version);
	put_text(out, "cgroup", s->cgroup);
	json_member_bool(out, "complete", !s->list_unsure);
	json_member_bool(out, "gil_moved", s->gil_moved);
	put_native(out, s);
	put_changed(out, s);
	fputs("\n \"threads\":[", out);
	for (size_t i = 0; i < s->thread_cnt; i++) {
		fputs(i ? ",\n  " : "\n  ", out);
		put_thread(out, s, &s->threads[i], style);
	}
	fputs("]}", out);
}

void dump_json_end(FILE *out)
{
	fputs("\n]}\n", out);
}
