/* Our JSON and JSONL, below their lists. */
#include "user/format/json/json_rows.h"
#include "user/format/json/json_member.h"
#include <inttypes.h>

static const char *process_name(const struct profile *p)
{
	if (p->process_cnt == 1 && *p->processes[1].command)
		return p->processes[1].command;
	return *p->meta.target ? p->meta.target : p->process_cnt ? p->processes[1].command : "";
}

void json_row_meta(FILE *out, const struct profile *p, const struct view *v, const char *gap)
{
	const struct profile_meta *m = &p->meta;

	json_member_text(out, "process_name", process_name(p));
	fputs(gap, out);
	json_member_text(out, "tool", m->tool);
	json_member_text(out, "command", m->command);
	json_member_text(out, "target", m->target);
	json_member_text(out, "host", m->host);
	json_member_text(out, "kernel", m->kernel);
	fputs(gap, out);
	json_member_seconds(out, "start", m->start_unix_ns);
	json_member_seconds(out, "duration", m->duration_ns);
	json_member_number(out, "rate", m->rate_hz);
	json_member_number(out, "effective_rate", m->effective_rate_hz);
	json_member_count(out, "cpus", m->cpus);
	json_member_count(out, "ticks", m->ticks);
	json_member_count(out, "filtered", m->filtered);
	json_member_bool(out, "gil_only", m->gil_only || v->gil_only);
	json_member_bool(out, "complete", m->complete);
	fputs(gap, out);
}

void json_row_sums(FILE *out, const struct profile *p, const struct totals_row *all)
{
	json_member_count(out, "sample_count", all->samples);
	json_member_seconds(out, "cpu_seconds", all->value_ns);
	json_member_count(out, "failed_count", profile__failed_cnt(p));
}

void json_row_process(FILE *out, const struct profile_process *q, const struct cpu_check *check)
{
	json_member_count(out, "pid", q->pid);
	json_member_count(out, "parent_pid", q->parent_pid);
	json_member_seconds(out, "start", q->start_unix_ns);
	json_member_text(out, "python", q->python);
	json_member_text(out, "command", q->command);
	json_member_text(out, "interpreter", q->interpreter);
	json_member_text(out, "cgroup", q->cgroup);
	if (q->cpu_ns)
		json_member_seconds(out, "cpu_clock", q->cpu_ns);
	json_member_seconds(out, "sampled", check->sampled_ns);
}

void json_row_thread(FILE *out, const struct profile *p, const struct profile_thread *t)
{
	json_member_count(out, "pid", p->processes[t->process].pid);
	json_member_count(out, "thread_id", t->tid);
	json_member_text(out, "name", t->name);
	json_member_count(out, "process", t->process - 1);
}

void json_row_loss(FILE *out, const struct profile *p, const struct profile_loss *l)
{
	json_member_text(out, "reason", l->reason);
	json_member_count(out, "samples", l->count);
	json_member_seconds(out, "time", l->value_ns);
	json_member_bool(out, "failure", l->failure);
	json_member_seconds(out, "from", l->from_unix_ns);
	json_member_seconds(out, "to", l->to_unix_ns);
	if (!l->process)
		return;
	json_member_count(out, "pid", p->processes[l->process].pid);
	json_member_count(out, "process", l->process - 1);
}

void json_row_totals(FILE *out, const struct totals_row *row)
{
	json_member_count(out, "samples", row->samples);
	json_member_seconds(out, "time", row->value_ns);
	json_member_count(out, "own_samples", row->own_samples);
	json_member_seconds(out, "own_time", row->own_value_ns);
}

void json_row_place(FILE *out, const struct profile_function *f)
{
	json_member_text(out, "file", f->file);
	fprintf(out, "\"line\":%" PRId32 ",", f->first_line);
	json_member_text(out, "short_file", f->short_file);
	json_member_text(out, "module", f->origin == PROFILE_MARK ? "" : f->module);
}

void json_row_sample(FILE *out, const struct profile *p, const struct profile_sample *s)
{
	static const char *const gil[] = {"null", "true", "false"};
	const struct profile_thread *t = &p->threads[s->thread];
	char at[32], value[32];

	fprintf(out,
		"\"timestamp\":%s,\"pid\":%u,\"thread_id\":%u,\"thread\":%u,"
		"\"cpu\":%u,\"gil\":%s,\"value\":%s,%s",
		json_seconds(s->time_unix_ns, at), p->processes[t->process].pid, t->tid,
		s->thread - 1, s->cpu, gil[s->gil], json_seconds(s->value_ns, value),
		s->truncated ? "\"truncated\":true," : "");
}
