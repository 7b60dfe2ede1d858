/*
 * From the file of a code object to the module as its importers name it, the part of the path worth
 * showing, and whose code it is. Strings in, strings out; the only question to the outside is
 * whether a path exists, and there may be nobody to ask.
 */
#pragma once
#include "user/profile/sink.h"
#include <stdbool.h>

struct module_name {
	char *module;     /* "json.decoder"; "" for code without a file */
	char *short_file; /* "json/decoder.py"; the whole of a "<string>" */
	enum profile_origin origin;
};

/* Is there such a file? Asked for `__init__.py` up the tree, at most 32 times a call. */
typedef bool (*module_exists_fn)(void *ctx, const char *path);

/* `exists` may be NULL: then only a file's own name says what it is. Always fills `out`. */
void module_name_find(const char *file, module_exists_fn exists, void *ctx,
		      struct module_name *out);
void module_name_clear(struct module_name *m);
