/*
 * One function per kind of object, in tables by type name and by tp_flags. Offsets are those of the types' headers
 * in Include/cpython, the same from 3.8 to 3.13 where none is in a table. A container within itself is shown as "...".
 */
#include "user/python/repr.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/text.h"
#include <math.h>
#include <string.h>

#define MAX_DEPTH  10
#define MAX_DIGITS 64 /* of 30 bits */
#define MAX_ITEMS  1024
#define PAGE	   4096u

#define OB_SIZE	    16 /* PyVarObject.ob_size */
#define FIRST_FIELD 16 /* what follows PyObject */
#define BYTES_DATA  32 /* PyBytesObject.ob_sval */
#define ITEMS	    24 /* PyTupleObject.ob_item; PyListObject.ob_item is a pointer */

struct repr {
	struct object_reader *r;
	struct buf out;
	size_t max;
	uint64_t path[MAX_DEPTH]; /* what is being written, outermost first */
	unsigned depth;
};

static void put_object(struct repr *p, uint64_t addr);

static bool is_full(const struct repr *p)
{
	return p->out.len > p->max;
}

/* ---- names of types ----------------------------------------------------------------------------------- */

/* A C string; read up to a page's end at a time, because what lies behind may not be mapped. */
static bool read_c_string(struct object_reader *r, uint64_t addr, char *out, size_t size)
{
	size_t len = 0;

	while (len < size - 1) {
		size_t n = PAGE - (size_t)((addr + len) % PAGE);

		n = n < size - 1 - len ? n : size - 1 - len;
		if (!object_read_bytes(r, addr + len, out + len, n))
			return false;
		if (memchr(out + len, 0, n))
			return true;
		len += n;
	}
	out[len] = 0;
	return true;
}

/* PyTypeObject.tp_name: with its module where the type is made in C. */
static bool read_tp_name(struct object_reader *r, uint64_t type, char *out, size_t size)
{
	uint64_t name;

	return object_read_u64(r, type + 24, &name) && read_c_string(r, name, out, size) && *out;
}

/* PyHeapTypeObject.ht_qualname, by minor version from 3.8 on. */
static char *qualified_name(struct object_reader *r, uint64_t type)
{
	static const uint16_t offsets[] = {864, 856, 864, 864, 872, 872};
	uint32_t row = r->build->objects.minor - 8;
	uint64_t name;

	if (row >= ARRAY_SIZE(offsets) || !object_read_u64(r, type + offsets[row], &name))
		return NULL;
	return object_read_str(r, name);
}

/* tp_dict["__module__"] */
static char *module_of(struct object_reader *r, uint64_t type)
{
	struct object_dict d = {0};
	uint64_t dict, value;
	char *name = NULL;

	if (object_read_u64(r, type + 264, &dict) && object_dict__open(&d, r, dict) &&
	    object_dict__find(&d, r, "__module__", &value))
		name = object_read_str(r, value);
	object_dict__free(&d);
	return name;
}

static char *type_name(struct object_reader *r, uint64_t type, uint64_t flags)
{
	__cleanup_free char *qualified = flags & OBJECT_HEAP_TYPE ? qualified_name(r, type) : NULL;
	__cleanup_free char *module = qualified ? module_of(r, type) : NULL;
	char name[128];

	if (qualified && module)
		return xasprintf("%s.%s", module, qualified);
	if (!read_tp_name(r, type, name, sizeof(name)))
		return NULL;
	return text_clean(name, strlen(name), 0);
}

char *object_type_name(struct object_reader *r, uint64_t addr)
{
	uint64_t type, flags;

	return object_read_type(r, addr, &type, &flags) ? type_name(r, type, flags) : NULL;
}

/* ---- scalars ------------------------------------------------------------------------------------------ */

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

static bool put_int(struct repr *p, uint64_t addr)
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
	if (cnt && !object_read_bytes(p->r, addr + OBJECT_INT_DIGITS, digits, cnt * 4))
		return false;
	for (size_t i = 0; i < cnt; i++)
		if (digits[i] >> 30)
			return false;
	buf_puts(&p->out, negative ? "-" : "");
	put_big(p, digits, cnt);
	return true;
}

static bool put_bool(struct repr *p, uint64_t addr)
{
	uint64_t value;

	if (!object_read_int(p->r, addr, &value) || value > 1)
		return false;
	buf_puts(&p->out, value ? "True" : "False");
	return true;
}

/* As Python writes it (format code 'r' of PyOS_double_to_string): the shortest text that gives the same back. */
static char *double_text(double value)
{
	char text[40];
	int digits = 1, exponent;
	char *e;

	if (isnan(value) || isinf(value))
		return xstrdup(isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
	do {
		snprintf(text, sizeof(text), "%.*e", digits - 1, value);
	} while (digits++ < 17 && strtod(text, NULL) != value);
	e = strchr(text, 'e');
	exponent = atoi(e + 1);
	*e = 0;
	if (exponent < -4 || exponent >= 16)
		return xasprintf("%se%c%02d", text, exponent < 0 ? '-' : '+', abs(exponent));
	digits -= 2; /* behind the first */
	return xasprintf("%.*f", digits > exponent ? digits - exponent : 1, value);
}

static bool put_float(struct repr *p, uint64_t addr)
{
	__cleanup_free char *text = NULL;
	double value;

	if (!object_read_bytes(p->r, addr + FIRST_FIELD, &value, sizeof(value)))
		return false;
	text = double_text(value);
	buf_puts(&p->out, text);
	return true;
}

/* Without the ".0" of a whole number. */
static void put_part(struct repr *p, double value, bool sign)
{
	__cleanup_free char *text = double_text(value);
	size_t len = strlen(text);

	if (len > 2 && !strcmp(text + len - 2, ".0"))
		text[len - 2] = 0;
	buf_printf(&p->out, "%s%s", sign && text[0] != '-' ? "+" : "", text);
}

/* Objects/complexobject.c complex_repr() */
static bool put_complex(struct repr *p, uint64_t addr)
{
	double value[2];
	bool real;

	if (!object_read_bytes(p->r, addr + FIRST_FIELD, value, sizeof(value)))
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

static bool put_none(struct repr *p, uint64_t addr)
{
	(void)addr;
	buf_puts(&p->out, "None");
	return true;
}

static bool put_ellipsis(struct repr *p, uint64_t addr)
{
	(void)addr;
	buf_puts(&p->out, "Ellipsis");
	return true;
}

static bool put_not_implemented(struct repr *p, uint64_t addr)
{
	(void)addr;
	buf_puts(&p->out, "NotImplemented");
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

static bool put_str(struct repr *p, uint64_t addr)
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

static bool put_bytes(struct repr *p, uint64_t addr)
{
	uint64_t len;

	return object_read_u64(p->r, addr + OB_SIZE, &len) && put_raw_bytes(p, addr + BYTES_DATA, len);
}

/* Include/cpython/bytearrayobject.h: ob_size, ob_alloc, ob_bytes, ob_start */
static bool put_bytearray(struct repr *p, uint64_t addr)
{
	uint64_t len, data = 0;
	bool ok;

	if (!object_read_u64(p->r, addr + OB_SIZE, &len) || (len && !object_read_u64(p->r, addr + 40, &data)))
		return false;
	buf_puts(&p->out, "bytearray(");
	ok = put_raw_bytes(p, data, len);
	buf_puts(&p->out, ")");
	return ok;
}

/* ---- containers --------------------------------------------------------------------------------------- */

static void put_items(struct repr *p, uint64_t items, uint64_t cnt)
{
	for (uint64_t i = 0; i < cnt && !is_full(p); i++) {
		uint64_t item = 0;

		buf_puts(&p->out, i ? ", " : "");
		if (!object_read_u64(p->r, items + 8 * i, &item)) {
			buf_puts(&p->out, "?");
			return;
		}
		put_object(p, item);
	}
}

static bool put_list(struct repr *p, uint64_t addr)
{
	uint64_t cnt, items;

	if (!object_read_u64(p->r, addr + OB_SIZE, &cnt) || !object_read_u64(p->r, addr + ITEMS, &items))
		return false;
	buf_puts(&p->out, "[");
	put_items(p, items, cnt);
	buf_puts(&p->out, "]");
	return true;
}

static bool put_tuple(struct repr *p, uint64_t addr)
{
	uint64_t cnt;

	if (!object_read_u64(p->r, addr + OB_SIZE, &cnt))
		return false;
	buf_puts(&p->out, "(");
	put_items(p, addr + ITEMS, cnt);
	buf_puts(&p->out, cnt == 1 ? ",)" : ")");
	return true;
}

static bool put_dict(struct repr *p, uint64_t addr)
{
	struct object_dict d = {0};
	uint64_t key, value;
	bool first = true;

	if (!object_dict__open(&d, p->r, addr))
		return false;
	buf_puts(&p->out, "{");
	for (uint32_t i = 0; i < d.count && !is_full(p); i++) {
		if (!object_dict__entry(&d, i, &key, &value))
			continue;
		buf_puts(&p->out, first ? "" : ", ");
		put_object(p, key);
		buf_puts(&p->out, ": ");
		put_object(p, value);
		first = false;
	}
	buf_puts(&p->out, "}");
	object_dict__free(&d);
	return true;
}

/* Include/cpython/setobject.h: fill, used, mask, table of {key, hash}; a deleted entry has the hash -1. */
static void put_set_items(struct repr *p, uint64_t table, uint64_t mask)
{
	bool first = true;

	for (uint64_t i = 0; i <= mask && i < MAX_ITEMS && !is_full(p); i++) {
		uint64_t entry[2];

		if (!object_read_bytes(p->r, table + 16 * i, entry, sizeof(entry)))
			return;
		if (!entry[0] || entry[1] == ~0ull)
			continue;
		buf_puts(&p->out, first ? "" : ", ");
		put_object(p, entry[0]);
		first = false;
	}
	if (mask >= MAX_ITEMS)
		buf_puts(&p->out, ", ...");
}

static bool put_set_with(struct repr *p, uint64_t addr, const char *empty, const char *frame[2])
{
	uint64_t head[4]; /* fill, used, mask, table */

	if (!object_read_bytes(p->r, addr + FIRST_FIELD, head, sizeof(head)))
		return false;
	if (!head[1]) {
		buf_puts(&p->out, empty);
		return true;
	}
	buf_puts(&p->out, frame[0]);
	put_set_items(p, head[3], head[2]);
	buf_puts(&p->out, frame[1]);
	return true;
}

static bool put_set(struct repr *p, uint64_t addr)
{
	return put_set_with(p, addr, "set()", (const char *[]){"{", "}"});
}

static bool put_frozenset(struct repr *p, uint64_t addr)
{
	return put_set_with(p, addr, "frozenset()", (const char *[]){"frozenset({", "})"});
}

/* ---- things with a name of their own ------------------------------------------------------------------- */

static bool put_type(struct repr *p, uint64_t addr)
{
	__cleanup_free char *name = NULL;
	uint64_t flags;

	if (!object_read_u64(p->r, addr + 168, &flags)) /* tp_flags */
		return false;
	name = type_name(p->r, addr, flags);
	if (name)
		buf_printf(&p->out, "<class '%s'>", name);
	return name;
}

/* PyFunctionObject.func_qualname: 104 up to 3.9, then 40. */
static bool put_function(struct repr *p, uint64_t addr)
{
	__cleanup_free char *name = NULL;
	uint64_t at;

	if (!object_read_u64(p->r, addr + (p->r->build->objects.minor < 10 ? 104 : 40), &at))
		return false;
	name = object_read_str(p->r, at);
	if (name)
		buf_printf(&p->out, "<function %s at %#llx>", name, (unsigned long long)addr);
	return name;
}

/* Objects/moduleobject.c: PyModuleObject.md_dict */
static bool put_module(struct repr *p, uint64_t addr)
{
	__cleanup_free char *name = NULL;
	struct object_dict d = {0};
	uint64_t dict, value;

	if (object_read_u64(p->r, addr + 16, &dict) && object_dict__open(&d, p->r, dict) &&
	    object_dict__find(&d, p->r, "__name__", &value))
		name = object_read_str(p->r, value);
	object_dict__free(&d);
	if (name)
		buf_printf(&p->out, "<module '%s'>", name);
	return name;
}

/* ---- the tables ---------------------------------------------------------------------------------------- */

typedef bool (*put_fn)(struct repr *p, uint64_t addr);

/* By the exact name of a type made in C. */
static const struct {
	const char *type;
	put_fn put;
} by_name[] = {
	{"NoneType", put_none},	   {"bool", put_bool},		 {"float", put_float},
	{"complex", put_complex},  {"ellipsis", put_ellipsis},	 {"NotImplementedType", put_not_implemented},
	{"bytearray", put_bytearray}, {"set", put_set},		 {"frozenset", put_frozenset},
	{"function", put_function}, {"module", put_module},	 {"numpy.float64", put_float},
};

/* By tp_flags: subclasses are shown as Type(value). */
static const struct {
	uint64_t flag;
	const char *type;
	put_fn put;
} by_flag[] = {
	{OBJECT_IS_INT, "int", put_int},	 {OBJECT_IS_STR, "str", put_str},
	{OBJECT_IS_BYTES, "bytes", put_bytes},	 {OBJECT_IS_LIST, "list", put_list},
	{OBJECT_IS_TUPLE, "tuple", put_tuple},	 {OBJECT_IS_DICT, "dict", put_dict},
	{OBJECT_IS_TYPE, "type", put_type},
};

static put_fn find_by_name(const char *name, uint64_t flags)
{
	for (size_t i = 0; !(flags & OBJECT_HEAP_TYPE) && i < ARRAY_SIZE(by_name); i++)
		if (!strcmp(by_name[i].type, name))
			return by_name[i].put;
	return NULL;
}

static bool put_by_flag(struct repr *p, uint64_t addr, uint64_t flags, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(by_flag); i++) {
		bool exact = !strcmp(name, by_flag[i].type), ok;

		if (!(flags & by_flag[i].flag))
			continue;
		if (exact || by_flag[i].flag == OBJECT_IS_TYPE)
			return by_flag[i].put(p, addr);
		buf_printf(&p->out, "%s(", name);
		ok = by_flag[i].put(p, addr);
		buf_puts(&p->out, ")");
		return ok;
	}
	return false;
}

static bool is_within_itself(const struct repr *p, uint64_t addr)
{
	for (unsigned i = 0; i < p->depth; i++)
		if (p->path[i] == addr)
			return true;
	return false;
}

static void put_object(struct repr *p, uint64_t addr)
{
	__cleanup_free char *name = NULL;
	size_t before = p->out.len;
	uint64_t type, flags;
	bool ok = false;
	put_fn put;

	if (p->depth >= MAX_DEPTH || is_within_itself(p, addr)) {
		buf_puts(&p->out, "...");
		return;
	}
	p->path[p->depth++] = addr;
	if (object_read_type(p->r, addr, &type, &flags))
		name = type_name(p->r, type, flags);
	put = name ? find_by_name(name, flags) : NULL;
	if (name)
		ok = put ? put(p, addr) : put_by_flag(p, addr, flags, name);
	p->depth--;
	if (ok)
		return;
	p->out.len = before;
	if (name)
		buf_printf(&p->out, "<%s at %#llx>", name, (unsigned long long)addr);
	else
		buf_puts(&p->out, "?");
}

/* At most `max` bytes of whole UTF-8 characters. */
static void cut(struct buf *b, size_t max)
{
	if (b->len <= max)
		return;
	while (max && ((unsigned char)b->data[max] & 0xc0) == 0x80)
		max--;
	b->len = max;
	buf_puts(b, "...");
}

char *object_repr(struct object_reader *r, uint64_t addr, size_t max)
{
	struct repr p = {.r = r, .max = max};

	put_object(&p, addr);
	cut(&p.out, max);
	return buf_steal_text(&p.out);
}
