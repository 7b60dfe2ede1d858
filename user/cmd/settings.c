/* SPDX-License-Identifier: MIT */
/* Becomes a command line, so that every option has one parser, one check and one message, wherever it comes from. */
#include "user/cmd/settings.h"
#include "user/cmd/option_walk.h"
#include "user/cmd/usage.h"
#include "user/os/invoker.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/log.h"
#include "user/util/nearest.h"
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <string.h>

#define PREFIX   "PYBPFPROF_"
#define FILE_MAX (1u << 20)
#define LONG_VAL 0x10000 /* what getopt gives for the first long option, beyond every letter */

extern char **environ;

enum source { NOWHERE, IN_FILE, IN_ENVIRONMENT, IN_LINE };

struct known {
	const struct argp_option *o, *real; /* real: itself, or what it is another name for */
	bool everywhere;                    /* --help and the like: they do not set anything */
	enum source highest;
};

struct setting {
	size_t option;
	enum source source;
	char *arg; /* "--name=value"; NULL: it is said not to be set */
};

struct builder {
	struct known *options;
	size_t option_cnt, option_cap;
	struct setting *settings;
	size_t setting_cnt, setting_cap;
	bool walks_everywhere;
	const char *config; /* of the command line */
	bool only_explains; /* --help and the like */
};

/* ---- the options there are -------------------------------------------------------------------------------- */

static bool add_option(void *ctx, const struct argp_option *o, const struct argp_option *real)
{
	struct builder *b = ctx;

	if (o->flags & OPTION_DOC)
		return false;
	xgrow(b->options, b->option_cnt, b->option_cap);
	b->options[b->option_cnt++] = (struct known){o, real, b->walks_everywhere, NOWHERE};
	return false;
}

static const char *arg_of(const struct known *k)
{
	return k->real->arg;
}

static bool is_flag(const struct known *k)
{
	return !arg_of(k) || k->real->flags & OPTION_ARG_OPTIONAL;
}

static bool is_letter(int key)
{
	return key > 0 && key < 256 && isprint(key);
}

/* All names of an option count as its first. */
static size_t first_of(const struct builder *b, size_t i)
{
	for (size_t k = 0; k < b->option_cnt; k++)
		if (b->options[k].o == b->options[i].real)
			return k;
	return i;
}

static bool find_option(const struct builder *b, const char *name, size_t *out)
{
	for (size_t i = 0; i < b->option_cnt; i++)
		if (!b->options[i].everywhere && b->options[i].o->name && !strcmp(b->options[i].o->name, name)) {
			*out = i;
			return true;
		}
	return false;
}

static const char *nearest_option(const struct builder *b, const char *name)
{
	const char **names = xcalloc(b->option_cnt + 1, sizeof(*names)), *near;
	size_t cnt = 0;

	for (size_t i = 0; i < b->option_cnt; i++)
		if (b->options[i].o->name && !(b->options[i].o->flags & OPTION_HIDDEN) && !b->options[i].everywhere)
			names[cnt++] = b->options[i].o->name;
	near = nearest_word(name, names);
	free(names);
	return near;
}

/* ---- one setting ------------------------------------------------------------------------------------------ */

static void add(struct builder *b, size_t option, enum source source, char *arg)
{
	struct known *first = &b->options[first_of(b, option)];

	xgrow(b->settings, b->setting_cnt, b->setting_cap);
	b->settings[b->setting_cnt++] = (struct setting){option, source, arg};
	if (source > first->highest)
		first->highest = source;
}

static bool is_word_of(const char *value, const char *const *words)
{
	for (; *words; words++)
		if (!strcasecmp(value, *words))
			return true;
	return false;
}

static bool is_yes(const char *value)
{
	static const char *const words[] = {"yes", "true", "on", "1", NULL};

	return is_word_of(value, words);
}

static bool is_no(const char *value)
{
	static const char *const words[] = {"no", "false", "off", "0", NULL};

	return is_word_of(value, words);
}

static bool is_quoted(const char *value)
{
	size_t len = strlen(value);

	return len > 1 && (*value == '"' || *value == '\'') && value[len - 1] == *value;
}

/* `where` is "FILE:LINE" or the variable. NULL as `value`: there is only the name. */
static int add_value(struct builder *b, const char *where, enum source source, size_t option, const char *value)
{
	const struct known *k = &b->options[option];
	const char *name = k->o->name;

	if (value && is_quoted(value)) {
		log_error("%s: %s: values are written without quotes: %.*s", where, name, (int)strlen(value) - 2,
			  value + 1);
	} else if (is_flag(k) && (!value || is_yes(value))) {
		add(b, option, source, xasprintf("--%s", name));
		return 0;
	} else if (is_flag(k) && is_no(value)) {
		add(b, option, source, NULL);
		return 0;
	} else if (!arg_of(k)) {
		log_error("%s: %s has no value but yes or no, not %s", where, name, value);
	} else if (!value || !*value) {
		log_error("%s: %s needs a value: %s", where, name, arg_of(k));
	} else {
		add(b, option, source, xasprintf("--%s=%s", name, value));
		return 0;
	}
	return -EINVAL;
}

static char *trim(char *text)
{
	char *end = text + strlen(text);

	while (end > text && isspace((unsigned char)end[-1]))
		*--end = '\0';
	while (isspace((unsigned char)*text))
		text++;
	return text;
}

/* ---- the file --------------------------------------------------------------------------------------------- */

static int complain_of_name(const struct builder *b, const char *where, const char *name)
{
	const char *bare = name + strspn(name, "-"), *near = nearest_option(b, bare);
	size_t option;

	if (*name == '[')
		log_error("%s: %s: there are no sections, only lines `option = value`", where, name);
	else if (name != bare && find_option(b, bare, &option))
		log_error("%s: %s: write it without dashes: %s", where, name, bare);
	else if (near)
		log_error("%s: there is no option %s; did you mean %s?", where, name, near);
	else
		log_error("%s: there is no option %s; `pybpfprof daemon --help` shows those that there are", where,
			  name);
	return -EINVAL;
}

static int parse_line(struct builder *b, const char *where, char *line)
{
	char *name = trim(line), *value = strchr(name, '=');
	size_t option;

	if (!*name || *name == '#')
		return 0;
	if (value) {
		*value++ = '\0';
		value = trim(value);
		name = trim(name);
	}
	if (!find_option(b, name, &option))
		return complain_of_name(b, where, name);
	if (!strcmp(name, "config")) {
		log_error("%s: a file cannot name another", where);
		return -EINVAL;
	}
	return add_value(b, where, IN_FILE, option, value);
}

static int parse_text(struct builder *b, const char *path, char *text)
{
	unsigned number = 1;
	char *line;
	int err = 0;

	for (; !err && (line = strsep(&text, "\n")); number++) {
		__cleanup_free char *where = xasprintf("%s:%u", path, number);

		err = parse_line(b, where, line);
	}
	return err;
}

/* With the rights of who named it: what is wrong in it will be shown. */
static FILE *open_file(const char *path, bool named)
{
	FILE *f;
	int err;

	if (named)
		invoker_begin();
	f = fopen(path, "re");
	err = errno;
	if (!f && (named || err != ENOENT))
		log_error("%s: %s%s", path, strerror(err), named ? invoker_hint() : "");
	if (named)
		invoker_end();
	errno = err;
	return f;
}

/* 0, also when there is none that would have to be. */
static int read_file(struct builder *b, const char *path, bool named, struct settings *out)
{
	__cleanup_file FILE *f = open_file(path, named);
	__cleanup_free char *text = NULL;
	size_t len;

	if (!f)
		return !named && errno == ENOENT ? 0 : -errno;
	text = xmalloc(FILE_MAX + 1);
	len = fread(text, 1, FILE_MAX + 1, f);
	if (ferror(f)) {
		log_error("%s: %s", path, strerror(errno));
		return -EIO;
	}
	if (len > FILE_MAX || memchr(text, 0, len)) {
		log_error("%s: this is no text with options", path);
		return -EINVAL;
	}
	text[len] = '\0';
	out->file = xstrdup(path);
	return parse_text(b, path, text);
}

/* ---- the environment -------------------------------------------------------------------------------------- */

/* A service of the name pybpfprof gives every pod of Kubernetes variables that begin so, and so may others: they are not ours. */
static void doubt(const struct builder *b, const char *variable, const char *name)
{
	/* PYBPFPROF_TOKEN holds a token, and is no option (user/cmd/push_options.c) */
	const char *near = strcmp(name, "token") ? nearest_option(b, name) : NULL;

	if (near)
		log_warn("the environment has %s, and there is no option %s; did you mean --%s?", variable, name, near);
	else
		log_verbose("%s in the environment is no option, and ignored", variable);
}

static int parse_values(struct builder *b, const char *variable, size_t option, const char *text)
{
	__cleanup_free char *copy = xstrdup(text);
	char *rest = copy, *one;
	int err = 0;

	while (!err && (one = strsep(&rest, "\n;"))) {
		one = trim(one);
		if (*one)
			err = add_value(b, variable, IN_ENVIRONMENT, option, one);
	}
	return err;
}

/* "PUSH_TOKEN_FILE" → "push-token-file" */
static char *option_name(const char *variable, size_t len)
{
	char *name = xstrndup(variable, len);

	for (char *at = name; *at; at++)
		*at = *at == '_' ? '-' : (char)tolower((unsigned char)*at);
	return name;
}

static int parse_environment(struct builder *b)
{
	int err = 0;

	for (char **at = environ; !err && *at; at++) {
		const char *value = strchr(*at, '=');
		size_t len = strlen(PREFIX), option;
		__cleanup_free char *variable = NULL, *name = NULL;

		if (strncmp(*at, PREFIX, len) || !value)
			continue;
		variable = xstrndup(*at, (size_t)(value - *at));
		name = option_name(variable + len, strlen(variable) - len);
		if (!find_option(b, name, &option))
			doubt(b, variable, name);
		else if (strcmp(name, "config"))
			err = parse_values(b, variable, option, value + 1);
	}
	return err;
}

/* ---- the command line ------------------------------------------------------------------------------------- */

static void put_letter(struct buf *letters, const struct known *k)
{
	buf_printf(letters, "%c%s", k->o->key, !arg_of(k) ? "" : is_flag(k) ? "::" : ":");
}

/* What getopt gave is option `*out`. */
static bool find_given(const struct builder *b, int given, size_t *out)
{
	if (given >= LONG_VAL) {
		*out = (size_t)(given - LONG_VAL);
		return true;
	}
	for (size_t i = 0; i < b->option_cnt; i++)
		if (is_letter(given) && b->options[i].o->key == given) {
			*out = i;
			return true;
		}
	return false;
}

static void note_given(struct builder *b, size_t option)
{
	const struct known *k = &b->options[option];

	b->options[first_of(b, option)].highest = IN_LINE;
	if (k->everywhere)
		b->only_explains = true;
	else if (k->o->name && !strcmp(k->o->name, "config"))
		b->config = optarg;
}

/* Which options it has. What is wrong with it is said when it is parsed. */
static void scan_line(struct builder *b, int argc, char **argv)
{
	struct option *longs = xcalloc(b->option_cnt + 1, sizeof(*longs));
	__cleanup_free char **copy = xcalloc((size_t)argc + 1, sizeof(*copy));
	struct buf letters = {0};
	size_t long_cnt = 0, option;
	int shows = opterr, given;

	buf_puts(&letters, "-"); /* words between options are passed over, as argp does */
	for (size_t i = 0; i < b->option_cnt; i++) {
		const struct known *k = &b->options[i];

		if (is_letter(k->o->key))
			put_letter(&letters, k);
		if (k->o->name)
			longs[long_cnt++] = (struct option){k->o->name,
							    !arg_of(k)   ? 0
							    : is_flag(k) ? 2
									 : 1,
							    NULL, LONG_VAL + (int)i};
	}
	memcpy(copy, argv, (size_t)argc * sizeof(*copy));
	opterr = 0;
	optind = 0;
	while ((given = getopt_long(argc, copy, letters.data, longs, NULL)) != -1)
		if (given != 1 && find_given(b, given, &option))
			note_given(b, option);
	opterr = shows;
	optind = 1;
	buf_free(&letters);
	free(longs);
}

/* ---- all of it -------------------------------------------------------------------------------------------- */

static void put_line(struct builder *b, int argc, char **argv, struct settings *out)
{
	out->argv = xcalloc(b->setting_cnt + (size_t)argc + 1, sizeof(*out->argv));
	out->argv[out->argc++] = xstrdup(argv[0]);
	for (size_t i = 0; i < b->setting_cnt; i++) {
		struct setting *s = &b->settings[i];

		if (s->arg && s->source == b->options[first_of(b, s->option)].highest) {
			out->argv[out->argc++] = s->arg;
			s->arg = NULL;
		}
	}
	for (int i = 1; i < argc; i++)
		out->argv[out->argc++] = xstrdup(argv[i]);
}

static int read_all(struct builder *b, const char *default_file, struct settings *out)
{
	const char *variable = getenv(PREFIX "CONFIG"), *named = b->config;
	size_t option;
	int err = 0;

	if (!named && variable && *variable && find_option(b, "config", &option))
		named = variable;
	if (named || default_file)
		err = read_file(b, named ? named : default_file, named, out);
	return err ? err : parse_environment(b);
}

static void builder_free(struct builder *b)
{
	for (size_t i = 0; i < b->setting_cnt; i++)
		free(b->settings[i].arg);
	free(b->settings);
	free(b->options);
}

int settings_build(const struct argp *argp, int argc, char **argv, const char *default_file, struct settings *out)
{
	struct builder b = {0};
	int err = 0;

	*out = (struct settings){0};
	option_walk(argp, add_option, &b);
	b.walks_everywhere = true;
	option_walk(&usage_everywhere, add_option, &b);
	scan_line(&b, argc, argv);
	if (!b.only_explains)
		err = read_all(&b, default_file, out);
	if (err)
		settings__free(out);
	else
		put_line(&b, argc, argv, out);
	builder_free(&b);
	return err;
}

void settings__free(struct settings *s)
{
	for (int i = 0; i < s->argc; i++)
		free(s->argv[i]);
	free(s->argv);
	free(s->file);
	*s = (struct settings){0};
}
