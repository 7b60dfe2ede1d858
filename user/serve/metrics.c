/* SPDX-License-Identifier: MIT */
/* Families are rows of tables: name, type, what they mean, and where the number is. Names and units are those of Prometheus: seconds, bytes, _total. */
#include "user/serve/metrics.h"
#include "user/util/alloc.h"
#include "user/util/text.h"
#include <string.h>

#define PREFIX "pybpfprof_"

enum unit { AS_IT_IS, NANOSECONDS };

struct family {
	const char *name, *type, *help;
	size_t offset;
	enum unit unit;
};

static uint64_t number_at(const void *base, size_t offset)
{
	uint64_t n;

	memcpy(&n, (const char *)base + offset, sizeof(n));
	return n;
}

/* ---- lines ------------------------------------------------------------------------------------------------ */

static void put_head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help, name, type);
}

static void put_number(struct buf *out, uint64_t n, enum unit unit)
{
	if (unit == NANOSECONDS)
		buf_printf(out, " %llu.%09llu\n", (unsigned long long)(n / 1000000000),
			   (unsigned long long)(n % 1000000000));
	else
		buf_printf(out, " %llu\n", (unsigned long long)n);
}

/* Text that is clean has no line ends. */
static void put_label(struct buf *out, const char *name, const char *value)
{
	__cleanup_free char *clean = text_clean(value, strlen(value), 0);

	buf_printf(out, "%s=\"", name);
	for (const char *at = clean; *at; at++) {
		if (*at == '"' || *at == '\\')
			buf_put(out, "\\", 1);
		buf_put(out, at, 1);
	}
	buf_puts(out, "\"");
}

static void put_line(struct buf *out, const char *name, const char *label, const char *value, uint64_t n)
{
	buf_printf(out, PREFIX "%s{", name);
	put_label(out, label, value);
	buf_puts(out, "}");
	put_number(out, n, AS_IT_IS);
}

/* ---- what there is one of --------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct serve_metrics, member)

static const struct family ones[] = {
	{"up", "gauge", "1 while it samples.", AT(up), AS_IT_IS},
	{"start_time_seconds", "gauge", "When it began, in Unix time.", AT(start_unix_ns), NANOSECONDS},
	{"targets", "gauge",
	 "What was chosen to be profiled and is there: containers, cgroups, or 1 for the whole host.", AT(targets),
	 AS_IT_IS},
	{"processes", "gauge", "Python processes that are known.", AT(processes), AS_IT_IS},
	{"ticks_due_total", "counter", "Ticks as the kernel's timers count them: the sum of pybpfprof_ticks_total.",
	 AT(ticks_due), AS_IT_IS},
	{"stacks", "gauge", "Different stacks in the last window.", AT(stacks), AS_IT_IS},
	{"windows_total", "counter", "Windows that were handed to the outputs.", AT(windows), AS_IT_IS},
	{"window_seconds", "gauge", "How long a window is.", AT(window_ns), NANOSECONDS},
	{"last_window_timestamp_seconds", "gauge", "When the last window ended, in Unix time; 0: none has.",
	 AT(last_window_unix_ns), NANOSECONDS},
	{"last_window_late_seconds", "gauge", "From the end of the last window until it was handed over.",
	 AT(window_late_ns), NANOSECONDS},
	{"series", "gauge", "Different sets of labels.", AT(series), AS_IT_IS},
	{"folded_samples_total", "counter",
	 "Samples whose labels were folded into service_name=\"other\", beyond the cap of series.", AT(folded_samples),
	 AS_IT_IS},
	{"left_out_processes", "gauge", "Processes of the last window that the rules leave out (drop, keep).",
	 AT(left_out_processes), AS_IT_IS},
	{"left_out_samples_total", "counter", "Samples of processes that the rules leave out.", AT(left_out_samples),
	 AS_IT_IS},
	{"files_written_total", "counter", "Files that were finished.", AT(files_written), AS_IT_IS},
	{"files_kept", "gauge", "Files of ours that there are.", AT(files_kept), AS_IT_IS},
	{"files_kept_bytes", "gauge", "Bytes in files of ours that there are.", AT(files_kept_bytes), AS_IT_IS},
	{"files_removed_total", "counter", "Files that were removed as too old or too many.", AT(files_removed),
	 AS_IT_IS},
	{"file_errors_total", "counter", "Files that could not be written.", AT(file_errors), AS_IT_IS},
	{"resident_memory_bytes", "gauge", "Memory of its own process (RSS).", AT(rss_bytes), AS_IT_IS},
	{"resident_memory_peak_bytes", "gauge", "The most memory that it had (peak RSS).", AT(peak_rss_bytes),
	 AS_IT_IS},
};

static const struct family bpf[] = {
	{"bpf_runs_total", "counter", "Runs of its BPF programs.", AT(bpf_runs), AS_IT_IS},
	{"bpf_run_seconds_total", "counter", "Time that its BPF programs ran.", AT(bpf_run_ns), NANOSECONDS},
};

static void put_ones(const struct serve_metrics *m, const struct family *f, size_t cnt, struct buf *out)
{
	for (; cnt; cnt--, f++) {
		put_head(out, f->name, f->type, f->help);
		buf_printf(out, PREFIX "%s", f->name);
		put_number(out, number_at(m, f->offset), f->unit);
	}
}

static void put_build(const struct serve_metrics *m, struct buf *out)
{
	put_head(out, "build_info", "gauge", "Always 1; the labels say what it is.");
	buf_puts(out, PREFIX "build_info{");
	put_label(out, "version", m->version);
	buf_puts(out, ",");
	put_label(out, "kernel", m->kernel ? m->kernel : "");
	buf_puts(out, ",");
	put_label(out, "http", m->http ? m->http : "");
	buf_puts(out, "} 1\n");
}

static void put_cpu(const struct serve_metrics *m, struct buf *out)
{
	put_head(out, "cpu_seconds_total", "counter", "CPU time of its own, children's included.");
	buf_puts(out, PREFIX "cpu_seconds_total{mode=\"user\"}");
	put_number(out, m->user_ns, NANOSECONDS);
	buf_puts(out, PREFIX "cpu_seconds_total{mode=\"system\"}");
	put_number(out, m->system_ns, NANOSECONDS);
}

/* ---- what there is several of, by a label ----------------------------------------------------------------- */

static const struct {
	const char *name, *label, *help;
	size_t offset;
} by_label[] = {
	{"ticks_total", "outcome", "Ticks of the timers, by what became of each.", AT(ticks)},
	{"samples_total", "type", "Samples, by what their values are.", AT(samples)},
	{"losses_total", "reason", "Samples that are missing or have less than they could.", AT(losses)},
};

static void put_by_label(const struct serve_metrics *m, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(by_label); i++) {
		struct metrics_counts c;

		memcpy(&c, (const char *)m + by_label[i].offset, sizeof(c));
		put_head(out, by_label[i].name, "counter", by_label[i].help);
		for (size_t k = 0; k < c.cnt; k++)
			put_line(out, by_label[i].name, by_label[i].label, c.items[k].label, c.items[k].n);
	}
}

/* ---- destinations ----------------------------------------------------------------------------------------- */

#define OF(member) offsetof(struct metrics_push, member)

static const struct family push[] = {
	{"push_bodies_total", "counter", "Request bodies that were handed over to be sent.", OF(put_bodies), AS_IT_IS},
	{"push_samples_total", "counter", "Samples in them.", OF(put_samples), AS_IT_IS},
	{"push_sent_bodies_total", "counter", "Request bodies that the server took.", OF(sent_bodies), AS_IT_IS},
	{"push_sent_samples_total", "counter", "Samples that the server took.", OF(sent_samples), AS_IT_IS},
	{"push_sent_bytes_total", "counter", "Bytes that the server took, as they were sent.", OF(sent_bytes),
	 AS_IT_IS},
	{"push_refused_bodies_total", "counter", "Request bodies that the server refused for good.", OF(refused_bodies),
	 AS_IT_IS},
	{"push_refused_samples_total", "counter", "Samples that the server refused for good.", OF(refused_samples),
	 AS_IT_IS},
	{"push_left_out_profiles_total", "counter", "Profiles that the server left out of bodies that it took.",
	 OF(left_out_profiles), AS_IT_IS},
	{"push_queue_bodies", "gauge", "Request bodies that wait, in memory or on disk.", OF(queue_bodies), AS_IT_IS},
	{"push_queue_samples", "gauge", "Samples that wait, in memory or on disk.", OF(queue_samples), AS_IT_IS},
	{"push_queue_bytes", "gauge", "Bytes that wait in memory.", OF(queue_bytes), AS_IT_IS},
	{"push_spool_bytes", "gauge", "Bytes that wait on disk.", OF(spool_bytes), AS_IT_IS},
	{"push_requests_total", "counter", "Requests, repeated ones too.", OF(requests), AS_IT_IS},
	{"push_retries_total", "counter", "Requests that repeated another.", OF(retries), AS_IT_IS},
	{"push_connect_failures_total", "counter", "Connections that could not be made.", OF(connect_failures),
	 AS_IT_IS},
	{"push_last_sent_timestamp_seconds", "gauge", "When the server last took something, in Unix time; 0: never.",
	 OF(last_sent_unix_ns), NANOSECONDS},
};

static void put_destination(struct buf *out, const char *name, const struct metrics_push *p)
{
	buf_printf(out, PREFIX "%s{", name);
	put_label(out, "backend", p->backend);
	buf_puts(out, ",");
	put_label(out, "host", p->host);
}

static void put_pushes(const struct serve_metrics *m, const struct family *f, struct buf *out)
{
	put_head(out, f->name, f->type, f->help);
	for (size_t i = 0; i < m->push_cnt; i++) {
		put_destination(out, f->name, &m->pushes[i]);
		buf_puts(out, "}");
		put_number(out, number_at(&m->pushes[i], f->offset), f->unit);
	}
}

static void put_push_line(struct buf *out, const char *name, const struct metrics_push *p, const char *label,
			  const char *value, uint64_t n)
{
	put_destination(out, name, p);
	buf_puts(out, ",");
	put_label(out, label, value);
	buf_puts(out, "}");
	put_number(out, n, AS_IT_IS);
}

static void put_drops(const struct serve_metrics *m, const char *name, const char *help, size_t offset, struct buf *out)
{
	put_head(out, name, "counter", help);
	for (size_t i = 0; i < m->push_cnt; i++)
		for (size_t k = 0; k < m->pushes[i].drop_cnt; k++) {
			const struct metrics_drop *d = &m->pushes[i].drops[k];

			put_push_line(out, name, &m->pushes[i], "why", d->why, number_at(d, offset));
		}
}

static void put_answers(const struct serve_metrics *m, struct buf *out)
{
	static const char *const classes[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
	static const char name[] = "push_answers_total";

	put_head(out, name, "counter",
		 "Answers of the server by the first digit of their status; none: there was no answer.");
	for (size_t i = 0; i < m->push_cnt; i++)
		for (size_t k = 0; k < ARRAY_SIZE(classes); k++)
			put_push_line(out, name, &m->pushes[i], "class", classes[k], m->pushes[i].answers[k]);
}

static void put_all_pushes(const struct serve_metrics *m, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(push); i++)
		put_pushes(m, &push[i], out);
	put_drops(m, "push_dropped_bodies_total", "Request bodies that were given up.",
		  offsetof(struct metrics_drop, bodies), out);
	put_drops(m, "push_dropped_samples_total", "Samples that were given up.",
		  offsetof(struct metrics_drop, samples), out);
	put_answers(m, out);
}

void metrics_put(const struct serve_metrics *m, struct buf *out)
{
	put_build(m, out);
	put_ones(m, ones, ARRAY_SIZE(ones), out);
	put_by_label(m, out);
	put_cpu(m, out);
	if (m->bpf_runs)
		put_ones(m, bpf, ARRAY_SIZE(bpf), out);
	if (m->push_cnt)
		put_all_pushes(m, out);
}
