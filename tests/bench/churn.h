/* SPDX-License-Identifier: MIT */
/*
 * Days of a busy node in minutes: records as the kernel side sends them, with a clock of their own, go through what names
 * them into windows of 15 s, as those of `pybpfprof daemon` do. Processes fork, exec and end, some without a record of it;
 * threads have numbers that others had before; names never come; code is made and thrown away; containers come and go.
 *
 * Of its processes none is in /proc, so what is read there is not there, as with those that have ended.
 */
#pragma once
#include "tests/unit/make_records.h"
#include "user/os/cgroup.h"
#include "user/push/backend.h"
#include "user/push/naming.h"
#include "user/python/versions.h"
#include "user/resolve/resolve.h"
#include <errno.h>
#include <malloc.h>
#include <sys/stat.h>

#define SECOND   1000000000ull
#define WINDOW_S 15

/* In each window: */
struct churn_rates {
	unsigned processes;  /* that live less than one */
	unsigned threads;    /* of each of them */
	unsigned residents;  /* processes that live on, … */
	unsigned made;       /* … code objects that one of them makes, … */
	unsigned at_once;    /* … and threads that come and go in them */
	unsigned containers; /* that are there; one of them is replaced */
};

/* 24 hours: 5 million processes, 50 million threads, 2 million code objects, 1,000 containers (one in six windows) */
static const struct churn_rates churn_day = {
	.processes = 868, .threads = 6, .residents = 100, .made = 350, .at_once = 3472, .containers = 20};

#define CHURN_CONTAINER_EVERY 6 /* windows */
#define CHURN_PROGRAMS        40
#define CHURN_FUNCTIONS       5 /* that a program has on its stacks */
#define CHURN_PID_FIRST       0x30000000u

struct churn_container {
	char *dir; /* of its cgroup; NULL: none */
	uint64_t id;
};

struct churn {
	struct churn_rates rates;
	struct processes *processes;
	struct resolve *resolve;
	struct profile_builder *builder;
	struct naming *naming;
	uint64_t now_ns; /* CLOCK_MONOTONIC */
	uint32_t image_id, *residents;
	uint32_t lost_ends[64], lost_cnt; /* of the last window: told late, as user/session/departed.c does */
	uint64_t codes_made;
	char *root; /* of files that engines keep */
	char *group;
	struct churn_container containers[64];
	unsigned next_container;
	/* sums */
	uint64_t windows, process_cnt, thread_cnt, sample_cnt, container_cnt, shown, sent, unknown, bytes;
	uint32_t random;
};

static struct interpreter churn_python = {.path = "/usr/bin/python3.12", .layout_id = 1};

/* Stands in for the table of interpreters, which is filled from live processes. */
const struct interpreter *interpreters__by_layout(const struct interpreters *t, uint32_t layout_id)
{
	(void)t;
	return layout_id == 1 ? &churn_python : NULL;
}

static inline uint32_t churn_random(struct churn *c, uint32_t below)
{
	c->random = c->random * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)(c->random >> 8) * below >> 24);
}

/* ---- containers ------------------------------------------------------------------------------------------ */

static inline void churn_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return;
	fputs(text, f);
	fclose(f);
}

static inline void churn_mkdirs(const char *path)
{
	__cleanup_free char *copy = xstrdup(path);

	for (char *at = strchr(copy + 1, '/'); at; at = strchr(at + 1, '/')) {
		*at = 0;
		mkdir(copy, 0755);
		*at = '/';
	}
	mkdir(copy, 0755);
}

/* False: no cgroup can be made here. */
static inline bool churn_begin_containers(struct churn *c)
{
	__cleanup_free char *mount = cgroup_mount();
	char folder[] = "/tmp/churn-XXXXXX";

	if (!mount || !mkdtemp(folder))
		return false;
	c->root = xstrdup(folder);
	c->group = xasprintf("%s/pybpfprof-churn-%d", mount, getpid());
	return !mkdir(c->group, 0755);
}

static inline char *churn_state(const struct churn *c, const char *dir)
{
	return xasprintf("%s/var/lib/docker/containers/%s", c->root, strrchr(dir, '/') + 1);
}

static inline void churn_remove_container(struct churn *c, struct churn_container *k)
{
	__cleanup_free char *state = k->dir ? churn_state(c, k->dir) : NULL;
	__cleanup_free char *file = state ? xasprintf("%s/config.v2.json", state) : NULL;

	if (!k->dir)
		return;
	rmdir(k->dir);
	unlink(file);
	rmdir(state);
	free(k->dir);
	k->dir = NULL;
}

static inline void churn_start_container(struct churn *c, struct churn_container *k)
{
	__cleanup_free char *state = NULL, *file = NULL, *text = NULL;
	unsigned long long n = ++c->container_cnt;
	struct stat st;

	k->dir = xasprintf("%s/docker/%016llx%016llx%016llx%016llx", c->group, n * 0x9e3779b97f4a7c15ull, n, n, n);
	churn_mkdirs(k->dir);
	if (stat(k->dir, &st)) {
		fprintf(stderr, "churn: %s: %s\n", k->dir, strerror(errno));
		exit(1);
	}
	k->id = st.st_ino;
	state = churn_state(c, k->dir);
	churn_mkdirs(state);
	file = xasprintf("%s/config.v2.json", state);
	text = xasprintf("{\"Name\":\"/web-%llu\",\"Config\":{\"Image\":\"web\",\"Labels\":{}}}", n);
	churn_write(file, text);
}

static inline void churn_replace_container(struct churn *c)
{
	struct churn_container *k = &c->containers[c->next_container++ % c->rates.containers];

	if (!c->group)
		return;
	churn_remove_container(c, k);
	churn_start_container(c, k);
}

static inline void churn_end_containers(struct churn *c)
{
	__cleanup_free char *docker = c->group ? xasprintf("%s/docker", c->group) : NULL;
	static const char *const folders[] = {"/var/lib/docker/containers", "/var/lib/docker", "/var/lib", "/var", ""};

	for (unsigned i = 0; i < c->rates.containers; i++)
		churn_remove_container(c, &c->containers[i]);
	for (size_t i = 0; c->root && i < ARRAY_SIZE(folders); i++) {
		__cleanup_free char *path = xasprintf("%s%s", c->root, folders[i]);

		rmdir(path);
	}
	if (docker) {
		rmdir(docker);
		rmdir(c->group);
	}
	free(c->root);
	free(c->group);
}

/* ---- records --------------------------------------------------------------------------------------------- */

static inline uint32_t churn_pid(uint32_t image_id)
{
	return CHURN_PID_FIRST + image_id % 30000; /* numbers are given again */
}

static inline void churn_tell_process(struct churn *c, uint32_t image_id, uint32_t parent, unsigned program)
{
	struct abi_proc_rec r = {.hdr = {.kind = ABI_REC_PROC, .size = sizeof(r), .tgid = churn_pid(image_id)}};

	r.hdr.time_ns = r.start_ns = c->now_ns;
	r.image_id = image_id;
	r.parent_image_id = parent;
	r.ppid = churn_pid(parent);
	r.state = ABI_PROC_PYTHON;
	r.layout_id = 1;
	if (c->group)
		r.cgroup_id = c->containers[image_id % c->rates.containers].id;
	r.flags = program % 2 ? ABI_PROC_OWN_ROOT : 0;
	r.runtime_addr = image_id % 100 ? 0 : 0x700000; /* its names are asked for: it is gone */
	r.cmdline_bytes =
		(uint32_t)snprintf(r.cmdline, sizeof(r.cmdline), "python3 app%u.py job %u", program, image_id) + 1;
	resolve__process(c->resolve, &r);
	c->process_cnt++;
}

static inline void churn_tell_end(struct churn *c, uint32_t image_id)
{
	struct abi_exit e = {.hdr = {.kind = ABI_REC_EXIT, .tgid = churn_pid(image_id)}, .image_id = image_id};
	struct abi_cpu_rec cpu = {.hdr = e.hdr, .cpu_ns = SECOND / 10, .image_id = image_id};

	resolve__exit(c->resolve, &e);
	if (churn_random(c, 10)) /* some are never reaped */
		resolve__cpu(c->resolve, &cpu);
}

static inline void churn_tell_code(struct churn *c, const struct made_code *made)
{
	static char *table;
	struct abi_code *r = code_record(made);
	struct abi_lines *l;

	table = table ? table : make_table(LINE_TABLE_LOCATIONS, 30);
	table[0] = (char)(0x80 | 10 << 3);
	r->hdr.tgid = churn_pid(made->image_id);
	r->hdr.time_ns = c->now_ns;
	resolve__code(c->resolve, r);
	free(r);
	memcpy(table + 1, made->name + strlen(made->name) - 2, 2); /* columns: each has a table of its own */
	l = lines_record(made->key, table, 0, made->lines_bytes);
	resolve__lines(c->resolve, l);
	free(l);
}

static inline uint64_t churn_key(uint32_t image_id, uint32_t function)
{
	return (uint64_t)image_id << 24 | (function + 1);
}

/* The functions that all processes of a program have. */
static inline void churn_tell_program(struct churn *c, uint32_t image_id, unsigned program)
{
	char name[64], file[64];

	for (unsigned f = 0; f < CHURN_FUNCTIONS; f++) {
		snprintf(name, sizeof(name), "Worker.function_%u_%02u", program, f);
		snprintf(file, sizeof(file), "/srv/app%u/package/module_%u.py", program, f / 3);
		churn_tell_code(c, &(struct made_code){.image_id = image_id,
						       .layout_id = 1,
						       .key = churn_key(image_id, f),
						       .name = name,
						       .file = file,
						       .module = "package.module",
						       .first_line = (int32_t)(f * 40 + 1),
						       .lines_bytes = table_bytes(LINE_TABLE_LOCATIONS, 30)});
	}
}

/* From the root on `depth` functions of the program, then `leaf`, if there is one. */
static inline void churn_tell_sample(struct churn *c, uint32_t image_id, uint32_t tid, uint64_t leaf, unsigned depth)
{
	struct abi_frame frames[CHURN_FUNCTIONS + 1];
	struct abi_sample *r;
	uint32_t n = 0;

	if (leaf)
		frames[n++] = (struct abi_frame){.code_key = leaf};
	for (unsigned f = depth; f-- > 0;)
		frames[n++] = (struct abi_frame){.code_key = churn_key(image_id, f),
						 .lasti = (int32_t)(2 * churn_random(c, 30))};
	r = sample_record(image_id, ABI_OK, frames, n);
	r->hdr.tgid = churn_pid(image_id);
	r->hdr.tid = tid;
	r->hdr.time_ns = c->now_ns;
	r->value = SECOND / 29;
	r->thread_start_ns = c->now_ns / SECOND * SECOND;
	r->thread_ident = 0x7f0000000000ull + tid * 4096ull;
	r->gil = ABI_GIL_HELD;
	strcpy(r->comm, "python3");
	resolve__sample(c->resolve, r);
	free(r);
	c->sample_cnt++;
}

static inline void churn_tell_tasks(struct churn *c, uint32_t image_id)
{
	struct {
		struct abi_tasks head;
		struct abi_task task[2];
	} r = {.head = {.hdr = {.kind = ABI_REC_TASKS, .size = sizeof(r)},
			.key = ++c->codes_made,
			.image_id = image_id}};

	r.head.hdr.time_ns = c->now_ns;
	r.head.cnt = 2;
	for (unsigned i = 0; i < 2; i++) {
		r.task[i].number = c->codes_made;
		r.task[i].coroutine = (struct abi_text){.bytes = 12, .kind = 1};
		memcpy(r.task[i].text, "handle_order", 12);
	}
	resolve__tasks(c->resolve, &r.head);
}

/* ---- lives ----------------------------------------------------------------------------------------------- */

static inline void churn_pass(struct churn *c, uint64_t ns)
{
	c->now_ns += ns;
	resolve__flush(c->resolve, c->now_ns, false);
}

static inline void churn_live_and_die(struct churn *c)
{
	uint32_t image_id = ++c->image_id, parent = c->residents[churn_random(c, c->rates.residents)];
	unsigned program = churn_random(c, CHURN_PROGRAMS);
	bool execs = churn_random(c, 8) == 0, nameless = churn_random(c, 100) == 0;

	churn_tell_process(c, image_id, execs ? 0 : parent, program);
	if (!nameless)
		churn_tell_program(c, image_id, program);
	for (uint32_t t = 0; t < c->rates.threads; t++)
		churn_tell_sample(c, image_id, churn_pid(image_id) + t, 0, 1 + churn_random(c, CHURN_FUNCTIONS));
	c->thread_cnt += c->rates.threads;
	if (execs) { /* another image, whose name is the first one's number */
		churn_tell_end(c, image_id);
		image_id = ++c->image_id;
		churn_tell_process(c, image_id, 0, program);
		churn_tell_program(c, image_id, program);
		churn_tell_sample(c, image_id, churn_pid(image_id), 0, 1);
	}
	if (churn_random(c, 100) == 0 && c->lost_cnt < ARRAY_SIZE(c->lost_ends))
		c->lost_ends[c->lost_cnt++] = image_id;
	else
		churn_tell_end(c, image_id);
}

/* One that lives makes code, runs it once, and throws it away. Each fifth was there before, under another key. */
static inline void churn_make_code(struct churn *c)
{
	uint32_t resident = c->residents[c->windows % 4];
	uint64_t n = ++c->codes_made, key = (uint64_t)resident << 40 | n << 4 | 1;
	__cleanup_free char *name = xasprintf("<lambda>.made_%llu", (unsigned long long)(n % 200000));

	churn_tell_code(c, &(struct made_code){.image_id = resident,
					       .layout_id = 1,
					       .key = key,
					       .name = name,
					       .file = "<string>",
					       .first_line = 1,
					       .lines_bytes = table_bytes(LINE_TABLE_LOCATIONS, 30)});
	churn_tell_sample(c, resident, churn_pid(resident), key, 2);
}

static inline void churn_run_resident(struct churn *c, uint32_t n)
{
	uint32_t resident = c->residents[n % c->rates.residents];

	churn_tell_sample(c, resident, CHURN_PID_FIRST + 0x100000 + n % 5000, 0, 1 + n % CHURN_FUNCTIONS);
	c->thread_cnt++;
}

static inline void churn_count(struct churn *c, const struct profile *p)
{
	c->shown += p->sample_cnt;
	for (uint32_t i = 1; i <= p->stack_cnt; i++)
		c->unknown += !strcmp(p->functions[p->frames[p->stacks[i].frame].function].name, "[unknown function]");
}

static inline void churn_put(void *ctx, struct buf *body, uint64_t samples)
{
	struct churn *c = ctx;

	c->bytes += body->len;
	c->sent += samples;
	buf_free(body);
}

static inline void churn_push(struct churn *c, const struct profile *p)
{
	struct push_window w = {.p = p, .start_unix_ns = c->now_ns, .duration_ns = WINDOW_S * SECOND};

	naming__group(c->naming, &w);
	backend_pyroscope.encode(&w, churn_put, c);
	naming_clear(&w);
}

/* As the daemon does it: into request bodies, and forgotten. */
static inline void churn_hand_over(struct churn *c)
{
	struct profile_builder *last = c->builder;
	struct profile *p;

	resolve__read_cpu(c->resolve, false);
	c->builder = profile_builder__new(false);
	resolve__begin_segment(c->resolve, profile_builder__sink(c->builder));
	p = profile_builder__finish(last);
	churn_count(c, p);
	churn_push(c, p);
	profile__free(p);
	malloc_trim(0);
}

static inline void churn_window(struct churn *c)
{
	unsigned steps = c->rates.processes;

	if (c->windows % CHURN_CONTAINER_EVERY == 0)
		churn_replace_container(c);
	for (unsigned i = 0; i < steps; i++) {
		churn_live_and_die(c);
		for (unsigned n = c->rates.made * i / steps; n < c->rates.made * (i + 1) / steps; n++)
			churn_make_code(c);
		for (unsigned n = c->rates.at_once * i / steps; n < c->rates.at_once * (i + 1) / steps; n++)
			churn_run_resident(c, n + (unsigned)c->windows * 977);
		if (i % 100 == 0)
			churn_tell_tasks(c, c->residents[i % c->rates.residents]);
		c->now_ns += WINDOW_S * SECOND / steps;
		if (i % 12 == 0)
			churn_pass(c, 0);
	}
	for (uint32_t i = 0; i < c->lost_cnt; i++)
		churn_tell_end(c, c->lost_ends[i]);
	c->lost_cnt = 0;
	churn_pass(c, 0);
	churn_hand_over(c);
	c->windows++;
}

static inline void churn_send_again(void *ctx, uint64_t key)
{
	(void)ctx;
	(void)key; /* those that go are thrown away by their process, too */
}

static inline void churn_begin(struct churn *c, const struct churn_rates *rates, size_t code_bytes)
{
	*c = (struct churn){.rates = *rates, .now_ns = 1000 * SECOND, .random = 1};
	churn_python.build.lines = LINE_TABLE_LOCATIONS;
	churn_python.build.layout = py_version_find(12, false)->layout;
	strcpy(churn_python.build.version, "3.12.1");
	if (!churn_begin_containers(c)) {
		free(c->group);
		c->group = NULL;
	}
	c->builder = profile_builder__new(false);
	c->naming = naming__new("node", 500);
	c->processes = processes__new(c->root ? c->root : "");
	c->resolve = resolve__new(profile_builder__sink(c->builder), c->processes, NULL);
	resolve__limit_codes(c->resolve, &(struct codes_limit){.bytes = code_bytes, .forget = churn_send_again});
	for (unsigned i = 0; i < c->rates.containers; i++)
		churn_replace_container(c);
	c->residents = xcalloc(c->rates.residents, sizeof(*c->residents));
	for (unsigned i = 0; i < c->rates.residents; i++) {
		c->residents[i] = ++c->image_id;
		churn_tell_process(c, c->image_id, 0, i % CHURN_PROGRAMS);
		churn_tell_program(c, c->image_id, i % CHURN_PROGRAMS);
	}
}

static inline void churn_end(struct churn *c)
{
	resolve__flush(c->resolve, c->now_ns, true);
	resolve__free(c->resolve);
	processes__free(c->processes);
	profile__free(profile_builder__finish(c->builder));
	naming__free(c->naming);
	churn_end_containers(c);
	free(c->residents);
}

#ifdef __SANITIZE_ADDRESS__
size_t __sanitizer_get_current_allocated_bytes(void);
#endif

/* Bytes of the heap. */
static inline size_t churn_in_use(void)
{
#ifdef __SANITIZE_ADDRESS__
	return __sanitizer_get_current_allocated_bytes();
#else
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
#endif
}
