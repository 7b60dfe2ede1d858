/* SPDX-License-Identifier: MIT */
/* The outputs of a command: which files, in which formats, checked first and written last. */
#include "user/cmd/outputs.h"
#include "user/cmd/cmd.h"
#include "user/cmd/sources.h"
#include "user/cmd/view_options.h"
#include "user/os/opener.h"
#include "user/os/output.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/log.h"
#include "user/util/nearest.h"
#include "user/util/units.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

enum { KEY_OPEN = 0x6000 };

#define MAX_WORDS 128 /* names and extensions of all formats */

static const struct argp_option options[] = {
	{NULL, 0, NULL, 0, "What is written:", 10},
	{"output", 'o', "FILE", 0, "Write FILE, in the format its extension names; repeatable; - is standard output",
	 10},
	{"format", 'f', "FORMAT", 0,
	 "Format of the outputs whose extension names none; with a single output, of that one whatever its extension",
	 10},
	{"open", KEY_OPEN, NULL, 0,
	 "Then show the first output that a browser can show, to the user who typed the command", 10},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct outputs *o = state->input;

	switch (key) {
	case 'o':
		outputs__add(o, output__is_stdout(arg) ? "-" : arg);
		return 0;
	case 'f':
		o->format_name = arg;
		return 0;
	case KEY_OPEN:
		o->open = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp outputs_options = {.options = options, .parser = parse};

void outputs__add(struct outputs *o, const char *path)
{
	o->items = xrealloc(o->items, (o->cnt + 1) * sizeof(*o->items));
	o->items[o->cnt] = (typeof(*o->items)){.path = path};
	o->cnt++;
}

void outputs__free(struct outputs *o)
{
	free(o->items);
	*o = (struct outputs){0};
}

/* "recording svg …" for -f, or ".pybpf .svg …", the usual extension of each. */
static char *known_formats(bool by_name)
{
	struct buf text = {0};

	for (const struct format *const *f = formats; *f; f++)
		if ((*f)->write)
			buf_printf(&text, "%s%s", text.len ? " " : "", by_name ? (*f)->name : *(*f)->suffixes);
	return buf_steal_text(&text);
}

static const char *extension_of(const char *path)
{
	const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');

	return dot ? dot : "";
}

/* Frees `what` is wrong. Both names and extensions are offered, as `word` may be either. */
static void complain(char *what, const char *word, bool by_name)
{
	__cleanup_free char *known = known_formats(by_name);
	const char *words[MAX_WORDS + 1] = {0}, *near;
	size_t cnt = 0;

	for (const struct format *const *f = formats; *f; f++) {
		if (cnt < MAX_WORDS && *word != '.')
			words[cnt++] = (*f)->name;
		for (const char *const *s = (*f)->suffixes; *s && cnt < MAX_WORDS; s++)
			words[cnt++] = *s + (*word != '.');
	}
	near = nearest_word(word, words);
	if (near)
		log_error("%s; did you mean %s?", what, near);
	else
		log_error("%s; give one of %s", what, known);
	free(what);
}

static int find_format(struct outputs *o, size_t i)
{
	const char *path = o->items[i].path;
	const struct format *by_suffix = strcmp(path, "-") ? format_by_suffix(path) : NULL;

	o->items[i].format = by_suffix;
	/* With several outputs -f is for those that do not say their format themselves. */
	if (o->format_name && (o->cnt == 1 || !by_suffix)) {
		o->items[i].format = format_by_name(o->format_name);
	} else if (!by_suffix && !strcmp(path, "-")) {
		__cleanup_free char *known = known_formats(true);

		log_error("-o -: say which format with -f, one of %s", known);
	} else if (!by_suffix) {
		complain(xasprintf("%s: its extension names no format, and there is no -f", path), extension_of(path),
			 false);
	}
	if (o->items[i].format && !o->items[i].format->write) {
		log_error("%s: %s cannot be written", path, o->items[i].format->name);
		o->items[i].format = NULL;
	}
	return o->items[i].format ? 0 : CMD_USAGE;
}

/* Whether -f, if there is one, names a format. */
static bool is_format_known(const struct outputs *o)
{
	if (!o->format_name || format_by_name(o->format_name))
		return true;
	complain(xasprintf("--format %s: no such format", o->format_name), o->format_name, true);
	return false;
}

static bool is_repeated(const struct outputs *o, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (output__is_same(o->items[k].path, o->items[i].path))
			return true;
	}
	return false;
}

/* An -f that changes nothing is a misunderstanding. */
static bool is_format_used(const struct outputs *o)
{
	for (size_t i = 0; i < o->cnt; i++) {
		if (!o->format_name || o->items[i].format == format_by_name(o->format_name))
			return true;
	}
	return false;
}

/* The output that --open shows, or NULL. */
static const char *page_of(const struct outputs *o)
{
	for (size_t i = 0; i < o->cnt; i++)
		if (o->items[i].format->is_page && strcmp(o->items[i].path, "-"))
			return o->items[i].path;
	return NULL;
}

void outputs__prepare_open(const struct outputs *o)
{
	if (o->open)
		opener_prepare(page_of(o));
}

void outputs__open(const struct outputs *o)
{
	if (o->open)
		opener_show(page_of(o));
}

/* The start of the longest of the format's suffixes that the name ends in, else of its last extension. */
static size_t suffix_at(const char *path, const struct format *f)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	const char *dot = strrchr(name, '.');
	size_t suffix = format_suffix_length(f, path);

	if (!suffix && dot && dot > name)
		suffix = strlen(dot);
	return strlen(path) - (suffix < strlen(name) ? suffix : 0);
}

char *outputs__stamped(const struct outputs *o, size_t i, const char *stamp)
{
	const char *path = o->items[i].path;
	size_t at = suffix_at(path, o->items[i].format);

	return xasprintf("%.*s-%s%s", (int)at, path, stamp, path + at);
}

int outputs__check(struct outputs *o)
{
	if (!is_format_known(o))
		return CMD_USAGE;
	for (size_t i = 0; i < o->cnt; i++) {
		int status = find_format(o, i);

		if (status)
			return status;
		if (is_repeated(o, i)) {
			log_error("-o %s is given twice", o->items[i].path);
			return CMD_USAGE;
		}
	}
	if (o->cnt && !is_format_used(o)) {
		log_error("-f %s: each of the outputs names its format by its extension already", o->format_name);
		return CMD_USAGE;
	}
	if (o->open && !page_of(o)) {
		log_error("--open: a browser shows none of these outputs; add for example -o out.svg");
		return CMD_USAGE;
	}
	for (size_t i = 0; i < o->cnt; i++) {
		if (output__check(o->items[i].path))
			return CMD_FAILED;
	}
	return 0;
}

int outputs__write_one(struct outputs *o, size_t i, const struct profile *p, const struct view *v)
{
	struct view with_sources = *v;
	struct sources *sources;
	struct output *out;
	int err = view_options_settle(&with_sources, p);

	if (err)
		return err;
	out = output__open(o->items[i].path);
	if (!out)
		return -EIO;
	sources = sources__new(p);
	with_sources.sources = sources__view(sources);
	err = format_write(o->items[i].format, p, &with_sources, output__stream(out));
	sources__free(sources);
	/* A failed write to the stream is said by commit, which knows why. */
	if (err && !ferror(output__stream(out))) {
		output__abort(out);
		return err;
	}
	o->items[i].is_private = format_is_private(o->items[i].format, p);
	if (!o->items[i].is_private)
		output__share(out);
	err = output__commit(out);
	o->items[i].written = !err;
	return err == -EPIPE ? 0 : err;
}

int outputs__write(struct outputs *o, const struct profile *p, const struct view *v)
{
	int first = 0;

	for (size_t i = 0; i < o->cnt; i++) {
		int err = outputs__write_one(o, i, p, v);

		if (err && !first)
			first = err;
	}
	return first;
}

void outputs__report(const struct outputs *o)
{
	for (size_t i = 0; i < o->cnt; i++) {
		__cleanup_free char *size = NULL;
		struct stat st;

		if (!o->items[i].written || !strcmp(o->items[i].path, "-") || stat(o->items[i].path, &st))
			continue;
		size = units_size_text((uint64_t)st.st_size);
		log_info("wrote %s (%s): %s%s", o->items[i].path, size, o->items[i].format->help,
			 o->items[i].is_private ? "; it holds source text, so only you can read it" : "");
	}
}

static void remove_and_die(int number)
{
	output__remove_all();
	/* SA_RESETHAND: the default action comes now */
	raise(number);
}

void outputs__die_cleanly(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = remove_and_die, .sa_flags = SA_RESETHAND | SA_NODEFER};
	struct sigaction old;

	signal(SIGXFSZ, SIG_IGN); /* a write that is too much says so instead */
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		/* what nohup ignores stays ignored */
		if (!sigaction(numbers[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaction(numbers[i], &action, NULL);
	}
}
