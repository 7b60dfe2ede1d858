/* SPDX-License-Identifier: MIT */
#include "user/session/events.h"
#include "pybpfprof.skel.h"
#include "user/target/outcome.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

struct event {
	const struct source *source;
	struct source_run *run;          /* NULL: not attached */
	uint64_t told[ABI_OUTCOME_CNT];  /* ticks without a record that the resolver knows of */
	uint64_t added[ABI_OUTCOME_CNT]; /* that user space made, at the end */
};

struct events {
	struct source_options o;
	struct pybpfprof_bpf *skel;
	struct event items[ABI_SOURCE_CNT];
	size_t cnt;
	uint64_t told_until_ns;
};

static void add(struct events *e, const struct source *s)
{
	for (size_t i = 0; i < e->cnt; i++)
		if (e->items[i].source == s)
			return;
	e->items[e->cnt++].source = s;
}

struct events *events__new(const struct source *const *chosen, size_t cnt, const struct source_options *o)
{
	struct events *e = xcalloc(1, sizeof(*e));

	e->o = *o;
	for (size_t i = 0; i < cnt; i++)
		add(e, chosen[i]);
	if (!e->cnt)
		add(e, sources[0]);
	return e;
}

void events__free(struct events *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->cnt; i++)
		if (e->items[i].run)
			e->items[i].source->free(e->items[i].run);
	free(e);
}

/* ---- their programs ------------------------------------------------------------------------------------ */

static void set_autoload(struct pybpfprof_bpf *skel, const struct source *s, bool load)
{
	for (const char *const *name = s->programs; *name; name++)
		bpf_program__set_autoload(bpf_object__find_program_by_name(skel->obj, *name), load);
}

/* Programs that some sources share are loaded with any of them, so those that are not chosen come first. */
void events__configure(struct events *e, struct pybpfprof_bpf *skel, bool no_task_work)
{
	e->o.no_task_work = no_task_work;
	for (const struct source *const *s = sources; *s; s++)
		set_autoload(skel, *s, false);
	for (size_t i = 0; i < e->cnt; i++) {
		const struct source *s = e->items[i].source;

		set_autoload(skel, s, true);
		skel->rodata->cfg_slots[s->id] = (uint32_t)i;
		if (s->configure)
			s->configure(skel, &e->o);
	}
	skel->rodata->cfg_slots_per_cpu = (uint32_t)e->cnt;
	bpf_map__set_max_entries(skel->maps.scratches, (uint32_t)libbpf_num_possible_cpus() * (uint32_t)e->cnt);
}

void events__explain(const struct events *e)
{
	for (size_t i = 0; i < e->cnt; i++) {
		const struct source *s = e->items[i].source;

		for (const struct source_need *n = s->needs; n && n->name; n++)
			if (!n->is_there())
				log_error("--event %s needs %s: %s", s->name, n->name, n->remedy);
	}
}

void events__describe(const struct events *e, struct resolve *r)
{
	for (size_t i = 0; i < e->cnt; i++)
		resolve__add_source(r, e->items[i].source->id,
				    &(struct resolve_source){.types = e->items[i].source->types,
							     .type_cnt = e->items[i].source->type_cnt,
							     .is_cpu_time = e->items[i].source->is_cpu_time});
}

int events__start(struct events *e, struct pybpfprof_bpf *skel, uint64_t now_ns)
{
	int err = 0;

	e->skel = skel;
	e->told_until_ns = now_ns;
	for (size_t i = 0; i < e->cnt && !err; i++)
		err = e->items[i].source->attach(skel, &e->o, &e->items[i].run);
	return err;
}

bool events__have_timers(const struct events *e)
{
	for (size_t i = 0; i < e->cnt; i++)
		if (e->items[i].source->is_cpu_time)
			return true;
	return false;
}

void events__stop(struct events *e)
{
	for (size_t i = 0; i < e->cnt; i++)
		if (e->items[i].run)
			e->items[i].source->detach(e->items[i].run);
}

void events__tend(struct events *e, uint64_t now_ns)
{
	for (size_t i = 0; i < e->cnt; i++)
		if (e->items[i].run && e->items[i].source->tend)
			e->items[i].source->tend(e->items[i].run, now_ns);
}

int events__renew_cgroup(struct events *e, size_t which, const char *dir)
{
	int first = 0;

	for (size_t i = 0; i < e->cnt; i++) {
		int err = 0;

		if (e->items[i].run && e->items[i].source->renew_cgroup)
			err = e->items[i].source->renew_cgroup(e->items[i].run, which, dir);
		first = first ? first : err;
	}
	return first;
}

/* ---- counts ---------------------------------------------------------------------------------------------- */

static uint64_t sum_over_cpus(const struct events *e, uint32_t at)
{
	int cpus = libbpf_num_possible_cpus();
	__cleanup_free uint64_t *values = xcalloc((size_t)(cpus > 0 ? cpus : 1), sizeof(*values));
	uint64_t sum = 0;

	if (bpf_map__lookup_elem(e->skel->maps.outcomes, &at, sizeof(at), values, (size_t)cpus * sizeof(*values), 0))
		return 0;
	for (int c = 0; c < cpus; c++)
		sum += values[c];
	return sum;
}

static void read_counts(const struct events *e, const struct event *v, struct source_counts *out)
{
	*out = (struct source_counts){0};
	if (!v->run)
		return;
	v->source->counts(v->run, out);
	for (uint32_t i = 0; i < ABI_OUTCOME_CNT; i++) {
		out->outcomes[i] += sum_over_cpus(e, v->source->id * ABI_OUTCOME_CNT + i) + v->added[i];
		out->due += v->added[i];
	}
}

static double rate_hz(const struct source_counts *c)
{
	return c->due_ns && c->value && c->due
		       ? (double)c->ticks * 1e9 / (double)c->value * (double)c->ticks / (double)c->due
		       : 0;
}

void events__counts(const struct events *e, struct events_counts *out)
{
	*out = (struct events_counts){0};
	for (size_t i = 0; i < e->cnt; i++) {
		struct source_counts c;

		read_counts(e, &e->items[i], &c);
		out->due += c.due;
		out->due_ns += c.due_ns;
		for (unsigned k = 0; k < ABI_OUTCOME_CNT; k++)
			out->outcomes[k] += c.outcomes[k];
		if (!out->rate_hz)
			out->rate_hz = rate_hz(&c);
	}
}

void events__times(const struct events *e, struct source_times *out)
{
	*out = (struct source_times){0};
	for (size_t i = 0; i < e->cnt; i++) {
		struct source_times t = {0};

		if (e->items[i].run && e->items[i].source->times)
			e->items[i].source->times(e->items[i].run, &t);
		out->running_ns += t.running_ns;
		out->throttled_ns += t.throttled_ns;
	}
}

static struct event *find_event(struct events *e, unsigned id)
{
	for (size_t i = 0; i < e->cnt; i++)
		if ((unsigned)e->items[i].source->id == id)
			return &e->items[i];
	return NULL;
}

/* ---- what is not over ------------------------------------------------------------------------------------ */

void events__add_open(const struct events *e, uint32_t tid, const struct abi_thread_wait *wait)
{
	for (size_t i = 0; i < e->cnt; i++)
		if (e->items[i].run && e->items[i].source->add_open)
			e->items[i].source->add_open(e->items[i].run, tid, wait);
}

void events__each_open(const struct events *e, source_open_fn fn, void *ctx)
{
	for (size_t i = 0; i < e->cnt; i++)
		if (e->items[i].run && e->items[i].source->each_open)
			e->items[i].source->each_open(e->items[i].run, fn, ctx);
}

bool events__have_open(const struct events *e)
{
	for (size_t i = 0; i < e->cnt; i++)
		if (e->items[i].source->each_open)
			return true;
	return false;
}

void events__add(struct events *e, const struct lost_ticks *l, struct resolve *r, const uint64_t span_ns[2])
{
	struct event *v = find_event(e, l->source);

	v->added[l->outcome]++;
	if (outcome_class(l->outcome) != ABI_LOST)
		return;
	v->told[l->outcome]++;
	resolve__lost(r, span_ns, l);
}

/* ---- ticks without a record ---------------------------------------------------------------------------------- */

/* Takes out what is known by process. */
static void emit_by_process(struct events *e, struct resolve *r, const uint64_t span_ns[2])
{
	int fd = bpf_map__fd(e->skel->maps.lost);
	struct abi_lost_key key;
	struct lost_ticks lost;

	while (!bpf_map_get_next_key(fd, NULL, &key) && !bpf_map_lookup_and_delete_elem(fd, &key, &lost.ticks)) {
		struct event *v = find_event(e, key.source);

		if (!v || key.outcome >= ABI_OUTCOME_CNT)
			continue;
		lost.image_id = key.image_id;
		lost.outcome = key.outcome;
		lost.source = key.source;
		lost.type = key.type;
		resolve__lost(r, span_ns, &lost);
		v->told[lost.outcome] += lost.ticks.cnt;
	}
}

/* One that is lost of no process that anything is known of is of the source's first type. */
static void emit_rest(struct event *v, const struct source_counts *c, struct resolve *r, const uint64_t span_ns[2])
{
	for (unsigned i = 0; i < ABI_OUTCOME_CNT; i++) {
		struct lost_ticks rest = {.outcome = i, .source = (uint8_t)v->source->id};

		if (outcome_class(i) != ABI_LOST || c->outcomes[i] <= v->told[i])
			continue;
		rest.ticks.cnt = c->outcomes[i] - v->told[i];
		rest.ticks.value = rest.ticks.cnt * c->each;
		resolve__lost(r, span_ns, &rest);
		v->told[i] += rest.ticks.cnt;
	}
}

static bool has_more(const struct event *v, const struct source_counts *c)
{
	for (unsigned i = 0; i < ABI_OUTCOME_CNT; i++)
		if (outcome_class(i) == ABI_LOST && c->outcomes[i] > v->told[i])
			return true;
	return false;
}

/*
 * The counts are read before: a tick that is in them is among the processes' by then, unless there was no room for its
 * process. One that is among them only will be in the counts the next time.
 */
void events__emit_lost(struct events *e, struct resolve *r, uint64_t now_ns, bool last)
{
	const uint64_t span_ns[] = {e->told_until_ns, now_ns};
	struct source_counts counts[ABI_SOURCE_CNT];
	bool more = false;

	e->told_until_ns = now_ns;
	for (size_t i = 0; i < e->cnt; i++) {
		read_counts(e, &e->items[i], &counts[i]);
		if (!last)
			counts[i].outcomes[ABI_DEFERRED] = 0;
		more |= has_more(&e->items[i], &counts[i]);
	}
	if (!more)
		return;
	emit_by_process(e, r, span_ns);
	for (size_t i = 0; i < e->cnt; i++)
		emit_rest(&e->items[i], &counts[i], r, span_ns);
}
