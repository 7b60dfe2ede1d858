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

static const struct profile_function *function_of(const struct profile *p, uint32_t function)
{
	return &p->functions[function <= p->function_cnt ? function : 0];
}

const char *view__file(const struct view *v, const struct profile *p, uint32_t function)
{
	const struct profile_function *f = function_of(p, function);

	return v->full_filenames || !*f->short_file ? f->file : f->short_file;
}

/* A code object may have an empty name; a frame without a text could not be seen. */
const char *view__name(const struct profile *p, uint32_t function)
{
	const char *name = function_of(p, function)->name;

	return *name ? name : "[unnamed]";
}

int32_t view__line(const struct view *v, const struct profile *p, uint32_t frame)
{
	const struct profile_frame *at = &p->frames[frame <= p->frame_cnt ? frame : 0];

	if (v->no_lines)
		return 0;
	return v->by_function ? p->functions[at->function].first_line : at->line;
}

char *view__frame_text(const struct view *v, const struct profile *p, uint32_t frame)
{
	uint32_t function = p->frames[frame <= p->frame_cnt ? frame : 0].function;
	const char *name = view__name(p, function), *file = view__file(v, p, function);
	int32_t line = view__line(v, p, frame);

	if (p->functions[function].origin == PROFILE_MARK || !*file)
		return xstrdup(name);
	if (!line)
		return xasprintf("%s (%s)", name, file);
	return xasprintf("%s (%s:%d)", name, file, line);
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
	const struct profile_function *f = function_of(p, function);

	if (f->origin == PROFILE_MARK || !*f->module)
		return xstrdup(view__name(p, function));
	return xasprintf("%s.%s", f->module, view__name(p, function));
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
