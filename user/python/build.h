/*
 * One interpreter build: is this file a CPython, which version, and how is its memory laid out? All
 * facts come from the file itself; nothing runs. Versions are rows of a table (versions.c); from 3.13
 * on the build's own _Py_DebugOffsets (debug_offsets.c), validated. Never a nearest-version guess.
 */
#pragma once
#include "bpf/abi.h"
#include "user/symbol/elf.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum line_table_kind { LINE_TABLE_LNOTAB, LINE_TABLE_310, LINE_TABLE_LOCATIONS };

/* What user space alone needs to read all threads, their names and locals; offsets from the object's start. */
struct py_objects {
	uint32_t runtime_interp_head, interp_next, interp_id, interp_modules, interp_threads_head;
	uint32_t tstate_next, tstate_interp, tstate_thread_id;
	uint32_t tstate_native_id; /* 0: only the C library knows the thread's number */
	uint32_t runtime_gil;	   /* the struct itself; 0: … */
	uint32_t interp_gil;	   /* … a pointer to it in each interpreter */
	uint32_t frame_localsplus;
	uint32_t pthread_tid; /* of the C library: struct pthread.tid */
	/* the rest is private to user/python/objects.c and described there */
	uint32_t minor; /* 8 … 13: index of the row */
};

/* Why a build cannot be walked; `why_not` says it in words. */
enum py_refusal {
	PY_NOT_REFUSED,
	PY_UNKNOWN_VERSION,
	PY_OTHER_VERSION,
	PY_PRE_RELEASE,
	PY_FREE_THREADED,
	PY_DEBUG_BUILD,
	PY_OTHER_PROCESSOR,
	PY_OTHER_LIBC,
	PY_UNKNOWN_LAYOUT,
	PY_OTHER_PYTHON, /* PyPy */
};

#define PY_BUILD_PARTS 8

struct py_build {
	uint32_t version_hex;	/* PY_VERSION_HEX; 0 unknown */
	char version[32];	/* "3.12.1", as good as can be known ("3.8" when the patch is not) */
	bool supported;
	enum py_refusal refusal;
	char why_not[160];	/* plain words when not: "free-threaded builds are not supported yet" */
	uint64_t runtime_vaddr; /* _PyRuntime as linked */
	struct elf_part parts[PY_BUILD_PARTS]; /* of the file, as it is loaded */
	size_t part_cnt;
	enum line_table_kind lines;
	struct abi_py_layout layout;
	struct py_objects objects;
};

/*
 * 0: `out` describes the interpreter in this file (look at `supported`). -ENOENT: the file holds no
 * interpreter. `path` is used in messages, and for the version only where the file itself has none.
 */
int py_build_identify(int fd, const char *path, struct py_build *out);

/*
 * Takes pthread_getspecific's offsets and the place of a thread's number from a libc (its exported
 * _thread_db_* descriptors) into the build; returns -ENOENT when the file has none (x86-64 glibc's constants
 * then stay), -ENOTSUP for musl.
 */
int py_build_tls_from_libc(int fd, struct py_build *build);
