/* SPDX-License-Identifier: MIT */
#include "user/resolve/wait_files.h"
#include "bpf/abi.h"
#include "user/util/alloc.h"

static const enum call_file files[] = {
	[ABI_FD_NONE] = CALL_FILE_NONE,     [ABI_FD_FILE] = CALL_FILE_DISK,   [ABI_FD_PIPE] = CALL_FILE_PIPE,
	[ABI_FD_SOCKET] = CALL_FILE_SOCKET, [ABI_FD_OTHER] = CALL_FILE_OTHER,
};

enum call_file wait_file(unsigned fd)
{
	return fd < ARRAY_SIZE(files) ? files[fd] : CALL_FILE_OTHER;
}

uint8_t wait_fd(enum call_file file)
{
	uint8_t fd = 0;

	while (fd < ARRAY_SIZE(files) - 1 && files[fd] != file)
		fd++;
	return fd;
}
