/* SPDX-License-Identifier: MIT */
/* COLUMNS overrides the terminal's width, as in other tools; NO_COLOR as no-color.org has it. */
#include "user/cmd/terminal.h"
#include "user/os/procfs.h"
#include "user/util/units.h"
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static unsigned columns_of_terminal(int fd)
{
	struct winsize size;

	return ioctl(fd, TIOCGWINSZ, &size) ? 0 : size.ws_col;
}

unsigned terminal_columns(void)
{
	return columns_of_terminal(STDOUT_FILENO);
}

unsigned terminal_message_columns(void)
{
	return columns_of_terminal(STDERR_FILENO);
}

unsigned terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	const char *why;
	uint64_t width;

	if (columns && !units_parse_count(columns, &width, &why) && width < 10000)
		return (unsigned)width;
	return terminal_columns();
}

bool terminal_is_of(pid_t pid)
{
	const char *name = ttyname(STDERR_FILENO);

	return name && procfs_prints_to(pid, name);
}

bool terminal_has_colour(void)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && (!no || !*no) && term && strcmp(term, "dumb");
}
