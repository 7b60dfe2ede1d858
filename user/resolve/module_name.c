/*
 * Where a module's name begins in a path: behind the last directory that is on sys.path by
 * convention (site-packages, lib/python3.N, an archive), else at the outermost directory of a chain
 * that each have an __init__.py, else behind a file where a directory should be. Nothing is opened;
 * a name is at worst too short, never from another file.
 */
#include "user/resolve/module_name.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define MAX_DEPTH 32
#define MAX_PATH  4096

/* A component of a path: the bytes between two slashes. */
struct part {
	const char *at;
	size_t len;
};

static struct part next_part(const char **at)
{
	struct part p;

	*at += strspn(*at, "/");
	p = (struct part){*at, strcspn(*at, "/")};
	*at += p.len;
	return p;
}

static bool part_is(struct part p, const char *text)
{
	return p.len == strlen(text) && !memcmp(p.at, text, p.len);
}

static bool starts_with(struct part p, const char *text)
{
	return p.len >= strlen(text) && !memcmp(p.at, text, strlen(text));
}

static bool ends_with(struct part p, const char *text)
{
	size_t len = strlen(text);

	return p.len > len && !memcmp(p.at + p.len - len, text, len);
}

static bool is_lib(struct part p)
{
	return part_is(p, "lib") || part_is(p, "lib64") || part_is(p, "lib32");
}

/* "python3.11", "python3.13t" */
static bool is_version_dir(struct part p)
{
	size_t i = strlen("python3.");

	if (!starts_with(p, "python3.") || i == p.len || !isdigit((unsigned char)p.at[i]))
		return false;
	while (i < p.len && isdigit((unsigned char)p.at[i]))
		i++;
	return i == p.len || (i + 1 == p.len && islower((unsigned char)p.at[i]));
}

/* What an installer put there, archive or folder of that name. */
static bool is_distribution(struct part p)
{
	return ends_with(p, ".egg") || ends_with(p, ".whl");
}

static bool is_archive(struct part p)
{
	return ends_with(p, ".zip") || ends_with(p, ".pyz") || is_distribution(p);
}

/* Directories of the standard library that are on sys.path themselves, or no packages. */
static bool is_stdlib_extra(struct part p)
{
	return part_is(p, "lib-dynload") || starts_with(p, "config-3.");
}

/*
 * The place behind the last conventional root, or NULL. A directory counts only when something
 * follows it. The origin is that of the most specific root: an egg in site-packages is site code.
 */
static const char *conventional_root(const char *file, enum profile_origin *origin)
{
	struct part before = {"", 0}, p;
	const char *at = file, *root = NULL;
	bool in_stdlib = false;

	for (p = next_part(&at); *at; before = p, p = next_part(&at)) {
		if (part_is(p, "site-packages") || part_is(p, "dist-packages")) {
			*origin = PROFILE_SITE;
		} else if (is_version_dir(p) && is_lib(before)) {
			*origin = PROFILE_STDLIB;
			in_stdlib = true;
		} else if (is_archive(p)) {
			if (is_distribution(p))
				*origin = PROFILE_SITE;
			else if (starts_with(p, "python3") && !root)
				*origin = PROFILE_STDLIB;
		} else if (!in_stdlib || root != p.at || !is_stdlib_extra(p)) {
			continue;
		}
		root = at + strspn(at, "/");
	}
	return root && *root ? root : NULL;
}

static bool is_identifier(struct part p)
{
	if (!p.len || isdigit((unsigned char)p.at[0]))
		return false;
	for (size_t i = 0; i < p.len; i++) {
		unsigned char c = (unsigned char)p.at[i];

		if (!isalnum(c) && c != '_' && c < 0x80)
			return false;
	}
	return true;
}

static const char *last_slash(const char *file, const char *end)
{
	while (end > file && end[-1] != '/')
		end--;
	return end;
}

/* A path, and who can be asked what exists. */
struct asked {
	const char *file;
	module_exists_fn exists;
	void *ctx;
};

/* Is there `name` in the directory that ends, with a slash, at `dir_end`? */
static bool has(const struct asked *a, const char *dir_end, const char *name)
{
	char path[MAX_PATH];
	int n = snprintf(path, sizeof(path), "%.*s%s", (int)(dir_end - a->file), a->file, name);

	return a->exists && n > 0 && (size_t)n < sizeof(path) && a->exists(a->ctx, path);
}

/*
 * Behind a file that is in the place of a directory: an archive of any name, as `zipapp -o tool`
 * makes them; or `start`, the end of the directory.
 */
static const char *archive_root(const struct asked *a, const char *start)
{
	const char *end = start;

	for (int depth = 0; depth < MAX_DEPTH && end > a->file + 1; depth++) {
		if (has(a, end, "."))
			break;
		if (has(a, end - 1, ""))
			return end;
		end = last_slash(a->file, end - 1);
	}
	return start;
}

/* The outermost package of the chain that the file is in; `file + …` where its name begins. */
static const char *package_root(const struct asked *a)
{
	const char *file = a->file, *start = last_slash(file, file + strlen(file)), *first = start;
	bool is_init = !strcmp(start, "__init__.py");

	if (start - file >= MAX_PATH)
		return start;
	for (int depth = 0; depth < MAX_DEPTH && start > file; depth++) {
		const char *end = start;
		struct part dir;

		while (end > file && end[-1] == '/')
			end--;
		dir.at = last_slash(file, end);
		dir.len = (size_t)(end - dir.at);
		/* a package's own __init__.py needs no asking */
		if (!is_identifier(dir) || !((is_init && !depth) || has(a, start, "__init__.py")))
			break;
		start = dir.at;
	}
	return start == first ? archive_root(a, start) : start;
}

/* The last component without what the import system adds to a module's name. */
static size_t stem_len(struct part p)
{
	static const char *const suffixes[] = {".py", ".pyc", ".pyw", ".pyx"};

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		if (ends_with(p, suffixes[i]))
			return p.len - strlen(suffixes[i]);
	}
	/* name.cpython-311-x86_64-linux-gnu.so */
	return ends_with(p, ".so") ? (size_t)((char *)memchr(p.at, '.', p.len) - p.at) : p.len;
}

/* "pkg/sub/__init__.py" → "pkg.sub" */
static char *dotted(const char *root)
{
	struct buf name = {0};

	while (*root) {
		struct part p = next_part(&root);
		bool last = !root[strspn(root, "/")];
		size_t len = last ? stem_len(p) : p.len;

		if (!p.len || part_is(p, ".") || (last && name.len && part_is(p, "__init__.py")))
			continue;
		if (name.len)
			buf_put(&name, ".", 1);
		buf_put(&name, p.at, len);
	}
	return buf_steal_text(&name);
}

/* "<frozen importlib._bootstrap>" is a module of the library; "<string>" is none of anybody. */
static void without_file(const char *file, struct module_name *out)
{
	static const char frozen[] = "<frozen ";
	size_t len = strlen(file), skip = strlen(frozen);

	out->short_file = xstrdup(file);
	out->origin = PROFILE_USER;
	if (!strncmp(file, frozen, skip) && len > skip + 1 && file[len - 1] == '>') {
		out->module = xstrndup(file + skip, len - skip - 1);
		out->origin = PROFILE_STDLIB;
	} else {
		out->module = xstrdup("");
	}
}

void module_name_find(const char *file, module_exists_fn exists, void *ctx, struct module_name *out)
{
	const struct asked asked = {file, exists, ctx};
	const char *root;

	if (file[0] == '<' || !file[0]) {
		without_file(file, out);
		return;
	}
	out->origin = PROFILE_USER;
	root = conventional_root(file, &out->origin);
	if (!root)
		root = package_root(&asked);
	out->module = dotted(root);
	out->short_file = xstrdup(root);
}

void module_name_clear(struct module_name *m)
{
	free(m->module);
	free(m->short_file);
	*m = (struct module_name){0};
}
