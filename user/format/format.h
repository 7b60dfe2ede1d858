/* SPDX-License-Identifier: MIT */
/*
 * Output formats are rows of a table, one file each, ending in one `const struct format`. A writer gets the finished
 * profile and a stream; it does no other I/O, but for source texts through its view. Two formats can also be read: the
 * recording and our JSON. Errors: 0 or negative errno; the function that detects one logs it.
 */
#pragma once
#include "user/profile/profile.h"
#include "user/profile/view.h"
#include <stdio.h>

struct format {
	const char *name, *help;     /* help: what a file of it is for, said when one was written */
	const char *const *suffixes; /* ".svg", …, NULL-terminated; first is the usual one */
	/* NULL, or names that files of this format have, alone or before a dot: "callgrind.out" */
	const char *const *prefixes;
	bool is_page;     /* a browser shows it as it is */
	bool is_private;  /* it holds source text … */
	bool keeps_texts; /* … or it does where the profile has some of processes themselves */
	bool is_picture;  /* for people, not for programs: importing is one frame unless the view wants all of them */
	int (*write)(const struct profile *p, const struct view *v, FILE *out);
	/* NULL when it is no input. `path` is for messages; the returned profile is the caller's. */
	int (*read)(const char *path, struct profile **out);
	/* True when these first bytes (up to 64) look like this format; inputs only. */
	bool (*probe)(const unsigned char *head, size_t len);
};

extern const struct format format_recording, format_svg, format_pstats, format_json, format_folded;
extern const struct format format_speedscope, format_pprof, format_firefox, format_chrome_trace;
extern const struct format format_callgrind, format_jsonl, format_html;
extern const struct format *const formats[]; /* NULL-terminated */

/* By its name, one of py-spy's ("flamegraph", "raw"), or a suffix without the dot. */
const struct format *format_by_name(const char *name);
/* By the end of the file name (".prof", ".collapsed", …); NULL when none fits. */
const struct format *format_by_suffix(const char *path);
/* Bytes of the longest of its suffixes that the name ends in; 0: none. */
size_t format_suffix_length(const struct format *f, const char *path);
/* Is there source text in this format's file of such a profile? */
bool format_is_private(const struct format *f, const struct profile *p);
/* As a command writes it: pictures of what is worth seeing. */
int format_write(const struct format *f, const struct profile *p, const struct view *v, FILE *out);
/* Opens `path`, finds its format by content, reads it. Logs what to do when it cannot. */
int format_read(const char *path, struct profile **out);
