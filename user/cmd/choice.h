/* An option whose value is one of a few words. */
#pragma once
#include <argp.h>
#include <stddef.h>

/* Which of the NULL-terminated words `arg` is; ends the program with the nearest of them when it is
 * none. */
size_t choice_parse(struct argp_state *state, const char *option, const char *arg,
		    const char *const *words);
