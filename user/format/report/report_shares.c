/* Who used the CPU: processes and threads, with the share of their time that held the GIL. */
#include "user/format/report/report_parts.h"
#include "user/util/alloc.h"
#include <inttypes.h>

void report_put_processes(const struct report_text *t, const struct profile *p)
{
	size_t cnt;
	__cleanup_free struct share *shares = shares_of(t->r->view, p, false, &cnt);

	report_heading(t, "By process");
	report_line(t, "   CPU %%     CPU s  samples   failed      pid  Python   command");
	for (size_t i = 0; i < cnt && i < t->r->rows; i++) {
		const struct share *s = &shares[i];
		const struct profile_process *q = &p->processes[s->id];

		report_line(t, "%8.2f %9.*f %8" PRIu64 " %8" PRIu64 " %8" PRIu32 "  %-8s %s",
			    report_percent(s->value_ns, t->all_ns), report_decimals(t),
			    (double)s->value_ns / 1e9, s->samples, s->failed, q->pid,
			    *q->python ? q->python : "-", q->command);
	}
	report_more(t, cnt);
}

void report_put_threads(const struct report_text *t, const struct profile *p)
{
	size_t cnt;
	__cleanup_free struct share *shares = shares_of(t->r->view, p, true, &cnt);

	report_heading(t, "By thread");
	report_line(t, "   CPU %%     CPU s  samples    GIL %%      pid   thread  name");
	for (size_t i = 0; i < cnt && i < t->r->rows; i++) {
		const struct share *s = &shares[i];
		const struct profile_thread *th = &p->threads[s->id];

		report_line(t, "%8.2f %9.*f %8" PRIu64 " %8.1f %8" PRIu32 " %8" PRIu32 "  %s",
			    report_percent(s->value_ns, t->all_ns), report_decimals(t),
			    (double)s->value_ns / 1e9, s->samples,
			    report_percent(s->gil_ns, s->value_ns), p->processes[th->process].pid,
			    th->tid, th->name);
	}
	report_more(t, cnt);
}
