/* SPDX-License-Identifier: MIT */
/* Names from made-up files of each engine, of root's and of a user's; and files that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/temp_folder.h"
#include "user/target/container_state.h"
#include "user/target/kubelet_logs.h"
#include "user/util/alloc.h"
#include <stdio.h>

#define A     "3f2a91c04bd27e5f60718293a4b5c6d7e8f90123456789abcdef0123456789ab"
#define B     "00000000000000000000000000000000000000000000000000000000000000ff"
#define TASKS "/io.containerd.runtime.v2.task/"
#define CRI                                                                                                            \
	"{\"ociVersion\":\"1.1.0\",\"process\":{\"args\":[\"annotations\"]},\"annotations\":{"                         \
	"\"io.kubernetes.cri.container-type\":\"container\",\"io.kubernetes.cri.container-name\":\"app\","             \
	"\"io.kubernetes.cri.sandbox-name\":\"web-7d4b9\",\"io.kubernetes.cri.sandbox-namespace\":\"shop\"}}"
#define CRIO                                                                                                           \
	"{\"annotations\":{\"io.kubernetes.container.name\":\"app\",\"io.kubernetes.pod.name\":\"web-7d4b9\","         \
	"\"io.kubernetes.pod.namespace\":\"shop\"}}"
#define STORED                                                                                                         \
	"[{\"id\":\"" B "\",\"names\":[\"other\"],\"layer\":\"x\"},"                                                   \
	"{\"names\":[\"web\",\"web-alias\"],\"id\":\"" A                                                               \
	"\",\"metadata\":\"{\\\"a\\\":1}\",\"big-data-sizes\":{\"x\":1}}]"

static void put(const char *path, const char *text)
{
	__cleanup_free char *whole = xasprintf("%s%s", folder, path);
	__cleanup_free char *make = xasprintf("mkdir -p \"$(dirname '%s')\"", whole);
	FILE *f;

	assert_int_equal(system(make), 0);
	f = fopen(whole, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int empty(void **state)
{
	__cleanup_free char *command = xasprintf("rm -rf '%s'/*", folder);

	(void)state;
	return system(command);
}

static const char *pod_id = "";

/* "runtime: namespace/pod/name", as far as it is known; of Compose "… (project/service)". */
static char *names_of(const char *runtime, const char *id, uid_t owner)
{
	struct container_query q = {.runtime = runtime, .owner = owner};
	struct container_names n;

	snprintf(q.pod_id, sizeof(q.pod_id), "%s", pod_id);
	snprintf(q.root, sizeof(q.root), "%s", folder);
	snprintf(q.id, sizeof(q.id), "%s", id);
	if (!container_read_names(&q, &n))
		return xstrdup("nothing");
	if (*n.compose_project || *n.compose_service)
		return xasprintf("%s: %s (%s/%s)", n.runtime, n.name, n.compose_project, n.compose_service);
	return xasprintf("%s: %s/%s/%s", n.runtime, n.namespace, n.pod, n.name);
}

static void assert_names(const char *runtime, const char *id, uid_t owner, const char *want)
{
	__cleanup_free char *got = names_of(runtime, id, owner);

	assert_string_equal(got, want);
}

static void test_docker(void **state)
{
	(void)state;
	assert_names("docker", A, 0, "nothing");
	put("/var/lib/docker/containers/" A "/config.v2.json",
	    "{\"StreamConfig\":{},\"State\":{\"Pid\":7},\"ID\":\"" A "\",\"Config\":{\"Hostname\":\"h\",\"Labels\":{"
	    "\"com.docker.compose.service\":\"web\",\"com.docker.compose.project\":\"shop\","
	    "\"com.docker.compose.project.working_dir\":\"/srv/secret\"}},\"Name\":\"/shop-web-1\"}");
	assert_names("docker", A, 0, "docker: shop-web-1 (shop/web)");
	assert_names("docker", B, 0, "nothing");
	put("/var/lib/docker/containers/" B "/config.v2.json",
	    "{\"Name\":\"/"
	    "k8s_app_web-7d4b9_shop_uid_0\",\"Config\":{\"Labels\":{\"io.kubernetes.container.name\":\"app\","
	    "\"io.kubernetes.pod.name\":\"web-7d4b9\",\"io.kubernetes.pod.namespace\":\"shop\"}}}");
	assert_names("docker", B, 0, "docker: shop/web-7d4b9/app");
}

static void test_swarm(void **state)
{
	(void)state;
	put("/var/lib/docker/containers/" A "/config.v2.json",
	    "{\"Config\":{\"Labels\":{\"com.docker.swarm.service.name\":\"shop_web\",\"com.docker.stack.namespace\":"
	    "\"shop\",\"com.docker.swarm.task.name\":\"shop_web.1.x\"}},\"Name\":\"/shop_web.1.x\"}");
	assert_names("docker", A, 0, "docker: shop_web.1.x (shop/shop_web)");
}

static void test_sandboxes(void **state)
{
	(void)state;
	put("/run/containerd" TASKS "k8s.io/" A "/config.json",
	    "{\"annotations\":{\"io.kubernetes.cri.container-type\":\"sandbox\",\"io.kubernetes.cri.sandbox-name\":"
	    "\"web-7d4b9\",\"io.kubernetes.cri.sandbox-namespace\":\"shop\"}}");
	assert_names("containerd", A, 0, "containerd: shop/web-7d4b9/pause");
	put("/run/containers/storage/overlay-containers/" A "/userdata/config.json",
	    "{\"annotations\":{\"io.kubernetes.cri-o.ContainerType\":\"sandbox\",\"io.kubernetes.container.name\":"
	    "\"POD\","
	    "\"io.kubernetes.pod.name\":\"web-7d4b9\",\"io.kubernetes.pod.namespace\":\"shop\"}}");
	assert_names("cri-o", A, 0, "cri-o: shop/web-7d4b9/pause");
	put("/var/lib/docker/containers/" B "/config.v2.json",
	    "{\"Name\":\"/k8s_POD_web_shop_uid_0\",\"Config\":{\"Labels\":{\"io.kubernetes.container.name\":\"POD\","
	    "\"io.kubernetes.pod.name\":\"web\",\"io.kubernetes.pod.namespace\":\"shop\"}}}");
	assert_names("docker", B, 0, "docker: shop/web/pause");
}

/* Where the engine's own files are not to be had: by the names that kubelet gives. */
static void test_names_of_log_files(void **state)
{
	(void)state;
	put("/var/log/containers/web-7d4b9_shop_app-" A ".log", "");
	put("/var/log/containers/other_shop_side-car-" B ".log", "");
	assert_names("containerd", A, 0, "containerd: shop/web-7d4b9/app");
	assert_names("cri-o", B, 0, "cri-o: shop/other/side-car");
	assert_names("containerd", A, 1000, "nothing"); /* a user's is none of kubelet's */
	assert_names("docker", A, 0, "nothing");        /* nor is one that is in no pod */
	pod_id = "0b5e";
	assert_names("docker", A, 0, "docker: shop/web-7d4b9/app");
	assert_names("container", A, 0, "container: shop/web-7d4b9/app");
	pod_id = "";
}

/* A link's name is cut when it is too long: what is left of it has no id. */
static void test_names_of_log_folders(void **state)
{
	(void)state;
	pod_id = "0b5e-uid";
	put("/var/log/containers/web-7d4b9_shop_a-very-long-na", "");
	put("/var/log/pods/shop_web-7d4b9_0b5e-uid/app/0.log", "");
	put("/var/log/pods/shop_other_ffff-uid/side/0.log", "");
	assert_names("containerd", A, 0, "containerd: shop/web-7d4b9/app");
	put("/var/log/pods/shop_web-7d4b9_0b5e-uid/init/0.log", "");
	assert_names("containerd", A, 0, "containerd: shop/web-7d4b9/"); /* one of two */
	put("/run/containerd" TASKS "k8s.io/" A "/config.json",
	    "{\"annotations\":{\"io.kubernetes.cri.container-name\":\"app\"}}");
	assert_names("containerd", A, 0, "containerd: shop/web-7d4b9/app"); /* each knows a part */
	pod_id = "none";
	assert_names("containerd", B, 0, "nothing");
	pod_id = "";
}

static void test_hostile_log_files(void **state)
{
	static const char *const names[] = {"",
					    "_",
					    "__",
					    "a_b",
					    "a_b_-" A ".log",
					    "_b_c-" A ".log",
					    "a__c-" A ".log",
					    "-" A ".log",
					    "a_b_c" A ".log",
					    "a_b_c-" A};
	struct container_names n = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_false(kubelet_logs_parse_file(names[i], A, &n));
	assert_string_equal(n.pod, "");
	assert_true(kubelet_logs_parse_file("a_b_c_d-" A ".log", A, &n));
	assert_string_equal(n.name, "c_d");
	assert_false(kubelet_logs_parse_pod("a_b_cd", "d", &n));
	assert_false(kubelet_logs_parse_pod("a_b", "b", &n));
	assert_false(kubelet_logs_parse_pod("", "", &n));
	assert_true(kubelet_logs_parse_pod("a\x1b_b_d", "d", &n));
	assert_string_equal(n.namespace, "a\\x1b");
}

static void test_docker_elsewhere(void **state)
{
	(void)state;
	put("/etc/docker/daemon.json", "{\"debug\":true,\"data-root\":\"/srv/docker\"}");
	put("/srv/docker/containers/" A "/config.v2.json", "{\"Name\":\"/web\"}");
	assert_names("docker", A, 0, "docker: //web");
}

static void test_containerd(void **state)
{
	(void)state;
	put("/run/containerd" TASKS "k8s.io/" A "/config.json", CRI);
	assert_names("containerd", A, 0, "containerd: shop/web-7d4b9/app");
	assert_names("containerd", A, 1000, "nothing");
	put("/run/k3s/containerd" TASKS "k8s.io/" B "/config.json", CRI);
	assert_names("containerd", B, 0, "containerd: shop/web-7d4b9/app");
}

static void test_nerdctl(void **state)
{
	(void)state;
	put("/run/containerd" TASKS "default/" A "/config.json", "{\"annotations\":{\"nerdctl/name\":\"web\"}}");
	assert_names("container", A, 0, "containerd: //web");
}

static void test_crio(void **state)
{
	(void)state;
	put("/run/containers/storage/overlay-containers/" A "/userdata/config.json", CRIO);
	assert_names("cri-o", A, 0, "cri-o: shop/web-7d4b9/app");
	put("/var/lib/containers/storage/overlay-containers/" B "/userdata/config.json", CRIO);
	assert_names("container", B, 0, "cri-o: shop/web-7d4b9/app");
}

static void test_podman(void **state)
{
	(void)state;
	put("/var/lib/containers/storage/overlay-containers/containers.json", STORED);
	assert_names("podman", A, 0, "podman: //web");
	assert_names("podman", B, 0, "podman: //other");
	put("/var/lib/containers/storage/vfs-containers/volatile-containers.json",
	    "[{\"id\":\"c\",\"names\":[\"v\"]}]");
	assert_names("podman", "c", 0, "podman: //v");
}

/* A user's containers are known by that user's files alone, whatever anybody else's say. */
static void test_rootless(void **state)
{
	(void)state;
	put("/etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n");
	put("/home/ann/.local/share/containers/storage/overlay-containers/containers.json", STORED);
	put("/home/ann/.local/share/docker/containers/" A "/config.v2.json", "{\"Name\":\"/hers\"}");
	assert_names("podman", A, 1000, "podman: //web");
	assert_names("docker", A, 1000, "docker: //hers");
	assert_names("podman", A, 1001, "nothing");
	assert_names("podman", A, 0, "nothing");
	assert_names("docker", A, 0, "nothing");
}

static void test_those_named_by_their_ids(void **state)
{
	(void)state;
	assert_names("machine", "box", 0, "machine: //box");
	assert_names("lxc", "a\x1b[31mb", 0, "lxc: //a\\x1b[31mb");
	assert_names("runc", "web", 0, "runc: //web");
	assert_names("container", A, 0, "nothing");
}

static void test_hostile_files(void **state)
{
	static const char *const texts[] = {
		"",
		"{",
		"[",
		"null",
		"7",
		"\"x\"",
		"{\"Name\":7,\"Config\":[]}",
		"{\"Config\":{\"Labels\":\"x\"}}",
		"{\"Name\":{\"Name\":\"/x\"}}",
		"{\"Config\":{\"Labels\":{\"io.kubernetes.pod.name\":[1]}}}",
	};
	__cleanup_free char *deep = xcalloc(1, 100001), *path = NULL, *long_name = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		put("/var/lib/docker/containers/" A "/config.v2.json", texts[i]);
		assert_names("docker", A, 0, "docker: //");
	}
	memset(deep, '[', 100000);
	put("/var/lib/docker/containers/" A "/config.v2.json", deep);
	assert_names("docker", A, 0, "docker: //");
	put("/var/lib/docker/containers/" A "/config.v2.json", "{\"Name\":\"/a\\u001b]0;x\\nb<script>\"}");
	assert_names("docker", A, 0, "docker: //a\\x1b]0;x\\nb<script>");
	memset(deep, 'n', 100000);
	long_name = xasprintf("{\"Name\":\"/%s\"}", deep);
	put("/var/lib/docker/containers/" A "/config.v2.json", long_name);
	free(long_name);
	long_name = names_of("docker", A, 0);
	assert_int_equal(strlen(long_name), strlen("docker: //") + CONTAINER_WORD - 2);
	path = xasprintf("cd '%s/var/lib/docker/containers/" A "' && rm config.v2.json && mkfifo config.v2.json",
			 folder);
	assert_int_equal(system(path), 0);
	assert_names("docker", A, 0, "nothing");
}

static void test_machines(void **state)
{
	char unit[CONTAINER_ID];

	(void)state;
	put("/run/systemd/machines/box", "# private\nNAME=box\nSCOPE=machine-box.scope\nSERVICE=systemd-nspawn\n");
	container_read_machine(folder, "box", unit);
	assert_string_equal(unit, "machine-box.scope");
	put("/run/systemd/machines/web", "NAME=web\nUNIT=web.service\n");
	container_read_machine(folder, "web", unit);
	assert_string_equal(unit, "web.service");
	container_read_machine(folder, "../machines/web", unit);
	assert_string_equal(unit, "");
	container_read_machine(folder, "none", unit);
	assert_string_equal(unit, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_docker, empty),
		cmocka_unit_test_teardown(test_swarm, empty),
		cmocka_unit_test_teardown(test_sandboxes, empty),
		cmocka_unit_test_teardown(test_names_of_log_files, empty),
		cmocka_unit_test_teardown(test_names_of_log_folders, empty),
		cmocka_unit_test(test_hostile_log_files),
		cmocka_unit_test_teardown(test_docker_elsewhere, empty),
		cmocka_unit_test_teardown(test_containerd, empty),
		cmocka_unit_test_teardown(test_nerdctl, empty),
		cmocka_unit_test_teardown(test_crio, empty),
		cmocka_unit_test_teardown(test_podman, empty),
		cmocka_unit_test_teardown(test_rootless, empty),
		cmocka_unit_test_teardown(test_those_named_by_their_ids, empty),
		cmocka_unit_test_teardown(test_hostile_files, empty),
		cmocka_unit_test_teardown(test_machines, empty),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
