/* SPDX-License-Identifier: MIT */
#include "user/profile/short_files.h"
#include "user/profile/module_name.h"
#include "user/util/alloc.h"
#include <string.h>

#define FOLDERS_MAX 8 /* that are tried one by one; then it is the whole path */

struct short_names {
	struct intern *ids;
	const char **file_of; /* by id: the file that was met first … */
	bool *is_of_several;  /* … and whether there was another one */
};

static uint32_t id_of(const struct short_names *n, const struct profile_function *f)
{
	return intern__id(n->ids, f->short_file, strlen(f->short_file));
}

/* True when some name is of several files. */
static bool meet_all(const struct short_names *n, const struct profile *p)
{
	bool any = false;

	for (uint32_t i = 1; i <= p->function_cnt; i++) {
		const struct profile_function *f = &p->functions[i];
		uint32_t id = id_of(n, f);

		if (!*f->file || !*f->short_file)
			continue;
		if (!n->file_of[id])
			n->file_of[id] = f->file;
		else if (strcmp(n->file_of[id], f->file))
			any = n->is_of_several[id] = true;
	}
	return any;
}

/* "ipykernel_42/In [7]": kernels have a folder each. NULL where that is not the matter. */
static char *cell_of_kernel(const struct profile_function *f)
{
	const char *end = strrchr(f->file, '/'), *folder = end;

	if (!end || strchr(f->short_file, '/') || !module_name_is_cell(f->file))
		return NULL;
	while (folder > f->file && folder[-1] != '/')
		folder--;
	return xasprintf("%.*s/%s", (int)(end - folder), folder, f->short_file);
}

/* With one more folder; all of it where the short name is no end of it. */
static const char *longer(const struct profile_function *f)
{
	size_t len = strlen(f->file), tail = strlen(f->short_file);
	const char *at;

	if (tail + 1 >= len || strcmp(f->file + len - tail, f->short_file) || f->file[len - tail - 1] != '/')
		return f->file;
	for (at = f->file + len - tail - 1; at > f->file && at[-1] != '/'; at--)
		;
	return at > f->file + 1 ? at : f->file;
}

/* False when all names are of one file each. */
static bool extend(struct profile *p, struct intern *texts, bool whole)
{
	size_t cnt = (size_t)p->function_cnt + 2;
	struct short_names n = {intern__new(), xcalloc(cnt, sizeof(*n.file_of)),
				xcalloc(cnt, sizeof(*n.is_of_several))};
	bool more = false;

	if (meet_all(&n, p)) {
		for (uint32_t i = 1; i <= p->function_cnt; i++) {
			struct profile_function *f = &p->functions[i];
			__cleanup_free char *cell = cell_of_kernel(f);
			const char *name = whole ? f->file : cell ? cell : longer(f);

			if (!n.is_of_several[id_of(&n, f)] || !strcmp(name, f->short_file))
				continue;
			f->short_file = intern__bytes(texts, intern__id(texts, name, strlen(name)), NULL);
			more = true;
		}
	}
	intern__free(n.ids);
	free(n.file_of);
	free(n.is_of_several);
	return more;
}

void short_files__tell_apart(struct profile *p, struct intern *texts)
{
	for (unsigned folders = 0; extend(p, texts, folders >= FOLDERS_MAX); folders++)
		;
}
