/* SPDX-License-Identifier: MIT */
/*
 * The source of the numbers of `top`: a session that runs, or a file. Live, the whole run also goes into
 * a recording without a name, so that a snapshot in any format can be made of it.
 */
#pragma once
#include "user/cmd/command.h"
#include "user/cmd/target_end.h"
#include "user/cmd/top/top_options.h"
#include "user/format/recording.h"

struct top_source {
	struct top_options *o;
	struct top_model *model;
	struct profile *profile; /* of a file */
	struct session *session; /* live */
	struct command command;
	struct target_end target_end;
	struct recording *recording;
	int recording_fd; /* -1: none */
	bool recording_full;
	uint64_t start_ns, deadline_ns, next_flush_ns, next_hint_ns; /* CLOCK_MONOTONIC */
	int64_t unix_offset_ns;
	bool ended;   /* no more will come */
	bool stopped; /* by a signal */
};

/*
 * Reads the file, or starts the command (held) and opens the session. `span_ns` as in top_model__new,
 * `stdio` as in child_start. enum cmd_exit.
 */
int top_source__open(struct top_source *s, struct top_options *o, uint64_t span_ns, const int *stdio);
/* Begins to sample; the exit status when it cannot, else 0. */
int top_source__start(struct top_source *s);
/* Drains what there is and looks for the end of the target; says what it finds. */
void top_source__poll(struct top_source *s);
/* Detaches; the numbers stay. */
void top_source__end(struct top_source *s);
/* top_text_name, where a process is known by its pid alone with what the host says of it. */
char *top_source__name(const struct top_source *s, const struct top_lens *l, const struct top_row *row);
/* The next type of values is looked at from here on; false when there is no other. */
bool top_source__next_type(struct top_source *s);
/* The time on the samples' clock; stands still when the source has ended. */
uint64_t top_source__now_ns(const struct top_source *s);
/* -1: nothing to wait for. */
int top_source__fd(const struct top_source *s);
/* Writes all of the run so far to a file, in the format of its name; says how that went. */
void top_source__write(struct top_source *s, const char *path, const struct view *v);
/* Ends the command, if there is one and it runs. Its own status; `status` when we ended it. */
int top_source__status(struct top_source *s, int status);
void top_source__free(struct top_source *s);
