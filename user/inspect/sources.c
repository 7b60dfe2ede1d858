/* SPDX-License-Identifier: MIT */
#include "user/inspect/sources.h"
#include "user/os/procfs.h"
#include "user/os/source_file.h"
#include "user/util/clock.h"
#include "user/util/intern.h"
#include <stdlib.h>
#include <string.h>

static void list(const struct inspect_frame *frames, size_t cnt, struct intern *seen, struct buf *names)
{
	for (size_t i = 0; i < cnt; i++) {
		const char *file = frames[i].file;
		uint32_t before = intern__count(seen);

		if (intern__id(seen, file, strlen(file)) > before)
			buf_put(names, file, strlen(file) + 1);
	}
}

void sources_list(const struct inspection *s, struct buf *names)
{
	struct intern *seen = intern__new();

	for (size_t i = 0; i < s->thread_cnt; i++)
		list(s->threads[i].frames, s->threads[i].frame_cnt, seen, names);
	for (size_t i = 0; i < s->task_cnt; i++)
		list(s->tasks[i].frames, s->tasks[i].frame_cnt, seen, names);
	intern__free(seen);
}

void sources_find_changed(pid_t pid, const char *names, size_t len, struct buf *changed)
{
	uint64_t boot = clock_boot_unix_ns(), start, code_start = procfs_code_start(pid);
	struct source_location where = {.pid = pid};

	if (procfs_stat(pid, &start, NULL) || !code_start)
		return;
	where.start_unix_ns = start + boot;
	for (const char *name = names; name < names + len; name += strlen(name) + 1) {
		struct source_file found;

		if (source_file__read(&where, name, &found))
			continue;
		if (source_file__is_newer(&found, code_start + boot))
			buf_put(changed, name, strlen(name) + 1);
		free(found.text);
	}
}
