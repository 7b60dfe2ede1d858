/*
 * A source that was changed after the process had read it shows other lines than those that run. When it was read
 * is not known; not before the process started.
 */
#include "user/snapshot/sources.h"
#include "user/util/alloc.h"
#include "user/util/intern.h"
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static bool is_newer(const struct snapshot *s, const char *file)
{
	__cleanup_free char *path = xasprintf("/proc/%d/root%s", s->pid, file);
	struct timespec boot, now;
	struct stat st;
	int64_t started;

	if (file[0] != '/' || stat(path, &st) || clock_gettime(CLOCK_BOOTTIME, &boot) ||
	    clock_gettime(CLOCK_REALTIME, &now))
		return false;
	started = now.tv_sec - boot.tv_sec + (int64_t)(s->start_ns / 1000000000);
	return st.st_mtime > started + 1; /* the process's start is known to 10 ms, the sum to a second */
}

static void note_changed(struct snapshot *s, struct intern *seen, const char *file)
{
	uint32_t before = intern__count(seen);

	if (intern__id(seen, file, strlen(file)) <= before || !is_newer(s, file))
		return;
	xgrow(s->changed, s->changed_cnt, s->changed_cap);
	s->changed[s->changed_cnt++] = xstrdup(file);
}

void sources_find_changed(struct snapshot *s)
{
	struct intern *seen = intern__new();

	for (size_t i = 0; i < s->thread_cnt; i++)
		for (size_t f = 0; f < s->threads[i].frame_cnt; f++)
			note_changed(s, seen, s->threads[i].frames[f].file);
	intern__free(seen);
}
