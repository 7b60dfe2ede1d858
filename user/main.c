/* SPDX-License-Identifier: MIT */
/* Prepares descriptors and privileges, then runs the command. */
#include "user/cmd/cmd.h"
#include "user/os/lookups.h"
#include "user/os/privileges.h"
#include <fcntl.h>
#include <unistd.h>

/* If a standard descriptor is closed, the next file opened would get its number, and our messages. */
static int fill_standard_fds(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return -1;
	return 0;
}

int main(int argc, char **argv)
{
	if (fill_standard_fds())
		return CMD_FAILED;
	lookups_prepare();
	if (privileges_check())
		return CMD_NOT_PERMITTED;
	return cmd_main(argc, argv);
}
