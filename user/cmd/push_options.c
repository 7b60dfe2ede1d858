/* SPDX-License-Identifier: MIT */
/*
 * The options of pushing. Secrets are never words of a command line, where every user of the machine reads them: tokens and headers come
 * from files. A token is for the destination in front of it, so that none is sent to where it does not belong.
 */
#include "user/cmd/push_options.h"
#include "user/cmd/keep.h"
#include "user/util/alloc.h"
#include "user/util/units.h"
#include <string.h>

#define QUEUE_DEFAULT   (16ull << 20)
#define SPOOL_DEFAULT   (256ull << 20)
#define TIMEOUT_DEFAULT 10000000000ull
#define SERIES_DEFAULT  1000

/* In the order in which settings of a file are read, too: what is for all destinations comes before the first. */
enum {
	KEY_TOKEN_FILE = 0x8000,
	KEY_HEADER_FILE,
	KEY_CA_FILE,
	KEY_PROXY,
	KEY_QUEUE,
	KEY_SPOOL,
	KEY_SPOOL_SIZE,
	KEY_TIMEOUT,
	KEY_PUSH,
	KEY_LABEL,
	KEY_KEEP,
	KEY_DROP,
	KEY_WITH_LABEL,
	KEY_NODE,
	KEY_SERIES_MAX
};

#define NAMING_OPTIONS                                                                                                 \
	{NULL, 0, NULL, 0, "What they are called there:", 31},                                                         \
		{"label",                                                                                              \
		 KEY_LABEL,                                                                                            \
		 "NAME=VALUE",                                                                                         \
		 0,                                                                                                    \
		 "A label of everything sent; with :if=LABEL=GLOB behind it where that fits; an empty VALUE removes "  \
		 "it; "                                                                                                \
		 "repeatable",                                                                                         \
		 31},                                                                                                  \
		{"keep", KEY_KEEP, "LABEL=GLOB", 0, "Send only what has such a label (container=web-*); repeatable",   \
		 31},                                                                                                  \
		{"drop", KEY_DROP, "LABEL=GLOB", 0, "Do not send what has such a label; repeatable", 31},              \
		{"with-label",                                                                                         \
		 KEY_WITH_LABEL,                                                                                       \
		 "LABEL",                                                                                              \
		 0,                                                                                                    \
		 "Also this one, which multiplies the series that a back end has: container_id, pid, thread_name, "    \
		 "unit, runtime, "                                                                                     \
		 "compose_project or compose_service; repeatable",                                                     \
		 31},                                                                                                  \
		{"node", KEY_NODE, "NAME", 0, "Value of the label `node` (default: $NODE_NAME, else the host's name)", \
		 31},                                                                                                  \
		{"series-max",                                                                                         \
		 KEY_SERIES_MAX,                                                                                       \
		 "N",                                                                                                  \
		 0,                                                                                                    \
		 "Different sets of labels, beyond which services are sent together as `other` (default 1000; 0: no "  \
		 "limit)",                                                                                             \
		 31}

static const struct argp_option options[] = {
	{NULL, 0, NULL, 0, "Where profiles are sent:", 30},
	{"token-file", KEY_TOKEN_FILE, "FILE", 0,
	 "A bearer token, read anew for each request; for the --push before it, or for all when it comes first "
	 "(default: PYBPFPROF_TOKEN of the environment)",
	 30},
	{"header-file", KEY_HEADER_FILE, "FILE", 0,
	 "Headers, a line each (X-Scope-OrgID: team-a), read anew too; for the --push before it or for all; repeatable",
	 30},
	{"ca-file", KEY_CA_FILE, "FILE", 0, "Certificates that servers are verified by (default: the system's)", 30},
	{"proxy", KEY_PROXY, "URL", 0, "Through this proxy (default: https_proxy, http_proxy and no_proxy)", 30},
	{"queue", KEY_QUEUE, "SIZE", 0,
	 "What waits for a destination that does not answer, in memory; the oldest is dropped beyond it (default 16MB)",
	 30},
	{"spool", KEY_SPOOL, "DIR", 0, "What finds no room in memory waits in this directory, also for the next start",
	 30},
	{"spool-size", KEY_SPOOL_SIZE, "SIZE", 0, "How much may wait there (default 256MB)", 30},
	{"push-timeout", KEY_TIMEOUT, "TIME", 0, "For a request to be answered (default 10s)", 30},
	{"push", KEY_PUSH, "URL", 0,
	 "Send to BACKEND://HOST:PORT (https), or BACKEND+http://HOST:PORT. BACKEND: pyroscope, parca or otlp; "
	 "repeatable",
	 30},
	{"to", 0, NULL, OPTION_ALIAS, NULL, 30},
	NAMING_OPTIONS,
	{0},
};

static const struct argp_option naming_options[] = {NAMING_OPTIONS, {0}};

/* ---- destinations ------------------------------------------------------------------------------ */

/* Of the destination at hand, or of all that follow. */
static struct push_options *at_hand(struct push_options_list *l)
{
	return l->cnt ? &l->destinations[l->cnt - 1] : &l->common;
}

static void add_destination(struct push_options_list *l, const char *url)
{
	struct push_options *d;

	l->destinations = xrealloc(l->destinations, (l->cnt + 1) * sizeof(*l->destinations));
	d = &l->destinations[l->cnt++];
	*d = (struct push_options){.url = url, .token_file = l->common.token_file};
	if (!l->common.header_file_cnt)
		return;
	d->header_files = xcalloc(l->common.header_file_cnt, sizeof(*d->header_files));
	memcpy((void *)d->header_files, l->common.header_files, l->common.header_file_cnt * sizeof(*d->header_files));
	d->header_file_cnt = l->common.header_file_cnt;
}

static void add_header_file(struct push_options *o, const char *path)
{
	o->header_files = xrealloc((void *)o->header_files, (o->header_file_cnt + 1) * sizeof(*o->header_files));
	((const char **)o->header_files)[o->header_file_cnt++] = path;
}

/* What is common to all, wherever it was said. */
static void complete(struct push_options_list *l)
{
	const char *token = getenv("PYBPFPROF_TOKEN"); /* a container's Secret, mostly */

	for (size_t i = 0; i < l->cnt; i++) {
		struct push_options *d = &l->destinations[i];

		if (!d->token_file && token && *token)
			d->token = token;
		d->ca_file = l->common.ca_file;
		d->proxy = l->common.proxy;
		d->spool = l->common.spool;
		d->queue_bytes = l->common.queue_bytes;
		d->spool_bytes = l->common.spool_bytes;
		d->timeout_ns = l->common.timeout_ns;
	}
}

static uint64_t parse_size(struct argp_state *state, const char *option, const char *arg)
{
	const char *why = "";
	uint64_t bytes = 0;

	if (units_parse_size(arg, &bytes, &why) || !bytes)
		argp_error(state, "%s %s: %s; write for example 500kB or 16MB", option, arg,
			   bytes || *why ? why : "must be more than 0");
	return bytes;
}

static uint64_t parse_time(struct argp_state *state, const char *option, const char *arg)
{
	const char *why = "must be more than 0";
	uint64_t ns = 0;

	if (units_parse_duration(arg, &ns, &why) || !ns)
		argp_error(state, "%s %s: %s; write for example 500ms or 10s", option, arg, why);
	return ns;
}

/* ---- names ------------------------------------------------------------------------------------- */

static void add_rule(struct push_options_list *l, int key, const char *text)
{
	l->rules = xrealloc(l->rules, (l->rule_cnt + 1) * sizeof(*l->rules));
	l->rules[l->rule_cnt++] = (struct push_rule){key, text};
}

/* A rule, or how long or how many files are kept: 24h, 2G. A number alone could be either. */
static void parse_keep(struct push_options_list *l, const char *arg, struct argp_state *state)
{
	const char *why;
	struct keep files;

	if (strchr(arg, '=')) {
		add_rule(l, KEY_KEEP, arg);
	} else if (arg[strspn(arg, "0123456789.")] && !keep__parse(&files, arg, &why)) {
		*(files.ns ? &l->keep_ns : &l->keep_bytes) = files.ns ? files.ns : files.bytes;
	} else {
		argp_error(state,
			   "--keep %s: neither a rule (container=web-*) nor how long or how much of files is kept "
			   "(24h, 2GB)",
			   arg);
	}
}

static const struct {
	int key;
	const char *option;
	int (*add)(struct naming *n, const char *rule, const char **why);
} rule_kinds[] = {
	{KEY_LABEL, "--label", naming__add_label},
	{KEY_KEEP, "--keep", naming__add_keep},
	{KEY_DROP, "--drop", naming__add_drop},
	{KEY_WITH_LABEL, "--with-label", naming__enable},
};

/* 0 or -EINVAL, with the option that is wrong and `*why`. */
static int apply_rule(struct naming *n, const struct push_rule *r, const char **option, const char **why)
{
	for (size_t i = 0; i < ARRAY_SIZE(rule_kinds); i++) {
		*option = rule_kinds[i].option;
		if (rule_kinds[i].key == r->key)
			return rule_kinds[i].add(n, r->text, why);
	}
	return 0;
}

struct naming *push_options__naming_of(const struct push_options_list *l, const char *host)
{
	struct naming *n = naming__new(l->own_node && *host ? host : l->node, (uint32_t)l->series_max);
	const char *option, *why;

	for (size_t i = 0; i < l->rule_cnt; i++)
		apply_rule(n, &l->rules[i], &option, &why); /* which were found to be right */
	return n;
}

/* Without --node. */
static void find_node(struct push_options_list *l)
{
	char name[256] = "";

	if (!l->node)
		l->node = getenv("NODE_NAME");
	if (l->node && *l->node)
		return;
	gethostname(name, sizeof(name) - 1);
	l->node = l->own_node = xstrdup(name);
}

static void make_naming(struct push_options_list *l, struct argp_state *state)
{
	const char *option = "", *why = "";

	if (l->series_max > UINT32_MAX)
		argp_error(state, "--series-max: at most %u", UINT32_MAX);
	find_node(l);
	l->naming = naming__new(l->node, (uint32_t)l->series_max);
	for (size_t i = 0; i < l->rule_cnt; i++)
		if (apply_rule(l->naming, &l->rules[i], &option, &why))
			argp_error(state, "%s %s: %s", option, l->rules[i].text, why);
	if (naming__check(l->naming, &why))
		argp_error(state, "%s", why);
}

/* ---- the parser -------------------------------------------------------------------------------- */

static error_t parse_names(struct push_options_list *l, int key, const char *arg, struct argp_state *state)
{
	const char *why = "";

	switch (key) {
	case KEY_LABEL:
	case KEY_DROP:
	case KEY_WITH_LABEL:
		add_rule(l, key, arg);
		return 0;
	case KEY_KEEP:
		parse_keep(l, arg, state);
		return 0;
	case KEY_NODE:
		l->node = arg;
		return 0;
	case KEY_SERIES_MAX:
		if (units_parse_count(arg, &l->series_max, &why))
			argp_error(state, "--series-max %s: %s", arg, why);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_destination(struct push_options_list *l, int key, const char *arg, struct argp_state *state)
{
	switch (key) {
	case KEY_PUSH:
		add_destination(l, arg);
		return 0;
	case KEY_TOKEN_FILE:
		at_hand(l)->token_file = arg;
		return 0;
	case KEY_HEADER_FILE:
		add_header_file(at_hand(l), arg);
		return 0;
	case KEY_CA_FILE:
		l->common.ca_file = arg;
		return 0;
	case KEY_PROXY:
		l->common.proxy = arg;
		return 0;
	case KEY_QUEUE:
		l->common.queue_bytes = parse_size(state, "--queue", arg);
		return 0;
	case KEY_SPOOL:
		l->common.spool = arg;
		return 0;
	case KEY_SPOOL_SIZE:
		l->common.spool_bytes = parse_size(state, "--spool-size", arg);
		return 0;
	case KEY_TIMEOUT:
		l->common.timeout_ns = parse_time(state, "--push-timeout", arg);
		return 0;
	default:
		return parse_names(l, key, arg, state);
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct push_options_list *l = state->input;

	if (!l) /* the tables alone are being read */
		return ARGP_ERR_UNKNOWN;
	switch (key) {
	case ARGP_KEY_INIT:
		l->common = (struct push_options){
			.queue_bytes = QUEUE_DEFAULT, .spool_bytes = SPOOL_DEFAULT, .timeout_ns = TIMEOUT_DEFAULT};
		l->series_max = SERIES_DEFAULT;
		return 0;
	case ARGP_KEY_END:
		complete(l);
		make_naming(l, state);
		return 0;
	default:
		return parse_destination(l, key, arg, state);
	}
}

const struct argp push_options = {.options = options, .parser = parse};
const struct argp push_naming_options = {.options = naming_options, .parser = parse};

void push_options__free(struct push_options_list *l)
{
	for (size_t i = 0; i < l->cnt; i++)
		free((void *)l->destinations[i].header_files);
	free((void *)l->common.header_files);
	free(l->destinations);
	free(l->rules);
	free(l->own_node);
	naming__free(l->naming);
	*l = (struct push_options_list){0};
}
