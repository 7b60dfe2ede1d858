/* The program starts here; everything is in the commands. */
#include "user/cmd/cmd.h"
#include <fcntl.h>
#include <unistd.h>

/* With a standard descriptor closed, the next file opened would take its number and get our
 * messages. */
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
	return cmd_main(argc, argv);
}
