/*
 * What frames, functions, threads and processes are called, and what a view counts. Every output
 * takes its words from here, so a name can be searched for in all of them alike.
 */
#include "user/profile/view.h"
#include "user/util/alloc.h"

uint32_t view__frame(const struct view *v, const struct profile *p, uint32_t frame)
{
	uint32_t first = 0;

	if ((v->by_function || v->no_lines) && frame <= p->frame_cnt)
		first = profile__first_frame(p, p->frames[frame].function);
	return first ? first : frame;
}

static const char *file_of(const struct view *v, const struct profile_function *f)
{
	return v->full_filenames || !*f->short_file ? f->file : f->short_file;
}

/* A code object may have an empty name; a frame without a text could not be seen. */
static const char *name_of(const struct profile_function *f)
{
	return *f->name ? f->name : "[unnamed]";
}

char *view__frame_text(const struct view *v, const struct profile *p, uint32_t frame)
{
	const struct profile_frame *at = &p->frames[frame <= p->frame_cnt ? frame : 0];
	const struct profile_function *f = &p->functions[at->function];
	int32_t line = v->no_lines ? 0 : v->by_function ? f->first_line : at->line;
	const char *file = file_of(v, f);

	if (f->origin == PROFILE_MARK || !*file)
		return xstrdup(name_of(f));
	if (!line)
		return xasprintf("%s (%s)", name_of(f), file);
	return xasprintf("%s (%s:%d)", name_of(f), file, line);
}

char *view__process_text(const struct profile *p, uint32_t process)
{
	const struct profile_process *q = &p->processes[process <= p->process_cnt ? process : 0];

	return xasprintf("process %u:\"%s\"", q->pid, q->command);
}

char *view__thread_text(const struct profile *p, uint32_t thread)
{
	const struct profile_thread *t = &p->threads[thread <= p->thread_cnt ? thread : 0];

	if (!*t->name)
		return xasprintf("thread (%u)", t->tid);
	return xasprintf("thread (%u): %s", t->tid, t->name);
}

char *view__function_text(const struct profile *p, uint32_t function)
{
	const struct profile_function *f =
		&p->functions[function <= p->function_cnt ? function : 0];

	if (f->origin == PROFILE_MARK || !*f->module)
		return xstrdup(name_of(f));
	return xasprintf("%s.%s", f->module, name_of(f));
}

uint64_t view__samples(const struct view *v, const struct profile_bucket *b)
{
	return v->gil_only ? b->gil_samples : b->samples;
}

uint64_t view__value_ns(const struct view *v, const struct profile_bucket *b)
{
	return v->gil_only ? b->gil_value_ns : b->value_ns;
}

bool view__process_roots(const struct view *v, const struct profile *p)
{
	uint32_t only = 0;

	for (size_t i = 0; i < p->bucket_cnt; i++) {
		uint32_t process = p->threads[p->buckets[i].thread].process;

		if (!view__samples(v, &p->buckets[i]))
			continue;
		if (only && only != process)
			return true;
		only = process;
	}
	return false;
}
