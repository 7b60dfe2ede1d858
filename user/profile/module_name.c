/* SPDX-License-Identifier: MIT */
/*
 * A module's name is the interpreter's own. If that is not known, or is the main program's, it begins in the
 * path behind the last directory that is on sys.path by convention (site-packages, lib/python3.N, an archive), else at
 * the file. Nothing is looked for in the file system.
 */
#include "user/profile/module_name.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include <ctype.h>
#include <string.h>

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

/* A package as installers leave it, archive or folder of that name. */
static bool is_distribution(struct part p)
{
	return ends_with(p, ".egg") || ends_with(p, ".whl");
}

static bool is_archive(struct part p)
{
	return ends_with(p, ".zip") || ends_with(p, ".pyz") || ends_with(p, ".pex") || is_distribution(p);
}

/* What makers of archives put into them to start what is in there: pex's, shiv's. */
static bool is_bootstrap(struct part p, struct part before)
{
	return part_is(p, ".bootstrap") || (part_is(p, "_bootstrap") && is_archive(before));
}

/* Directories of the standard library that are on sys.path themselves, or no packages. */
static bool is_stdlib_extra(struct part p)
{
	return part_is(p, "lib-dynload") || starts_with(p, "config-3.");
}

/*
 * The path behind the last conventional root, or NULL. A directory counts only when something
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
		} else if (is_bootstrap(p, before)) {
			*origin = PROFILE_SITE;
			if (part_is(p, "_bootstrap"))
				continue; /* a package itself */
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

/* The start of the component that ends at `end`. */
static const char *part_start(const char *file, const char *end)
{
	while (end > file && end[-1] != '/')
		end--;
	return end;
}

/* The component that ends, but for slashes, at `*end`; moves the end before it. */
static struct part part_before(const char *file, const char **end)
{
	while (*end > file && (*end)[-1] == '/')
		--*end;
	*end = part_start(file, *end);
	return (struct part){*end, strcspn(*end, "/")};
}

/* The start of a name by the path alone: the file, or the package that it is the `__init__.py` of. */
static const char *file_root(const char *file)
{
	const char *start = part_start(file, file + strlen(file)), *dir = start;

	return !strcmp(start, "__init__.py") && is_identifier(part_before(file, &dir)) ? dir : start;
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

/* ---- the name that the interpreter gives --------------------------------------------------------------------- */

/* A main program's name, which no importer uses. */
static bool is_main(const char *name)
{
	return !strcmp(name, "__main__") || !strcmp(name, "__mp_main__");
}

/* The last component of a dotted name of `*len` bytes; shortens it. */
static struct part name_part(const char *name, size_t *len)
{
	size_t start = *len;
	struct part p;

	while (start && name[start - 1] != '.')
		start--;
	p = (struct part){name + start, *len - start};
	*len = start ? start - 1 : 0;
	return p;
}

static bool is_of_package(const char *name)
{
	return *name && name[strlen(name) - 1] == '.';
}

static bool part_equals(struct part a, struct part b)
{
	return a.len && a.len == b.len && !memcmp(a.at, b.at, a.len);
}

/* The start of the path of "a.b.c" in one that ends in a/b/c.py or a/b/c/__init__.py; NULL in another one. */
static const char *named_root(const char *file, const char *name)
{
	const char *end = file + strlen(file);
	size_t left = strlen(name);
	struct part wanted = name_part(name, &left), found = part_before(file, &end);

	found.len = stem_len(found);
	if (!part_equals(found, wanted)) {
		if (!starts_with(found, "__init__") || found.len != strlen("__init__"))
			return NULL;
		found = part_before(file, &end);
	}
	while (part_equals(found, wanted)) {
		if (!left)
			return end;
		wanted = name_part(name, &left);
		found = part_before(file, &end);
	}
	return NULL;
}

/* In "pkg." stands for a main program of that package, whose own name is its file's: if it lies there. */
static char *whole_name(const char *file, const char *given)
{
	const char *end = file + strlen(file);
	__cleanup_free char *name = NULL;
	struct part p;

	if (is_main(given))
		return xstrdup("");
	if (!is_of_package(given))
		return xstrdup(given);
	p = part_before(file, &end);
	name = xasprintf("%s%.*s", given, (int)stem_len(p), p.at);
	return xstrdup(named_root(file, name) ? name : "");
}

/* "<frozen importlib._bootstrap>" is a module of the library, before it is called so; "<string>" has its maker's. */
static void without_file(const char *file, const char *given, struct module_name *out)
{
	static const char frozen[] = "<frozen ";
	size_t len = strlen(file), skip = strlen(frozen);

	out->short_file = xstrdup(file);
	out->origin = PROFILE_USER;
	if (!strncmp(file, frozen, skip) && len > skip + 1 && file[len - 1] == '>') {
		out->module = xstrndup(file + skip, len - skip - 1);
		out->origin = PROFILE_STDLIB;
	} else {
		out->module = xstrdup(is_main(given) || is_of_package(given) ? "" : given);
	}
}

/* ---- cells of notebooks ------------------------------------------------------------------------------------- */

static size_t count_digits(const char *at)
{
	return strspn(at, "0123456789");
}

/* "7-HASH…" has the number, "HASH.py" has not. */
static char *numbered(const char *text)
{
	size_t digits = count_digits(text);

	if (digits && text[digits] == '-')
		return xasprintf("In [%.*s]", (int)digits, text);
	return digits && !strcmp(text + digits, ".py") ? xasprintf("cell %.*s", (int)digits, text) : NULL;
}

/* "ipykernel_42" */
static bool is_kernel_folder(struct part folder)
{
	static const char *const kernels[] = {"ipykernel_", "xpython_"};

	for (size_t i = 0; i < ARRAY_SIZE(kernels); i++)
		if (starts_with(folder, kernels[i]) &&
		    strlen(kernels[i]) + count_digits(folder.at + strlen(kernels[i])) == folder.len)
			return true;
	return false;
}

/*
 * IPython calls a cell "<ipython-input-7-HASH>", hosts of notebooks /tmp/ipython-input-7-HASH.py; kernels call it
 * /tmp/ipykernel_PID/HASH.py, of which IPython alone knows the number (user/python/held_sources.h). NULL: it is none.
 */
static char *cell_name(const char *file)
{
	static const char input[] = "ipython-input-";
	const char *end = file + strlen(file);
	struct part name = part_before(file, &end), folder = part_before(file, &end);

	if (starts_with(name, input))
		return numbered(name.at + strlen(input));
	if (*file == '<' && !strncmp(file + 1, input, strlen(input)))
		return numbered(file + 1 + strlen(input));
	return is_kernel_folder(folder) && strspn(name.at, "0123456789.py") == name.len ? numbered(name.at) : NULL;
}

bool module_name_is_cell(const char *file)
{
	__cleanup_free char *name = cell_name(file);

	return name;
}

static bool is_cell(const char *file, struct module_name *out)
{
	char *name = cell_name(file);

	if (name)
		*out = (struct module_name){.module = xstrdup(""), .short_file = name, .origin = PROFILE_USER};
	return name;
}

void module_name_find(const char *file, const char *given, struct module_name *out)
{
	__cleanup_free char *name = NULL;
	const char *root, *by_name;

	if (is_cell(file, out))
		return;
	if (file[0] == '<' || !file[0]) {
		without_file(file, given, out);
		return;
	}
	name = whole_name(file, given);
	out->origin = PROFILE_USER;
	root = conventional_root(file, &out->origin);
	by_name = *name ? named_root(file, name) : NULL;
	if (!root)
		root = file_root(file);
	out->short_file = xstrdup(by_name ? by_name : root);
	out->module = *name ? xstrdup(name) : dotted(root);
}

void module_name_clear(struct module_name *m)
{
	free(m->module);
	free(m->short_file);
	*m = (struct module_name){0};
}
