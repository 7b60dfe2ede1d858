/* SPDX-License-Identifier: MIT */
/* People copy pids from inside containers, give a name, or the last part of a cgroup's path. */
#include "user/target/suggest.h"
#include "user/os/cgroup.h"
#include "user/os/container.h"
#include "user/os/procfs.h"
#include "user/target/pythons.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/columns.h"
#include "user/util/log.h"
#include "user/util/nearest.h"
#include "user/util/text.h"
#include <string.h>
#include <strings.h>

#define MOST            5 /* processes in a message */
#define COMMAND_COLUMNS 60

char *suggest_for_pid(pid_t pid)
{
	pid_t outside = container_find_pid(pid);
	__cleanup_free char *command = outside ? procfs_command(outside) : NULL;

	return outside ? xasprintf("%d is the number that process %d (%s) has inside its container: give %d", pid,
				   outside, command ? command : "?", outside)
		       : NULL;
}

char *suggest_for_name(const char *name)
{
	size_t told = 0, more = 0;
	struct buf out = {0};
	struct pythons all;

	pythons__find(&all);
	for (size_t i = 0; i < all.cnt; i++) {
		__cleanup_free char *command = NULL;

		if (!strcasestr(all.items[i].command, name))
			continue;
		if (told == MOST) {
			more++;
			continue;
		}
		command = columns_at_most(all.items[i].command, COMMAND_COLUMNS, COLUMNS_KEEP_START);
		if (!told)
			buf_printf(&out, "Python processes with \"%s\" in their command line: ", name);
		buf_printf(&out, "%s%d (%s)", told++ ? ", " : "", all.items[i].pid, command);
	}
	pythons__free(&all);
	if (!told)
		buf_printf(&out, "No Python process has \"%s\" in its command line", name);
	if (more)
		buf_printf(&out, " and %zu more", more);
	return buf_steal_text(&out);
}

void suggest_log_no_process(pid_t pid)
{
	__cleanup_free char *hint = suggest_for_pid(pid);

	log_error("no process %d (it may have ended; pids are those of this host's view)%s%s", pid, hint ? ". " : "",
		  hint ? hint : "");
}

struct search {
	const char *word; /* the last part of the path that was given */
	char *found;      /* NULL none */
	size_t distance;
};

static void compare(void *ctx, const char *path)
{
	struct search *s = ctx;
	const char *name = basename(path);
	size_t distance = nearest_distance(s->word, name), len = strlen(s->word);

	if (len >= 3 && distance > 1 && strcasestr(name, s->word))
		distance = 1;
	if (distance > 1 + len / 4 || (s->found && distance >= s->distance))
		return;
	free(s->found);
	s->found = text_clean(path, strlen(path), 0);
	s->distance = distance;
}

char *suggest_for_cgroup(const char *path)
{
	__cleanup_free char *given = xstrdup(path), *found = NULL;
	struct search s = {0};

	for (size_t len = strlen(given); len > 1 && given[len - 1] == '/'; len--)
		given[len - 1] = 0;
	s.word = basename(given);
	if (*s.word)
		cgroup_each(compare, &s);
	found = s.found;
	return found ? xasprintf("Near it: %s", found) : NULL;
}
