/* SPDX-License-Identifier: MIT */
/*
 * The rows: docker/moby daemon/oci_linux.go; containerd and CRI-O take runc's "prefix:name" to "prefix-name.scope"
 * (opencontainers/runc libcontainer/cgroups/systemd); podman libpod/container_internal_common.go; kubelet
 * pkg/kubelet/cm/pod_container_manager_linux.go; LXC src/lxc/cgroups/cgfsng.c; systemd src/machine/machine-dbus.c.
 */
#include "user/target/container_path.h"
#include "user/util/alloc.h"
#include <ctype.h>
#include <stdint.h>
#include <string.h>

#define HEX_DIGITS 64
#define ECS_DIGITS 32

enum id_kind { ID_HEX, ID_NAME, ID_ESCAPED, ID_ECS };

struct row {
	const char *runtime;
	const char *parent;         /* the directory that it lies in; NULL: any */
	const char *before, *after; /* around the id */
	enum id_kind kind;
};

static const struct row rows[] = {
	{"docker", NULL, "docker-", ".scope", ID_HEX},
	{"docker", "docker", "", "", ID_HEX},
	{"containerd", NULL, "cri-containerd-", ".scope", ID_HEX},
	{"containerd", NULL, "nerdctl-", ".scope", ID_HEX},
	{"cri-o", NULL, "crio-", ".scope", ID_HEX},
	{"cri-o", NULL, "crio-", "", ID_HEX},
	{"podman", NULL, "libpod-", ".scope", ID_HEX},
	{"podman", NULL, "libpod-", "", ID_HEX},
	{"podman", NULL, "libpod-payload-", "", ID_HEX}, /* --cgroups=split */
	{"runc", NULL, "runc-", ".scope", ID_NAME},
	{"crun", NULL, "crun-", ".scope", ID_NAME},
	{"lxc", NULL, "lxc.payload.", "", ID_NAME},
	{"lxc", "lxc", "", "", ID_NAME},
	{"machine", "machine.slice", "machine-", ".scope", ID_ESCAPED},
	{"machine", "machine.slice", "systemd-nspawn@", ".service", ID_ESCAPED},
	{"container", NULL, "", "", ID_HEX}, /* by cgroupfs, any of them; ECS, too */
	{"container", NULL, "", "", ID_ECS}, /* of Fargate: the task's and a number */
};

struct piece {
	const char *at;
	size_t len;
};

static bool begins(struct piece p, const char *text)
{
	size_t len = strlen(text);

	return p.len >= len && !memcmp(p.at, text, len);
}

static bool ends(struct piece p, const char *text)
{
	size_t len = strlen(text);

	return p.len >= len && !memcmp(p.at + p.len - len, text, len);
}

static bool is(struct piece p, const char *text)
{
	return p.len == strlen(text) && begins(p, text);
}

/* Cut rather than too long. */
static void keep(char *out, size_t size, struct piece p)
{
	size_t len = p.len < size ? p.len : size - 1;

	memcpy(out, p.at, len);
	out[len] = 0;
}

static size_t hex_len(struct piece p)
{
	size_t i = 0;

	while (i < p.len && (isdigit((unsigned char)p.at[i]) || (p.at[i] >= 'a' && p.at[i] <= 'f')))
		i++;
	return i;
}

/* "9781c248e96b4b8ba3a7a3d0a4b1c2d3-2495160603" (amazon-ecs-agent: containers of awsvpc tasks) */
static bool is_ecs_id(struct piece p)
{
	size_t i = ECS_DIGITS + 1;

	if (p.len <= i || hex_len(p) != ECS_DIGITS || p.at[ECS_DIGITS] != '-')
		return false;
	while (i < p.len && isdigit((unsigned char)p.at[i]))
		i++;
	return i == p.len;
}

/* Nothing shorter: some systems name groups of ordinary processes by 32 digits. */
static bool is_id(struct piece p, enum id_kind kind)
{
	if (kind == ID_ECS)
		return is_ecs_id(p);
	if (kind != ID_HEX)
		return p.len && p.len < CONTAINER_ID;
	return hex_len(p) == p.len && p.len == HEX_DIGITS;
}

static int hex_digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void container_unescape(char *name)
{
	char *to = name;

	for (const char *from = name; *from; to++) {
		int high = -1, low = -1;

		if (from[0] == '\\' && from[1] == 'x') {
			high = hex_digit(from[2]);
			low = high < 0 ? -1 : hex_digit(from[3]);
		}
		*to = low < 0 ? *from : (char)(high << 4 | low);
		from += low < 0 ? 1 : 4;
	}
	*to = 0;
}

static bool match(const struct row *r, struct piece parent, struct piece p, struct container_place *out)
{
	size_t around = strlen(r->before) + strlen(r->after);
	struct piece id;

	if ((r->parent && !is(parent, r->parent)) || !begins(p, r->before) || !ends(p, r->after) || p.len <= around)
		return false;
	id = (struct piece){p.at + strlen(r->before), p.len - around};
	if (!is_id(id, r->kind))
		return false;
	keep(out->id, sizeof(out->id), id);
	if (r->kind == ID_ESCAPED)
		container_unescape(out->id);
	out->runtime = r->runtime;
	return true;
}

/* "kubepods-….slice:cri-containerd:ID": containerd, where it takes the name for systemd as a path of its own. */
static struct piece behind_colon(struct piece p)
{
	const char *colon = memrchr(p.at, ':', p.len);

	if (!colon)
		return p;
	return (struct piece){colon + 1, (size_t)(p.at + p.len - colon - 1)};
}

static bool find_container(struct piece parent, struct piece p, struct container_place *out)
{
	struct piece id = behind_colon(p);

	if (id.at != p.at && memmem(p.at, p.len, ":cri-containerd:", 16) && is_id(id, ID_HEX)) {
		keep(out->id, sizeof(out->id), id);
		out->runtime = "containerd";
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (match(&rows[i], parent, p, out))
			return true;
	return false;
}

/* As Kubernetes writes them, with dashes or without. */
static bool is_uid(struct piece p)
{
	size_t i = 0;

	while (i < p.len && (isxdigit((unsigned char)p.at[i]) || p.at[i] == '-'))
		i++;
	return i == p.len && (p.len == 36 || p.len == 32);
}

/* "pod" and its uid below kubepods, which is not seen from a cgroup namespace within it; of systemd "kubepods-burstable-pod" and its uid with _ for -. */
static void find_pod(struct piece p, bool in_kubepods, size_t len, struct container_place *out)
{
	const char *at = memmem(p.at, p.len, "-pod", 4);
	size_t skip = ends(p, ".slice") ? strlen(".slice") : 0;

	if (skip && at && memmem(p.at, p.len, "kubepods", 8))
		at += strlen("-pod");
	else if (!skip && begins(p, "pod") && p.len > 3 && (in_kubepods || is_uid((struct piece){p.at + 3, p.len - 3})))
		at = p.at + 3;
	else
		return;
	keep(out->pod_id, sizeof(out->pod_id), (struct piece){at, (size_t)(p.at + p.len - at) - skip});
	for (char *c = out->pod_id; *c; c++)
		*c = *c == '_' ? '-' : *c;
	out->pod_len = len;
}

/* The manager of a user's session has units of its own: of those the first within. */
static void find_unit(struct piece p, size_t len, struct container_place *out)
{
	bool in_unit = *out->unit && strncmp(out->unit, "user@", 5);

	if (in_unit || !(ends(p, ".service") || ends(p, ".scope")))
		return;
	keep(out->unit, sizeof(out->unit), p);
	out->unit_len = len;
}

/* From `from` on, where a container may have begun already, to the first (next) one. */
static void walk(const char *path, size_t from, struct container_place *out)
{
	struct piece parent = {path, 0};
	bool in_kubepods = false;
	const char *at = path + from;

	while (*(at += strspn(at, "/"))) {
		struct piece p = {at, strcspn(at, "/")};
		size_t len = (size_t)(at - path) + p.len;

		if (find_container(parent, p, out)) {
			out->len = len;
			return;
		}
		in_kubepods |= is(p, "kubepods") || is(p, "kubelet");
		find_pod(p, in_kubepods, len, out);
		find_unit(p, len, out);
		parent = p;
		at += p.len;
	}
}

/* Nodes of Kubernetes that are containers (kind, minikube, k3d): their pods' containers are named, not they. */
static void find_inner_pod(const char *path, struct container_place *out)
{
	struct container_place inner = {0};

	walk(path, out->len, &inner);
	if (!inner.runtime || !*inner.pod_id)
		return;
	inner.outer_len = out->len;
	*out = inner;
}

void container_of_path(const char *path, struct container_place *out)
{
	*out = (struct container_place){0};
	walk(path, 0, out);
	if (out->runtime && !*out->pod_id)
		find_inner_pod(path, out);
}
