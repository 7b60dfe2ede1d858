/* SPDX-License-Identifier: MIT */
/* What processes are called, rules for it, and how many series come of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "user/push/label_set.h"
#include "user/push/naming.h"
#include "user/push/series.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"

#define ID   "3f2a91c04bd27e5f60718293a4b5c6d7e8f90123456789abcdef0123456789ab"
#define HOUR 3600000000000ull
#define T0   1790000000000000000ull

struct made {
	const char *command;
	const char *labels; /* "key=value;key=value" */
	const char *python, *cgroup;
	unsigned samples; /* 0: one */
};

/* ---- profiles -------------------------------------------------------------------------------------------- */

static void tell_labels(struct profile_sink to, uint32_t id, const char *labels)
{
	__cleanup_free char *copy = xstrdup(labels ? labels : "");
	char *save = NULL;

	for (char *one = strtok_r(copy, ";", &save); one; one = strtok_r(NULL, ";", &save)) {
		char *equals = strchr(one, '=');

		*equals = 0;
		to.ops->label(to.ctx, &(struct profile_label){.process = id, .key = one, .value = equals + 1});
	}
}

static void tell_process(struct profile_sink to, uint32_t id, const struct made *m)
{
	to.ops->process(to.ctx, &(struct profile_process){.id = id,
							  .pid = 100 + id,
							  .command = m->command ? m->command : "python3",
							  .python = m->python ? m->python : "3.12.1",
							  .interpreter = "",
							  .cgroup = m->cgroup ? m->cgroup : "",
							  .rights = ""});
	tell_labels(to, id, m->labels);
	to.ops->thread(to.ctx,
		       &(struct profile_thread){.id = id, .process = id, .tid = 100 + id, .name = "MainThread"});
	for (unsigned i = 0; i < (m->samples ? m->samples : 1); i++)
		to.ops->sample(to.ctx, &(struct profile_sample){.thread = id, .stack = 1, .value = 1});
}

static struct profile *profile_of(const struct made *all, size_t cnt)
{
	struct profile_builder *b = profile_builder__new(false);
	struct profile_sink to = profile_builder__sink(b);

	to.ops->function(to.ctx,
			 &(struct profile_function){.id = 1, .name = "f", .module = "", .file = "", .short_file = ""});
	to.ops->frame(to.ctx, &(struct profile_frame){1, 1, 1});
	to.ops->stack(to.ctx, &(struct profile_stack){1, 0, 1});
	for (size_t i = 0; i < cnt; i++)
		tell_process(to, (uint32_t)i + 1, &all[i]);
	return profile_builder__finish(b);
}

/* "name=value name=value" */
static char *text_of(const struct push_group *g)
{
	struct buf out = {0};

	for (size_t i = 0; i < g->label_cnt; i++)
		buf_printf(&out, "%s%s=%s", i ? " " : "", g->labels[i].name, g->labels[i].value);
	return buf_steal_text(&out);
}

/* What one process is called; "nothing" when it is not sent. */
static char *called(struct naming *n, const struct made *m)
{
	struct profile *p = profile_of(m, 1);
	struct push_window w = {.p = p, .start_unix_ns = T0};
	struct push_group g;
	char *text, *alone;

	naming__group(n, &w);
	text = w.group_of[1] ? text_of(&w.groups[w.group_of[1] - 1]) : xstrdup("nothing");
	assert_int_equal(naming__of_process(n, p, 1, &g), w.group_of[1] != 0);
	alone = text_of(&g);
	if (w.group_of[1]) { /* both ways are one */
		assert_string_equal(alone, text);
		assert_string_equal(w.groups[0].service_name, g.service_name);
	}
	free(alone);
	naming_clear_group(&g);
	naming_clear(&w);
	assert_null(w.groups);
	profile__free(p);
	return text;
}

static void assert_called(struct naming *n, const struct made *m, const char *want)
{
	__cleanup_free char *got = called(n, m);

	assert_string_equal(got, want);
}

/* ---- names ------------------------------------------------------------------------------------------------- */

static const struct {
	struct made m;
	const char *want;
} services[] = {
	{{.command = "python3 app.py --token x"}, "app"},
	{{.command = "[python3]"}, "python"},
	{{.command = "python3 app.py", .labels = "service=checkout;namespace=shop;container=app"}, "checkout"},
	{{.command = "python3 app.py", .labels = "namespace=shop;container=app;pod=web-1;runtime=containerd"},
	 "shop/app"},
	{{.command = "python3 app.py", .labels = "container=shop-web-1;runtime=docker;compose_service=web"}, "web"},
	{{.command = "python3 app.py", .labels = "container=cache;runtime=podman"}, "cache"},
	{{.command = "python3 app.py", .labels = "unit=gunicorn.service"}, "gunicorn"},
	{{.command = "python3 app.py", .labels = "unit=gunicorn@shop.service"}, "gunicorn@shop"},
	{{.command = "python3 app.py", .labels = "unit=session-3.scope"}, "app"},
	{{.command = "python3 app.py", .labels = "unit=run-u17.service"}, "app"},
	{{.command = "python3 app.py", .labels = "unit=user@1000.service"}, "app"},
	{{.command = "python3 app.py", .labels = "unit=.service"}, "app"},
	/* a container whose name nobody knows: neither its id nor what is around it */
	{{.command = "python3 app.py",
	  .labels = "container=3f2a91c04bd2;container_id=" ID
		    ";runtime=containerd;unit=containerd.service;namespace=shop"},
	 "app"},
	{{.command = "python3 -c from multiprocessing.spawn import x", .labels = "program=celery"}, "celery"},
};

static void test_services(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
		struct profile *p = profile_of(&services[i].m, 1);
		struct naming *n = naming__new("n1", 0);
		struct push_group g;

		assert_true(naming__of_process(n, p, 1, &g));
		assert_string_equal(g.service_name, services[i].want);
		naming_clear_group(&g);
		naming__free(n);
		profile__free(p);
	}
}

static const struct made in_pod = {
	.command = "/usr/bin/python3 /srv/secret.py --password hunter2",
	.labels = "namespace=shop;container=app;pod=web-7d4b9;runtime=containerd;container_id=" ID
		  ";unit=kubelet.service;"
		  "inner_pid=7",
	.python = "3.13.5t",
	.cgroup = "/kubepods/burstable/x",
};

static void test_default_labels(void **state)
{
	struct naming *n = naming__new("n1", 0);

	(void)state;
	assert_called(n, &in_pod,
		      "container=app namespace=shop node=n1 pod=web-7d4b9 python=3.13t service_name=shop/app");
	assert_called(n, &(struct made){.command = "python3 a.py", .python = "3.14.0rc1"},
		      "node=n1 python=3.14 service_name=a");
	assert_called(n, &(struct made){.command = "uwsgi x", .python = ""}, "node=n1 service_name=uwsgi");
	naming__free(n);
}

static void test_more_labels(void **state)
{
	static const char *const more[] = {"container_id", "pid", "unit", "runtime", "thread_name", "compose_project"};
	struct naming *n = naming__new("", 0);
	struct push_window w = {.start_unix_ns = T0};
	const char *why = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(more); i++)
		assert_int_equal(naming__enable(n, more[i], &why), 0);
	assert_called(n, &in_pod,
		      "container=app container_id=" ID " namespace=shop pid=101 pod=web-7d4b9 python=3.13t "
		      "runtime=containerd service_name=shop/app unit=kubelet.service");
	w.p = profile_of(&in_pod, 1);
	naming__group(n, &w);
	assert_true(w.thread_names);
	naming_clear(&w);
	profile__free((struct profile *)w.p);
	assert_int_equal(naming__enable(n, "command", &why), -22);
	assert_non_null(strstr(why, "no label 'command'"));
	assert_non_null(strstr(why, "container_id, pid, unit"));
	assert_int_equal(naming__enable(n, "cgroup", &why), -22);
	naming__free(n);
}

/* ---- rules ------------------------------------------------------------------------------------------------- */

/* Each applied alone to the process in a pod, without `node` and `python`. */
static const char *const rules[][2] = {
	{"env=prod", "container=app env=prod namespace=shop pod=web-7d4b9 service_name=shop/app"},
	{"pod=", "container=app namespace=shop service_name=shop/app"},
	{"pod=:if=namespace=shop", "container=app namespace=shop service_name=shop/app"},
	{"pod=:if=namespace=other", "container=app namespace=shop pod=web-7d4b9 service_name=shop/app"},
	{"service_name={namespace}.{container}", "container=app namespace=shop pod=web-7d4b9 service_name=shop.app"},
	{"service_name={program}", "container=app namespace=shop pod=web-7d4b9 service_name=secret"},
	{"service_name={unit}:if=runtime=docker", "container=app namespace=shop pod=web-7d4b9 service_name=shop/app"},
	{"service_name=web:if=pod=web-*", "container=app namespace=shop pod=web-7d4b9 service_name=web"},
	{"service_name=web:if=pod=web-*,namespace=shop", "container=app namespace=shop pod=web-7d4b9 service_name=web"},
	{"service_name=web:if=pod=web-*,namespace=x",
	 "container=app namespace=shop pod=web-7d4b9 service_name=shop/app"},
	{"x=1:if=service_name=shop/*", "container=app namespace=shop pod=web-7d4b9 service_name=shop/app x=1"},
	{"x=1:if=compose_service=", "container=app namespace=shop pod=web-7d4b9 service_name=shop/app x=1"},
	{"x=1:if=compose_service=*", "container=app namespace=shop pod=web-7d4b9 service_name=shop/app"},
	{"x=1:if=pod=", "container=app namespace=shop pod=web-7d4b9 service_name=shop/app"},
	{"x=1:if=cgroup=/kubepods/*", "container=app namespace=shop pod=web-7d4b9 service_name=shop/app x=1"},
	{"x=1:if=pid=10[12]", "container=app namespace=shop pod=web-7d4b9 service_name=shop/app x=1"},
	{"x=1:if=pod=web\\,*", "container=app namespace=shop pod=web-7d4b9 service_name=shop/app"},
	{"x=a=b:c", "container=app namespace=shop pod=web-7d4b9 service_name=shop/app x=a=b:c"},
	{"x={{{pod}}}", "container=app namespace=shop pod=web-7d4b9 service_name=shop/app x={web-7d4b9}"},
	{"x={compose_service}-1", "container=app namespace=shop pod=web-7d4b9 service_name=shop/app"},
	{"container={runtime}", "container=containerd namespace=shop pod=web-7d4b9 service_name=shop/app"},
};

static struct naming *naming_with(const char *const *all, size_t cnt)
{
	struct naming *n = naming__new("", 0);
	const char *why = "";

	for (size_t i = 0; i < cnt; i++)
		if (naming__add_label(n, all[i], &why))
			fail_msg("%s: %s", all[i], why);
	return n;
}

static void test_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		const char *const both[] = {"python=", rules[i][0]};
		struct naming *n = naming_with(both, 2);

		assert_called(n, &in_pod, rules[i][1]);
		naming__free(n);
	}
}

/* In their order: a rule sees what those before it have set, and what they have removed, too. */
static void test_rules_in_their_order(void **state)
{
	static const char *const all[] = {"python=",
					  "tier=low",
					  "tier=high:if=namespace=shop",
					  "pod=",
					  "seen={pod}",
					  "service_name={tier}-{container}",
					  "namespace=pay",
					  "x=1:if=namespace=pay"};
	struct naming *n = naming_with(all, ARRAY_SIZE(all));

	(void)state;
	assert_called(n, &in_pod, "container=app namespace=pay seen=web-7d4b9 service_name=high-app tier=high x=1");
	naming__free(n);
}

static const char *const mistakes[][2] = {
	{"env", "'env' is no rule"},
	{"=prod", "where the name of a label has to be"},
	{"my-team=x", "my_team would do"},
	{"1st=x", "_1st would do"},
	{"größe=x", "cannot be the name"},
	{"service_name=", "cannot be removed"},
	{"service_name=:if=pod=x", "cannot be removed"},
	{"thread_name=x", "no rule can set it"},
	{"__name__=x", "begins with __"},
	{"x=1:if=", "is no condition"},
	{"x=1:if=pod", "is no condition"},
	{"x=1:if=pod=a,", "is no condition"},
	{"x=1:if==a", "where the name of a label has to be"},
	{"x=1:if=namspace=a", "no process has a label 'namspace'"},
	{"x={namspace}", "no process has a label 'namspace'"},
	{"x={pod", "a brace stands alone"},
	{"x=pod}", "a brace stands alone"},
	{"x={}", "a brace stands alone"},
	{"x={a b}", "a brace stands alone"},
	{"x\x1b[31m=1", "'x\\x1b[31m'"},
};

static void test_mistakes(void **state)
{
	struct naming *n = naming__new("", 0);
	const char *why = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		assert_int_equal(naming__add_label(n, mistakes[i][0], &why), -22);
		if (!strstr(why, mistakes[i][1]))
			fail_msg("%s: %s", mistakes[i][0], why);
	}
	assert_int_equal(naming__add_keep(n, "pod", &why), -22);
	assert_int_equal(naming__add_drop(n, "a b=c", &why), -22);
	assert_called(n, &(struct made){.command = "python3 a.py"},
		      "python=3.12 service_name=a"); /* none of it counts */
	naming__free(n);
}

static void test_too_many_labels(void **state)
{
	struct naming *n = naming__new("", 0);
	const char *why = NULL;
	char rule[32];
	int i = 0;

	(void)state;
	for (; i < 100; i++) {
		snprintf(rule, sizeof(rule), "x%d=1", i);
		if (naming__add_label(n, rule, &why))
			break;
	}
	assert_int_equal(i, 16);
	assert_non_null(strstr(why, "one label too many"));
	assert_int_equal(naming__add_label(n, "x3=2", &why), 0); /* it is there */
	assert_int_equal(naming__add_label(n, "pod=2", &why), 0);
	naming__free(n);
}

static void test_keep_and_drop(void **state)
{
	struct naming *n = naming__new("", 0);
	struct naming_stats stats;
	const char *why = NULL;
	const struct made other = {.command = "python3 b.py", .labels = "namespace=pay;container=app", .samples = 5};

	(void)state;
	assert_int_equal(naming__add_label(n, "python=", &why), 0);
	assert_int_equal(naming__add_label(n, "pod=", &why), 0);
	assert_int_equal(naming__add_keep(n, "namespace=shop,container=a*", &why), 0);
	assert_called(n, &in_pod, "container=app namespace=shop service_name=shop/app");
	assert_called(n, &other, "nothing");
	naming__stats(n, &stats);
	assert_int_equal(stats.dropped_processes, 1);
	assert_int_equal(stats.dropped_samples, 5);
	assert_int_equal(naming__add_keep(n, "namespace=pay", &why), 0); /* one of them is enough */
	assert_called(n, &other, "container=app namespace=pay service_name=pay/app");
	assert_int_equal(naming__add_drop(n, "pod=web-*", &why), 0); /* removed, but seen */
	assert_called(n, &in_pod, "nothing");
	assert_called(n, &other, "container=app namespace=pay service_name=pay/app");
	naming__stats(n, &stats);
	assert_int_equal(stats.dropped_processes, 0);
	assert_int_equal(stats.dropped_samples, 6);
	assert_int_equal(naming__check(n, &why), 0);
	assert_int_equal(naming__add_drop(n, "namspace=x", &why), 0);
	assert_int_equal(naming__check(n, &why), -22);
	assert_non_null(strstr(why, "namspace"));
	naming__free(n);
}

/* ---- values ------------------------------------------------------------------------------------------------ */

static void test_values(void **state)
{
	__cleanup_free char *text = xcalloc(1, 5000), *got = NULL, *rule = NULL;
	struct naming *n;
	const char *why = NULL;

	(void)state;
	memset(text, 'x', 2047);
	strcat(text, "ö and more");
	rule = xasprintf("python=:if=python=*");
	n = naming_with((const char *const[]){rule}, 1);
	free(rule);
	rule = xasprintf("long=%s", text);
	assert_int_equal(naming__add_label(n, rule, &why), 0);
	got = called(n, &(struct made){.command = "python3 a.py"});
	assert_int_equal(strlen(got), strlen("long= service_name=a") + 2047);
	assert_int_equal(naming__add_label(n, "long=a\nb\xff", &why), 0);
	assert_called(n, &(struct made){.command = "python3 a.py"}, "long=a\\nb\\xff service_name=a");
	naming__free(n);
}

static void test_names_made_valid(void **state)
{
	static const char *const pairs[][2] = {
		{"a-b.c", "a_b_c"}, {"9", "_9"}, {"", "_"}, {"ok_1", "ok_1"}, {"ö", "__"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		__cleanup_free char *name = label_name_made_valid(pairs[i][0]);

		assert_string_equal(name, pairs[i][1]);
		assert_true(label_name_is_valid(name));
	}
}

/* ---- groups and the cap ------------------------------------------------------------------------------------- */

static void test_processes_of_one_name_are_one_group(void **state)
{
	const struct made all[] = {
		{.command = "python3 a.py 1"},       {.command = "python3 b.py"},         {.command = "python3 a.py 2"},
		{.command = "gunicorn: worker [1]"}, {.command = "gunicorn: worker [2]"},
	};
	struct push_window w = {.p = profile_of(all, ARRAY_SIZE(all)), .start_unix_ns = T0};
	struct naming *n = naming__new("n1", 0);

	(void)state;
	naming__group(n, &w);
	assert_int_equal(w.group_cnt, 3);
	assert_int_equal(w.group_of[0], 0);
	assert_int_equal(w.group_of[1], 1);
	assert_int_equal(w.group_of[2], 2);
	assert_int_equal(w.group_of[3], 1);
	assert_int_equal(w.group_of[4], 3);
	assert_int_equal(w.group_of[5], 3);
	assert_string_equal(w.groups[1].service_name, "b");
	naming_clear(&w);
	naming__free(n);
	profile__free((struct profile *)w.p);
}

/* A window of one process for each container from `from` on; its groups are counted. */
static size_t window_of(struct naming *n, unsigned from, unsigned cnt, uint64_t at_ns, uint64_t *other)
{
	struct made *all = xcalloc(cnt, sizeof(*all));
	struct push_window w = {.start_unix_ns = at_ns};
	size_t groups;

	for (unsigned i = 0; i < cnt; i++)
		all[i] = (struct made){.labels = xasprintf("runtime=docker;container=c%u", from + i), .samples = 2};
	w.p = profile_of(all, cnt);
	naming__group(n, &w);
	groups = w.group_cnt;
	*other = 0;
	for (uint32_t i = 1; i <= cnt; i++) {
		__cleanup_free char *text = text_of(&w.groups[w.group_of[i] - 1]);

		*other += !strcmp(text, "node=n1 service_name=other");
	}
	naming_clear(&w);
	profile__free((struct profile *)w.p);
	for (unsigned i = 0; i < cnt; i++)
		free((char *)all[i].labels);
	free(all);
	return groups;
}

static void test_cap(void **state)
{
	struct naming *n = naming__new("n1", 10);
	struct naming_stats stats;
	uint64_t other;

	(void)state;
	assert_int_equal(window_of(n, 0, 10, T0, &other), 10);
	assert_int_equal(other, 0);
	assert_int_equal(window_of(n, 5, 10, T0 + HOUR / 2, &other), 6); /* five known, the rest is one */
	assert_int_equal(other, 5);
	naming__stats(n, &stats);
	assert_int_equal(stats.series, 10);
	assert_int_equal(stats.folded_samples, 10);
	/* the first five have not been seen for an hour, the others for half of one */
	assert_int_equal(window_of(n, 20, 10, T0 + HOUR, &other), 6);
	assert_int_equal(other, 5);
	naming__stats(n, &stats);
	assert_int_equal(stats.series, 10);
	assert_int_equal(stats.folded_samples, 20);
	/* the clock is set back: nothing is freed too soon, and nothing for ever kept */
	assert_int_equal(window_of(n, 20, 5, T0 - HOUR, &other), 5);
	assert_int_equal(other, 0);
	assert_int_equal(window_of(n, 100, 10, T0, &other), 10);
	assert_int_equal(other, 0);
	naming__free(n);
}

static void test_thousands_come_and_go(void **state)
{
	struct naming *n = naming__new("n1", 500);
	uint64_t other, folded = 0;
	struct naming_stats stats;

	(void)state;
	for (unsigned hour = 0; hour < 20; hour++) {
		window_of(n, hour * 400, 400, T0 + hour * HOUR, &other);
		folded += other;
	}
	naming__stats(n, &stats);
	assert_int_equal(folded, 0);
	assert_int_equal(stats.series, 400);
	naming__free(n);
}

/* Without a cap all are sent, but not all are remembered. */
static void test_no_cap(void **state)
{
	struct series *s = series__new(0);

	(void)state;
	for (uint32_t i = 0; i < 100000; i++)
		assert_true(series__admit(s, &i, sizeof(i), T0));
	assert_true(series__cnt(s) <= 65536);
	series__tend(s, T0 + HOUR);
	assert_int_equal(series__cnt(s), 0);
	series__free(s);
}

/* What has no samples takes no place, and is not sent. */
static void test_without_samples(void **state)
{
	struct profile_builder *b = profile_builder__new(false);
	struct profile_sink to = profile_builder__sink(b);
	struct push_window w = {.start_unix_ns = T0};
	struct naming *n = naming__new("n1", 1);
	struct naming_stats stats;

	(void)state;
	to.ops->process(to.ctx, &(struct profile_process){.id = 1,
							  .pid = 5,
							  .command = "x",
							  .python = "",
							  .interpreter = "",
							  .cgroup = "",
							  .rights = ""});
	w.p = profile_builder__finish(b);
	naming__group(n, &w);
	assert_int_equal(w.group_cnt, 0);
	assert_int_equal(w.group_of[1], 0);
	naming__stats(n, &stats);
	assert_int_equal(stats.series, 0);
	naming_clear(&w);
	naming__free(n);
	profile__free((struct profile *)w.p);
}

/* A process that was moved is not any more where it was. */
static void test_labels_that_are_taken_back(void **state)
{
	const struct made m = {.command = "python3 a.py",
			       .labels = "runtime=docker;container=web;runtime=;container=;unit=b.service"};
	struct profile *p = profile_of(&m, 1);
	struct naming *n = naming__new("", 0);
	const struct profile_label *l;
	size_t cnt;

	(void)state;
	l = profile__labels(p, 1, &cnt);
	assert_int_equal(cnt, 1);
	assert_string_equal(l->key, "unit");
	assert_called(n, &m, "python=3.12 service_name=b");
	naming__free(n);
	profile__free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_services),
		cmocka_unit_test(test_default_labels),
		cmocka_unit_test(test_more_labels),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_rules_in_their_order),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_too_many_labels),
		cmocka_unit_test(test_keep_and_drop),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_names_made_valid),
		cmocka_unit_test(test_processes_of_one_name_are_one_group),
		cmocka_unit_test(test_cap),
		cmocka_unit_test(test_thousands_come_and_go),
		cmocka_unit_test(test_no_cap),
		cmocka_unit_test(test_without_samples),
		cmocka_unit_test(test_labels_that_are_taken_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
