/*
 * The keys of our JSON that hold plain values: one row each, with what they must look like and
 * where the value goes. A new key is a new row here, a member in json_parse.h and a line in the
 * schema.
 */
#include "user/format/json/json_fields.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <math.h>
#include <string.h>

#define MAX_SECONDS 1.8e10 /* in nanoseconds it fits 64 bits */

static const char *const expected[] = {
	[TEXT] = "a string",          [WORD] = "a number or a string",
	[U64] = "a whole number",     [U32] = "a whole number",
	[U16] = "a whole number",     [I32] = "a whole number",
	[INDEX] = "a whole number",   [SECONDS] = "a number of seconds",
	[NUMBER] = "a number",        [BOOL] = "true or false",
	[NOT_BOOL] = "true or false", [GIL] = "true, false or null",
	[ORIGIN] = "a string",        [VALUE] = "a number of seconds",
};

#define AT(object, member) offsetof(struct json_items, object.member)
static const struct json_field fields[] = {
	/* the ones of a sample first: they are looked up most */
	{JSON_SAMPLE, "timestamp", SECONDS, AT(sample, timestamp_ns)},
	{JSON_SAMPLE, "pid", U32, AT(sample, pid)},
	{JSON_SAMPLE, "thread_id", WORD, AT(sample, thread_id)},
	{JSON_SAMPLE, "thread", INDEX, AT(sample, thread)},
	{JSON_SAMPLE, "cpu", U16, AT(sample, cpu)},
	{JSON_SAMPLE, "gil", GIL, AT(sample, gil)},
	{JSON_SAMPLE, "value", VALUE, AT(sample, value_ns)},
	{JSON_SAMPLE, "truncated", BOOL, AT(sample, truncated)},
	{JSON_TOP, "schema", TEXT, AT(top, schema)},
	{JSON_TOP, "process_name", TEXT, AT(top, process_name)},
	{JSON_TOP, "tool", TEXT, AT(top, tool)},
	{JSON_TOP, "command", TEXT, AT(top, command)},
	{JSON_TOP, "target", TEXT, AT(top, target)},
	{JSON_TOP, "host", TEXT, AT(top, host)},
	{JSON_TOP, "kernel", TEXT, AT(top, kernel)},
	{JSON_TOP, "start", SECONDS, AT(top, start_ns)},
	{JSON_TOP, "duration", SECONDS, AT(top, duration_ns)},
	{JSON_TOP, "rate", NUMBER, AT(top, rate)},
	{JSON_TOP, "effective_rate", NUMBER, AT(top, effective_rate)},
	{JSON_TOP, "cpus", U32, AT(top, cpus)},
	{JSON_TOP, "ticks", U64, AT(top, ticks)},
	{JSON_TOP, "filtered", U64, AT(top, filtered)},
	{JSON_TOP, "gil_only", BOOL, AT(top, gil_only)},
	{JSON_TOP, "complete", NOT_BOOL, AT(top, incomplete)},
	{JSON_PROCESS, "pid", U32, AT(process, pid)},
	{JSON_PROCESS, "parent_pid", U32, AT(process, parent_pid)},
	{JSON_PROCESS, "start", SECONDS, AT(process, start_ns)},
	{JSON_PROCESS, "command", TEXT, AT(process, command)},
	{JSON_PROCESS, "python", TEXT, AT(process, python)},
	{JSON_PROCESS, "interpreter", TEXT, AT(process, interpreter)},
	{JSON_PROCESS, "cgroup", TEXT, AT(process, cgroup)},
	{JSON_PROCESS, "cpu_clock", SECONDS, AT(process, cpu_ns)},
	{JSON_THREAD, "pid", U32, AT(thread, pid)},
	{JSON_THREAD, "process", INDEX, AT(thread, process)},
	{JSON_THREAD, "thread_id", WORD, AT(thread, thread_id)},
	{JSON_THREAD, "name", TEXT, AT(thread, name)},
#define FUNCTION_FIELDS(place, object)                                                             \
	{place, "file", TEXT, AT(object, file)}, {place, "line", I32, AT(object, line)},           \
		{place, "short_file", TEXT, AT(object, short_file)},                               \
		{place, "module", TEXT, AT(object, module)},                                       \
		{place, "origin", ORIGIN, AT(object, origin)},                                     \
		{place, "samples", U64, AT(object, samples)},                                      \
		{place, "time", SECONDS, AT(object, time_ns)}
	FUNCTION_FIELDS(JSON_FUNCTION, function),
	FUNCTION_FIELDS(JSON_VARIANT, variant),
	{JSON_LOSS, "reason", TEXT, AT(loss, reason)},
	{JSON_LOSS, "sentence", TEXT, AT(loss, sentence)},
	{JSON_LOSS, "process", INDEX, AT(loss, process)},
	{JSON_LOSS, "samples", U64, AT(loss, samples)},
	{JSON_LOSS, "time", SECONDS, AT(loss, time_ns)},
	{JSON_LOSS, "from", SECONDS, AT(loss, from_ns)},
	{JSON_LOSS, "to", SECONDS, AT(loss, to_ns)},
	{JSON_LOSS, "failure", NOT_BOOL, AT(loss, no_failure)},
};

const struct json_field *json_field_find(enum json_place in, const char *key, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (fields[i].in == in && !strncmp(fields[i].key, key, len) && !fields[i].key[len])
			return &fields[i];
	}
	return NULL;
}

const char *json_field_expected(const struct json_field *f)
{
	return expected[f->kind];
}

bool json_to_integer(const char *text, int64_t least, int64_t most, int64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoll(text, &end, 10);
	if (*end) { /* others may write 5.0 or 1e3 */
		double d = strtod(text, &end);

		if (*end || !(fabs(d) < 9e15) || d != floor(d))
			return false;
		*out = (int64_t)d;
	}
	return !errno && *out >= least && *out <= most;
}

static bool to_ns(const char *text, uint64_t *ns)
{
	/* more than 53 bits, where there are: nanoseconds since 1970 need 61 */
	long double seconds = strtold(text, NULL);

	if (!(seconds >= 0 && seconds < MAX_SECONDS))
		return false;
	*ns = (uint64_t)(seconds * 1e9L + 0.5L);
	return true;
}

bool json_field_number(const struct json_field *f, struct json_items *items, const char *text)
{
	void *at = (char *)items + f->offset;
	int64_t whole;

	switch (f->kind) {
	case WORD:
		*(uint32_t *)at = intern__id(items->names, text, strlen(text));
		return true;
	case U64:
		return json_to_integer(text, 0, INT64_MAX, &whole) &&
		       (*(uint64_t *)at = (uint64_t)whole, true);
	case U32:
		return json_to_integer(text, 0, UINT32_MAX, &whole) &&
		       (*(uint32_t *)at = (uint32_t)whole, true);
	case U16:
		return json_to_integer(text, 0, UINT16_MAX, &whole) &&
		       (*(uint32_t *)at = (uint32_t)whole, true);
	case I32:
		return json_to_integer(text, INT32_MIN, INT32_MAX, &whole) &&
		       (*(int32_t *)at = (int32_t)whole, true);
	case INDEX:
		return json_to_integer(text, 0, UINT32_MAX - 1, &whole) &&
		       (*(uint32_t *)at = (uint32_t)whole + 1, true);
	case NUMBER:
		*(double *)at = strtod(text, NULL);
		return isfinite(*(double *)at) && *(double *)at >= 0;
	case VALUE:
		items->sample.has_value = true;
		return to_ns(text, at);
	case SECONDS:
		return to_ns(text, at);
	default:
		return false;
	}
}

bool json_field_text(const struct json_field *f, struct json_items *items, const char *text,
		     size_t len)
{
	void *at = (char *)items + f->offset;

	if (f->kind == ORIGIN) {
		for (uint32_t i = 0; i < PROFILE_ORIGINS; i++)
			if (strlen(json_origins[i]) == len && !memcmp(json_origins[i], text, len))
				*(uint32_t *)at = i;
		return true; /* an unknown word stays "user" */
	}
	if (f->kind != TEXT && f->kind != WORD)
		return false;
	*(uint32_t *)at = intern__id(items->names, text, len);
	return true;
}

bool json_field_bool(const struct json_field *f, struct json_items *items, bool value)
{
	void *at = (char *)items + f->offset;

	if (f->kind == BOOL)
		*(bool *)at = value;
	else if (f->kind == NOT_BOOL)
		*(bool *)at = !value;
	else if (f->kind == GIL)
		*(uint8_t *)at = value ? PROFILE_GIL_HELD : PROFILE_GIL_NOT_HELD;
	else
		return false;
	return true;
}
