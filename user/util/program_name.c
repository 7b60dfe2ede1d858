/* SPDX-License-Identifier: MIT */
/*
 * Options are those of Python/getopt.c. Titles are what setproctitle(3) and those like it leave: a word that mostly ends in a colon,
 * then whatever the program likes. What follows it is nobody's name: workers have numbers there, and some print their arguments.
 */
#include "user/util/program_name.h"
#include "user/util/alloc.h"
#include "user/util/word.h"
#include <ctype.h>
#include <stddef.h>
#include <string.h>

#define NAME_MAX_LEN 100 /* bytes */
#define COMM_MAX     15  /* bytes of a kernel's name for a thread */

static bool is(struct word w, const char *text)
{
	return w.len == strlen(text) && !memcmp(w.at, text, w.len);
}

static bool begins(struct word w, const char *text)
{
	return w.len >= strlen(text) && !memcmp(w.at, text, strlen(text));
}

static bool ends(struct word w, const char *text)
{
	size_t len = strlen(text);

	return w.len >= len && !memcmp(w.at + w.len - len, text, len);
}

static struct word skip(struct word w, size_t len)
{
	return (struct word){w.at + len, w.len - len};
}

static struct word without_folder(struct word w)
{
	const char *slash;

	while (w.len > 1 && w.at[w.len - 1] == '/')
		w.len--;
	slash = w.len ? memrchr(w.at, '/', w.len - 1) : NULL;
	return slash ? skip(w, (size_t)(slash + 1 - w.at)) : w;
}

static struct word folder_of(struct word w)
{
	const char *slash = w.len ? memrchr(w.at, '/', w.len) : NULL;

	return without_folder((struct word){w.at, slash ? (size_t)(slash - w.at) : 0});
}

/* "python3.13t", "python3-dbg", "pypy3"; "python-worker" is a program. */
static bool is_interpreter(struct word w)
{
	w = without_folder(w);
	if (begins(w, "python"))
		w = skip(w, 6);
	else if (begins(w, "pypy"))
		w = skip(w, 4);
	else
		return false;
	while (w.len && (isdigit((unsigned char)*w.at) || *w.at == '.'))
		w = skip(w, 1);
	while (w.len && strchr("tdmuw", *w.at))
		w = skip(w, 1);
	return !w.len || is(w, "-dbg") || is(w, "-debug") || is(w, "-intel64");
}

/* The dynamic linker, told to start another program. */
static bool is_loader(struct word w)
{
	w = without_folder(w);
	return begins(w, "ld-linux") || begins(w, "ld-musl") || begins(w, "ld.so");
}

/* ---- what Python was told to run ----------------------------------------------------------------------- */

enum kind { NOTHING, SCRIPT, MODULE, TEXT };

struct program {
	enum kind kind;
	struct word name;
};

/* The letters of one word; true where they say what the program is. */
static bool read_letters(struct word w, const char **at, struct program *out)
{
	for (w = skip(w, 1); w.len; w = skip(w, 1)) {
		struct word rest = skip(w, 1);

		if (!strchr("cmWX", *w.at))
			continue;
		if (*w.at == 'c') {
			out->kind = TEXT;
			return true;
		}
		rest = rest.len ? rest : next_word(at);
		if (*w.at != 'm')
			return false;
		*out = (struct program){MODULE, rest};
		return true;
	}
	return false;
}

static struct program find_program(const char *at)
{
	struct program p = {0};
	struct word w = next_word(&at);

	while (w.len > 1 && *w.at == '-' && !is(w, "--")) {
		if (w.at[1] != '-' && read_letters(w, &at, &p))
			return p;
		if (is(w, "--check-hash-based-pycs"))
			next_word(&at);
		w = next_word(&at);
	}
	if (is(w, "--"))
		w = next_word(&at);
	if (w.len && !is(w, "-"))
		p = (struct program){SCRIPT, w};
	return p;
}

/* ---- names ---------------------------------------------------------------------------------------------- */

static struct word without_suffix(struct word w)
{
	static const char *const suffixes[] = {".py", ".pyc", ".pyw", ".pyz", ".pex", ".zip", ".par"};

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
		if (ends(w, suffixes[i]))
			return (struct word){w.at, w.len - strlen(suffixes[i])};
	return w;
}

/* A folder with a __main__.py is run like a script. */
static struct word script_name(struct word w)
{
	struct word name = without_folder(w);

	if (begins(name, "__main__.py"))
		name = folder_of(w);
	return without_suffix(name);
}

static struct word module_name(struct word w)
{
	return ends(w, ".__main__") ? (struct word){w.at, w.len - strlen(".__main__")} : w;
}

/* "worker-3" and "worker#4" are alike. */
static struct word without_number(struct word w)
{
	size_t len = w.len;

	while (len && isdigit((unsigned char)w.at[len - 1]))
		len--;
	return len && len < w.len && strchr("-_.#/", w.at[len - 1]) ? (struct word){w.at, len - 1} : w;
}

/* The first word of a title, or of the command line of a program that has Python inside. */
static struct word title_name(struct word w)
{
	bool is_path = w.len && *w.at == '/';

	while (w.len && strchr("[(<-", *w.at))
		w = skip(w, 1);
	if (is_path)
		w = without_folder(w);
	for (size_t i = 0; i < w.len; i++)
		if (strchr(":=@[](){}<>,;?&\"'", w.at[i]))
			w.len = i;
	if (!is_path)
		w = without_number(without_folder(w));
	return without_suffix(w);
}

/* NULL of what names nothing: a number (/dev/fd/63), the interpreter. */
static char *name_of(struct word w)
{
	size_t digits = 0;

	while (digits < w.len && (isdigit((unsigned char)w.at[digits]) || w.at[digits] == '.'))
		digits++;
	if (digits == w.len || is_interpreter(w))
		return NULL;
	while (w.len > NAME_MAX_LEN || (w.len && ((unsigned char)w.at[w.len] & 0xc0) == 0x80))
		w.len--;
	return w.len ? xstrndup(w.at, w.len) : NULL;
}

/* As the kernel calls a thread where there is no command line: anything, and another name for each thread. */
static bool is_comm(const char *command)
{
	const char *end = strrchr(command, ']');

	return *command == '[' && end && !end[1] && end - command - 1 <= COMM_MAX;
}

/* Behind the loader and its options (elf/rtld.c), if it comes first. */
static struct word interpreter_of(const char **at)
{
	static const char *const alone[] = {"--list", "--verify", "--inhibit-cache"};
	struct word w = next_word(at);

	if (!is_loader(w))
		return w;
	while ((w = next_word(at)).len > 2 && begins(w, "--")) {
		bool has_argument = !memchr(w.at, '=', w.len);

		for (size_t i = 0; i < ARRAY_SIZE(alone); i++)
			has_argument &= !is(w, alone[i]);
		if (has_argument)
			next_word(at);
	}
	return w;
}

char *program_name(const char *command)
{
	const char *at = command;
	struct word first = interpreter_of(&at);
	struct program p;

	if (!first.len || is_comm(command))
		return NULL;
	if (!is_interpreter(first))
		return name_of(title_name(first));
	p = find_program(at);
	if (p.kind == SCRIPT)
		return name_of(script_name(p.name));
	return p.kind == MODULE ? name_of(module_name(p.name)) : NULL;
}

bool program_is_pool_worker(const char *command)
{
	const char *at = command;

	return is_interpreter(next_word(&at)) && find_program(at).kind == TEXT && strstr(at, "c from multiprocessing.");
}
