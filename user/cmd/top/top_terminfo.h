/* SPDX-License-Identifier: MIT */
/* Descriptions of the commonest terminals, for systems that have none: a container's root, a rescue system. */
#pragma once

/*
 * Where the system knows nothing of the terminal that TERM names, puts what is known here into the environment, where curses
 * looks first. The name to give to curses; NULL is TERM itself.
 */
const char *top_terminfo_lend(void);
/* The environment is the user's again: programs that are started inherit it. */
void top_terminfo_take_back(void);
