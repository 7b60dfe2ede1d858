/* SPDX-License-Identifier: MIT */
/*
 * In this order: what is known of the process (facts), the name of its service, the rules of --label, then --keep and --drop,
 * then the cap. A label that a rule removes is not sent, but rules still see it.
 */
#include "user/push/naming.h"
#include "user/push/facts.h"
#include "user/push/label_rules.h"
#include "user/push/series.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include <errno.h>
#include <string.h>
#include <uthash.h>

#define OWN_LABELS_MAX 16  /* names that rules set: with ours below the 30 that Pyroscope takes */
#define LABEL_NAME_MAX 256 /* bytes, of a rule's */

#define THREAD_NAME "thread_name" /* a label of samples */

struct selectors {
	struct label_conditions *items;
	size_t cnt, cap;
};

struct naming {
	char *node, *why;
	struct label_rule *rules;
	size_t rule_cnt, rule_cap;
	struct selectors keep, drop;
	bool asked[FACT_CNT], thread_names;
	struct series *series;
	struct naming_stats stats;
};

struct naming *naming__new(const char *node, uint32_t series_max)
{
	struct naming *n = xcalloc(1, sizeof(*n));

	n->node = xstrdup(node);
	n->series = series__new(series_max);
	return n;
}

static void clear_selectors(struct selectors *s)
{
	for (size_t i = 0; i < s->cnt; i++)
		label_conditions__clear(&s->items[i]);
	free(s->items);
}

void naming__free(struct naming *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < n->rule_cnt; i++)
		label_rule__clear(&n->rules[i]);
	free(n->rules);
	clear_selectors(&n->keep);
	clear_selectors(&n->drop);
	series__free(n->series);
	free(n->node);
	free(n->why);
	free(n);
}

/* ---- rules ------------------------------------------------------------------------------------------------ */

/* Takes the sentence. */
static int complain(struct naming *n, char *sentence, const char **why)
{
	free(n->why);
	n->why = sentence;
	*why = n->why;
	return -EINVAL;
}

static bool is_set_by_rule(const struct naming *n, const char *name)
{
	for (size_t i = 0; i < n->rule_cnt; i++)
		if (!strcmp(n->rules[i].name, name))
			return true;
	return false;
}

/* Nonzero for a label that nothing is known of: a slip of the pen would be a rule without effect. */
static int is_unknown(void *ctx, const char *label)
{
	struct naming *n = ctx;
	struct buf list = {0};

	if (fact_find(label) || is_set_by_rule(n, label))
		return 0;
	for (size_t i = 0; i < FACT_CNT; i++)
		buf_printf(&list, "%s%s", i ? ", " : "", facts[i].name);
	free(n->why);
	n->why = xasprintf("no process has a label '%s': there are %s, and those that a --label before it has set",
			   label, list.data);
	buf_free(&list);
	return -EINVAL;
}

static size_t own_labels(const struct naming *n)
{
	size_t cnt = 0;

	for (size_t i = 0; i < n->rule_cnt; i++) {
		size_t first = 0;

		while (strcmp(n->rules[first].name, n->rules[i].name))
			first++;
		cnt += first == i && !fact_find(n->rules[i].name);
	}
	return cnt;
}

/* NULL when the rule may stand. */
static char *objection(const struct naming *n, const struct label_rule *r)
{
	if (!strcmp(r->name, "service_name") && !*r->value)
		return xstrdup("service_name cannot be removed: back ends find profiles by it");
	if (!strcmp(r->name, THREAD_NAME))
		return xstrdup("thread_name is a label of samples, which threads have: no rule can set it");
	if (!strncmp(r->name, "__", 2))
		return xasprintf("'%s' begins with __, which back ends keep for themselves", r->name);
	if (strlen(r->name) > LABEL_NAME_MAX)
		return xasprintf("the name of a label has at most %d bytes", LABEL_NAME_MAX);
	if (own_labels(n) >= OWN_LABELS_MAX && !fact_find(r->name) && !is_set_by_rule(n, r->name))
		return xasprintf("'%s' is one label too many: rules may set %d, since back ends take 30 in all",
				 r->name, OWN_LABELS_MAX);
	return NULL;
}

int naming__add_label(struct naming *n, const char *rule, const char **why)
{
	struct label_rule r;
	char *sentence = NULL;

	if (label_rule__parse(rule, &r, &sentence))
		return complain(n, sentence, why);
	sentence = objection(n, &r);
	if (!sentence && label_rule__each_label(&r, is_unknown, n))
		sentence = xstrdup(n->why);
	if (sentence) {
		label_rule__clear(&r);
		return complain(n, sentence, why);
	}
	xgrow(n->rules, n->rule_cnt, n->rule_cap);
	n->rules[n->rule_cnt++] = r;
	return 0;
}

static int add_selector(struct naming *n, struct selectors *s, const char *rule, const char **why)
{
	struct label_conditions c;
	char *sentence = NULL;

	if (label_conditions__parse(rule, &c, &sentence))
		return complain(n, sentence, why);
	xgrow(s->items, s->cnt, s->cap);
	s->items[s->cnt++] = c;
	return 0;
}

int naming__add_keep(struct naming *n, const char *rule, const char **why)
{
	return add_selector(n, &n->keep, rule, why);
}

int naming__add_drop(struct naming *n, const char *rule, const char **why)
{
	return add_selector(n, &n->drop, rule, why);
}

static int check_selectors(struct naming *n, const struct selectors *s)
{
	for (size_t i = 0; i < s->cnt; i++)
		for (size_t k = 0; k < s->items[i].cnt; k++)
			if (is_unknown(n, s->items[i].items[k].label))
				return -EINVAL;
	return 0;
}

int naming__check(struct naming *n, const char **why)
{
	int err = check_selectors(n, &n->keep);

	err = err ? err : check_selectors(n, &n->drop);
	if (err)
		*why = n->why;
	return err;
}

int naming__enable(struct naming *n, const char *label, const char **why)
{
	const struct fact *f = fact_find(label);
	struct buf list = {0};
	int err;

	if (f && f->sent != FACT_NEVER) {
		n->asked[f - facts] = true;
		return 0;
	}
	if (!strcmp(label, THREAD_NAME)) {
		n->thread_names = true;
		return 0;
	}
	for (size_t i = 0; i < FACT_CNT; i++)
		if (facts[i].sent == FACT_WHEN_ASKED)
			buf_printf(&list, "%s, ", facts[i].name);
	err = complain(n, xasprintf("there is no label '%s' to be added: there are %s" THREAD_NAME, label, list.data),
		       why);
	buf_free(&list);
	return err;
}

/* ---- the labels of one process ------------------------------------------------------------------------------ */

static bool any_matches(const struct selectors *s, const struct label_set *labels)
{
	for (size_t i = 0; i < s->cnt; i++)
		if (label_conditions__match(&s->items[i], labels))
			return true;
	return false;
}

static void put_sent(const struct naming *n, const struct label_set *known, struct label_set *out)
{
	for (size_t i = 0; i < FACT_CNT; i++)
		if (facts[i].sent == FACT_ALWAYS || n->asked[i])
			label_set__put(out, facts[i].name, label_set__get(known, facts[i].name));
}

static void apply(const struct label_rule *r, struct label_set *known, struct label_set *out)
{
	__cleanup_free char *value = NULL;

	if (!label_conditions__match(&r->when, known))
		return;
	value = label_rule__value(r, known);
	if (!value)
		return;
	label_set__put(out, r->name, value);
	if (*value)
		label_set__put(known, r->name, value);
}

/* False: it is not sent. */
static bool labels_of(const struct naming *n, const struct profile *p, uint32_t process, struct label_set *out)
{
	struct label_set known = {0};
	bool is_kept;

	facts_put(&known, p, process, n->node);
	put_sent(n, &known, out);
	for (size_t i = 0; i < n->rule_cnt; i++)
		apply(&n->rules[i], &known, out);
	is_kept = (!n->keep.cnt || any_matches(&n->keep, &known)) && !any_matches(&n->drop, &known);
	label_set__clear(&known);
	return is_kept;
}

/* Takes the labels. */
static struct push_group as_group(struct label_set *s)
{
	struct push_group g = {s->items, s->cnt, label_set__get(s, "service_name")};

	*s = (struct label_set){0};
	return g;
}

bool naming__of_process(const struct naming *n, const struct profile *p, uint32_t process, struct push_group *out)
{
	struct label_set labels = {0};
	bool is_kept = labels_of(n, p, process, &labels);

	*out = as_group(&labels);
	return is_kept;
}

void naming_clear_group(struct push_group *g)
{
	struct label_set s = {.items = (struct push_label *)g->labels, .cnt = g->label_cnt};

	label_set__clear(&s);
	*g = (struct push_group){0};
}

/* ---- a window ----------------------------------------------------------------------------------------------- */

struct known_group {
	UT_hash_handle hh;
	uint32_t index;
	char key[];
};

struct grouping {
	struct naming *n;
	const struct push_window *w;
	struct push_group *groups;
	size_t cnt, cap;
	struct known_group *by_key;
};

/* Takes the labels. 1 + the index of their group. */
static uint32_t group_of(struct grouping *g, struct label_set *labels, const struct buf *key)
{
	struct known_group *k;

	HASH_FIND(hh, g->by_key, key->data, key->len, k);
	if (k) {
		label_set__clear(labels);
		return k->index + 1;
	}
	k = xmalloc(sizeof(*k) + key->len);
	memcpy(k->key, key->data, key->len);
	k->index = (uint32_t)g->cnt;
	HASH_ADD_KEYPTR(hh, g->by_key, k->key, key->len, k);
	xgrow(g->groups, g->cnt, g->cap);
	g->groups[g->cnt++] = as_group(labels);
	return k->index + 1;
}

static void fold(const struct naming *n, struct label_set *labels)
{
	label_set__clear(labels);
	label_set__put(labels, "service_name", "other");
	label_set__put(labels, "node", n->node);
}

static uint32_t group_process(struct grouping *g, uint32_t process, uint64_t samples)
{
	struct naming *n = g->n;
	struct label_set labels = {0};
	struct buf key = {0};
	uint32_t group;

	if (!labels_of(n, g->w->p, process, &labels)) {
		n->stats.dropped_processes++;
		n->stats.dropped_samples += samples;
		label_set__clear(&labels);
		return 0;
	}
	label_set__key(&labels, &key);
	if (!series__admit(n->series, key.data, key.len, g->w->start_unix_ns)) {
		n->stats.folded_samples += samples;
		fold(n, &labels);
		buf_reset(&key);
		label_set__key(&labels, &key);
	}
	group = group_of(g, &labels, &key);
	buf_free(&key);
	return group;
}

/* By process. Caller frees. */
static uint64_t *count_samples(const struct profile *p)
{
	uint64_t *cnt = xcalloc((size_t)p->process_cnt + 1, sizeof(*cnt));

	for (size_t i = 0; i < p->bucket_cnt; i++)
		cnt[p->buckets[i].thread ? p->threads[p->buckets[i].thread].process : 0] += p->buckets[i].samples;
	return cnt;
}

static void free_keys(struct grouping *g)
{
	struct known_group *k, *next;

	HASH_ITER(hh, g->by_key, k, next)
	{
		HASH_DEL(g->by_key, k);
		free(k);
	}
}

void naming__group(struct naming *n, struct push_window *w)
{
	__cleanup_free uint64_t *samples = count_samples(w->p);
	uint32_t *group_of_process = xcalloc((size_t)w->p->process_cnt + 1, sizeof(*group_of_process));
	struct grouping g = {.n = n, .w = w};

	n->stats.dropped_processes = 0;
	series__tend(n->series, w->start_unix_ns);
	for (uint32_t i = 1; i <= w->p->process_cnt; i++)
		if (samples[i])
			group_of_process[i] = group_process(&g, i, samples[i]);
	free_keys(&g);
	w->groups = g.groups;
	w->group_cnt = g.cnt;
	w->group_of = group_of_process;
	w->thread_names = n->thread_names;
}

void naming_clear(struct push_window *w)
{
	struct push_group *groups = (struct push_group *)w->groups;

	for (size_t i = 0; i < w->group_cnt; i++)
		naming_clear_group(&groups[i]);
	free(groups);
	free((uint32_t *)w->group_of);
	w->groups = NULL;
	w->group_of = NULL;
	w->group_cnt = 0;
}

void naming__stats(const struct naming *n, struct naming_stats *out)
{
	*out = n->stats;
	out->series = series__cnt(n->series);
}
