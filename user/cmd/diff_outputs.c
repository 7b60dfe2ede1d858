/* What `diff` writes: the tables, on standard output and in files, and the flame graph. */
#include "user/cmd/diff_outputs.h"
#include "user/cmd/terminal.h"
#include "user/format/svg/svg_diff.h"
#include "user/os/output.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <errno.h>
#include <string.h>

/* What is written, and how, by the end of its name or by -f. */
struct writer {
	const char *name, *suffix;
	int (*tables)(const struct diff_report *r, FILE *out); /* NULL: the flame graph */
};

static const struct writer writers[] = {
	{"text", ".txt", diff_write_text},
	{"md", ".md", diff_write_markdown},
	{"json", ".json", diff_write_json},
	{"svg", ".svg", NULL},
};

static const struct writer *writer_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(writers); i++)
		if (writers[i].tables && !strcmp(writers[i].name, name))
			return &writers[i];
	log_error("-f %s: known are text, md and json; -o FILE.svg draws a flame graph", name);
	return NULL;
}

static const struct writer *writer_of(const char *path)
{
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < ARRAY_SIZE(writers); i++)
		if (!strcmp(dot, writers[i].suffix))
			return &writers[i];
	log_error("%s: a comparison is written as .svg, .txt, .md or .json", path);
	return NULL;
}

/* Before anything is read: a name that cannot be written should not cost the reading. */
int diff_outputs__check(const struct diff_outputs *o)
{
	if (!writer_by_name(o->format))
		return -EINVAL;
	for (size_t i = 0; i < o->cnt; i++)
		if (!writer_of(o->files[i]) || output__check(o->files[i]))
			return -EINVAL;
	return 0;
}

static int write_one(const char *path, const struct writer *w, const struct diff_report *r,
		     const struct svg_diff *svg)
{
	struct output *out = output__open(path);
	int err;

	if (!out)
		return -EIO;
	err = w->tables ? w->tables(r, output__stream(out))
			: svg_diff_write(svg, output__stream(out));
	if (err && !ferror(output__stream(out))) {
		output__abort(out);
		return err;
	}
	err = output__commit(out);
	return err == -EPIPE ? 0 : err;
}

int diff_outputs__write(const struct diff_outputs *o, struct diff_report *r, const struct view *v)
{
	const struct svg_diff svg = {r->diff, v, r->name_a, r->name_b, o->width_of_a};
	int err = 0;

	for (size_t i = 0; i < o->cnt; i++)
		err = write_one(o->files[i], writer_of(o->files[i]), r, &svg) ? -EIO : err;
	r->width = terminal_width();
	r->colour = terminal_has_colour();
	return write_one("-", writer_by_name(o->format), r, &svg) ? -EIO : err;
}

void diff_outputs__add(struct diff_outputs *o, const char *path)
{
	o->files = xrealloc(o->files, (o->cnt + 1) * sizeof(*o->files));
	o->files[o->cnt++] = path;
}
