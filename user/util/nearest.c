/* SPDX-License-Identifier: MIT */
/* Edit distance with swaps of neighbours (optimal string alignment); words are short, so it is quadratic. */
#include "user/util/nearest.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define LONGEST   64 /* longer ones are no typing errors of short ones */
#define MAX_WORDS 64

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

size_t nearest_distance(const char *a, const char *b)
{
	size_t rows[3][LONGEST + 1], m = strlen(a), n = strlen(b);
	size_t *before = rows[0], *last = rows[1], *row = rows[2];

	if (m > LONGEST || n > LONGEST)
		return m > n ? m : n;
	for (size_t j = 0; j <= n; j++)
		last[j] = j;
	for (size_t i = 1; i <= m; i++) {
		size_t *spare = before;

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			row[j] = least(last[j - 1] + !same(a[i - 1], b[j - 1]), least(last[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
				row[j] = least(row[j], before[j - 2] + 1);
		}
		before = last;
		last = row;
		row = spare;
	}
	return last[n];
}

const char *nearest_word(const char *word, const char *const *choices)
{
	size_t len = strlen(word), best = (len < 6 ? 1 : len / 3) + 1;
	const char *found = NULL;

	for (size_t i = 0; len && choices[i]; i++) {
		bool beginning = !strncasecmp(choices[i], word, len);
		size_t distance = beginning ? 0 : nearest_distance(word, choices[i]);

		if (distance < best && distance < strlen(choices[i])) {
			best = distance;
			found = choices[i];
		}
	}
	return found;
}

char *nearest_hint(const char *word, const char *const *choices)
{
	const char *near = nearest_word(word, choices);
	struct buf out = {0};

	if (near)
		buf_printf(&out, "did you mean %s? ", near);
	buf_puts(&out, choices[0] && choices[1] ? "Known are " : "Known is ");
	for (size_t i = 0; choices[i]; i++)
		buf_printf(&out, "%s%s", i == 0 ? "" : choices[i + 1] ? ", " : " and ", choices[i]);
	if (!near)
		out.data[0] = 'k';
	return buf_steal_text(&out);
}

char *nearest_hint_of(const char *word, const char *list)
{
	__cleanup_free char *copy = xstrdup(list);
	const char *words[MAX_WORDS + 1] = {0};
	char *save = NULL;
	size_t cnt = 0;

	for (char *w = strtok_r(copy, ", ", &save); w && cnt < MAX_WORDS; w = strtok_r(NULL, ", ", &save))
		words[cnt++] = w;
	return nearest_hint(word, words);
}
