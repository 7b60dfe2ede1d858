/* SPDX-License-Identifier: MIT */
/*
 * Told by its place and its size: what installers write (pip, uv, distlib, setuptools before) has up to some thirty
 * lines, all of them in `<module>`. A longer program in such a folder may be anybody's.
 */
#include "user/resolve/console_script.h"
#include "user/util/alloc.h"
#include <string.h>

/* Bytes of the line tables of such scripts: at most 312 and 38 in CPython 3.6 to 3.15. */
static const size_t most_table[] = {[LINE_TABLE_LNOTAB] = 44, [LINE_TABLE_310] = 44, [LINE_TABLE_LOCATIONS] = 340};

static bool ends_with(const char *text, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len >= n && !memcmp(text + len - n, end, n);
}

static bool has_interpreter(const char *file, size_t folder_len, uint32_t image_id, const struct path_asker *ask)
{
	static const char *const names[] = {"python3", "python"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		__cleanup_free char *path = xasprintf("%.*s/%s", (int)folder_len, file, names[i]);

		if (ask->exists(ask->ctx, image_id, path))
			return true;
	}
	return false;
}

bool console_script(const struct code_text *t, uint32_t image_id, const struct path_asker *ask, unsigned *asks)
{
	const char *slash = strrchr(t->file, '/');
	size_t len = slash ? (size_t)(slash - t->file) : 0;

	if (t->file[0] != '/' || strcmp(t->name, "<module>") || !t->module || strcmp(t->module, "__main__") || t->cut ||
	    t->table_len > most_table[t->kind] || !ends_with(t->file, len, "/bin"))
		return false;
	if (ends_with(t->file, len, "/.local/bin"))
		return true;
	if (!ask->exists || *asks >= CONSOLE_SCRIPT_ASKS)
		return false;
	*asks += 2;
	return has_interpreter(t->file, len, image_id, ask);
}
