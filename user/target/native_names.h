/* SPDX-License-Identifier: MIT */
/*
 * Names of native functions. Asked for once each and answered later, as files are read by a child (native_files.h): what is
 * not known yet is NULL. A function without a symbol is called by its module and where it begins: "libfoo.so+0x1230". Where a
 * file has debug information it says lines, too, and what was inlined; another child reads that, which may take longer.
 */
#pragma once
#include "user/target/native_spaces.h"

enum native_kind {
	NATIVE_FUNCTION, /* of a program or library */
	NATIVE_KERNEL,
	NATIVE_CODE_MADE, /* at run time: by its perf map, or "[made at run time]" */
	NATIVE_UNKNOWN,   /* in no mapping */
};

struct native_name {
	const char *name;   /* demangled, clean */
	const char *module; /* the file's last part, "[kernel]", a module of it as "[ext4]", "[vdso]"; "" none */
	enum native_kind kind;
	uint64_t start;     /* of the function, as linked; 0: not known */
	const char *source; /* path of its source, clean; "" not known */
	int32_t first_line; /* there; 0: not known */
	bool inlined;
};

/*
 * Trampolines that `-X perf` makes are called after the Python function (Python/perf_trampoline.c), whose frame is there: they are
 * not shown.
 */
bool native_name__is_trampoline(const struct native_name *name);

/* Where it is shown to be: its source, else its module. */
const char *native_name__file(const struct native_name *name);

/* What is at an address: a function and its line (0: not known), before it those that were inlined, the innermost first. */
struct native_frame {
	const struct native_name *name;
	int32_t line;
};
struct native_frames {
	uint32_t cnt; /* at least 1 */
	struct native_frame items[];
};

struct native_names;

/* Before rights are given up: where the kernel's names are wanted they are read here, and need CAP_SYSLOG. */
struct native_names *native_names__new(struct native_files *files, bool kernel);
/*
 * What was not asked for in this segment is forgotten, if there is much of it. No name that was got before is valid after
 * that.
 */
void native_names__begin_segment(struct native_names *n);
/* Before the files are. */
void native_names__free(struct native_names *n);

/*
 * By an address as linked (unwind_table__vaddr()). Of a return address the caller asks for the byte before it. NULL: it is
 * still to come, or its lines are, unless `now`. Frames are valid until native_files__poll(); a name until the segment ends, or
 * native_names__free(), and the same pointer for the same function.
 */
const struct native_frames *native_names__in_file(struct native_names *n, const struct native_file *f, uint64_t vaddr,
						  bool now);
/* By an address in the kernel; never NULL. */
const struct native_frames *native_names__in_kernel(struct native_names *n, uint64_t addr);
/* Code made at run time, by its address in a process: /tmp/perf-PID.map, as the process has it. */
const struct native_frames *native_names__in_memory(struct native_names *n, pid_t pid, uint64_t addr);
/* Of no mapping; never NULL. */
const struct native_frames *native_names__unknown(const struct native_names *n);
/* The one of these that a place in a process asks for. */
const struct native_frames *native_names__at(struct native_names *n, const struct native_place *place, pid_t pid,
					     uint64_t addr, bool now);

/* Waits for all that was asked, at most so long: at the end of a recording. True: all is answered. */
bool native_names__wait(struct native_names *n, unsigned ms);
