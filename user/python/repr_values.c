/* SPDX-License-Identifier: MIT */
/* Numbers, texts and bytes: as repr() writes them. Offsets are those of the types' headers in Include/cpython. */
#include "user/python/repr_parts.h"
#include "user/util/alloc.h"
#include "user/util/text.h"
#include <math.h>
#include <string.h>

#define MAX_DIGITS 64 /* of 30 bits */

/* Decimal digits of a number of 30-bit digits: divided by 10**9 until nothing is left. */
static void put_big(struct repr *p, uint32_t *digits, size_t cnt)
{
	char text[MAX_DIGITS * 10 + 16];
	size_t at = sizeof(text);

	do {
		uint64_t rest = 0;

		for (size_t i = cnt; i-- > 0;) {
			rest = rest << 30 | digits[i];
			digits[i] = (uint32_t)(rest / 1000000000);
			rest %= 1000000000;
		}
		while (cnt && !digits[cnt - 1])
			cnt--;
		for (int i = 0; i < 9 && (cnt || rest || at == sizeof(text)); i++, rest /= 10)
			text[--at] = (char)('0' + rest % 10);
	} while (cnt);
	buf_put(&p->out, text + at, sizeof(text) - at);
}

bool repr_int(struct repr *p, uint64_t addr)
{
	uint32_t digits[MAX_DIGITS] = {0};
	uint64_t cnt;
	bool negative;

	if (!object_int_digits(p->r, addr, &cnt, &negative))
		return false;
	if (cnt > MAX_DIGITS) {
		buf_printf(&p->out, "<%sint of about %llu bits>", negative ? "negative " : "",
			   (unsigned long long)cnt * 30);
		return cnt < 1ull << 40;
	}
	if (cnt && !object_read_bytes(p->r, object_at(p->r, addr, OB_VAR_BODY), digits, cnt * 4))
		return false;
	for (size_t i = 0; i < cnt; i++)
		if (digits[i] >> 30)
			return false;
	buf_puts(&p->out, negative ? "-" : "");
	put_big(p, digits, cnt);
	return true;
}

bool repr_bool(struct repr *p, uint64_t addr)
{
	uint64_t value;

	if (!object_read_int(p->r, addr, &value) || value > 1)
		return false;
	buf_puts(&p->out, value ? "True" : "False");
	return true;
}

/*
 * As Python writes it (format code 'r' of PyOS_double_to_string): the shortest text that gives the same back, as a
 * float where it is one.
 */
static char *double_text(double value, bool single)
{
	char text[40];
	int digits = 1, exponent;
	char *e;

	if (isnan(value) || isinf(value))
		return xstrdup(isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
	do {
		snprintf(text, sizeof(text), "%.*e", digits - 1, value);
	} while (digits++ < 17 && (single ? strtof(text, NULL) : strtod(text, NULL)) != value);
	e = strchr(text, 'e');
	exponent = atoi(e + 1);
	*e = 0;
	if (exponent < -4 || exponent >= 16)
		return xasprintf("%se%c%02d", text, exponent < 0 ? '-' : '+', abs(exponent));
	digits -= 2; /* behind the first */
	return xasprintf("%.*f", digits > exponent ? digits - exponent : 1, value);
}

bool repr_float(struct repr *p, uint64_t addr)
{
	__cleanup_free char *text = NULL;
	double value;

	if (!object_read_bytes(p->r, object_at(p->r, addr, OB_BODY), &value, sizeof(value)))
		return false;
	text = double_text(value, false);
	buf_puts(&p->out, text);
	return true;
}

bool repr_float32(struct repr *p, uint64_t addr)
{
	__cleanup_free char *text = NULL;
	float value;

	if (!object_read_bytes(p->r, object_at(p->r, addr, OB_BODY), &value, sizeof(value)))
		return false;
	text = double_text((double)value, true);
	buf_puts(&p->out, text);
	return true;
}

/* Without the ".0" of a whole number. */
static void put_part(struct repr *p, double value, bool sign)
{
	__cleanup_free char *text = double_text(value, false);
	size_t len = strlen(text);

	if (len > 2 && !strcmp(text + len - 2, ".0"))
		text[len - 2] = 0;
	buf_printf(&p->out, "%s%s", sign && text[0] != '-' ? "+" : "", text);
}

/* Objects/complexobject.c complex_repr() */
bool repr_complex(struct repr *p, uint64_t addr)
{
	double value[2];
	bool real;

	if (!object_read_bytes(p->r, object_at(p->r, addr, OB_BODY), value, sizeof(value)))
		return false;
	real = value[0] != 0 || signbit(value[0]);
	if (real) {
		buf_puts(&p->out, "(");
		put_part(p, value[0], false);
	}
	put_part(p, value[1], real);
	buf_puts(&p->out, real ? "j)" : "j");
	return true;
}

/* ---- text and bytes ----------------------------------------------------------------------------------- */

/* Quoted as repr() does: in single quotes unless only those are inside. */
static void put_quoted(struct repr *p, const uint32_t *units, size_t cnt)
{
	__cleanup_free uint32_t *escaped = xcalloc(2 * cnt + 1, sizeof(*escaped));
	__cleanup_free char *text = NULL;
	bool has_single = false, has_double = false;
	uint32_t quote;
	size_t n = 0;

	for (size_t i = 0; i < cnt; i++) {
		has_single |= units[i] == '\'';
		has_double |= units[i] == '"';
	}
	quote = has_single && !has_double ? '"' : '\'';
	for (size_t i = 0; i < cnt; i++) {
		if (units[i] == quote || units[i] == '\\')
			escaped[n++] = '\\';
		escaped[n++] = units[i];
	}
	text = text_from_units(escaped, n * sizeof(*escaped), sizeof(*escaped));
	buf_printf(&p->out, "%c%s%c", (char)quote, text, (char)quote);
}

bool repr_str(struct repr *p, uint64_t addr)
{
	__cleanup_free unsigned char *raw = NULL;
	__cleanup_free uint32_t *units = NULL;
	unsigned kind;
	uint64_t len, data = object_str_data(p->r, addr, &len, &kind);

	if (!data)
		return false;
	len = len < p->max ? len : p->max; /* what is cut off need not be read */
	raw = xcalloc(len + 1, kind);
	units = xcalloc(len + 1, sizeof(*units));
	if (len && !object_read_bytes(p->r, data, raw, len * kind))
		return false;
	for (size_t i = 0; i < len; i++)
		memcpy(&units[i], raw + i * kind, kind); /* little-endian */
	put_quoted(p, units, len);
	return true;
}

static void put_byte(struct repr *p, unsigned char c, char quote)
{
	static const char *const short_forms[] = {['\t'] = "\\t", ['\n'] = "\\n", ['\r'] = "\\r"};

	if (c < ARRAY_SIZE(short_forms) && short_forms[c])
		buf_puts(&p->out, short_forms[c]);
	else if (c == quote || c == '\\')
		buf_printf(&p->out, "\\%c", c);
	else
		buf_printf(&p->out, c < 0x20 || c >= 0x7f ? "\\x%02x" : "%c", c);
}

static bool put_raw_bytes(struct repr *p, uint64_t data, uint64_t len)
{
	__cleanup_free unsigned char *raw = NULL;
	char quote;

	len = len < p->max ? len : p->max;
	raw = xmalloc(len + 1);
	if (len && !object_read_bytes(p->r, data, raw, len))
		return false;
	quote = memchr(raw, '\'', len) && !memchr(raw, '"', len) ? '"' : '\'';
	buf_printf(&p->out, "b%c", quote);
	for (size_t i = 0; i < len; i++)
		put_byte(p, raw[i], quote);
	buf_put(&p->out, &quote, 1);
	return true;
}

bool repr_bytes(struct repr *p, uint64_t addr)
{
	uint64_t len;

	return object_read_u64(p->r, object_at(p->r, addr, OB_SIZE), &len) &&
	       put_raw_bytes(p, addr + p->r->build->layout.bytes_data_off, len);
}

/* Include/cpython/bytearrayobject.h: ob_size, ob_alloc, ob_bytes, ob_start */
bool repr_bytearray(struct repr *p, uint64_t addr)
{
	uint64_t len, data = 0;
	bool ok;

	if (!object_read_u64(p->r, object_at(p->r, addr, OB_SIZE), &len) ||
	    (len && !object_read_u64(p->r, object_at(p->r, addr, 40), &data)))
		return false;
	buf_puts(&p->out, "bytearray(");
	ok = put_raw_bytes(p, data, len);
	buf_puts(&p->out, ")");
	return ok;
}
