/* SPDX-License-Identifier: MIT */
/*
 * A sender under a test's hand. Usage: push_feed URL [OPTION=VALUE…] with options token-file, token, header-file, ca, proxy, spool,
 * queue, spool-bytes, timeout (ms). Reads commands, a line each, and answers each with a line of JSON:
 *
 *   put NUMBER BYTES SAMPLES    a body that begins with "NUMBER " and is so long
 *   stats                       struct push_stats
 *   stop MS                     push_sender__stop() in so many milliseconds; then stats
 *   quit                        the sender is freed
 */
#include "user/push/sender.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include <stdio.h>
#include <string.h>

static char *reason(const char *body, size_t len)
{
	return xasprintf("in its own words, %.*s", (int)len, body);
}

/* One that has words of its own, one that has none, and none that compresses. */
static const struct backend test = {.name = "test", .path = "/plain", .content_type = "text/x-test", .gzip = true};
static const struct backend talks = {
	.name = "talks", .path = "/plain", .content_type = "text/x-test", .reason = reason};
const struct backend *const backends[] = {&test, &talks, NULL};

static void put(struct push_sender *s, char *words)
{
	struct buf body = {0};
	unsigned long long number, bytes, samples;

	if (sscanf(words, "%llu %llu %llu", &number, &bytes, &samples) != 3)
		exit(2);
	buf_printf(&body, "%llu ", number);
	/* Nothing that compresses well: bounds are in bytes that are sent. */
	for (uint32_t x = (uint32_t)number * 2654435761u + 1; body.len < bytes; x = x * 1664525u + 1013904223u)
		buf_put(&body, &(char){(char)('!' + (x >> 24) % 90)}, 1);
	push_sender__put(s, &body, samples);
	printf("{\"left\": %zu}\n", body.len);
}

static void stats(struct push_sender *s, char *words)
{
	struct push_stats st;

	(void)words;
	push_sender__stats(s, &st);
#define NUMBER(field) printf("\"" #field "\": %llu, ", (unsigned long long)st.field)
	printf("{");
	NUMBER(put);
	NUMBER(put_samples);
	NUMBER(sent);
	NUMBER(sent_samples);
	NUMBER(sent_bytes);
	NUMBER(dropped);
	NUMBER(dropped_samples);
	NUMBER(refused);
	NUMBER(refused_samples);
	NUMBER(left_out_profiles);
	NUMBER(queued);
	NUMBER(queued_samples);
	NUMBER(queued_bytes);
	NUMBER(spooled_bytes);
	NUMBER(requests);
	NUMBER(retries);
	NUMBER(connect_failures);
	NUMBER(last_sent_unix_ns);
	printf("\"status\": [");
	for (unsigned i = 0; i < 6; i++)
		printf("%s%llu", i ? ", " : "", (unsigned long long)st.status[i]);
	printf("], \"url\": \"%s\"}\n", st.url);
}

static void stop(struct push_sender *s, char *words)
{
	push_sender__stop(s, (unsigned)atoi(words));
	stats(s, words);
}

static const struct {
	const char *name;
	void (*fn)(struct push_sender *s, char *words);
} commands[] = {{"put", put}, {"stats", stats}, {"stop", stop}};

static void serve(struct push_sender *s)
{
	char line[256];

	while (fgets(line, sizeof(line), stdin) && strncmp(line, "quit", 4)) {
		char *words = line + strcspn(line, " \n");

		*words++ = 0;
		for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
			if (!strcmp(line, commands[i].name))
				commands[i].fn(s, words);
		fflush(stdout);
	}
}

static void take_option(struct push_options *o, char *word, const char **header_files)
{
	char *value = strchr(word, '=');
	const struct {
		const char *name;
		const char **text;
		uint64_t *number;
	} options[] = {
		{"token-file", &o->token_file, NULL},
		{"token", &o->token, NULL},
		{"ca", &o->ca_file, NULL},
		{"proxy", &o->proxy, NULL},
		{"spool", &o->spool, NULL},
		{"queue", NULL, &o->queue_bytes},
		{"timeout", NULL, &o->timeout_ns},
		{"spool-bytes", NULL, &o->spool_bytes},
	};

	*value++ = 0;
	if (!strcmp(word, "header-file")) {
		header_files[o->header_file_cnt++] = value;
		o->header_files = header_files;
	}
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (!strcmp(word, options[i].name) && options[i].text)
			*options[i].text = value;
		else if (!strcmp(word, options[i].name))
			*options[i].number =
				strtoull(value, NULL, 10) * (options[i].number == &o->timeout_ns ? 1000000 : 1);
}

int main(int argc, char **argv)
{
	struct push_options o = {.url = argc > 1 ? argv[1] : ""};
	const char *header_files[8];
	struct push_sender *s;

	log_say_more();
	log_say_more();
	for (int i = 2; i < argc; i++)
		take_option(&o, argv[i], header_files);
	if (push_sender__new(&o, &s))
		return 1;
	printf("{\"http\": \"%s\"}\n", http_version());
	fflush(stdout);
	serve(s);
	push_sender__free(s);
	return 0;
}
