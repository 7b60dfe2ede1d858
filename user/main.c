/* SPDX-License-Identifier: MIT */
/* Prepares descriptors and privileges, then runs the command. */
#include "user/cmd/cmd.h"
#include "user/os/privileges.h"
#include <fcntl.h>
#include <unistd.h>

/* If a standard descriptor is closed, the next file opened would get its number, and our messages. */
static int fill_standard_fds(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	if (fill_standard_fds())
		return CMD_FAILED;
	if (privileges_check())
		return CMD_NOT_PERMITTED;
	return cmd_main(argc, argv);
}
