/* SPDX-License-Identifier: MIT */
/* Shows a file to the user who typed the command: in their session and with their rights, never as root. */
#pragma once

/*
 * Forks the process that will show `path`, while we may: what we start later may do less. The file need not be there
 * yet. 0 or negative errno.
 */
int opener_prepare(const char *path);
/*
 * Lets xdg-open show `path`, as the invoking user under sudo, with DISPLAY, WAYLAND_DISPLAY and BROWSER as they are in
 * our environment. Logs what was done, or why not and the path to open; 0 or negative errno.
 */
int opener_show(const char *path);
