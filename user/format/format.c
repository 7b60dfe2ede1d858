/* SPDX-License-Identifier: MIT */
/* The table of formats and how a row is found: by name, by the end of a file's name, by content. */
#include "user/format/format.h"
#include "user/profile/imports.h"
#include "user/profile/task_frames.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/log.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

const struct format *const formats[] = {
	&format_recording,
	&format_svg,
	&format_pstats,
	&format_json,
	&format_folded,
	&format_speedscope,
	&format_pprof,
	&format_firefox,
	&format_chrome_trace,
	&format_callgrind,
	&format_jsonl,
	&format_html,
	NULL,
};

/* The names that py-spy has for them. */
static const struct {
	const char *name;
	const struct format *format;
} aliases[] = {
	{"flamegraph", &format_svg},
	{"raw", &format_folded},
};

static bool has_suffix(const struct format *f, const char *name)
{
	for (size_t i = 0; f->suffixes[i]; i++)
		if (!strcasecmp(f->suffixes[i] + 1, name))
			return true;
	return false;
}

const struct format *format_by_name(const char *name)
{
	for (size_t i = 0; formats[i]; i++)
		if (!strcasecmp(formats[i]->name, name) || has_suffix(formats[i], name))
			return formats[i];
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		if (!strcasecmp(aliases[i].name, name))
			return aliases[i].format;
	return NULL;
}

size_t format_suffix_length(const struct format *f, const char *path)
{
	size_t len = strlen(path), longest = 0;

	for (size_t i = 0; f->suffixes[i]; i++) {
		size_t n = strlen(f->suffixes[i]);

		if (n > longest && n <= len && !strcasecmp(path + len - n, f->suffixes[i]))
			longest = n;
	}
	return longest;
}

static bool has_prefix(const struct format *f, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	for (size_t i = 0; f->prefixes && f->prefixes[i]; i++) {
		size_t n = strlen(f->prefixes[i]);

		if (!strncmp(name, f->prefixes[i], n) && (!name[n] || name[n] == '.'))
			return true;
	}
	return false;
}

/* The longest suffix wins, so that ".x.json" may be another format than ".json"; then prefixes. */
const struct format *format_by_suffix(const char *path)
{
	const struct format *found = NULL;
	size_t longest = 0;

	for (size_t i = 0; formats[i]; i++) {
		size_t n = format_suffix_length(formats[i], path);

		if (n > longest)
			found = formats[i];
		if (n > longest)
			longest = n;
	}
	for (size_t i = 0; !found && formats[i]; i++)
		if (has_prefix(formats[i], path))
			found = formats[i];
	return found;
}

int format_write(const struct format *f, const struct profile *p, const struct view *v, FILE *out)
{
	struct profile *tasks = v->tasks && !f->read ? profile__task_frames(p) : NULL;
	const struct profile *whole = tasks ? tasks : p;
	struct profile *folded = f->is_picture && !v->import_frames ? profile__fold_imports(whole) : NULL;
	struct view shown = *v;
	int err;

	shown.no_idle = f->is_picture && !v->idle_waits;
	err = f->write(folded ? folded : whole, &shown, out);

	restack__free(folded);
	restack__free(tasks);
	return err;
}

/* The first bytes of a regular file; the count, or negative errno. */
static ssize_t read_head(const char *path, unsigned char *head, size_t max)
{
	/* Not blocking: a FIFO must not hang the command before it is refused. */
	__cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -ESPIPE;
	n = pread(fd, head, max, 0);
	return n < 0 ? -errno : n;
}

static int refuse_unreadable(const char *path, int err)
{
	if (err == -ESPIPE || !strcmp(path, "-"))
		log_error("%s: not a regular file; an input is read more than once, so save it first", path);
	else
		log_error("%s: cannot be read: %s", path, strerror(-err));
	return err;
}

/* Advice by the first bytes of a file that is none of ours; NULL: none. */
static const char *known_content(const unsigned char *head, size_t len)
{
	static const struct {
		const char *start, *what;
	} known[] = {
		{"\x1f\x8b", "it is compressed; gunzip it first"},
		{"\x28\xb5\x2f\xfd", "it is compressed; unzstd it first"},
		{"\xff\xfe", "it is text in UTF-16; save it as UTF-8"},
		{"\xfe\xff", "it is text in UTF-16; save it as UTF-8"},
		{"\xef\xbb\xbf", "it begins with a byte order mark; save it as UTF-8 without one"},
		{"PERFILE2", "it is a perf.data of perf"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (len >= strlen(known[i].start) && !memcmp(head, known[i].start, strlen(known[i].start)))
			return known[i].what;
	return NULL;
}

static int refuse_content(const char *path, const char *what)
{
	const struct format *named = format_by_suffix(path);
	struct buf inputs = {0};

	for (size_t i = 0; formats[i]; i++)
		if (formats[i]->read)
			buf_printf(&inputs, "%s%s (%s)", inputs.len ? " or " : "", formats[i]->name,
				   formats[i]->suffixes[0]);
	if (named && !named->read)
		log_error("%s: a %s file cannot be read back; give a %s", path, named->name, inputs.data);
	else
		log_error("%s: not a profile this program can read%s%s; give a %s", path, what ? ": " : "",
			  what ? what : "", inputs.data);
	buf_free(&inputs);
	return -EINVAL;
}

/* A JSON or pstats file begins like our JSON; its name tells why it then was none. */
static int read_as(const struct format *f, const char *path, struct profile **out)
{
	const struct format *named = format_by_suffix(path);
	int err = f->read(path, out);

	if (err && named && !named->read)
		refuse_content(path, NULL);
	return err;
}

bool format_is_private(const struct format *f, const struct profile *p)
{
	return f->is_private || (f->keeps_texts && profile__has_texts(p));
}

int format_read(const char *path, struct profile **out)
{
	unsigned char head[64];
	ssize_t len = read_head(path, head, sizeof(head));

	if (len < 0)
		return refuse_unreadable(path, (int)len);
	if (!len) {
		log_error("%s: the file is empty; was its recording interrupted at once?", path);
		return -ENODATA;
	}
	for (size_t i = 0; formats[i]; i++)
		if (formats[i]->probe && formats[i]->probe(head, (size_t)len))
			return read_as(formats[i], path, out);
	return refuse_content(path, known_content(head, (size_t)len));
}
