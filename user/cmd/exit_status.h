/* SPDX-License-Identifier: MIT */
/* Errors as the documented exit statuses. */
#pragma once
#include "user/cmd/cmd.h"

/* enum cmd_exit for a negative errno of session__open and the like; CMD_OK for 0. */
int exit_status(int err);
