/* Symbols that were split off a file: compressed, in a section of its own, or in a file below /usr/lib/debug. */
#pragma once
#include "user/symbol/elf.h"
#include <sys/types.h>

/* .gnu_debugdata, an ELF file in XZ's format, unpacked: a descriptor, or -1. */
int debug_data_open(const struct elf_file *e);
/*
 * The file with the debug information of `e`, by its build id, as the process has it, or as we do (pid 0: only so). A descriptor, or
 * -1; one that has another build id is none.
 */
int debug_file_open(const struct elf_file *e, pid_t pid);
