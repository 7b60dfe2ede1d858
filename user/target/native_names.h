/*
 * Names of native functions. Asked for once each and answered later, as files are read by a child (native_files.h): what is
 * not known yet is NULL. A function without a symbol is called by its module and where it begins: "libfoo.so+0x1230".
 */
#pragma once
#include "user/target/native_files.h"

enum native_kind {
	NATIVE_FUNCTION, /* of a program or library */
	NATIVE_KERNEL,
	NATIVE_MADE,    /* code made at run time: by its perf map, or "[made at run time]" */
	NATIVE_UNKNOWN, /* nothing is known of that address: in no mapping */
};

struct native_name {
	const char *name;   /* demangled, clean */
	const char *module; /* the file's last part, "[kernel]", "[vdso]"; "" none */
	enum native_kind kind;
	uint64_t start; /* of the function, as linked; 0: not known */
};

struct native_names;

struct native_names *native_names__new(struct native_files *files);
void native_names__free(struct native_names *n);

/* By an address as linked; `path` is the file's in that process. Valid until native_names__free(). */
const struct native_name *native_names__in_file(struct native_names *n, struct native_file *f, uint64_t vaddr);
/* By an address in the kernel; never NULL. */
const struct native_name *native_names__in_kernel(struct native_names *n, uint64_t addr);
/* Code made at run time, by its address in a process: /tmp/perf-PID.map, as the process has it. */
const struct native_name *native_names__in_memory(struct native_names *n, pid_t pid, uint64_t addr);
/* What is of no mapping; never NULL. */
const struct native_name *native_names__unknown(const struct native_names *n);

/* Waits for all that was asked, at most so long: at the end of a recording. True: all have names. */
bool native_names__wait(struct native_names *n, unsigned ms);
