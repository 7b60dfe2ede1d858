/* SPDX-License-Identifier: MIT */
/*
 * kubelet pkg/kubelet/kuberuntime/{helpers,legacy}.go. Names of Kubernetes have no underscore, so they part well. A link's name is
 * cut at 255 bytes and has lost the id then; directories of pods have all of it.
 */
#include "user/target/kubelet_logs.h"
#include "user/os/untrusted.h"
#include "user/util/alloc.h"
#include "user/util/text.h"
#include <dirent.h>
#include <string.h>

static bool keep(char out[CONTAINER_WORD], const char *from, const char *end)
{
	__cleanup_free char *clean = end > from ? text_clean(from, (size_t)(end - from), 0) : NULL;

	if (clean)
		snprintf(out, CONTAINER_WORD, "%s", clean);
	return clean;
}

static bool keep_both(const char *first, char a[CONTAINER_WORD], char b[CONTAINER_WORD], const char **rest)
{
	const char *second = strchr(first, '_'), *third = second ? strchr(second + 1, '_') : NULL;

	*rest = third ? third + 1 : NULL;
	return third && keep(a, first, second) && keep(b, second + 1, third);
}

bool kubelet_logs_parse_file(const char *name, const char *id, struct container_names *out)
{
	__cleanup_free char *suffix = xasprintf("-%s.log", id);
	size_t len = strlen(name), behind = strlen(suffix);
	struct container_names found = *out;
	const char *rest;

	if (len <= behind || strcmp(name + len - behind, suffix) ||
	    !keep_both(name, found.pod, found.namespace, &rest) || !keep(found.name, rest, name + len - behind))
		return false;
	*out = found;
	return true;
}

bool kubelet_logs_parse_pod(const char *name, const char *uid, struct container_names *out)
{
	struct container_names found = *out;
	const char *rest;

	if (!keep_both(name, found.namespace, found.pod, &rest) || strcmp(rest, uid))
		return false;
	*out = found;
	return true;
}

static DIR *open_dir(const struct container_query *q, const char *path)
{
	__cleanup_free char *whole = xasprintf("%s%s", q->root, path);
	int fd = open_untrusted_dir(q->root_pid, whole);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !dir)
		close(fd);
	return dir;
}

static bool find_file(const struct container_query *q, struct container_names *out)
{
	DIR *dir = open_dir(q, "/var/log/containers");
	struct dirent *e;
	bool found = false;

	while (dir && !found && (e = readdir(dir)))
		found = kubelet_logs_parse_file(e->d_name, q->id, out);
	if (dir)
		closedir(dir);
	return found;
}

/* Below a pod's a directory for each container: of one alone it is clear whose it is. */
static void find_only(const struct container_query *q, const char *pod_dir, char out[CONTAINER_WORD])
{
	__cleanup_free char *path = xasprintf("/var/log/pods/%s", pod_dir);
	DIR *dir = open_dir(q, path);
	struct dirent *e;
	size_t cnt = 0;

	while (dir && (e = readdir(dir)))
		if (*e->d_name != '.' && !cnt++)
			keep(out, e->d_name, e->d_name + strlen(e->d_name));
	if (dir)
		closedir(dir);
	if (cnt > 1)
		*out = 0;
}

static void find_pod(const struct container_query *q, struct container_names *out)
{
	DIR *dir = *q->pod_id ? open_dir(q, "/var/log/pods") : NULL;
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		if (!kubelet_logs_parse_pod(e->d_name, q->pod_id, out))
			continue;
		if (!*out->name)
			find_only(q, e->d_name, out->name);
		break;
	}
	if (dir)
		closedir(dir);
}

void kubelet_logs_names(const struct container_query *q, struct container_names *out)
{
	if (!find_file(q, out))
		find_pod(q, out);
}
