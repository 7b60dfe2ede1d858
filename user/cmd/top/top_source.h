/*
 * Where the numbers of `top` come from: a session that runs, or a file. Live, the whole run also goes into
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
	struct profile_sink to_model, to_recording;
	uint64_t start_ns, deadline_ns, next_flush_ns, next_hint_ns; /* CLOCK_MONOTONIC */
	int64_t unix_offset_ns;
	bool ended; /* no more will come */
	bool told;  /* to stop, by a signal */
};

/*
 * Reads the file, or starts the command (held) and opens the session. `window_ns` as in top_model__new,
 * `stdio` as in child_start. enum cmd_exit.
 */
int top_source__open(struct top_source *s, struct top_options *o, uint64_t window_ns, const int *stdio);
/* Begins to sample; the exit status when it cannot, else 0. */
int top_source__start(struct top_source *s);
/* Drains what there is and looks for the end of the target; says what it finds. */
void top_source__poll(struct top_source *s);
/* Detaches; the numbers stay. */
void top_source__end(struct top_source *s);
/* As samples tell the time; stands still when the source has ended. */
uint64_t top_source__now_ns(const struct top_source *s);
/* -1: nothing to wait for. */
int top_source__fd(const struct top_source *s);
/* The profile of the whole run so far; the caller frees it unless it is that of a file. NULL: said why. */
struct profile *top_source__profile(struct top_source *s);
/* To be called by who makes a profile in another process: what was recorded is there to be read. */
void top_source__flush(struct top_source *s);
/* Ends the command, if there is one and nobody else did. Its own status then; `status` when we ended it. */
int top_source__status(struct top_source *s, int status);
void top_source__free(struct top_source *s);
