/* SPDX-License-Identifier: MIT */
#include "user/profile/value_type.h"
#include "user/util/alloc.h"

#define MIB (1024.0 * 1024.0)

const struct profile_value_type profile_cpu_type = {
	.name = "cpu",
	.label = "CPU",
	.sentence = "CPU time",
	.unit = PROFILE_NANOSECONDS,
};

static const struct value_unit units[PROFILE_UNITS] = {
	[PROFILE_NANOSECONDS] = {"nanoseconds", "seconds", "s", 1e9, 2},
	[PROFILE_BYTES] = {"bytes", "MiB", "MiB", MIB, 2},
	[PROFILE_COUNT] = {"count", "", "", 1, 0},
};

const struct value_unit *value_unit(const struct profile_value_type *t)
{
	return &units[t->unit];
}

double value_amount(const struct profile_value_type *t, double value)
{
	return value / units[t->unit].scale;
}

/* Time is an adjective's: "CPU seconds". Bytes come first: "MiB allocated". */
static char *put_together(const struct profile_value_type *t, const char *number, const char *word)
{
	const char *gap = *number ? " " : "";

	if (!*word)
		return xasprintf("%s%s%s", number, gap, t->label);
	if (t->unit == PROFILE_NANOSECONDS)
		return xasprintf("%s%s%s %s", number, gap, t->label, word);
	return xasprintf("%s%s%s %s", number, gap, word, t->label);
}

char *value_text_of(const struct profile_value_type *t, const char *number)
{
	return put_together(t, number, units[t->unit].word);
}

char *value_text(const struct profile_value_type *t, double value)
{
	__cleanup_free char *number = xasprintf("%.*f", units[t->unit].decimals, value_amount(t, value));

	return value_text_of(t, number);
}

char *value_short_text(const struct profile_value_type *t, double value)
{
	int more = units[t->unit].decimals ? 1 : 0;
	__cleanup_free char *number = xasprintf("%.*f", units[t->unit].decimals + more, value_amount(t, value));

	return put_together(t, number, units[t->unit].short_word);
}

/* Labels of what is no time stand behind numbers and nowhere else. */
const char *value_adjective(const struct profile_value_type *t)
{
	return t->unit == PROFILE_NANOSECONDS ? t->label : t->name;
}

char *value_heading(const struct profile_value_type *t)
{
	return put_together(t, "", units[t->unit].short_word);
}
