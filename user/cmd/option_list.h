/* The options of a command as one list, walked out of its parser's tables: for man page and
 * completions. */
#pragma once
#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

struct option_row {
	const char *name;         /* long; NULL none */
	char letter;              /* 0 none */
	const char *arg;          /* name of its value; NULL: takes none */
	const char *doc;          /* of a header: its text */
	const struct argp *owner; /* the table it is from: shared ones are described once */
	int group;
	bool header, hidden, alias, arg_optional; /* alias: another name for the row before it */
};

struct option_list {
	struct option_row *rows; /* group by group; within one as they are written */
	size_t cnt, cap;
};

void option_list__init(struct option_list *l, const struct argp *argp);
void option_list__free(struct option_list *l);
