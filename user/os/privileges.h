/* SPDX-License-Identifier: MIT */
/* Rights of this process: those that it must not have, and those that it gives up for good. */
#pragma once

/*
 * Rights that come from the program's file and not from who runs it: setuid and setgid never, file capabilities only
 * where the file is not everybody's to run. 0, or -EPERM, which was said.
 */
int privileges_check(void);

/* The uses that capabilities are still needed for; bits. */
enum privileges_use {
	PRIVILEGES_SAMPLE = 1,   /* with everything attached */
	PRIVILEGES_LOOK = 2,     /* into processes: their memory, their files */
	PRIVILEGES_FILES = 4,    /* inputs and outputs of the user's */
	PRIVILEGES_SOURCES = 16, /* of processes that have roots of their own */
	PRIVILEGES_DAEMON = 32,  /* all that goes on once it samples, with the four that it may have been given alone */
	PRIVILEGES_COMMAND = 8,  /* a command of ours is to be told of signals, whoever it has become */
};
/* Gives up the capabilities that these uses do not need. */
void privileges_keep(unsigned uses);
/* … and can have no more of it by starting programs, nor can what we start; what was forked before is not touched. */
void privileges_keep_only(unsigned uses);
