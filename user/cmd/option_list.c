/* How argp groups its options: the GNU C Library Reference Manual, "Specifying Options in an Argp
 * Parser". */
#include "user/cmd/option_list.h"
#include "user/util/alloc.h"
#include <ctype.h>
#include <string.h>

static bool is_last(const struct argp_option *o)
{
	return !o->name && !o->key && !o->doc && !o->group;
}

static void add_option(struct option_list *l, const struct argp *owner, const struct argp_option *o,
		       int group)
{
	struct option_row row = {
		.name = o->name,
		.letter = o->key > 0 && o->key < 128 && isprint(o->key) ? (char)o->key : 0,
		.arg = o->arg,
		.doc = o->doc,
		.owner = owner,
		.group = group,
		.header = !o->name && !o->key,
		.hidden = o->flags & OPTION_HIDDEN,
		.alias = o->flags & OPTION_ALIAS,
		.arg_optional = o->flags & OPTION_ARG_OPTIONAL,
	};

	xgrow(l->rows, l->cnt, l->cap);
	if (row.alias && l->cnt) {
		const struct option_row *first = &l->rows[l->cnt - 1];

		row.arg = first->arg;
		row.doc = first->doc;
		row.arg_optional = first->arg_optional;
	}
	l->rows[l->cnt++] = row;
}

static void walk(struct option_list *l, const struct argp *argp)
{
	int group = 0;

	for (const struct argp_option *o = argp->options; o && !is_last(o); o++) {
		if (o->group)
			group = o->group;
		else if (!o->name && !o->key)
			group++;
		add_option(l, argp, o, group);
	}
	for (const struct argp_child *c = argp->children; c && c->argp; c++) {
		if (c->header)
			add_option(l, c->argp, &(struct argp_option){.doc = c->header}, c->group);
		walk(l, c->argp);
	}
}

/* Groups 0, 1, 2, …, then -n, …, -1; a group's header comes first, whichever table it is from. */
static bool comes_after(const struct option_row *a, const struct option_row *b)
{
	if (a->group == b->group)
		return b->header && !a->header;
	return (a->group < 0) == (b->group < 0) ? a->group > b->group : a->group < 0;
}

void option_list__init(struct option_list *l, const struct argp *argp)
{
	*l = (struct option_list){0};
	walk(l, argp);
	/* stable: a group's options stay as they were written */
	for (size_t i = 1; i < l->cnt; i++) {
		struct option_row row = l->rows[i];
		size_t k = i;

		for (; k > 0 && comes_after(&l->rows[k - 1], &row); k--)
			l->rows[k] = l->rows[k - 1];
		l->rows[k] = row;
	}
}

void option_list__free(struct option_list *l)
{
	free(l->rows);
	*l = (struct option_list){0};
}
