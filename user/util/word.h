/* SPDX-License-Identifier: MIT */
/* Words of a command line that is one text, as the profile has it. */
#pragma once
#include <stddef.h>
#include <string.h>

struct word {
	const char *at;
	size_t len;
};

/* The word at `*at`, which moves behind it; of length 0 at the end. */
static inline struct word next_word(const char **at)
{
	struct word w;

	*at += strspn(*at, " ");
	w = (struct word){*at, strcspn(*at, " ")};
	*at += w.len;
	return w;
}
