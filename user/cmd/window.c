/* The files of a recording: streamed under a temporary name, then made into every output asked for.
 */
#include "user/cmd/window.h"
#include "user/os/output.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <errno.h>
#include <string.h>

static void name_outputs(struct window *w, const struct outputs *o, const char *stamp)
{
	w->outputs.open = o->open;
	for (size_t i = 0; i < o->cnt; i++) {
		outputs__add(&w->outputs,
			     stamp ? outputs__stamped(o, i, stamp) : xstrdup(o->items[i].path));
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

int window__open(const struct outputs *o, const char *stamp, struct window **out)
{
	struct window *w = xcalloc(1, sizeof(*w));
	const char *path = NULL;
	int at, err = -EIO;

	name_outputs(w, o, stamp);
	at = recording_output(&w->outputs);
	if (at >= 0)
		path = w->outputs.items[at].path;
	for (size_t i = 0; !path && i < w->outputs.cnt; i++)
		if (strcmp(w->outputs.items[i].path, "-"))
			path = w->outputs.items[i].path;
	w->file = output__open_lasting(path ? path : "pybpfprof", ".pybpf");
	if (w->file) {
		w->path = output__temp_path(w->file);
		err = recording__create(fileno(output__stream(w->file)), &w->recording);
	}
	if (err) {
		if (w->path)
			log_info("the recording is written beside the first output: %s", w->path);
		window__free(w);
		w = NULL;
	} else {
		log_verbose("recording to %s", w->path);
	}
	*out = w;
	return err;
}

int window__close(struct window *w)
{
	int err = recording__close(w->recording);

	w->recording = NULL;
	return err;
}

int window__write(struct window *w, const struct view *v)
{
	__cleanup_free char *path = output__read_path(w->file);
	int at = recording_output(&w->outputs), err;
	struct profile *p = NULL;

	err = format_read(path, &p);
	for (size_t i = 0; p && i < w->outputs.cnt; i++)
		if ((int)i != at && outputs__write_one(&w->outputs, i, p, v))
			err = -EIO;
	profile__free(p);
	if (at >= 0) {
		w->outputs.items[at].written = !output__commit(w->file);
		err = w->outputs.items[at].written ? err : -EIO;
	} else if (!err) {
		output__abort(w->file);
	} else {
		return err; /* the file may be all there is */
	}
	w->file = NULL;
	return err;
}

void window__say_kept(const struct window *w)
{
	if (!w->file)
		return;
	if (output__is_in_place(w->file))
		log_warn("the recording is kept: %s; `pybpfprof convert` makes the outputs from it", w->path);
	else
		log_warn("the recording is lost: somebody removed %s", w->path);
}

void window__free(struct window *w)
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
