/* SPDX-License-Identifier: MIT */
/* Symbols that were split off a file: compressed, in a section of its own, or in another file. */
#pragma once
#include "user/symbol/elf.h"
#include <sys/types.h>

/* .gnu_debugdata, an ELF file in XZ's format, unpacked: a descriptor, or -1. */
int debug_data_open(const struct elf_file *e);
/*
 * The file with the debug information of `e`, as process `pid` has it (0: as we do). A descriptor, or -1. By its build id below
 * /usr/lib/debug, then also as we have it; else by the name and the checksum that .gnu_debuglink says, beside `path`, where the
 * process has `e`, in .debug there, or below /usr/lib/debug. One that is not of this file is none.
 */
int debug_file_open(const struct elf_file *e, pid_t pid, const char *path);
