/* SPDX-License-Identifier: MIT */
/* Where asyncio's module says how it is laid out, when that is a file of its own, which is mapped once it is imported. */
#pragma once
#include "user/python/asyncio_debug.h"
#include <sys/types.h>

/* Among what `pid` has mapped; task_bytes 0: it is not (yet). */
void asyncio_file_read(pid_t pid, struct py_asyncio_debug *out);
/* The same, by the worker. */
void asyncio_file_ask(pid_t pid, struct py_asyncio_debug *out);
