/* SPDX-License-Identifier: MIT */
/* Who waits for the GIL, and who holds it: the one table whose values are of another type than the report's. */
#include "user/format/report/report_parts.h"
#include "user/profile/gil_waits.h"
#include "user/util/alloc.h"
#include <inttypes.h>

bool report_has_gil_waits(const struct view *v, const struct profile *p)
{
	struct gil_wait all;
	size_t cnt;

	(void)v;
	free(gil_waits_of(p, &cnt, &all));
	return cnt;
}

void report_put_gil_waits(const struct report_text *t, const struct profile *p)
{
	struct report_text of_type = *t;
	struct gil_wait all;
	size_t cnt;
	__cleanup_free struct gil_wait *waits = gil_waits_of(p, &cnt, &all);

	report_heading(t,
		       cnt ? "Who waits for the GIL, and who holds it" : "Nobody was recorded as waiting for the GIL");
	if (!cnt)
		return;
	of_type.type = profile__type(p, GIL_TYPE_NAME);
	of_type.all_value = all.value;
	of_type.all_samples = all.samples;
	report_line(t, "%-11s %9s  samples  %-24s held by", "wait %", "wait s", "thread that waits");
	for (size_t i = 0; i < cnt && i < t->r->rows; i++) {
		__cleanup_free char *holder = gil_wait_holder(p, &waits[i]);
		const struct profile_thread *th = &p->threads[waits[i].thread];
		char share[REPORT_SHARE_BYTES];

		report_line(t, "%s %9.*f %8" PRIu64 "  %-24s %s", report_share_of_all(&of_type, waits[i].value, share),
			    report_decimals(&of_type), value_amount(of_type.type, (double)waits[i].value),
			    waits[i].samples, th->name, holder);
	}
	report_more(t, cnt);
}

/* Where there are none, nothing: recordings without such waits are as they always were. */
void report_json_gil_waits(const struct report_json *o, const struct profile *p)
{
	struct gil_wait all;
	size_t cnt;
	__cleanup_free struct gil_wait *waits = gil_waits_of(p, &cnt, &all);

	if (!cnt)
		return;
	json_put_list(o->j, "gil_waits");
	for (size_t i = 0; i < cnt && i < o->r->rows; i++) {
		__cleanup_free char *holder = gil_wait_holder(p, &waits[i]);
		const struct profile_thread *th = &p->threads[waits[i].thread];

		json_put_map(o->j, NULL);
		json_put_count(o->j, "pid", p->processes[th->process].pid);
		json_put_count(o->j, "thread_id", th->tid);
		json_put_text(o->j, "name", th->name);
		json_put_text(o->j, "held_by", holder);
		json_put_count(o->j, "samples", waits[i].samples);
		json_put_seconds(o->j, "seconds", waits[i].value);
		json_put_end_map(o->j);
	}
	json_put_end_list(o->j);
}
