/* SPDX-License-Identifier: MIT */
/* Finds the interpreter without starting anything, as the kernel (`#!`) and the loader (DT_NEEDED) would. */
#include "user/cmd/check/check_program.h"
#include "user/cmd/in_path.h"
#include "user/os/untrusted.h"
#include "user/symbol/arch.h"
#include "user/symbol/elf.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_SCRIPTS 4 /* a script's interpreter may be a script */

/* The program behind `#!`, also through env; NULL when the file is no script. */
static char *script_program(const char *path)
{
	__cleanup_file FILE *f = fopen(path, "re");
	char line[512] = "", *save = NULL, *word;
	const char *base;

	if (!f || !fgets(line, sizeof(line), f) || strncmp(line, "#!", 2))
		return NULL;
	word = strtok_r(line + 2, " \t\r\n", &save);
	if (!word)
		return NULL;
	base = strrchr(word, '/');
	if (base && !strcmp(base + 1, "env"))
		do
			word = strtok_r(NULL, " \t\r\n", &save);
		while (word && (*word == '-' || strchr(word, '=')));
	return word ? in_path_find(word) : NULL;
}

/* One folder of the search path; `origin` is the program's own. */
static char *in_folder(const char *folder, const char *origin, const char *name)
{
	const char *rest = NULL;
	char *full;

	if (!strncmp(folder, "$ORIGIN", 7))
		rest = folder + 7;
	else if (!strncmp(folder, "${ORIGIN}", 9))
		rest = folder + 9;
	full = rest ? xasprintf("%s%s/%s", origin, rest, name) : xasprintf("%s/%s", folder, name);
	if (!access(full, R_OK))
		return full;
	free(full);
	return NULL;
}

/* DT_RUNPATH, LD_LIBRARY_PATH, and where distributions and makers put libpython. ld.so(8) */
static char *find_library(const struct elf_file *e, const char *program, const char *name)
{
	static const char usual[] = "/lib64:/usr/lib64:/usr/local/lib:/usr/local/lib64:/usr/lib:$ORIGIN/../lib";
	__cleanup_free char *run_path = elf_file__run_path(e);
	__cleanup_free char *real = realpath(program, NULL);
	const char *more = getenv("LD_LIBRARY_PATH");
	__cleanup_free char *all =
		xasprintf("%s:%s:%s%s", run_path ? run_path : "", more ? more : "", arch_own->library_dirs, usual);
	char *save = NULL, *found = NULL, *slash = real ? strrchr(real, '/') : NULL;

	if (slash)
		*slash = 0;
	for (char *dir = strtok_r(all, ":", &save); dir && !found; dir = strtok_r(NULL, ":", &save))
		found = in_folder(dir, slash ? real : "", name);
	return found;
}

/* The links in its path are followed: whoever named the program trusts them. */
static int open_program(const char *path)
{
	__cleanup_free char *real = realpath(path, NULL);

	return real ? open_untrusted(0, real, UNTRUSTED_ELF_MAX) : -errno;
}

static int identify_library(const char *program, int fd, struct check_program *out)
{
	struct elf_file *e = elf_file__open(fd);
	__cleanup_free char *name = e ? elf_file__needed(e, ELF_LIBPYTHON) : NULL;
	__cleanup_close int library = -1;

	if (name)
		out->holder = find_library(e, program, name);
	elf_file__free(e);
	if (!out->holder)
		return -ENOENT;
	library = open_program(out->holder);
	if (library < 0)
		return library;
	return py_build_identify(library, out->holder, &out->build);
}

int check_program_find(const char *name, struct check_program *out)
{
	__cleanup_close int fd = -1;

	*out = (struct check_program){.path = in_path_find(name)};
	if (!out->path)
		return -ESRCH;
	for (unsigned i = 0; i < MAX_SCRIPTS; i++) {
		char *next = script_program(out->path);

		if (!next)
			break;
		free(out->path);
		out->path = next;
	}
	fd = open_program(out->path);
	if (fd < 0)
		return fd;
	if (py_build_identify(fd, out->path, &out->build))
		return identify_library(out->path, fd, out);
	out->holder = realpath(out->path, NULL);
	return 0;
}

void check_program_clear(struct check_program *p)
{
	free(p->path);
	free(p->holder);
	*p = (struct check_program){0};
}
