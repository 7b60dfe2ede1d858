/* SPDX-License-Identifier: MIT */
/* The marker table has a column for each property, so each is one pass over the losses. */
#include "user/format/firefox_markers.h"
#include "user/format/tracks.h"
#include "user/profile/loss_words.h"
#include "user/util/alloc.h"

static uint32_t first_thread(const struct profile *p, const struct timeline *t, uint32_t process)
{
	for (uint32_t i = 1; i <= p->thread_cnt; i++) {
		size_t cnt;

		timeline__thread(t, i, &cnt);
		if (cnt && (!process || p->threads[i].process == process))
			return i;
	}
	return 0;
}

void firefox_markers__init(struct firefox_markers *m, const struct timeline *t)
{
	const struct profile *p = m->tables->p;
	uint32_t anybody = first_thread(p, t, 0);

	m->home = xcalloc(p->loss_cnt, sizeof(*m->home));
	for (size_t i = 0; i < p->loss_cnt; i++) {
		uint32_t process = p->losses[i].process;

		m->home[i] = process ? first_thread(p, t, process) : anybody;
		if (!m->home[i])
			m->home[i] = anybody;
	}
}

void firefox_markers__free(struct firefox_markers *m)
{
	free(m->home);
}

/* ---- columns --------------------------------------------------------------------------------- */

static void put_data(struct firefox_markers *m, const struct profile_loss *l, struct json_put *j)
{
	const struct profile *p = m->tables->p;
	__cleanup_free char *process = l->process ? tracks_process_name(p, l->process) : NULL;
	bool is_time = p->types[l->type].unit == PROFILE_NANOSECONDS;

	json_put_map(j, NULL);
	json_put_text(j, "type", "Lost");
	json_put_text(j, "reason", l->reason);
	json_put_text(j, "why", l->sentence);
	if (process)
		json_put_text(j, "process", process);
	json_put_text(j, "failure", l->failure ? "yes" : "no");
	firefox_put_ms(j, "cpu", is_time ? (int64_t)l->value : 0);
	json_put_count(j, "samples", l->count);
	json_put_end_map(j);
}

static void put_start(struct firefox_markers *m, const struct profile_loss *l, struct json_put *j)
{
	firefox_put_ms(j, NULL, (int64_t)(l->from_unix_ns - m->begin_ns));
}

static void put_end(struct firefox_markers *m, const struct profile_loss *l, struct json_put *j)
{
	uint64_t to = l->to_unix_ns > l->from_unix_ns ? l->to_unix_ns : l->from_unix_ns;

	firefox_put_ms(j, NULL, (int64_t)(to - m->begin_ns));
}

static void put_category(struct firefox_markers *m, const struct profile_loss *l, struct json_put *j)
{
	(void)m;
	(void)l;
	json_put_count(j, NULL, VIEW_SYNTHETIC);
}

static void put_name(struct firefox_markers *m, const struct profile_loss *l, struct json_put *j)
{
	json_put_count(j, NULL, firefox_text(m->tables, loss_word(l)));
}

/* How many markers the thread has. */
static size_t put_column(struct firefox_markers *m, uint32_t thread, struct json_put *j, const char *name,
			 void (*put)(struct firefox_markers *m, const struct profile_loss *l, struct json_put *j))
{
	const struct profile *p = m->tables->p;
	size_t cnt = 0;

	json_put_list(j, name);
	for (size_t i = 0; i < p->loss_cnt; i++) {
		if (m->home[i] != thread)
			continue;
		put(m, &p->losses[i], j);
		cnt++;
	}
	json_put_end_list(j);
	return cnt;
}

void firefox_markers__write(struct firefox_markers *m, uint32_t thread, struct json_put *j)
{
	size_t cnt;

	json_put_line(j);
	json_put_map(j, "markers");
	put_column(m, thread, j, "data", put_data);
	put_column(m, thread, j, "startTime", put_start);
	put_column(m, thread, j, "endTime", put_end);
	put_column(m, thread, j, "category", put_category);
	cnt = put_column(m, thread, j, "name", put_name);
	firefox_put_constant(j, "phase", cnt, "1"); /* MarkerPhase: an interval */
	json_put_count(j, "length", cnt);
	json_put_end_map(j);
	json_put_bool(j, "showMarkersInTimeline", cnt);
}

void firefox_put_marker_schema(struct json_put *j)
{
	json_put_raw(j, "markerSchema",
		     "[{\"name\":\"Lost\",\"tooltipLabel\":\"{marker.data.reason}\","
		     "\"tableLabel\":\"{marker.data.samples} × {marker.data.reason}: {marker.data.why}\","
		     "\"chartLabel\":\"{marker.data.samples} × {marker.data.reason}\","
		     "\"display\":[\"marker-chart\",\"marker-table\",\"timeline-overview\"],"
		     "\"description\":\"Ticks that gave no sample, somewhere in this span of time.\","
		     "\"fields\":[{\"key\":\"reason\",\"label\":\"Reason\",\"format\":\"string\"},"
		     "{\"key\":\"why\",\"label\":\"Why\",\"format\":\"string\"},"
		     "{\"key\":\"process\",\"label\":\"Process\",\"format\":\"string\"},"
		     "{\"key\":\"samples\",\"label\":\"Samples\",\"format\":\"integer\"},"
		     "{\"key\":\"cpu\",\"label\":\"CPU time\",\"format\":\"duration\"},"
		     "{\"key\":\"failure\",\"label\":\"A failure\",\"format\":\"string\"}]}]");
}
