/* The marker table has a column for each property, so each is one pass over the losses. */
#include "user/format/firefox_markers.h"
#include "user/format/json/json_member.h"
#include "user/format/tracks.h"
#include "user/util/alloc.h"
#include <inttypes.h>

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

static void put_data(struct firefox_markers *m, const struct profile_loss *l, FILE *out)
{
	const struct profile *p = m->tables->p;
	__cleanup_free char *process = l->process ? tracks_process_name(p, l->process) : NULL;

	fputs("{\"type\":\"Lost\",", out);
	json_member_text(out, "reason", l->reason);
	json_member_text(out, "why", l->sentence);
	if (process)
		json_member_text(out, "process", process);
	fprintf(out, "\"failure\":\"%s\",\"cpu\":", l->failure ? "yes" : "no");
	firefox_put_ms(out, (int64_t)l->value_ns);
	fprintf(out, ",\"samples\":%" PRIu64 "}", l->count);
}

static void put_start(struct firefox_markers *m, const struct profile_loss *l, FILE *out)
{
	firefox_put_ms(out, (int64_t)(l->from_unix_ns - m->begin_ns));
}

static void put_end(struct firefox_markers *m, const struct profile_loss *l, FILE *out)
{
	uint64_t to = l->to_unix_ns > l->from_unix_ns ? l->to_unix_ns : l->from_unix_ns;

	firefox_put_ms(out, (int64_t)(to - m->begin_ns));
}

static void put_phase(struct firefox_markers *m, const struct profile_loss *l, FILE *out)
{
	(void)m;
	(void)l;
	fputs("1", out); /* MarkerPhase: an interval */
}

static void put_category(struct firefox_markers *m, const struct profile_loss *l, FILE *out)
{
	(void)m;
	(void)l;
	fprintf(out, "%d", PROFILE_MARK);
}

static void put_name(struct firefox_markers *m, const struct profile_loss *l, FILE *out)
{
	fprintf(out, "%u", firefox_text(m->tables, l->failure ? "Lost samples" : "No stack"));
}

static const struct {
	const char *name;
	void (*put)(struct firefox_markers *m, const struct profile_loss *l, FILE *out);
} columns[] = {
	{"data", put_data},   {"startTime", put_start},   {"endTime", put_end},
	{"phase", put_phase}, {"category", put_category}, {"name", put_name},
};

/* How many markers the thread has. */
static size_t put_column(struct firefox_markers *m, uint32_t thread, size_t column, FILE *out)
{
	const struct profile *p = m->tables->p;
	size_t cnt = 0;

	fprintf(out, "\"%s\":[", columns[column].name);
	for (size_t i = 0; i < p->loss_cnt; i++) {
		if (m->home[i] != thread)
			continue;
		fputs(cnt++ ? "," : "", out);
		columns[column].put(m, &p->losses[i], out);
	}
	fputs("],", out);
	return cnt;
}

void firefox_markers__write(struct firefox_markers *m, uint32_t thread, FILE *out)
{
	size_t cnt = 0;

	fputs("\"markers\":{", out);
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		cnt = put_column(m, thread, i, out);
	fprintf(out, "\"length\":%zu},\"showMarkersInTimeline\":%s,\n", cnt,
		cnt ? "true" : "false");
}

void firefox_put_marker_schema(FILE *out)
{
	fputs("\"markerSchema\":[{\"name\":\"Lost\",\"tooltipLabel\":\"{marker.data.reason}\","
	      "\"tableLabel\":\"{marker.data.samples} × {marker.data.reason}: {marker.data.why}\","
	      "\"chartLabel\":\"{marker.data.samples} × {marker.data.reason}\","
	      "\"display\":[\"marker-chart\",\"marker-table\",\"timeline-overview\"],"
	      "\"description\":\"Ticks that gave no stack, somewhere in this span of time.\","
	      "\"fields\":[{\"key\":\"reason\",\"label\":\"Reason\",\"format\":\"string\"},"
	      "{\"key\":\"why\",\"label\":\"Why\",\"format\":\"string\"},"
	      "{\"key\":\"process\",\"label\":\"Process\",\"format\":\"string\"},"
	      "{\"key\":\"samples\",\"label\":\"Samples\",\"format\":\"integer\"},"
	      "{\"key\":\"cpu\",\"label\":\"CPU time\",\"format\":\"duration\"},"
	      "{\"key\":\"failure\",\"label\":\"A failure\",\"format\":\"string\"}]}],",
	      out);
}
