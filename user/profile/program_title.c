/* SPDX-License-Identifier: MIT */
/* Command lines are argv joined by blanks, so an argument with a blank is two words here. */
#include "user/profile/program_title.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/word.h"
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static struct word without_folder(struct word w)
{
	const char *slash = w.len ? memrchr(w.at, '/', w.len - 1) : NULL;

	return slash ? (struct word){slash + 1, w.len - (size_t)(slash + 1 - w.at)} : w;
}

static bool is_interpreter(struct word w)
{
	w = without_folder(w);
	return w.len >= 4 && (!memcmp(w.at, "pypy", 4) || (w.len >= 6 && !memcmp(w.at, "python", 6)));
}

/* "-m", "-Im": the letter that takes the rest of the command line, m or c; else 0. */
static char last_option(struct word w)
{
	char last = w.len > 1 ? w.at[w.len - 1] : 0;

	return w.at[0] == '-' && w.len > 1 && w.at[1] != '-' && (last == 'm' || last == 'c') ? last : 0;
}

static bool takes_argument(struct word w)
{
	return w.len == 2 && w.at[0] == '-' && (w.at[1] == 'X' || w.at[1] == 'W');
}

/* `*option`: m or c, where the program is a module or a text; 0 for a script. What follows is left at `*at`. */
static struct word find_program(const char **at, char *option)
{
	struct word w = next_word(at);

	*option = 0;
	while (w.len && w.at[0] == '-') {
		if ((*option = last_option(w)))
			return next_word(at);
		if (takes_argument(w))
			next_word(at);
		w = next_word(at);
	}
	return w;
}

/* Of equal texts but for their numbers, the same. */
static void put_without_numbers(struct buf *out, const char *text)
{
	while (*text) {
		size_t digits = strspn(text, "0123456789"), other = strcspn(text + digits, "0123456789");

		if (digits)
			buf_puts(out, "*");
		buf_put(out, text + digits, other);
		text += digits + other;
	}
}

char *program_key(const char *command)
{
	const char *at = command;
	struct word interpreter = next_word(&at), program;
	struct buf out = {0};
	char option;

	if (!is_interpreter(interpreter)) {
		put_without_numbers(&out, command);
		return buf_steal_text(&out);
	}
	program = find_program(&at, &option);
	interpreter = without_folder(interpreter);
	buf_printf(&out, "%.*s %c ", (int)interpreter.len, interpreter.at, option ? option : '-');
	if (option == 'c')
		put_without_numbers(&out, program.at);
	else
		buf_put(&out, program.at, program.len);
	return buf_steal_text(&out);
}

char *program_without_folders(const char *command)
{
	struct buf out = {0};

	for (const char *word = command, *end;; word = end + 1) {
		const char *name = word;

		end = strchrnul(word, ' ');
		if (*word == '/')
			name = (const char *)memrchr(word, '/', (size_t)(end - word)) + 1;
		buf_put(&out, name, (size_t)(end - name));
		if (!*end)
			break;
		buf_puts(&out, " ");
	}
	return buf_steal_text(&out);
}

/* From the script of a command on, where it is one: "/venv/bin/python /venv/bin/gunicorn app:app" is gunicorn. */
static char *title_of(const char *command)
{
	const char *at = command;
	struct word interpreter = next_word(&at), program, name;
	__cleanup_free char *plain = NULL;
	char option;

	if (!is_interpreter(interpreter))
		return program_without_folders(command);
	program = find_program(&at, &option);
	name = without_folder(program);
	if (option || !name.len || memchr(name.at, '.', name.len))
		return program_without_folders(command);
	plain = program_without_folders(at);
	return xasprintf("%.*s%s", (int)name.len, name.at, plain);
}

/* Bytes of the words that both begin with. */
static size_t common_len(const char *a, const char *b)
{
	size_t same = 0, words = 0;

	for (;; same++) {
		bool ends_a = !a[same] || a[same] == ' ', ends_b = !b[same] || b[same] == ' ';

		if (ends_a && ends_b)
			words = same;
		if (a[same] != b[same] || !a[same])
			return words;
	}
}

char *program_title(const char *const *commands, uint32_t cnt)
{
	char *title = title_of(cnt ? commands[0] : "");
	bool differ = false;

	for (uint32_t i = 1; i < cnt; i++) {
		__cleanup_free char *other = title_of(commands[i]);
		size_t len = common_len(title, other);

		differ |= title[len] || other[len];
		title[len] = 0;
	}
	if (differ) {
		char *whole = xasprintf("%s%s…", title, *title ? " " : "");

		free(title);
		title = whole;
	}
	return title;
}
