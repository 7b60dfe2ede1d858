/* SPDX-License-Identifier: MIT */
#include "user/symbol/kallsyms.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/search.h"
#include <string.h>

#define MAX_SYMBOLS (4u << 20)
#define MAX_BYTES   (1u << 20) /* from a function's start: what is farther belongs to nothing that is named */

struct symbol {
	uint64_t start;
	uint32_t name, module; /* in `texts` */
};

struct kallsyms {
	struct symbol *items;
	size_t cnt, cap;
	struct buf texts;
	uint32_t last_module; /* most of them follow each other */
};

struct kallsyms *kallsyms__read(void)
{
	__cleanup_file FILE *f = fopen("/proc/kallsyms", "re");

	return f ? kallsyms__parse(f) : NULL;
}

static uint32_t put_text(struct buf *texts, const char *text)
{
	uint32_t at = (uint32_t)texts->len;

	buf_put(texts, text, strlen(text) + 1);
	return at;
}

static uint32_t put_module(struct kallsyms *k, const char *module)
{
	if (!*module)
		return 0;
	if (strcmp(k->texts.data + k->last_module, module))
		k->last_module = put_text(&k->texts, module);
	return k->last_module;
}

/* "ffffffff81000000 T _stext", and for a module "\t[name]" behind it. */
static void add_line(struct kallsyms *k, const char *line)
{
	unsigned long long start;
	char kind, name[512], module[64] = "";

	if (sscanf(line, "%llx %c %511s [%63[^]]]", &start, &kind, name, module) < 3 || !start || !strchr("tTwW", kind))
		return;
	xgrow(k->items, k->cnt, k->cap);
	k->items[k->cnt++] = (struct symbol){start, put_text(&k->texts, name), put_module(k, module)};
}

/* Of the same address the first in the file is the one that was there first: sorted as it is, mostly. */
static int compare(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

struct kallsyms *kallsyms__parse(FILE *f)
{
	struct kallsyms *k = xcalloc(1, sizeof(*k));
	char line[768];

	buf_put(&k->texts, "", 1);
	while (k->cnt < MAX_SYMBOLS && fgets(line, sizeof(line), f))
		add_line(k, line);
	if (!k->cnt) {
		kallsyms__free(k);
		return NULL;
	}
	qsort(k->items, k->cnt, sizeof(*k->items), compare);
	return k;
}

void kallsyms__free(struct kallsyms *k)
{
	if (!k)
		return;
	free(k->items);
	buf_free(&k->texts);
	free(k);
}

const char *kallsyms__find(const struct kallsyms *k, uint64_t addr, uint64_t *start, const char **module)
{
	size_t low = search_first(k->cnt, i, k->items[i].start > addr);

	if (!low || addr - k->items[low - 1].start >= MAX_BYTES)
		return NULL;
	*start = k->items[--low].start;
	while (low && k->items[low - 1].start == *start) /* aliases */
		low--;
	*module = k->texts.data + k->items[low].module;
	return k->texts.data + k->items[low].name;
}
