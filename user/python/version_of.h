/* SPDX-License-Identifier: MIT */
/* The CPython version of an ELF file: from its constants, else its strings, else its file name. */
#pragma once
#include "user/python/build.h"
#include "user/symbol/elf.h"

/* Fills version and version_hex; leaves 0 and "" when nothing is certain. */
void version_of_file(const struct elf_file *e, const char *path, struct py_build *out);
/* From PY_VERSION_HEX. */
void version_from_hex(uint32_t hex, struct py_build *out);
/* From PY_VERSION ("3.8.18", "3.9.0rc1+"); the whole text must be one. */
bool version_from_text(const char *text, struct py_build *out);
