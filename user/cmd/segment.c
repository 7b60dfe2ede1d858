/* SPDX-License-Identifier: MIT */
/* The files of a recording: streamed under a temporary name, then made into every output asked for. */
#include "user/cmd/segment.h"
#include "user/os/invoker.h"
#include "user/os/output.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

static void name_outputs(struct segment *w, const struct outputs *o, const char *stamp)
{
	w->outputs.open = o->open;
	for (size_t i = 0; i < o->cnt; i++) {
		outputs__add(&w->outputs, stamp ? outputs__stamped(o, i, stamp) : xstrdup(o->items[i].path));
		w->outputs.items[i].format = o->items[i].format;
	}
}

/* The first output that is the recording itself, or -1. */
static int recording_output(const struct outputs *o)
{
	for (size_t i = 0; i < o->cnt; i++)
		if (o->items[i].format == &format_recording && strcmp(o->items[i].path, "-"))
			return (int)i;
	return -1;
}

/* Beside the first output that is a file; else here, or, where nothing may be written (a container), with temporary files. Caller frees. */
static char *recording_path(const struct outputs *o)
{
	int at = recording_output(o);
	const char *folder = getenv("TMPDIR");

	for (size_t i = 0; at < 0 && i < o->cnt; i++)
		if (strcmp(o->items[i].path, "-"))
			at = (int)i;
	if (at >= 0)
		return xstrdup(o->items[at].path);
	if (!euidaccess(".", W_OK))
		return xstrdup("pybpfprof");
	return xasprintf("%s/pybpfprof", folder && *folder ? folder : "/tmp");
}

int segment__open(const struct outputs *o, const char *stamp, struct segment **out)
{
	struct segment *w = xcalloc(1, sizeof(*w));
	__cleanup_free char *path = NULL;
	int err = -EIO;

	name_outputs(w, o, stamp);
	path = recording_path(&w->outputs);
	w->file = output__open_lasting(path, ".pybpf");
	if (w->file) {
		w->path = output__temp_path(w->file);
		err = recording__create(fileno(output__stream(w->file)), &w->recording);
	}
	if (err) {
		if (w->path)
			log_info("the recording is written beside the first output: %s", w->path);
		segment__free(w);
		w = NULL;
	} else {
		log_verbose("recording to %s", w->path);
	}
	*out = w;
	return err;
}

int segment__close(struct segment *w)
{
	int err = recording__close(w->recording);

	w->recording = NULL;
	return err;
}

int segment__write(struct segment *w, const struct view *v, void (*look)(const struct profile *p, const struct view *v))
{
	__cleanup_free char *path = output__read_path(w->file);
	int at = recording_output(&w->outputs), err;
	struct profile *p = NULL;

	invoker_begin();
	err = format_read(path, &p);
	invoker_end();
	if (p && look)
		look(p, v);
	for (size_t i = 0; p && i < w->outputs.cnt; i++)
		if ((int)i != at && outputs__write_one(&w->outputs, i, p, v))
			err = -EIO;
	if (at >= 0) {
		w->outputs.items[at].is_private = !p || format_is_private(w->outputs.items[at].format, p);
		if (!w->outputs.items[at].is_private)
			output__share(w->file);
		w->outputs.items[at].written = !output__commit(w->file);
		err = w->outputs.items[at].written ? err : -EIO;
	} else if (!err) {
		output__abort(w->file);
	}
	profile__free(p);
	if (at >= 0 || !err) /* else the file may be all there is */
		w->file = NULL;
	return err;
}

void segment__say_kept(const struct segment *w)
{
	if (!w->file)
		return;
	if (output__is_in_place(w->file))
		log_warn("the recording is kept: %s; `pybpfprof convert` makes the outputs from it", w->path);
	else
		log_warn("the recording is lost: %s was removed", w->path);
}

void segment__remove(const struct segment *w)
{
	if (w->file)
		output__remove(w->file);
}

void segment__free(struct segment *w)
{
	if (!w)
		return;
	recording__close(w->recording);
	if (w->file && w->keep)
		output__leave(w->file);
	else
		output__abort(w->file);
	for (size_t i = 0; i < w->outputs.cnt; i++)
		free((char *)w->outputs.items[i].path);
	outputs__free(&w->outputs);
	free(w->path);
	free(w);
}
