/* SPDX-License-Identifier: MIT */
/* Paths of cgroups as engines make them, and such as others do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "user/target/container_path.h"
#include "user/util/alloc.h"

#define A    "3f2a91c04bd27e5f60718293a4b5c6d7e8f90123456789abcdef0123456789ab"
#define B    "00000000000000000000000000000000000000000000000000000000000000ff"
#define POD  "0b5e7a1c-9f00-4c1e-8d2a-112233445566"
#define _POD "0b5e7a1c_9f00_4c1e_8d2a_112233445566"

static const struct {
	const char *path, *runtime, *id, *pod, *unit;
	const char *own, *pod_dir; /* the parts of the path that are the container's and the pod's; NULL: no such */
	const char *outer;         /* … and of that around it */
} cases[] = {
	{"/system.slice/docker-" A ".scope", "docker", A, "", "", "/system.slice/docker-" A ".scope", NULL, NULL},
	{"/system.slice/docker-" A ".scope/init", "docker", A, "", "", "/system.slice/docker-" A ".scope", NULL, NULL},
	{"/docker/" A, "docker", A, "", "", "/docker/" A, NULL, NULL},
	{"/docker/" A "/docker/" B, "docker", A, "", "", "/docker/" A, NULL, NULL}, /* its own engine's */
	{"/libpod_parent/libpod-" A, "podman", A, "", "", "/libpod_parent/libpod-" A, NULL, NULL},
	{"/machine.slice/libpod-" A ".scope/container", "podman", A, "", "", "/machine.slice/libpod-" A ".scope", NULL,
	 NULL},
	{"/machine.slice/libpod-conmon-" A ".scope", NULL, "", "", "libpod-conmon-" A ".scope", NULL, NULL, NULL},
	{"/system.slice/web.service/libpod-payload-" A, "podman", A, "", "web.service",
	 "/system.slice/web.service/libpod-payload-" A, NULL, NULL},
	{"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" A ".scope/container", "podman", A, "",
	 "user@1000.service", "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" A ".scope", NULL,
	 NULL},
	{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" _POD ".slice/cri-containerd-" A ".scope",
	 "containerd", A, POD, "",
	 "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" _POD ".slice/cri-containerd-" A ".scope",
	 "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" _POD ".slice", NULL},
	{"/kubepods.slice/kubepods-pod" _POD ".slice/crio-" A ".scope", "cri-o", A, POD, "",
	 "/kubepods.slice/kubepods-pod" _POD ".slice/crio-" A ".scope", "/kubepods.slice/kubepods-pod" _POD ".slice",
	 NULL},
	{"/kubepods.slice/kubepods-pod" _POD ".slice/crio-conmon-" A ".scope", NULL, "", POD, "crio-conmon-" A ".scope",
	 NULL, "/kubepods.slice/kubepods-pod" _POD ".slice", NULL},
	{"/kubepods/besteffort/pod" POD "/" A, "container", A, POD, "", "/kubepods/besteffort/pod" POD "/" A,
	 "/kubepods/besteffort/pod" POD, NULL},
	{"/system.slice/containerd.service/kubepods-burstable-pod" _POD ".slice:cri-containerd:" A, "containerd", A, "",
	 "containerd.service",
	 "/system.slice/containerd.service/kubepods-burstable-pod" _POD ".slice:cri-containerd:" A, NULL, NULL},
	{"/default/" A, "container", A, "", "", "/default/" A, NULL, NULL},
	{"/system.slice/nerdctl-" A ".scope", "containerd", A, "", "", "/system.slice/nerdctl-" A ".scope", NULL, NULL},
	{"/system.slice/runc-web.scope", "runc", "web", "", "", "/system.slice/runc-web.scope", NULL, NULL},
	{"/lxc.payload.web/system.slice/nginx.service", "lxc", "web", "", "", "/lxc.payload.web", NULL, NULL},
	{"/lxc.monitor.web", NULL, "", "", "", NULL, NULL, NULL},
	{"/lxc/web", "lxc", "web", "", "", "/lxc/web", NULL, NULL},
	{"/machine.slice/machine-build\\x2dbox.scope/payload/init.scope", "machine", "build-box", "", "",
	 "/machine.slice/machine-build\\x2dbox.scope", NULL, NULL},
	{"/machine.slice/systemd-nspawn@web.service/payload", "machine", "web", "", "",
	 "/machine.slice/systemd-nspawn@web.service", NULL, NULL},
	{"/elsewhere.slice/machine-web.scope", NULL, "", "", "machine-web.scope", NULL, NULL, NULL},
	{"/system.slice/nginx.service", NULL, "", "", "nginx.service", NULL, NULL, NULL},
	{"/system.slice/nginx.service/fake.service", NULL, "", "", "nginx.service", NULL, NULL, NULL},
	{"/user.slice/user-1000.slice/user@1000.service/app.slice/editor.service", NULL, "", "", "editor.service", NULL,
	 NULL, NULL},
	{"/user.slice/user-1000.slice/session-3.scope", NULL, "", "", "session-3.scope", NULL, NULL, NULL},
	/* guaranteed and burstable pods, and static ones, of kubelet's two drivers */
	{"/kubepods/pod" POD "/" A, "container", A, POD, "", "/kubepods/pod" POD "/" A, "/kubepods/pod" POD, NULL},
	{"/kubepods/burstable/pod0b5e7a1c9f004c1e8d2a112233445566/" A, "container", A,
	 "0b5e7a1c9f004c1e8d2a112233445566", "", "/kubepods/burstable/pod0b5e7a1c9f004c1e8d2a112233445566/" A,
	 "/kubepods/burstable/pod0b5e7a1c9f004c1e8d2a112233445566", NULL},
	{"/kubepods.slice/kubepods-pod0b5e7a1c9f004c1e8d2a112233445566.slice/cri-containerd-" A ".scope", "containerd",
	 A, "0b5e7a1c9f004c1e8d2a112233445566", "",
	 "/kubepods.slice/kubepods-pod0b5e7a1c9f004c1e8d2a112233445566.slice/cri-containerd-" A ".scope",
	 "/kubepods.slice/kubepods-pod0b5e7a1c9f004c1e8d2a112233445566.slice", NULL},
	{"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" _POD ".slice/crio-" A ".scope/container",
	 "cri-o", A, POD, "",
	 "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" _POD ".slice/crio-" A ".scope",
	 "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" _POD ".slice", NULL},
	/* nodes that are containers (kind, minikube): the pod's container, in either driver's form */
	{"/docker/" A "/kubelet/kubepods/burstable/pod" POD "/" B, "container", B, POD, "",
	 "/docker/" A "/kubelet/kubepods/burstable/pod" POD "/" B, "/docker/" A "/kubelet/kubepods/burstable/pod" POD,
	 "/docker/" A},
	{"/system.slice/docker-" A ".scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
	 "kubelet-kubepods-burstable-pod" _POD ".slice/cri-containerd-" B ".scope",
	 "containerd", B, POD, "",
	 "/system.slice/docker-" A ".scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
	 "kubelet-kubepods-burstable-pod" _POD ".slice/cri-containerd-" B ".scope",
	 "/system.slice/docker-" A ".scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
	 "kubelet-kubepods-burstable-pod" _POD ".slice",
	 "/system.slice/docker-" A ".scope"},
	{"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" _POD ".slice/cri-containerd-" B ".scope",
	 "containerd", B, POD, "",
	 "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" _POD ".slice/cri-containerd-" B ".scope",
	 "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" _POD ".slice", NULL},
	{"/docker/" A "/kubelet/kubepods/burstable/pod" POD, "docker", A, "", "", "/docker/" A, NULL,
	 NULL}, /* none in the pod */
	{"/docker/" A "/system.slice/kubelet.service", "docker", A, "", "", "/docker/" A, NULL, NULL},
	{"/docker/" A "/libpod-" B, "docker", A, "", "", "/docker/" A, NULL,
	 NULL}, /* what is no pod's is its own business */
	/* as an agent in a cgroup namespace of its own sees others */
	{"/../libpod-" A, "podman", A, "", "", "/../libpod-" A, NULL, NULL},
	{"/../../kubepods-pod" _POD ".slice/cri-containerd-" A ".scope", "containerd", A, POD, "",
	 "/../../kubepods-pod" _POD ".slice/cri-containerd-" A ".scope", "/../../kubepods-pod" _POD ".slice", NULL},
	{"/../pod" POD "/" A, "container", A, POD, "", "/../pod" POD "/" A, "/../pod" POD, NULL},
	{"/../nginx.service", NULL, "", "", "nginx.service", NULL, NULL, NULL},
	{"/..", NULL, "", "", "", NULL, NULL, NULL},
	/* ECS: of Fargate, and with docker */
	{"/ecs/9781c248e96b4b8ba3a7a3d0a4b1c2d3/9781c248e96b4b8ba3a7a3d0a4b1c2d3-2495160603", "container",
	 "9781c248e96b4b8ba3a7a3d0a4b1c2d3-2495160603", "", "",
	 "/ecs/9781c248e96b4b8ba3a7a3d0a4b1c2d3/9781c248e96b4b8ba3a7a3d0a4b1c2d3-2495160603", NULL, NULL},
	{"/ecs/task-id/" A, "container", A, "", "", "/ecs/task-id/" A, NULL, NULL},
	{"/ecs/9781c248e96b4b8ba3a7a3d0a4b1c2d3", NULL, "", "", "", NULL, NULL, NULL},
	{"/ecs/9781c248e96b4b8ba3a7a3d0a4b1c2d3-", NULL, "", "", "", NULL, NULL, NULL},
	{"/ecs/9781c248e96b4b8ba3a7a3d0a4b1c2d3-7x", NULL, "", "", "", NULL, NULL, NULL},
	/* 32 digits are no container */
	{"/process_api/4a1120f6b0c94f7c8d2b3e4f5a6b7c8d", NULL, "", "", "", NULL, NULL, NULL},
	{"/docker/4a1120f6b0c94f7c8d2b3e4f5a6b7c8d", NULL, "", "", "", NULL, NULL, NULL},
	/* what watches containers is none */
	{"/system.slice/crio-conmon-" A ".scope", NULL, "", "", "crio-conmon-" A ".scope", NULL, NULL, NULL},
	{"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-conmon-" A ".scope", NULL, "", "",
	 "libpod-conmon-" A ".scope", NULL, NULL, NULL},
	{"/libpod_parent/conmon", NULL, "", "", "", NULL, NULL, NULL},
	{"/podcasts/" A, "container", A, "", "", "/podcasts/" A, NULL, NULL},
	{"/docker/3f2a91c04bd2", NULL, "", "", "", NULL, NULL, NULL},
	{"/docker/3F2A91C04BD27E5F60718293A4B5C6D7E8F90123456789ABCDEF0123456789AB", NULL, "", "", "", NULL, NULL,
	 NULL},
	{"//docker//" A "//", "docker", A, "", "", "//docker//" A, NULL, NULL},
	{"/", NULL, "", "", "", NULL, NULL, NULL},
	{"", NULL, "", "", "", NULL, NULL, NULL},
};

static void assert_part(const char *path, size_t len, const char *want)
{
	__cleanup_free char *got = xstrndup(path, len);

	assert_string_equal(got, want ? want : "");
}

static void test_paths(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct container_place p;

		container_of_path(cases[i].path, &p);
		assert_string_equal(p.runtime ? p.runtime : "none", cases[i].runtime ? cases[i].runtime : "none");
		assert_string_equal(p.id, cases[i].id);
		assert_string_equal(p.pod_id, cases[i].pod);
		assert_string_equal(p.unit, cases[i].unit);
		assert_part(cases[i].path, p.len, cases[i].own);
		assert_part(cases[i].path, p.pod_len, cases[i].pod_dir);
		assert_part(cases[i].path, p.outer_len, cases[i].outer);
	}
}

static void test_units_have_a_directory(void **state)
{
	static const char path[] = "/system.slice/a.service/b";
	struct container_place p;

	(void)state;
	container_of_path(path, &p);
	assert_part(path, p.unit_len, "/system.slice/a.service");
}

static void test_what_is_too_long_is_cut(void **state)
{
	char path[1000] = "/lxc/";
	struct container_place p;

	(void)state;
	memset(path + 5, 'x', 400);
	container_of_path(path, &p);
	assert_null(p.runtime);
	memset(path, 0, sizeof(path));
	memset(path, 'y', 600);
	memcpy(path + 590, ".service", 9);
	container_of_path(path, &p);
	assert_int_equal(strlen(p.unit), CONTAINER_ID - 1);
}

static void test_escapes(void **state)
{
	static const char *const pairs[][2] = {
		{"a\\x2db", "a-b"}, {"a\\x2", "a\\x2"}, {"\\x", "\\x"},
		{"\\xzz", "\\xzz"}, {"\\\\x41", "\\A"}, {"", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		__cleanup_free char *name = xstrdup(pairs[i][0]);

		container_unescape(name);
		assert_string_equal(name, pairs[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_units_have_a_directory),
		cmocka_unit_test(test_what_is_too_long_is_cut),
		cmocka_unit_test(test_escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
