/*
 * JSON text → typed items, one callback per object; knows the keys of our JSON and nothing of
 * profiles. The file is gone through as often as asked, so the order of its keys does not matter.
 */
#pragma once
#include "user/format/json.h"
#include "user/util/intern.h"
#include <stddef.h>

enum json_place {
	JSON_NOWHERE,
	JSON_TOP,
	JSON_PROCESSES,
	JSON_PROCESS,
	JSON_THREADS,
	JSON_THREAD,
	JSON_FUNCTIONS,
	JSON_FUNCTION,
	JSON_VARIANTS,
	JSON_VARIANT,
	JSON_LOSSES,
	JSON_LOSS,
	JSON_SAMPLES,
	JSON_SAMPLE,
	JSON_STACK,
	JSON_LINES,
	JSON_WHICH,
	JSON_PLACES
};

/* Texts are ids in `names`; indices are the number in the file + 1, 0: not said. */
struct json_top {
	uint32_t schema, process_name, tool, command, target, host, kernel;
	uint64_t start_ns, duration_ns, ticks, filtered;
	double rate, effective_rate;
	uint32_t cpus;
	bool gil_only, incomplete;
};
struct json_process {
	uint32_t pid, parent_pid, command, python, interpreter, cgroup;
	uint64_t start_ns, cpu_ns;
};
struct json_thread {
	uint32_t pid, process, name;
	uint32_t thread_id; /* as text: others have numbers of 64 bits, or words */
};
struct json_function {
	uint32_t name, module, file, short_file;
	int32_t line;
	uint32_t origin; /* enum profile_origin */
	uint64_t samples, time_ns;
};
struct json_loss {
	uint32_t reason, sentence, process;
	uint64_t samples, time_ns, from_ns, to_ns;
	bool no_failure;
};
struct json_sample {
	uint32_t pid, thread, thread_id, cpu;
	uint64_t timestamp_ns, value_ns;
	uint8_t gil; /* enum profile_gil */
	bool truncated, has_value;
};
struct json_list {
	int64_t *items;
	size_t cnt, cap;
};

/*
 * What is being read; an item is valid in the callback for its place,
 * and zeroed before the next.
 */
struct json_items {
	struct json_top top;
	struct json_process process;
	struct json_thread thread;
	struct json_function
		function; /* JSON_FUNCTION, when it has no variants; its name in JSON_VARIANT */
	struct json_function variant;
	struct json_loss loss;
	struct json_sample sample;
	struct json_list stack, lines, which; /* of the sample; stack: ids in `names` */
	struct intern *names;
	bool has_samples;
};

/*
 * Called at the end of each object but the top. NULL, or what is wrong with it, in words; no words
 * at all stop the pass in silence (-ECANCELED).
 */
typedef const char *(*json_item_fn)(void *ctx, enum json_place place, struct json_items *items);

enum json_pass { JSON_TABLES, JSON_ONLY_SAMPLES };

struct json_source {
	int fd;
	const char *path; /* for messages */
	json_item_fn fn;
	void *ctx;
};

/* Goes through the whole file. 0, or negative errno; says what is wrong and in which line. */
int json_parse(const struct json_source *source, enum json_pass pass, struct json_items *items);
void json_items__free(struct json_items *items);
