/* Puts an inspection together: the process, its interpreter, its threads and their stacks. */
#include "user/inspect/inspect.h"
#include "user/os/memory.h"
#include "user/os/procfs.h"
#include "user/inspect/threads.h"
#include "user/target/explain.h"
#include "user/util/alloc.h"
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
	err = threads_read(k->s, r, k->runtime_addr);
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
	free(s->threads);
	free(s->native);
	free(s->command);
	free(s->cgroup);
	container__put(s->container);
	free(s->executable);
	free(s->version);
	free(s);
}
