/* SPDX-License-Identifier: MIT */
/*
 * Quantities as people write and read them. strtod and friends accept too much here ("inf",
 * "0x1p3", leading blanks, the locale's decimal comma), so numbers are read by hand.
 */
#include "user/util/units.h"
#include "user/util/alloc.h"
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#define NS_PER_S 1000000000ull
/* PID_MAX_LIMIT of the kernel, include/linux/threads.h */
#define PID_LIMIT 4194304u
/* A hundred years: beyond it a duration is a typing error, and sums of nanoseconds stay in 64 bits. */
#define DURATION_LIMIT_S (100.0 * 366 * 86400)

static int refuse(const char **why, const char *sentence, int err)
{
	*why = sentence;
	return err;
}

/* Digits with at most one point; moves `*text` behind them. */
static int parse_number(const char **text, double *out, const char **why)
{
	const char *s = *text;
	double value = 0, unit = 1;
	int digits = 0;

	for (; isdigit((unsigned char)*s); s++, digits++)
		value = value * 10 + (*s - '0');
	if (*s == '.') {
		for (s++; isdigit((unsigned char)*s); s++, digits++)
			value += (*s - '0') * (unit /= 10);
	}
	if (!digits)
		return refuse(why, "a number is expected", -EINVAL);
	if (digits > 30)
		return refuse(why, "the number is too long", -ERANGE);
	*text = s;
	*out = value;
	return 0;
}

/* The longest run of letters; moves `*text` behind it. */
static size_t parse_word(const char **text)
{
	size_t len = 0;

	while (isalpha((unsigned char)(*text)[len]))
		len++;
	*text += len;
	return len;
}

static const struct duration_unit {
	const char *word;
	double seconds;
} duration_units[] = {
	{"d", 86400}, {"h", 3600},  {"min", 60},  {"m", 60},    {"sec", 1},
	{"s", 1},     {"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9},
};

static const struct duration_unit *find_duration_unit(const char *word, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(duration_units); i++) {
		const char *name = duration_units[i].word;

		if (strlen(name) == len && !strncasecmp(name, word, len))
			return &duration_units[i];
	}
	return NULL;
}

int units_parse_duration(const char *text, uint64_t *ns, const char **why)
{
	double total = 0, last = 0;

	do {
		const struct duration_unit *unit;
		const char *word;
		double number;
		size_t len;
		int err = parse_number(&text, &number, why);

		if (err)
			return err;
		word = text;
		len = parse_word(&text);
		if (!len && (last || *text))
			return refuse(why, "a unit is missing", -EINVAL);
		unit = len ? find_duration_unit(word, len) : find_duration_unit("s", 1);
		if (!unit)
			return refuse(why, "unknown unit; known are d, h, m, s, ms, us", -EINVAL);
		if (last && unit->seconds >= last)
			return refuse(why, "units must go from large to small, like 1h30m", -EINVAL);
		last = unit->seconds;
		total += number * unit->seconds;
	} while (*text);
	if (total > DURATION_LIMIT_S)
		return refuse(why, "longer than a hundred years", -ERANGE);
	*ns = (uint64_t)(total * (double)NS_PER_S + 0.5);
	return 0;
}

int units_parse_rate(const char *text, double *hz, const char **why)
{
	double number;
	int err = parse_number(&text, &number, why);

	if (err)
		return err;
	if (!strcasecmp(text, "khz") || !strcasecmp(text, "k"))
		number *= 1000;
	else if (*text && strcasecmp(text, "hz"))
		return refuse(why, "unknown unit", -EINVAL);
	if (number <= 0)
		return refuse(why, "must be above 0", -ERANGE);
	*hz = number;
	return 0;
}

static int parse_pid(const char **text, uint32_t *pid, const char **why)
{
	const char *s = *text;
	unsigned base = s[0] == '0' && (s[1] | 0x20) == 'x' ? 16 : 10;
	const char *start = base == 16 ? s + 2 : s;
	uint32_t value = 0;

	for (s = start; isxdigit((unsigned char)*s); s++) {
		unsigned digit = isdigit((unsigned char)*s) ? *s - '0' : (*s | 0x20) - 'a' + 10;

		if (digit >= base)
			break;
		value = value * base + digit;
		if (value > PID_LIMIT)
			return refuse(why, "no process id is that large", -ERANGE);
	}
	if (s == start || (*s && *s != ','))
		return refuse(why, "process ids are expected, like 42 or 42,43", -EINVAL);
	if (!value)
		return refuse(why, "0 is no process id", -ERANGE);
	*text = s;
	*pid = value;
	return 0;
}

static void add_once(uint32_t **pids, size_t *cnt, uint32_t pid)
{
	for (size_t i = 0; i < *cnt; i++)
		if ((*pids)[i] == pid)
			return;
	*pids = xrealloc(*pids, (*cnt + 1) * sizeof(**pids));
	(*pids)[(*cnt)++] = pid;
}

int units_parse_pids(const char *text, uint32_t **pids, size_t *cnt, const char **why)
{
	for (;;) {
		uint32_t pid;
		int err = parse_pid(&text, &pid, why);

		if (err)
			return err;
		add_once(pids, cnt, pid);
		if (!*text)
			return 0;
		text++;
	}
}

int units_parse_size(const char *text, uint64_t *bytes, const char **why)
{
	static const struct {
		const char *words[3];
		double bytes;
	} units[] = {
		{{"b", NULL}, 1},
		{{"k", "kb", NULL}, 1e3},
		{{"m", "mb", NULL}, 1e6},
		{{"g", "gb", NULL}, 1e9},
		{{"t", "tb", NULL}, 1e12},
		{{"ki", "kib", NULL}, 1024.0},
		{{"mi", "mib", NULL}, 1024.0 * 1024},
		{{"gi", "gib", NULL}, 1024.0 * 1024 * 1024},
	};
	double number;
	int err = parse_number(&text, &number, why);

	for (size_t i = 0; !err && i < ARRAY_SIZE(units); i++) {
		for (const char *const *word = units[i].words; *word; word++) {
			if (strcasecmp(*word, text))
				continue;
			if (number * units[i].bytes >= 1e18)
				return refuse(why, "the size is too large", -ERANGE);
			*bytes = (uint64_t)(number * units[i].bytes + 0.5);
			return 0;
		}
	}
	return err ? err : refuse(why, "unknown unit; write for example 500kB, 10MB or 1GiB", -EINVAL);
}

int units_parse_count(const char *text, uint64_t *out, const char **why)
{
	uint64_t value = 0;

	if (!*text)
		return refuse(why, "a whole number is expected", -EINVAL);
	for (; *text; text++) {
		if (!isdigit((unsigned char)*text))
			return refuse(why, "a whole number is expected", -EINVAL);
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
			return refuse(why, "the number is too large", -ERANGE);
	}
	*out = value;
	return 0;
}

char *units_size_text(uint64_t bytes)
{
	static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
	double value = (double)bytes / 1000;
	size_t i = 0;

	if (bytes < 1000)
		return xasprintf("%" PRIu64 " B", bytes);
	/* 999.5 would be shown as 1000 */
	for (; value >= 999.5 && i + 1 < ARRAY_SIZE(units); i++)
		value /= 1000;
	return xasprintf(value < 9.995 ? "%.2f %s" : value < 99.95 ? "%.1f %s" : "%.0f %s", value, units[i]);
}

char *units_duration_text(uint64_t ns)
{
	double seconds = (double)ns / (double)NS_PER_S;
	uint64_t whole = (ns + NS_PER_S / 2) / NS_PER_S;

	if (ns < 1000)
		return xasprintf("%" PRIu64 " ns", ns);
	if (seconds < 0.9995e-3)
		return xasprintf("%.3g us", seconds * 1e6);
	if (seconds < 0.9995)
		return xasprintf("%.3g ms", seconds * 1e3);
	if (seconds < 9.995)
		return xasprintf("%.2f s", seconds);
	if (seconds < 59.95)
		return xasprintf("%.1f s", seconds);
	if (whole < 3600)
		return xasprintf("%" PRIu64 " min %02" PRIu64 " s", whole / 60, whole % 60);
	whole = (whole + 30) / 60; /* minutes */
	if (whole < 48 * 60)
		return xasprintf("%" PRIu64 " h %02" PRIu64 " min", whole / 60, whole % 60);
	whole = (whole + 30) / 60; /* hours */
	return xasprintf("%" PRIu64 " d %02" PRIu64 " h", whole / 24, whole % 24);
}

char *units_count_text(uint64_t count)
{
	char digits[24], out[32];
	size_t len = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, count);
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			out[n++] = ',';
		out[n++] = digits[i];
	}
	out[n] = 0;
	return xstrdup(out);
}
