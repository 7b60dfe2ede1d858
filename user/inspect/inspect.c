/* SPDX-License-Identifier: MIT */
/* Puts an inspection together: the process, its interpreter, its threads and their stacks. */
#include "user/inspect/inspect.h"
#include "user/os/memory.h"
#include "user/os/procfs.h"
#include "user/os/untrusted.h"
#include "user/inspect/loops.h"
#include "user/inspect/sources.h"
#include "user/inspect/threads.h"
#include "user/profile/module_name.h"
#include "user/python/held_sources.h"
#include "user/target/explain.h"
#include "user/util/alloc.h"
#include "user/util/intern.h"
#include "user/util/log.h"
#include "user/util/text.h"
#include <errno.h>
#include <string.h>

#define LOCAL_TEXT_STEP 128 /* bytes of a local's text per -l, as in py-spy */

struct inspector {
	struct inspection *s;
	const struct interpreter *interp;
	uint64_t runtime_addr;
	struct memory memory;
	struct stack_reader reader;
	const struct inspect_options *options;
};

/* ---- refusals ---------------------------------------------------------------------------------------- */

static int not_permitted(pid_t pid)
{
	struct explanation why;

	explain_no_access(&why);
	log_error("not permitted to read the memory of process %d: %s%s%s", pid, why.what, *why.remedy ? ": " : "",
		  why.remedy);
	explanation_clear(&why);
	return -EPERM;
}

static void no_python(pid_t pid, int err)
{
	struct explanation why;

	if (explain_no_python(pid, &why) && err == -ESRCH && *why.remedy) /* it lives, and there was an interpreter */
		log_error("process %d became another program while it was looked at: try again", pid);
	else
		explain_complain(LOG_ERROR, pid, 0);
	explanation_clear(&why);
}

static int refuse(pid_t pid, int err, bool quiet)
{
	if (err == -EPERM || err == -EACCES)
		return not_permitted(pid);
	if ((err == -ESRCH || err == -ENOENT) && !quiet)
		no_python(pid, err);
	return err;
}

/* ---- the process ------------------------------------------------------------------------------------- */

static char *clean(char *text)
{
	char *out = text_clean(text ? text : "", text ? strlen(text) : 0, 0);

	free(text);
	return out;
}

static void find_place(struct inspection *s)
{
	struct containers *all = containers__new("");
	char *path = NULL;

	s->container = container__hold(containers__of_process(all, 0, s->pid, &path));
	s->cgroup = clean(path);
	containers__free(all);
}

static int describe(struct inspector *k)
{
	struct inspection *s = k->s;

	if (procfs_stat(s->pid, &s->start_ns, &s->ppid))
		return -ESRCH;
	s->command = clean(procfs_command(s->pid));
	find_place(s);
	s->executable = clean(procfs_program_path(s->pid));
	return 0;
}

static int identify(struct inspector *k, struct interpreters *known)
{
	int err = interpreters__discover(known, k->s->pid, &k->interp, &k->runtime_addr);

	if (err)
		return err;
	k->s->version = xstrdup(k->interp->build.version);
	if (k->interp->build.supported)
		return 0;
	log_error("process %d runs Python %s, which cannot be read: %s", k->s->pid,
		  *k->interp->build.version ? k->interp->build.version : "(version unknown)", k->interp->build.why_not);
	return -ENODATA;
}

/* After an exec, or with the pid given to another process, the result would be a mixture. */
static bool is_still_the_same(const struct inspector *k, struct interpreters *known)
{
	const struct interpreter *interp;
	uint64_t runtime_addr, start_ns;

	return !procfs_stat(k->s->pid, &start_ns, NULL) && start_ns == k->s->start_ns &&
	       !interpreters__discover(known, k->s->pid, &interp, &runtime_addr) && interp == k->interp &&
	       runtime_addr == k->runtime_addr;
}

/* ---- cells of notebooks ------------------------------------------------------------------------------ */

struct files {
	struct inspection *s;
	struct intern *lacking; /* those that are on no disk */
};

static bool is_lacking(void *ctx, const char *file)
{
	const struct files *f = ctx;

	return intern__find(f->lacking, file, strlen(file));
}

static void name_frames(struct inspect_frame *frames, size_t cnt, const struct held_source *found)
{
	for (size_t i = 0; i < cnt; i++) {
		if (strcmp(frames[i].file, found->file) != 0)
			continue;
		free(frames[i].short_file);
		frames[i].short_file = xstrdup(found->label);
	}
}

static void name_file(void *ctx, const struct held_source *found)
{
	struct inspection *s = ((struct files *)ctx)->s;

	for (size_t i = 0; found->label && i < s->thread_cnt; i++)
		name_frames(s->threads[i].frames, s->threads[i].frame_cnt, found);
	for (size_t i = 0; found->label && i < s->task_cnt; i++)
		name_frames(s->tasks[i].frames, s->tasks[i].frame_cnt, found);
}

/* Code of a file that is none may have a name that people know. */
static void name_cells(struct inspector *k)
{
	struct files f = {k->s, intern__new()};
	const struct held_sink to = {is_lacking, name_file, &f};
	struct buf names = {0};

	sources_list(k->s, &names);
	for (const char *name = names.data; name < names.data + names.len; name += strlen(name) + 1)
		if (module_name_is_cell(name) && !has_untrusted(k->s->pid, name))
			intern__id(f.lacking, name, strlen(name));
	if (intern__count(f.lacking)) {
		memory_look(&k->memory);
		held_sources_read(&k->interp->build, k->runtime_addr, memory_read, &k->memory, &to);
		memory_look_away(&k->memory);
	}
	buf_free(&names);
	intern__free(f.lacking);
}

/* ---- all of it --------------------------------------------------------------------------------------- */

static int take(struct inspector *k, struct interpreters *known)
{
	struct stack_reader *r = &k->reader;
	int err = describe(k);

	if (!err)
		err = identify(k, known);
	if (err)
		return err;
	r->pid = k->s->pid;
	r->build = &k->interp->build;
	r->options = k->options;
	r->memory = &k->memory;
	r->locals = (struct py_locals_reader){r->build, memory_read, &k->memory,
					      (size_t)k->options->locals * LOCAL_TEXT_STEP};
	r->walker = walker__new(r->build, k->runtime_addr, memory_read, &k->memory);
	if (k->options->native)
		r->natives = process_natives__new(k->s->pid, k->interp);
	if (r->natives)
		walker__note_runs(r->walker);
	err = threads_read(k->s, r, k->runtime_addr);
	if (!err)
		name_cells(k);
	if (!err && r->natives)
		process_natives__merge(r->natives, k->s, k->options->native_all);
	process_natives__free(r->natives);
	walker__free(r->walker);
	whole_paths__clear(&r->paths);
	if (err)
		return err;
	return is_still_the_same(k, known) ? 0 : -ESRCH;
}

int inspect_process(struct interpreters *known, pid_t pid, const struct inspect_options *o, struct inspection **out)
{
	struct inspector k = {.s = xcalloc(1, sizeof(*k.s)), .options = o};
	int err;

	k.s->pid = pid;
	memory_open(&k.memory, pid);
	err = take(&k, known);
	memory_close(&k.memory);
	if (err) {
		inspection__free(k.s);
		k.s = NULL;
		if (err != -ENODATA)
			err = refuse(pid, err, o->may_lack_python);
	}
	*out = k.s;
	return err;
}

void inspection__free(struct inspection *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->thread_cnt; i++)
		stack_free(&s->threads[i]);
	loops_free(s);
	free(s->threads);
	for (size_t i = 0; i < s->other_cnt; i++)
		stack_free(&s->others[i]);
	free(s->others);
	free(s->command);
	free(s->cgroup);
	container__put(s->container);
	free(s->executable);
	free(s->version);
	free(s);
}
