/* People copy pids from inside containers, mistype a digit, or give a name; each has its own
 * answer. */
#include "user/target/lookalikes.h"
#include "user/os/cgroup.h"
#include "user/os/container.h"
#include "user/os/procfs.h"
#include "user/target/pythons.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/log.h"
#include "user/util/nearest.h"
#include "user/util/text.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MOST 5 /* suggestions in a message */

/* Only those whose number is one mistake away. */
static void keep_near(struct pythons *all, pid_t pid)
{
	char wanted[16], have[16];
	size_t kept = 0;

	snprintf(wanted, sizeof(wanted), "%d", pid);
	for (size_t i = 0; i < all->cnt; i++) {
		snprintf(have, sizeof(have), "%d", all->items[i].pid);
		if (nearest_distance(wanted, have) == 1) {
			all->items[kept++] = all->items[i];
			continue;
		}
		free(all->items[i].command);
	}
	all->cnt = kept;
}

static char *python_text(pid_t near)
{
	__cleanup_free char *text = NULL;
	struct pythons all;

	pythons__find(&all);
	if (near)
		keep_near(&all, near);
	text = pythons__text(&all, "", MOST);
	pythons__free(&all);
	return *text ? xasprintf(near ? "Near it: %s" : "Python runs in %s", text) : xstrdup("");
}

char *lookalikes_of_pid(pid_t pid)
{
	pid_t outside = container_find_pid(pid);
	char *near;

	if (outside) {
		__cleanup_free char *command = procfs_command(outside);

		return xasprintf(
			"%d is the number that process %d (%s) has inside its container: give %d",
			pid, outside, command ? command : "?", outside);
	}
	near = python_text(pid);
	if (*near)
		return near;
	free(near);
	return python_text(0);
}

char *lookalikes_of_name(const char *name)
{
	__cleanup_free char *text = NULL;
	struct pythons all;

	pythons__find(&all);
	text = pythons__text(&all, name, MOST);
	pythons__free(&all);
	return *text ? xasprintf("Python processes with \"%s\" in their command line: %s", name,
				 text)
		     : xasprintf("No Python process has \"%s\" in its command line", name);
}

void lookalikes_complain(pid_t pid)
{
	__cleanup_free char *near = lookalikes_of_pid(pid);

	log_error("no process %d (it may have ended; pids are those of this host's view)%s%s", pid,
		  *near ? ". " : "", near);
}

struct search {
	const char *word; /* the last part of the path that was given */
	char *found[MOST];
	size_t distance[MOST], cnt;
};

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Keeps the nearest, in order. */
static void offer(struct search *s, const char *path, size_t distance)
{
	size_t at = s->cnt;

	while (at > 0 && s->distance[at - 1] > distance)
		at--;
	if (at == MOST)
		return;
	if (s->cnt == MOST)
		free(s->found[--s->cnt]);
	for (size_t i = s->cnt; i > at; i--) {
		s->found[i] = s->found[i - 1];
		s->distance[i] = s->distance[i - 1];
	}
	s->found[at] = text_clean(path, strlen(path), 0);
	s->distance[at] = distance;
	s->cnt++;
}

static void compare(void *ctx, const char *path)
{
	struct search *s = ctx;
	const char *name = last_part(path);
	size_t distance = nearest_distance(s->word, name), len = strlen(s->word);

	if (!strcasecmp(name, s->word))
		distance = 0;
	else if (len >= 3 && strcasestr(name, s->word))
		distance = 1;
	if (distance <= 1 + len / 4)
		offer(s, path, distance);
}

char *lookalikes_of_cgroup(const char *path)
{
	__cleanup_free char *given = xstrdup(path);
	struct buf out = {0};
	struct search s = {0};

	for (size_t len = strlen(given); len > 1 && given[len - 1] == '/'; len--)
		given[len - 1] = 0;
	s.word = last_part(given);
	if (*s.word)
		cgroup_each(compare, &s);
	for (size_t i = 0; i < s.cnt; i++) {
		buf_printf(&out, "%s%s", i ? ", " : "Near it: ", s.found[i]);
		free(s.found[i]);
	}
	return buf_steal_text(&out);
}
