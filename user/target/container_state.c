/* SPDX-License-Identifier: MIT */
/*
 * The files: moby container/container.go (config.v2.json), containers/storage containers.go (containers.json),
 * opencontainers/runtime-spec config.md (config.json: annotations), containerd pkg/cri/annotations and
 * core/runtime/v2, cri-o internal/annotations, nerdctl pkg/labels; conmon src/cli.c and containerd
 * cmd/containerd-shim-runc-v2 (command lines); systemd src/machine/machine.c. All of it is read aside: a user's files may
 * lie where nothing answers.
 */
#include "user/target/container_state.h"
#include "user/os/procfs.h"
#include "user/os/untrusted.h"
#include "user/os/worker.h"
#include "user/target/kubelet_logs.h"
#include "user/util/alloc.h"
#include "user/util/json_get.h"
#include "user/util/text.h"
#include <pwd.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FILE_MAX      (16u << 20) /* bytes; thousands of containers in one */
#define ANCESTORS_MAX 64

#define FIELD(member) offsetof(struct container_names, member)

static const struct {
	const char *key;
	size_t at;
} annotations[] = {
	{"io.kubernetes.cri.container-name", FIELD(name)},
	{"io.kubernetes.container.name", FIELD(name)},
	{"nerdctl/name", FIELD(name)},
	{"io.kubernetes.cri.sandbox-name", FIELD(pod)},
	{"io.kubernetes.pod.name", FIELD(pod)},
	{"io.kubernetes.cri.sandbox-namespace", FIELD(namespace)},
	{"io.kubernetes.pod.namespace", FIELD(namespace)},
	{"io.kubernetes.cri.container-type", FIELD(type)},
	{"io.kubernetes.cri-o.ContainerType", FIELD(type)},
	{"com.docker.compose.project", FIELD(compose_project)},
	{"com.docker.compose.service", FIELD(compose_service)},
	{"com.docker.stack.namespace", FIELD(compose_project)},
	{"com.docker.swarm.service.name", FIELD(compose_service)},
};

static const char *const containerd_dirs[] = {"/run/containerd", "/run/k3s/containerd", "/run/k0s/containerd",
					      "/var/snap/microk8s/common/run/containerd"};
static const char *const containerd_namespaces[] = {"k8s.io", "default", "moby"};
static const char *const storage_drivers[] = {"overlay", "vfs", "btrfs", "zfs"};

/* ---- texts and JSON ----------------------------------------------------------------------------------- */

static void keep(char out[CONTAINER_WORD], const char *bytes, size_t len)
{
	__cleanup_free char *clean = text_clean(bytes, len < CONTAINER_WORD ? len : CONTAINER_WORD - 1, 0);

	snprintf(out, CONTAINER_WORD, "%s", clean);
}

/* A member that is no text is none of ours. */
static const char *text_of(struct json_get *j, size_t *len)
{
	if (json_get_kind(j) == JSON_STRING)
		return json_get_text(j, len);
	json_skip(j);
	return NULL;
}

static void read_text(struct json_get *j, char out[CONTAINER_WORD])
{
	size_t len;
	const char *text = text_of(j, &len);

	if (text)
		keep(out, text, len);
}

static bool enter_map(struct json_get *j)
{
	if (json_get_kind(j) != JSON_MAP) {
		json_skip(j);
		return false;
	}
	json_get_map(j);
	return true;
}

static void read_annotations(struct json_get *j, struct container_names *out)
{
	if (!enter_map(j))
		return;
	while (json_get_key(j)) {
		size_t i = 0;

		while (i < ARRAY_SIZE(annotations) && !json_is(j, annotations[i].key))
			i++;
		if (i < ARRAY_SIZE(annotations))
			read_text(j, (char *)out + annotations[i].at);
		else
			json_skip(j);
	}
}

typedef void (*read_fn)(struct json_get *j, const struct container_query *q, struct container_names *out);

/* False when there is no such file. What is damaged was read up to there. */
static bool read_json(const struct container_query *q, const char *path, read_fn fn, struct container_names *out)
{
	__cleanup_free char *whole = xasprintf("%s%s", q->root, path);
	__cleanup_close int fd = open_untrusted(q->root_pid, whole, FILE_MAX);
	__cleanup_free struct json_get *j = NULL;

	if (fd < 0)
		return false;
	j = xmalloc(sizeof(*j));
	json_get__open(j, fd);
	fn(j, q, out);
	return true;
}

/* ---- files -------------------------------------------------------------------------------------------- */

/* The configuration of the OCI: a bundle's config.json. */
static void read_bundle(struct json_get *j, const struct container_query *q, struct container_names *out)
{
	(void)q;
	if (!enter_map(j))
		return;
	while (json_get_key(j)) {
		if (json_is(j, "annotations"))
			read_annotations(j, out);
		else
			json_skip(j);
	}
}

static void read_docker_config(struct json_get *j, struct container_names *out)
{
	if (!enter_map(j))
		return;
	while (json_get_key(j)) {
		if (json_is(j, "Labels"))
			read_annotations(j, out);
		else
			json_skip(j);
	}
}

/* The labels of Kubernetes are better than the name that was made of them: "k8s_app_web_default_…". */
static void read_docker(struct json_get *j, const struct container_query *q, struct container_names *out)
{
	char name[CONTAINER_WORD] = "";

	(void)q;
	if (!enter_map(j))
		return;
	while (json_get_key(j)) {
		if (json_is(j, "Name"))
			read_text(j, name);
		else if (json_is(j, "Config"))
			read_docker_config(j, out);
		else
			json_skip(j);
	}
	if (!*out->name)
		strcpy(out->name, name + (*name == '/'));
}

static void read_first(struct json_get *j, char out[CONTAINER_WORD])
{
	for (json_get_list(j); json_get_element(j);) {
		if (*out)
			json_skip(j);
		else
			read_text(j, out);
	}
}

/* One of containers.json. */
static void read_stored_one(struct json_get *j, const struct container_query *q, struct container_names *out)
{
	char name[CONTAINER_WORD] = "";
	bool ours = false;

	if (!enter_map(j))
		return;
	while (json_get_key(j)) {
		size_t len = 0;
		const char *id;

		if (json_is(j, "id")) {
			id = text_of(j, &len);
			ours = id && !strcmp(id, q->id);
		} else if (json_is(j, "names") && json_get_kind(j) == JSON_LIST) {
			read_first(j, name);
		} else {
			json_skip(j);
		}
	}
	if (ours)
		strcpy(out->name, name);
}

static void read_stored(struct json_get *j, const struct container_query *q, struct container_names *out)
{
	if (json_get_kind(j) != JSON_LIST)
		return;
	for (json_get_list(j); json_get_element(j);)
		read_stored_one(j, q, out);
}

/* Where docker keeps its files when it was told to do so elsewhere. */
static void read_daemon(struct json_get *j, const struct container_query *q, struct container_names *out)
{
	(void)q;
	if (!enter_map(j))
		return;
	while (json_get_key(j)) {
		if (json_is(j, "data-root"))
			read_text(j, out->name);
		else
			json_skip(j);
	}
}

/* ---- whose ---------------------------------------------------------------------------------------------- */

/* By /etc/passwd alone: who asks further may wait. NULL: none. Caller frees. */
static char *home_of(const struct container_query *q)
{
	__cleanup_free char *path = xasprintf("%s/etc/passwd", q->root);
	int fd = open_untrusted(q->root_pid, path, FILE_MAX);
	__cleanup_file FILE *f = fd < 0 ? NULL : fdopen(fd, "re");
	struct passwd *pw;

	while (f && (pw = fgetpwent(f)))
		if (pw->pw_uid == q->owner)
			return xstrdup(pw->pw_dir);
	return NULL;
}

/* The directory of an engine's: root's, or a user's own below their home. NULL: none. Caller frees. */
static char *data_of(const struct container_query *q, const char *of_root, const char *of_user)
{
	__cleanup_free char *home = q->owner ? home_of(q) : NULL;

	if (!q->owner)
		return xstrdup(of_root);
	return home ? xasprintf("%s%s", home, of_user) : NULL;
}

/* What the engine's process that watches the container was told on its command line. */
struct watcher {
	char name[CONTAINER_WORD], namespace[CONTAINER_WORD];
	char bundle[512];
};

static void read_option(const char *option, const char *value, struct watcher *out)
{
	if (!strcmp(option, "-n") || !strcmp(option, "--name"))
		keep(out->name, value, strlen(value));
	else if (!strcmp(option, "-namespace"))
		keep(out->namespace, value, strlen(value));
	else if (!strcmp(option, "-b") || !strcmp(option, "--bundle"))
		snprintf(out->bundle, sizeof(out->bundle), "%s", value);
}

/* Neither names nor paths of theirs have blanks. A shim watches all of a pod, conmon one container. */
static bool read_watcher(const struct container_query *q, char *command, struct watcher *out)
{
	char *save = NULL, *program = strtok_r(command, " ", &save), *option = NULL;
	bool is_shim, is_ours;

	program = program ? basename(program) : "";
	is_shim = is_ours = !strncmp(program, "containerd-shim", strlen("containerd-shim"));
	if (!is_shim && strcmp(program, "conmon"))
		return false;
	for (char *word; (word = strtok_r(NULL, " ", &save)); option = word) {
		is_ours |= !strcmp(word, q->id);
		if (option)
			read_option(option, word, out);
	}
	return is_ours;
}

/* As seen from a cgroup namespace. */
static bool is_relative(const char *path)
{
	return !strncmp(path, "/..", 3);
}

/* A process of the container itself may call itself what it likes. */
static bool is_outside(const struct container_query *q, pid_t pid)
{
	__cleanup_free char *group = procfs_cgroup(pid);
	size_t len = strlen(q->path);

	if (is_relative(group) != is_relative(q->path))
		return false; /* they do not compare */
	return *group && len && (strncmp(group, q->path, len) || (group[len] && group[len] != '/'));
}

static bool find_watcher(const struct container_query *q, struct watcher *out)
{
	pid_t pid = q->pid;

	*out = (struct watcher){0};
	for (int i = 0; pid > 1 && i < ANCESTORS_MAX && !procfs_stat(pid, NULL, &pid); i++) {
		__cleanup_free char *command = NULL;

		if (pid <= 1 || !is_outside(q, pid))
			continue;
		if (procfs_user(pid) != q->owner)
			return false;
		command = procfs_command(pid);
		if (command && read_watcher(q, command, out))
			return true;
	}
	return false;
}

/* ---- engines ---------------------------------------------------------------------------------------------- */

static bool docker_at(const struct container_query *q, const char *data, struct container_names *out)
{
	__cleanup_free char *path = xasprintf("%s/containers/%s/config.v2.json", data, q->id);

	return read_json(q, path, read_docker, out);
}

static bool docker_names(const struct container_query *q, struct container_names *out)
{
	__cleanup_free char *data = data_of(q, "/var/lib/docker", "/.local/share/docker");
	struct container_names elsewhere = {0};

	if (!data || docker_at(q, data, out))
		return data;
	return !q->owner && read_json(q, "/etc/docker/daemon.json", read_daemon, &elsewhere) && *elsewhere.name &&
	       docker_at(q, elsewhere.name, out);
}

static bool containerd_at(const struct container_query *q, const char *namespace, struct container_names *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(containerd_dirs); i++) {
		__cleanup_free char *path = xasprintf("%s/io.containerd.runtime.v2.task/%s/%s/config.json",
						      containerd_dirs[i], namespace, q->id);

		if (read_json(q, path, read_bundle, out))
			return true;
	}
	return false;
}

static bool containerd_names(const struct container_query *q, struct container_names *out)
{
	struct watcher w;

	if (q->owner)
		return false; /* in a mount namespace of that user's */
	for (size_t i = 0; i < ARRAY_SIZE(containerd_namespaces); i++)
		if (containerd_at(q, containerd_namespaces[i], out))
			return true;
	return find_watcher(q, &w) && *w.namespace && !strchr(w.namespace, '/') && containerd_at(q, w.namespace, out);
}

/* Of podman and CRI-O, both of which store with containers/storage and are watched by conmon. */
static bool stored_at(const struct container_query *q, const char *storage, struct container_names *out)
{
	bool found = false;

	for (size_t i = 0; i < ARRAY_SIZE(storage_drivers) && !found; i++) {
		__cleanup_free char *dir = xasprintf("%s/%s-containers", storage, storage_drivers[i]);
		__cleanup_free char *list = xasprintf("%s/containers.json", dir);
		__cleanup_free char *lasting = xasprintf("%s/volatile-containers.json", dir);
		__cleanup_free char *bundle = xasprintf("%s/%s/userdata/config.json", dir, q->id);

		found = read_json(q, bundle, read_bundle, out);
		if (!*out->name)
			read_json(q, list, read_stored, out);
		if (!*out->name)
			read_json(q, lasting, read_stored, out);
		found |= *out->name != 0;
	}
	return found;
}

static bool stored_names(const struct container_query *q, struct container_names *out)
{
	__cleanup_free char *storage = data_of(q, "/var/lib/containers/storage", "/.local/share/containers/storage");
	bool found =
		(storage && stored_at(q, storage, out)) || (!q->owner && stored_at(q, "/run/containers/storage", out));
	__cleanup_free char *bundle = NULL;
	struct watcher w;

	if (*out->name || !find_watcher(q, &w))
		return found;
	bundle = xasprintf("%s/config.json", w.bundle);
	if (*w.bundle)
		read_json(q, bundle, read_bundle, out);
	if (!*out->name)
		strcpy(out->name, w.name);
	return true;
}

static bool own_name(const struct container_query *q, struct container_names *out)
{
	keep(out->name, q->id, strlen(q->id));
	return true;
}

/* In the order in which they are asked for one whose path does not say whose it is. */
static const struct engine {
	const char *runtime;
	bool (*names)(const struct container_query *q, struct container_names *out);
} engines[] = {
	{"containerd", containerd_names},
	{"docker", docker_names},
	{"cri-o", stored_names},
	{"podman", stored_names},
	{"runc", own_name},
	{"crun", own_name},
	{"lxc", own_name},
	{"machine", own_name},
};

/* Whatever it runs is none of the program's: it only waits. */
static void name_sandbox(struct container_names *out)
{
	if (!strcmp(out->name, "POD") || (!*out->name && !strcmp(out->type, "sandbox")))
		strcpy(out->name, "pause");
}

static void ask_engines(const struct container_query *q, struct container_names *out)
{
	bool any = !strcmp(q->runtime, "container");
	size_t end = any ? 3 : ARRAY_SIZE(engines);

	for (size_t i = 0; i < end; i++) {
		*out = (struct container_names){0};
		if ((any || !strcmp(engines[i].runtime, q->runtime)) && engines[i].names(q, out)) {
			out->runtime = engines[i].runtime;
			return;
		}
	}
	*out = (struct container_names){0};
}

static bool may_be_kubelets(const struct container_query *q)
{
	return !q->owner && (*q->pod_id || !strcmp(q->runtime, "containerd") || !strcmp(q->runtime, "cri-o"));
}

/* Of the node that is a container itself: a process there, mostly the shim that started it. */
static pid_t find_node(const struct container_query *q)
{
	pid_t pid = q->pid;

	for (int i = 0; pid > 1 && i < ANCESTORS_MAX; i++) {
		__cleanup_free char *group = NULL;

		if (is_outside(q, pid)) {
			group = procfs_cgroup(pid);
			return strncmp(group, q->path, q->outer_len) ? 0 : pid;
		}
		if (procfs_stat(pid, NULL, &pid))
			return 0;
	}
	return 0;
}

static void read_names(const struct container_query *given, struct container_names *out)
{
	struct container_query q = *given;

	*out = (struct container_names){0};
	q.root_pid = q.outer_len ? find_node(given) : 0;
	if (q.outer_len && !q.root_pid)
		return;
	ask_engines(&q, out);
	name_sandbox(out);
	if (may_be_kubelets(&q) && (!*out->name || !*out->pod))
		kubelet_logs_names(&q, out);
	if (!out->runtime && (*out->name || *out->pod))
		out->runtime = q.runtime;
}

static int read_aside(const void *arg, struct buf *reply)
{
	struct container_names names;

	read_names(arg, &names);
	buf_put(reply, &names, sizeof(names));
	return 0;
}

bool container_read_names(const struct container_query *q, struct container_names *out)
{
	const struct worker_task t = {.pid = q->pid, .fn = read_aside, .arg = q, .len = sizeof(*q)};
	struct buf reply = {0};

	*out = (struct container_names){0};
	if (!worker_call(&t, &reply) && reply.len == sizeof(*out))
		memcpy(out, reply.data, sizeof(*out));
	buf_free(&reply);
	return out->runtime;
}

/* ---- machines ------------------------------------------------------------------------------------------- */

void container_read_machine(const char *root, const char *name, char unit[CONTAINER_ID])
{
	__cleanup_free char *path = xasprintf("%s/run/systemd/machines/%s", root, name);
	int fd = strchr(name, '/') ? -1 : open_untrusted(0, path, FILE_MAX);
	__cleanup_file FILE *f = fd < 0 ? NULL : fdopen(fd, "re");
	char line[CONTAINER_ID + 16];

	*unit = 0;
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "SCOPE=", 6) || !strncmp(line, "UNIT=", 5))
			snprintf(unit, CONTAINER_ID, "%s", strchr(line, '=') + 1);
	}
}
