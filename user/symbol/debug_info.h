/* SPDX-License-Identifier: MIT */
/*
 * Source lines, and functions that were inlined, by the debug information (DWARF) of a file. Files are hostile: what takes
 * too long or is wrong is as if it were not there. Read by libdw, which may end the program or crash over a file that was made
 * for it, so by a child only (user/target/native_child.c).
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct debug_info;

/* A function at an address. Texts are as in the file, and valid as long as it is open. */
struct debug_frame {
	const char *name;   /* mangled; NULL: not known */
	const char *file;   /* of its source, a path; NULL: not known */
	const char *folder; /* that `file` is below; NULL: it is a whole path, or that is not known */
	int32_t line; /* of `file`, that is executed; 0: not known, or of another file (a macro's or an included one's) */
	int32_t first_line; /* where it is declared; 0: not known */
};

#define DEBUG_FRAMES 68 /* at one address: more than are looked for */

/* Of an open regular file, which stays the caller's and must outlive the object. NULL: it has no debug information. */
struct debug_info *debug_info__open(int fd);
void debug_info__free(struct debug_info *d);

/*
 * What is at an address as linked: functions that were inlined there, the innermost first, and last the one that the code is of.
 * How many; 0: nothing is known.
 */
size_t debug_info__find(struct debug_info *d, uint64_t vaddr, struct debug_frame out[DEBUG_FRAMES]);
