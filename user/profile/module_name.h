/* SPDX-License-Identifier: MIT */
/*
 * From the file of a code object, and what the interpreter calls its module, to the module as its importers name it,
 * the part of the path worth showing, and whose code it is. Strings in, strings out.
 */
#pragma once
#include "user/profile/sink.h"

struct module_name {
	char *module;     /* "json.decoder"; "" for code without a file or a module */
	char *short_file; /* "json/decoder.py"; the whole of a "<string>" */
	enum profile_origin origin;
};

/* `given` as code_module() in user/python/code_object.h has it, "" where it is not known. Always fills `out`. */
void module_name_find(const char *file, const char *given, struct module_name *out);
void module_name_clear(struct module_name *m);
/* A name that front ends of notebooks give to cells, and nobody to a file. */
bool module_name_is_cell(const char *file);
