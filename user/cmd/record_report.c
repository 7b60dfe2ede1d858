/* SPDX-License-Identifier: MIT */
#include "user/cmd/record_report.h"
#include "user/cmd/cmd.h"
#include "user/cmd/terminal.h"
#include "user/cmd/view_options.h"
#include "user/profile/cpu_check.h"
#include "user/profile/findings.h"
#include "user/profile/loss_words.h"
#include "user/profile/value_type.h"
#include "user/target/outcome.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/clock.h"
#include "user/util/columns.h"
#include "user/util/log.h"
#include "user/util/units.h"
#include <string.h>

#define WAITING_MIN_NS   1000000000ull
#define CHILDREN_MIN_NS  100000000ull
#define CHILDREN_PART    10 /* of the target's own CPU time, or more */
#define WAITING_PART     20 /* of the time it had a CPU, or less */
#define SUMMARY_COLUMNS  80
#define WORTH_A_SENTENCE 20 /* samples; of fewer a share says nothing */

static bool writes_here(const struct target_options *o)
{
	for (size_t i = 0; i < o->pid_cnt; i++)
		if (terminal_is_of((pid_t)o->pids[i]))
			return true;
	return false;
}

void record_live__start(struct record_live *l, bool quiet, const struct target_options *o)
{
	quiet |= writes_here(o);
	*l = (struct record_live){.quiet = quiet, .terminal = isatty(STDERR_FILENO), .last_ns = clock_now_ns()};
	l->next_ns = l->last_ns + (l->terminal ? 0 : 10000000000ull);
}

/* A line wider than the terminal would not be erased, and pile up. */
static void put_status(const char *line)
{
	unsigned width = terminal_message_columns();
	__cleanup_free char *fitted = width > 1 ? columns_at_most(line, width - 1, COLUMNS_KEEP_WORDS) : NULL;

	log_status(fitted ? fitted : line);
}

void record_live__update(struct record_live *l, const struct session *s)
{
	uint64_t now = clock_now_ns();
	struct session_stats st;
	__cleanup_free char *elapsed = NULL, *samples = NULL, *lost = NULL, *line = NULL;
	double rate;

	if (l->quiet || now < l->next_ns)
		return;
	session__stats(s, &st);
	rate = (double)(st.resolved->samples - l->last_samples) * 1e9 / (double)(now - l->last_ns + 1);
	elapsed = units_duration_text(st.elapsed_ns);
	samples = units_count_text(st.resolved->samples);
	lost = loss_sums_text(&(struct loss_sums){st.lost, st.failed});
	line = xasprintf("%s  %s samples  %.0f/s  %llu Python process%s  %s", elapsed, samples, rate,
			 (unsigned long long)st.resolved->processes, st.resolved->processes == 1 ? "" : "es", lost);
	if (l->terminal)
		put_status(line);
	else
		log_info("%s", line);
	l->last_samples = st.resolved->samples;
	l->last_ns = now;
	l->next_ns = now + (l->terminal ? 500000000ull : 10000000000ull);
}

void record_live__end(struct record_live *l)
{
	if (l->terminal && !l->quiet)
		log_status(NULL);
}

/* 0: as long as they are, for logs and who searches them. */
static unsigned summary_columns(void)
{
	unsigned columns = terminal_message_columns();

	return columns < SUMMARY_COLUMNS ? columns : SUMMARY_COLUMNS;
}

static void count_version(void *ctx, struct process *p)
{
	if (p->samples && p->interp)
		processes_past_count(ctx, p->interp->build.version, 1);
}

/* "Python 3.8.18 (1 process), 3.12.1 (3 processes)" */
static char *versions_text(const struct session *s)
{
	struct processes_past all = *session__past(s);
	struct buf out = {0};

	session__each_process(s, count_version, &all);
	for (size_t i = 0; i < all.version_cnt; i++)
		buf_printf(&out, "%s%s (%zu process%s)", i ? ", " : "Python ", all.versions[i].version,
			   all.versions[i].cnt, all.versions[i].cnt == 1 ? "" : "es");
	return buf_steal_text(&out);
}

static void say_outcomes(const struct session_stats *st, enum abi_outcome_class class, const char *what)
{
	for (unsigned i = 0; i < ABI_OUTCOME_CNT; i++)
		if (outcome_class(i) == class && st->outcomes[i])
			log_info("  %llu %s: %s", (unsigned long long)st->outcomes[i], what, outcome_sentence(i));
}

/* Of the samples, those that are no stacks of Python functions. */
static void say_native(const struct session_stats *st)
{
	for (unsigned i = 0; i < ABI_OUTCOME_CNT; i++)
		if (st->resolved->native[i])
			log_info("  %llu in %s: %s", (unsigned long long)st->resolved->native[i], outcome_frame(i),
				 outcome_sentence(i));
}

/* Of the samples that are shown, how many native stacks are whole, and why the others are not. */
static void say_unwound(const struct session_stats *st)
{
	const uint64_t *ends = st->resolved->unwound;
	uint64_t all = 0;

	if (!st->unwinds)
		return;
	for (unsigned i = 0; i < ABI_NATIVE_END_CNT; i++)
		all += ends[i];
	log_info("native frames: %llu of %llu stacks whole", (unsigned long long)ends[ABI_NATIVE_ROOT],
		 (unsigned long long)all);
	for (unsigned i = 0; i < ABI_NATIVE_END_CNT; i++)
		if (i != ABI_NATIVE_ROOT && ends[i])
			log_info("  %llu ended early: %s", (unsigned long long)ends[i], outcome_native_end(i));
}

/*
 * Three parties count: the timers' expiries, the program that decides what becomes of each tick, and we what arrives.
 * None knows of the other's sum.
 */
static void check_identity(const struct session *s, const struct session_stats *st)
{
	uint64_t decided = st->sent + st->lost + st->filtered, running_ns, throttled_ns;

	log_verbose("ticks %llu = %llu with a stack + %llu native + %llu without Python + %llu failed + %llu lost + "
		    "%llu filtered",
		    (unsigned long long)st->ticks, (unsigned long long)st->written, (unsigned long long)st->native,
		    (unsigned long long)st->outside, (unsigned long long)st->failed, (unsigned long long)st->lost,
		    (unsigned long long)st->filtered);
	session__times(s, &running_ns, &throttled_ns);
	log_verbose("timers in force for %.3f s by perf's clock, %.3f s by their expiries; throttled for %.3f s",
		    (double)running_ns / 1e9, (double)st->timer_ns / 1e9, (double)throttled_ns / 1e9);
	if (decided != st->ticks)
		log_error("accounting is off by %lld: the timers were due %llu times, and what became of %llu is "
			  "known; please report this",
			  (long long)(st->ticks - decided), (unsigned long long)st->ticks, (unsigned long long)decided);
	if (st->sent != st->received || st->bad_records)
		log_error("accounting is off by %lld: the kernel side wrote %llu records, %llu arrived, %llu of them "
			  "damaged; please report this",
			  (long long)(st->sent - st->received), (unsigned long long)st->sent,
			  (unsigned long long)st->received, (unsigned long long)st->bad_records);
}

/* The kernel's clocks beside what was sampled: where they differ, the timers did not see all. */
struct clocks {
	double rate_hz;
	struct cpu_check sum;
	unsigned said;
};

static struct cpu_check check_of(const struct process *p)
{
	return (struct cpu_check){process__cpu_used(p), p->sampled_ns};
}

static void add_clock(void *ctx, struct process *p)
{
	struct clocks *c = ctx;
	struct cpu_check check = check_of(p);

	if (!p->sampled_ns || !check.clock_ns)
		return;
	c->sum.clock_ns += check.clock_ns;
	c->sum.sampled_ns += check.sampled_ns;
}

static void say_clock(void *ctx, struct process *p)
{
	struct clocks *c = ctx;
	struct cpu_check check = check_of(p);
	__cleanup_free char *text = cpu_check_text(&check);

	if (p->sampled_ns && cpu_check_differs(&check, c->rate_hz) && c->said++ < 5)
		log_info("  process %d: %s", p->pid, text);
}

static void say_clocks(const struct session *s, const struct session_stats *st, struct cpu_check *sum)
{
	const struct processes_past *past = session__past(s);
	struct clocks c = {.rate_hz = st->rate_hz, .sum = {past->clock_ns, past->sampled_ns}};

	session__each_process(s, add_clock, &c);
	*sum = c.sum;
	if (!c.sum.clock_ns || st->gil_only)
		return;
	log_info("CPU time by the kernel's clocks: %.2f s, sampled %.2f s", (double)c.sum.clock_ns / 1e9,
		 (double)c.sum.sampled_ns / 1e9);
	session__each_process(s, say_clock, &c);
}

/* "--pid 42": what `dump` would be asked for. Caller frees. */
static char *dump_option(const struct target_options *o)
{
	if (o->container_cnt)
		return xasprintf("--container %s", o->containers[0]);
	return o->pid_cnt == 1 && !o->command ? xasprintf("--pid %u", o->pids[0]) : xstrdup("--pid PID");
}

/* What was done by children that have ended is on no list any more. */
static bool say_children(const struct session *s, const struct cpu_check *sum)
{
	uint64_t cpu_ns = session__children_cpu(s);

	if (cpu_ns < CHILDREN_MIN_NS || cpu_ns < sum->clock_ns / CHILDREN_PART)
		return false;
	log_warn("child processes used %.2f s of CPU time more, and were left out: add --subprocesses",
		 (double)cpu_ns / 1e9);
	return true;
}

static bool has_waits(const struct resolve_stats *st)
{
	for (uint32_t i = 0; i < st->type_cnt; i++)
		if (!strcmp(st->types[i].name, "offcpu"))
			return true;
	return false;
}

/* A program that waits for disks, networks and locks has few samples, and none of what it waits for. */
static void say_waiting(const struct session_stats *st, const struct cpu_check *sum, const struct target_options *o)
{
	uint64_t cpu_ns = sum->clock_ns ? sum->clock_ns : sum->sampled_ns;
	__cleanup_free char *option = dump_option(o);
	bool several = o->pid_cnt > 1 || st->resolved->processes > 1;

	if (o->all || st->gil_only || has_waits(st->resolved) || !cpu_ns || st->elapsed_ns < WAITING_MIN_NS ||
	    cpu_ns > st->elapsed_ns / WAITING_PART)
		return;
	log_info("%s on a CPU for %.2g %% of the time%s, and only that is shown: `pybpfprof dump %s` shows where %s",
		 several ? "they were" : "it was", 100.0 * (double)cpu_ns / (double)st->elapsed_ns,
		 several ? " together" : "", option, several ? "they wait" : "it waits");
}

/* "12.34 CPU seconds, 1234 page faults" */
static char *values_text(const struct resolve_stats *st)
{
	struct buf out = {0};

	for (uint32_t i = 0; i < st->type_cnt; i++) {
		__cleanup_free char *text = value_text(&st->types[i], (double)st->values[i]);

		buf_printf(&out, "%s%s", i ? ", " : "", text);
	}
	return buf_steal_text(&out);
}

static bool missed_memory(const struct session_stats *st)
{
	return st->resolved->unknown_frames || st->outcomes[ABI_FAULT_RUNTIME] || st->outcomes[ABI_FAULT_TSTATE] ||
	       st->outcomes[ABI_FAULT_FRAME] || st->outcomes[ABI_CUT_FAULT];
}

void record_report__summary(const struct session *s, const struct target_options *o)
{
	struct session_stats st;
	struct cpu_check sum;
	__cleanup_free char *samples = NULL, *values = NULL, *elapsed = NULL, *rate = NULL, *lost = NULL,
			    *versions = versions_text(s);

	log_set_width(summary_columns());
	session__stats(s, &st);
	samples = units_count_text(st.resolved->samples);
	values = values_text(st.resolved);
	rate = st.effective_rate_hz ? xasprintf("; timers at %.1f Hz", st.effective_rate_hz) : xstrdup("");
	elapsed = units_duration_text(st.elapsed_ns);
	log_info("%s sample%s, %s in %s%s", samples, st.resolved->samples == 1 ? "" : "s", values, elapsed, rate);
	if (versions[0])
		log_info("%s", versions);
	if (st.cgroups_made)
		log_info("the cgroup was replaced %llu time%s by a new one of the same name, as when a service is "
			 "started again: all are in here",
			 (unsigned long long)st.cgroups_made, st.cgroups_made == 1 ? "" : "s");
	say_clocks(s, &st, &sum);
	if (!say_children(s, &sum))
		say_waiting(&st, &sum, o);
	lost = loss_sums_text(&(struct loss_sums){st.lost, st.failed});
	log_info("%s, %llu truncated", lost,
		 (unsigned long long)(st.outcomes[ABI_CUT_DEPTH] + st.outcomes[ABI_CUT_TIME] +
				      st.outcomes[ABI_CUT_FAULT]));
	say_outcomes(&st, ABI_LOST, "lost");
	say_outcomes(&st, ABI_FAILED, "failed");
	for (unsigned i = ABI_OK + 1; i < ABI_OUTCOME_CNT; i++)
		if (outcome_class(i) == ABI_WRITTEN && st.outcomes[i])
			log_info("  %llu truncated: %s", (unsigned long long)st.outcomes[i], outcome_sentence(i));
	say_native(&st);
	say_unwound(&st);
	say_outcomes(&st, ABI_OUTSIDE, "without Python");
	if (st.outcomes[ABI_GILLESS])
		log_warn("%llu samples left out: %s", (unsigned long long)st.outcomes[ABI_GILLESS],
			 outcome_sentence(ABI_GILLESS));
	if (st.resolved->unknown_frames)
		log_info("  %llu frames without a name", (unsigned long long)st.resolved->unknown_frames);
	if (!session__brings_in(s) && missed_memory(&st))
		log_info("  this kernel (before 6.18) has no task work: swapped-out memory is read too late for the "
			 "sample that misses it");
	log_set_width(terminal_message_columns());
	check_identity(s, &st);
}

void record_report__findings(const struct profile *p, const struct view *v)
{
	struct view settled = *v;
	struct findings f;

	settled.no_idle = !v->idle_waits;
	if (p->sample_cnt < WORTH_A_SENTENCE || view_options_settle(&settled, p))
		return;
	findings_make(&settled, p, &f);
	log_set_width(summary_columns());
	if (f.why)
		log_info("%s", f.why);
	log_info("%s", f.where);
	log_set_width(terminal_message_columns());
	findings_free(&f);
}

void record_report__files(const struct outputs *o)
{
	const char *recording = NULL;

	log_set_width(summary_columns());
	outputs__report(o);
	for (size_t i = 0; i < o->cnt; i++)
		if (o->items[i].written && o->items[i].format == &format_recording)
			recording = o->items[i].path;
	log_set_width(0); /* these are to be copied */
	if (recording) {
		log_info("next: pybpfprof report %s", recording);
		log_info("  or: pybpfprof convert -i %s -o profile.prof", recording);
	}
	log_set_width(terminal_message_columns());
}

void record_report__snapshot(const struct outputs *o)
{
	struct buf names = {0};

	for (size_t i = 0; i < o->cnt; i++)
		if (o->items[i].written)
			buf_printf(&names, "%s%s", names.len ? ", " : "", o->items[i].path);
	if (names.len)
		log_info("snapshot written to %s", names.data);
	else
		log_warn("no snapshot was written: name a file with -o");
	buf_free(&names);
}

/* Which processes gave nothing, and why. */
struct judgement {
	size_t python, said;
};

static void judge_process(void *ctx, struct process *p)
{
	struct judgement *j = ctx;
	unsigned worst = 0;

	j->python += p->interp != NULL;
	if (p->written || !p->interp)
		return;
	for (unsigned i = 0; i < ABI_OUTCOME_CNT; i++)
		if (p->unwalked[i] > p->unwalked[worst])
			worst = i;
	/* a process that lived too briefly to reach Python code is no trouble worth telling */
	if (p->unwalked[worst] >= 10 && outcome_class(worst) == ABI_FAILED && j->said++ < 10)
		log_warn("process %d (%s, Python %s): %llu samples, no stack: %s", p->pid, p->command,
			 p->interp->build.version, (unsigned long long)p->unwalked[worst],
			 p->interp->layout_id == ABI_LAYOUT_UNSUPPORTED ? p->interp->build.why_not
									: outcome_sentence(worst));
}

static bool too_lossy(const struct session_stats *st, double max_percent)
{
	uint64_t bad = st->lost + st->failed, all = st->ticks - st->filtered - st->outside;
	double percent = all ? 100.0 * (double)bad / (double)all : 0;

	if (max_percent < 0 || percent <= max_percent)
		return false;
	log_error("%.2f %% of the samples were lost or failed, more than --max-loss %.2f", percent, max_percent);
	return true;
}

bool record_report__left_out(const struct session *s)
{
	size_t cnt = session__children_left_out(s);

	if (cnt)
		log_warn("%zu Python process%s among the target's children %s left out: add --subprocesses", cnt,
			 cnt == 1 ? "" : "es", cnt == 1 ? "is" : "are");
	return cnt > 0;
}

static bool is_of_cpu_time(const struct session_stats *st)
{
	for (uint32_t i = 0; i < st->resolved->type_cnt; i++)
		if (!strcmp(st->resolved->types[i].name, profile_cpu_type.name))
			return true;
	return false;
}

static const char *too_little(const struct session_stats *st)
{
	return is_of_cpu_time(st) ? ": it used too little CPU time to be sampled"
				  : ": there was too little of it to be sampled";
}

/* Python was there. */
static void say_no_samples(const struct session_stats *st, const struct target_options *o)
{
	__cleanup_free char *option = dump_option(o), *values = values_text(st->resolved);

	if (!is_of_cpu_time(st))
		log_info("no samples: Python was there, with %s", values);
	else if (o->command || o->all)
		log_info("no samples: Python was there but used hardly any CPU time");
	else
		log_info("no samples: Python was there but used hardly any CPU time; `pybpfprof dump %s` shows where "
			 "it waits",
			 option);
}

int record_report__judge(const struct session *s, const struct record_options *o)
{
	struct session_stats st;
	struct judgement j = {.python = session__past(s)->python};
	uint64_t bad;

	session__stats(s, &st);
	bad = st.failed + st.lost;
	session__each_process(s, judge_process, &j);
	if (too_lossy(&st, o->max_loss))
		return CMD_LOSSY;
	if (st.resolved->samples > st.native)
		return CMD_OK;
	if (!j.python) {
		/* a command is looked at when it is sampled first */
		bool met = !o->target.command || st.ticks > st.filtered;

		log_error("no Python was seen in %s%s%s", o->target.text, met ? "" : too_little(&st),
			  o->target.subprocesses || o->target.all || target_options__by_cgroup(&o->target)
				  ? ""
				  : ". If it starts Python as a child (a shell script does, pyenv may): add "
				    "--subprocesses");
		return CMD_NO_TARGET;
	}
	if (st.outcomes[ABI_GILLESS]) {
		log_error("nothing in %s has a GIL to hold: record it without --gil", o->target.text);
		return CMD_NOTHING;
	}
	/* of a target that rests the few ticks may all be from before it was identified */
	if (bad > st.outcomes[ABI_IDENTIFYING] || bad > st.outside + st.native) {
		log_error("nothing could be walked in %s", o->target.text);
		return CMD_NOTHING;
	}
	if (st.native) {
		log_info("Python was there, but no function of it was running in any sample");
		return CMD_OK;
	}
	say_no_samples(&st, &o->target);
	return CMD_OK;
}
