/* Showing a file to the person at the screen: in their session and with their rights, never as
 * root. */
#pragma once

/*
 * Lets the desktop open `path` (xdg-open). Under sudo that is the desktop of who typed the command.
 * Says what was done, or why not; 0 or negative errno.
 */
int opener_show(const char *path);
