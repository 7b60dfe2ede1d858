/* SPDX-License-Identifier: MIT */
#include "user/resolve/aside.h"
#include "user/os/memory.h"
#include "user/os/untrusted.h"
#include "user/os/worker.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include <string.h>

/* ---- names of threads -------------------------------------------------------------------------------------- */

/* Both sides are one program: what is sent is laid out as it is here. */
struct names_request {
	struct aside_names q;
	struct py_build build;
	uint64_t idents[];
};

struct names_work {
	const struct names_request *r;
	struct buf *reply;
};

static int compare_idents(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool has_ident(const uint64_t *idents, size_t cnt, uint64_t ident)
{
	return bsearch(&ident, idents, cnt, sizeof(*idents), compare_idents) != NULL;
}

static bool is_wanted(void *ctx, uint64_t ident)
{
	const struct names_work *w = ctx;
	const struct aside_names *q = &w->r->q;

	if (q->all)
		return true;
	if (has_ident(w->r->idents, q->named_cnt, ident))
		return false;
	return q->strangers || has_ident(w->r->idents + q->named_cnt, q->ident_cnt - q->named_cnt, ident);
}

static void keep_name(void *ctx, const struct python_thread *t)
{
	struct buf *reply = ((struct names_work *)ctx)->reply;

	buf_put_varint(reply, t->ident);
	buf_put_varint(reply, t->native_id);
	buf_put_text(reply, t->name);
}

/* In the worker. The address of the dict comes first, but is known last. */
static int read_names(const void *arg, struct buf *reply)
{
	const struct names_request *r = arg;
	struct names_work w = {r, reply};
	uint64_t active = r->q.active;
	const struct thread_name_sink to = {.wanted = is_wanted, .found = keep_name, .ctx = &w, .active = &active};
	struct memory memory;

	buf_put(reply, &active, sizeof(active));
	memory_open(&memory, r->q.pid);
	memory_look(&memory);
	thread_names_read(&r->build, r->q.runtime_addr, memory_read, &memory, &to);
	memory_look_away(&memory);
	memory_close(&memory);
	memcpy(reply->data, &active, sizeof(active));
	return 0;
}

int aside_thread_names(struct aside_names *q, const struct py_build *build,
		       void (*found)(void *ctx, const struct python_thread *t), void *ctx)
{
	size_t len = sizeof(struct names_request) + q->ident_cnt * sizeof(*q->idents);
	__cleanup_free struct names_request *r = xcalloc(1, len);
	const struct worker_task t = {.pid = q->pid, .fn = read_names, .arg = r, .len = len};
	struct buf reply = {0};
	struct cursor c;
	int err;

	r->q = *q;
	r->build = *build;
	if (q->ident_cnt)
		memcpy(r->idents, q->idents, q->ident_cnt * sizeof(*q->idents));
	qsort(r->idents, q->named_cnt, sizeof(*q->idents), compare_idents);
	qsort(r->idents + q->named_cnt, q->ident_cnt - q->named_cnt, sizeof(*q->idents), compare_idents);
	err = worker_call(&t, &reply);
	c = cursor_of(reply.data, reply.len);
	if (!err)
		cursor_copy(&c, &q->active, sizeof(q->active));
	while (!err && cursor_left(&c)) {
		uint64_t ident = cursor_varint(&c), native_id = cursor_varint(&c);
		__cleanup_free char *name = cursor_text(&c);

		found(ctx, &(struct python_thread){ident, native_id, name});
	}
	buf_free(&reply);
	return err;
}

/* ---- source texts ------------------------------------------------------------------------------------------ */

#define SOURCES_MAX (1u << 20) /* bytes of an answer */

struct sources_request {
	pid_t pid;
	uint64_t runtime_addr;
	struct py_build build;
	size_t names_len;
	char names[];
};

/* What is in an answer of a file. */
enum { HAS_TEXT = 1, HAS_LABEL = 2, IS_FILE = 4 };

struct sources_work {
	const char **wanted; /* sorted */
	bool *found;         /* of each: something was */
	size_t cnt;
	struct buf *reply;
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char **find_wanted(const struct sources_work *w, const char *file)
{
	return bsearch(&file, w->wanted, w->cnt, sizeof(*w->wanted), compare_names);
}

static bool is_wanted_source(void *ctx, const char *file)
{
	const struct sources_work *w = ctx;

	return w->reply->len < SOURCES_MAX && find_wanted(w, file);
}

static void put_source(struct buf *reply, const struct held_source *s)
{
	buf_put_varint(reply, (s->text ? HAS_TEXT : 0) | (s->label ? HAS_LABEL : 0) | (s->is_file ? IS_FILE : 0));
	buf_put_text(reply, s->file);
	if (s->text)
		buf_put_text(reply, s->text);
	if (s->label)
		buf_put_text(reply, s->label);
}

static void keep_source(void *ctx, const struct held_source *s)
{
	struct sources_work *w = ctx;
	const char **at = find_wanted(w, s->file);

	if (at)
		w->found[at - w->wanted] = true;
	put_source(w->reply, s);
}

/* In the worker. What is a file is read as one, if anybody wants to see it. */
static void choose_sources(const struct sources_request *r, struct sources_work *w)
{
	const char *end = r->names + r->names_len;

	for (const char *name = r->names; name < end; name += strlen(name) + 1) {
		if (*name != '<' && *name != '/' && has_untrusted(r->pid, name))
			put_source(w->reply, &(struct held_source){.file = name, .is_file = true});
		else
			w->wanted[w->cnt++] = name;
	}
	qsort(w->wanted, w->cnt, sizeof(*w->wanted), compare_names);
}

/*
 * A whole path is looked up only if the process has a text of that name: nearly all are files, some of them where nothing
 * answers. Of the others it is said that there is nothing.
 */
static void tell_files(const struct sources_request *r, struct sources_work *w)
{
	for (size_t i = 0; i < w->cnt; i++)
		if (*w->wanted[i] == '/' && (!w->found[i] || has_untrusted(r->pid, w->wanted[i])))
			put_source(w->reply, &(struct held_source){.file = w->wanted[i], .is_file = w->found[i]});
}

static int read_sources(const void *arg, struct buf *reply)
{
	const struct sources_request *r = arg;
	struct sources_work w = {.wanted = xcalloc(r->names_len + 1, sizeof(*w.wanted)),
				 .found = xcalloc(r->names_len + 1, sizeof(*w.found)),
				 .reply = reply};
	const struct held_sink to = {is_wanted_source, keep_source, &w};
	struct memory memory;

	choose_sources(r, &w);
	if (w.cnt) {
		memory_open(&memory, r->pid);
		memory_look(&memory);
		held_sources_read(&r->build, r->runtime_addr, memory_read, &memory, &to);
		memory_look_away(&memory);
		memory_close(&memory);
	}
	tell_files(r, &w);
	free(w.wanted);
	free(w.found);
	return 0;
}

static void on_sources(const struct buf *reply, void (*found)(void *ctx, const struct held_source *s), void *ctx)
{
	struct cursor c = cursor_of(reply->data, reply->len);

	while (cursor_left(&c)) {
		uint64_t has = cursor_varint(&c);
		__cleanup_free char *file = cursor_text(&c);
		__cleanup_free char *text = has & HAS_TEXT ? cursor_text(&c) : NULL;
		__cleanup_free char *label = has & HAS_LABEL ? cursor_text(&c) : NULL;

		if (!c.bad)
			found(ctx, &(struct held_source){file, text, label, has & IS_FILE});
	}
}

int aside_sources(const struct aside_sources *q, const struct py_build *build,
		  void (*found)(void *ctx, const struct held_source *s), void *ctx)
{
	size_t len = sizeof(struct sources_request) + q->names_len;
	__cleanup_free struct sources_request *r = xcalloc(1, len + 1);
	const struct worker_task t = {.pid = q->pid, .fn = read_sources, .arg = r, .len = len};
	struct buf reply = {0};
	int err;

	r->pid = q->pid;
	r->runtime_addr = q->runtime_addr;
	r->build = *build;
	r->names_len = q->names_len;
	memcpy(r->names, q->names, q->names_len);
	err = worker_call(&t, &reply);
	if (!err)
		on_sources(&reply, found, ctx);
	buf_free(&reply);
	return err;
}

/* ---- code objects ------------------------------------------------------------------------------------------ */

struct code_request {
	struct aside_code q;
	struct abi_py_layout layout;
};

static int read_code(const void *arg, struct buf *reply)
{
	const struct code_request *request = arg;
	const struct aside_code *q = &request->q;
	struct code_object code;
	struct memory memory;
	struct code_reader r = {&request->layout, memory_read, &memory, q->table_max};
	int err;

	memory_open(&memory, q->pid);
	err = code_object_read(&r, q->code_addr, q->globals_addr, &code);
	memory_close(&memory);
	if (err)
		return err;
	buf_put_text(reply, code.name);
	buf_put_text(reply, code.file);
	buf_put_text(reply, code.module);
	buf_put_svarint(reply, code.first_line);
	buf_put_varint(reply, code.table != NULL);
	buf_put(reply, code.table, code.table ? code.table_len : 0);
	code_object_clear(&code);
	return 0;
}

static void on_code(struct cursor *c, struct code_object *out)
{
	bool has_table;

	out->name = cursor_text(c);
	out->file = cursor_text(c);
	out->module = cursor_text(c);
	out->first_line = (int32_t)cursor_svarint(c);
	has_table = cursor_varint(c);
	out->table_len = cursor_left(c);
	out->table = has_table ? xmalloc(out->table_len + 1) : NULL;
	if (has_table)
		cursor_copy(c, out->table, out->table_len);
}

int aside_code_object(const struct aside_code *q, const struct py_build *build, struct code_object *out)
{
	const struct code_request request = {*q, build->layout};
	const struct worker_task t = {.pid = q->pid, .fn = read_code, .arg = &request, .len = sizeof(request)};
	struct buf reply = {0};
	int err = worker_call(&t, &reply);
	struct cursor c = cursor_of(reply.data, reply.len);

	*out = (struct code_object){0};
	if (!err)
		on_code(&c, out);
	buf_free(&reply);
	return err;
}
