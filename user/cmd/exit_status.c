/* SPDX-License-Identifier: MIT */
#include "user/cmd/exit_status.h"
#include "user/util/alloc.h"
#include <errno.h>

int exit_status(int err)
{
	static const struct {
		int err, status;
	} map[] = {
		{0, CMD_OK},
		{-EPERM, CMD_NOT_PERMITTED},
		{-EACCES, CMD_NOT_PERMITTED},
		{-EOPNOTSUPP, CMD_NO_FEATURE},
		{-ESRCH, CMD_NO_TARGET},
		{-ENOENT, CMD_NO_TARGET},
		{-ENODATA, CMD_NOTHING},
		{-EINVAL, CMD_USAGE},
	};

	for (size_t i = 0; i < ARRAY_SIZE(map); i++)
		if (map[i].err == err)
			return map[i].status;
	return CMD_FAILED;
}
