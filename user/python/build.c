/* SPDX-License-Identifier: MIT */
/*
 * Which interpreter is in this file? Everything is taken from the file: symbols, the version constant or string,
 * _Py_DebugOffsets, and the sizes and member tables of its own types, which must agree with the version table before a
 * single frame is walked. A file in doubt is refused in plain words.
 */
#include "user/python/build.h"
#include "user/python/asyncio_debug.h"
#include "user/python/debug_offsets.h"
#include "user/python/objects_common.h"
#include "user/python/version_of.h"
#include "user/python/versions.h"
#include "user/symbol/arch.h"
#include "user/symbol/elf.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct identity {
	const struct elf_file *elf;
	const char *path;
	uint64_t runtime_bytes;
	const struct py_version *row;
	bool free_threaded;
	bool newer; /* than the table: the row is the newest one's */
	struct py_build *out;
};

__attribute__((format(printf, 3, 4))) static bool refuse(struct identity *id, enum py_refusal refusal, const char *fmt,
							 ...)
{
	va_list args;

	id->out->refusal = refusal;
	va_start(args, fmt);
	vsnprintf(id->out->why_not, sizeof(id->out->why_not), fmt, args);
	va_end(args);
	return false;
}

static bool has_symbol(const struct elf_file *e, const char *name)
{
	uint64_t vaddr, size;

	return elf_file__symbol(e, name, &vaddr, &size);
}

/*
 * _PyRuntime is in a section of its own from 3.10 (pycore_runtime.h), and exported. A program that is merely linked to
 * libpython may hold a copy-relocated _PyRuntime; it does not define the functions.
 */
static bool find_runtime(struct identity *id)
{
	uint64_t *vaddr = &id->out->runtime_vaddr;

	if (elf_file__section(id->elf, ".PyRuntime", vaddr, &id->runtime_bytes))
		return true;
	return elf_file__symbol(id->elf, "_PyRuntime", vaddr, &id->runtime_bytes) &&
	       has_symbol(id->elf, "Py_GetVersion");
}

#define SCANNED     (64u << 20) /* bytes of a program's data … */
#define SCAN_STEP   (64u << 10) /* … so many at once */
#define SCAN_BEYOND (DEBUG_OFFSETS_HEADER + 8)
#define RUNTIME_MAX (16u << 20)

/* Is this the beginning of _PyRuntime? Then it says how large it is: runtime_state.size is in the same place in all versions. */
static bool is_runtime(const struct identity *id, const char *at, uint64_t vaddr, uint64_t *size)
{
	bool free_threaded;
	uint32_t hex;
	char last;

	if (!debug_offsets_header(at, &hex, &free_threaded) || hex >> 24 != 3)
		return false;
	memcpy(size, at + DEBUG_OFFSETS_HEADER, sizeof(*size));
	return *size && *size <= RUNTIME_MAX && elf_file__read(id->elf, vaddr + *size - 1, &last, 1);
}

static bool scan_part(struct identity *id, const struct elf_part *part)
{
	__cleanup_free char *bytes = xmalloc(SCAN_STEP + SCAN_BEYOND);
	uint64_t at = (part->vaddr + 7) / 8 * 8, end = part->vaddr + (part->bytes < SCANNED ? part->bytes : SCANNED);

	for (; at < end; at += SCAN_STEP) {
		uint64_t len = end - at < SCAN_STEP + SCAN_BEYOND ? end - at : SCAN_STEP + SCAN_BEYOND;

		if (!elf_file__read(id->elf, at, bytes, len))
			return false;
		for (size_t k = 0; k < SCAN_STEP && k + SCAN_BEYOND <= len; k += 8) {
			if (!is_runtime(id, bytes + k, at + k, &id->runtime_bytes))
				continue;
			id->out->runtime_vaddr = at + k;
			return true;
		}
	}
	return false;
}

/*
 * A program that is linked statically needs no symbols, and can do without section headers, too: from 3.13 on
 * _PyRuntime begins with a cookie.
 */
static bool find_cookie(struct identity *id)
{
	uint64_t vaddr, size;

	if (!elf_file__is_static(id->elf) || elf_file__section(id->elf, ".text", &vaddr, &size))
		return false;
	for (size_t i = 0; i < id->out->part_cnt; i++) {
		if (scan_part(id, &id->out->parts[i]))
			return true;
	}
	return false;
}

/* Up to 3.6 there is no _PyRuntime, but variables, of which this one is exported (Python/pystate.c). */
static bool find_current_state(struct identity *id)
{
	uint64_t size;

	return has_symbol(id->elf, "Py_GetVersion") &&
	       elf_file__symbol(id->elf, "_PyThreadState_Current", &id->out->runtime_vaddr, &size);
}

static bool is_pypy(const struct identity *id)
{
	return has_symbol(id->elf, "pypy_main_startup") || has_symbol(id->elf, "pypy_setup_home");
}

/* Version and threading by _Py_DebugOffsets come before any layout question. */
static void read_debug_header(struct identity *id)
{
	char head[DEBUG_OFFSETS_HEADER];
	uint32_t hex;

	if (!elf_file__read(id->elf, id->out->runtime_vaddr, head, sizeof(head)) ||
	    !debug_offsets_header(head, &hex, &id->free_threaded))
		return;
	if (!id->out->version_hex)
		version_from_hex(hex, id->out);
}

static void find_row(struct identity *id)
{
	unsigned minor = id->out->version_hex >> 16 & 0xff, newest;
	size_t cnt;

	if (id->out->version_hex >> 24 != 3)
		return;
	newest = py_versions(&cnt)[cnt - 1].minor;
	id->newer = minor > newest;
	id->row = py_version_find(id->newer ? newest : minor, id->free_threaded);
}

static bool check_version(struct identity *id)
{
	struct py_build *out = id->out;
	size_t cnt;
	const struct py_version *rows = py_versions(&cnt);

	if (!out->version_hex)
		return refuse(id, PY_UNKNOWN_VERSION, "its Python version could not be found out");
	find_row(id);
	if (id->free_threaded && strlen(out->version) + 1 < sizeof(out->version))
		strcat(out->version, "t");
	if (!id->row)
		return refuse(id, PY_OTHER_VERSION, "CPython %s is not supported; 3.%u to 3.%u are", out->version,
			      rows[0].minor, rows[cnt - 1].minor);
	if (!id->newer && (out->version_hex & 0xf0) != 0xf0)
		return refuse(id, PY_PRE_RELEASE, "CPython %s is a pre-release; only releases are supported",
			      out->version);
	return true;
}

static bool check_platform(struct identity *id)
{
	if (elf_file__machine(id->elf) != arch_own->machine)
		return refuse(id, PY_OTHER_PROCESSOR,
			      "CPython %s is built for another processor (ELF machine %u), not for %s",
			      id->out->version, elf_file__machine(id->elf), arch_own->name);
	return true;
}

/*
 * Include/object.h: with Py_TRACE_REFS (up to 3.7 Py_DEBUG implies it) each object begins with two pointers more. Debug builds
 * without it are laid out as release builds are, as far as it is read here.
 */
static bool check_headers(struct identity *id)
{
	return !has_symbol(id->elf, "_Py_AddToAllObjects") ||
	       refuse(id, PY_DEBUG_BUILD,
		      "CPython %s is a debug build that traces references (Py_TRACE_REFS), which is not supported",
		      id->out->version);
}

/*
 * Is a version that the table does not know laid out as the newest that it knows? Only if all that the file shows is the same: no
 * row says what else may have changed. What a mere number tells (who holds the GIL, co_version) is then not believed.
 */
static bool refuse_newer(struct identity *id, const char *why)
{
	return refuse(id, PY_OTHER_VERSION, "CPython %s is newer than 3.%u, the last that is known, and %s",
		      id->out->version, id->row->minor, why);
}

#define MEMBER_SIZE   40 /* Include/structmember.h: PyMemberDef {name, type, offset, flags, doc} */
#define MEMBER_OFFSET 16
#define MAX_MEMBERS   32

static bool check_basicsize(struct identity *id, const char *type, uint64_t expected)
{
	uint64_t vaddr, size, found = 0, larger = id->out->layout.type_off - OB_TYPE;

	if (!elf_file__symbol(id->elf, type, &vaddr, &size))
		return !id->newer || refuse_newer(id, "hides its types"); /* hidden symbols: nothing to compare */
	if (elf_file__read(id->elf, vaddr + TP_BASICSIZE + larger, &found, sizeof(found)) && found == expected)
		return true;
	return refuse(id, PY_UNKNOWN_LAYOUT, "CPython %s has an unknown layout: %s is %llu bytes, not %llu",
		      id->out->version, type, (unsigned long long)found, (unsigned long long)expected);
}

/* The offset that PyCode_Type's own member table gives for a name; -1 when it lists none. */
static int64_t member_offset(const struct elf_file *e, uint64_t members, const char *name)
{
	for (unsigned i = 0; i < MAX_MEMBERS; i++, members += MEMBER_SIZE) {
		uint64_t text, offset;
		char found[24] = "";

		if (!elf_file__read_pointer(e, members, &text) || !text ||
		    !elf_file__read(e, text, found, strlen(name) + 1))
			return -1;
		if (!memcmp(found, name, strlen(name) + 1))
			return elf_file__read(e, members + MEMBER_OFFSET, &offset, 8) ? (int64_t)offset : -1;
	}
	return -1;
}

static bool check_code_members(struct identity *id)
{
	const struct abi_py_layout *l = &id->out->layout;
	const struct {
		const char *name;
		unsigned offset;
	} expected[] = {
		{"co_firstlineno", l->code_firstlineno_off},
		{"co_filename", l->code_filename_off},
		{id->row->code_name, l->code_name_off},
		{id->row->code_lines, l->code_lines_off},
	};
	uint64_t type, size, members;

	if (!elf_file__symbol(id->elf, "PyCode_Type", &type, &size) ||
	    !elf_file__read_pointer(id->elf, type + TP_MEMBERS + l->type_off - OB_TYPE, &members) || !members)
		return !id->newer || refuse_newer(id, "hides its types");
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		int64_t found = member_offset(id->elf, members, expected[i].name);

		if (found < 0 && id->newer)
			return refuse_newer(id, "has other code objects");
		if (found >= 0 && found != expected[i].offset)
			return refuse(id, PY_UNKNOWN_LAYOUT,
				      "CPython %s has an unknown layout: code.%s is at %lld, not %u", id->out->version,
				      expected[i].name, (long long)found, expected[i].offset);
	}
	return true;
}

static bool read_debug_offsets(struct identity *id)
{
	size_t bytes = debug_offsets_bytes(id->row->debug);
	__cleanup_free char *table = xcalloc(1, bytes + 1);
	bool free_threaded;
	uint32_t hex;
	struct py_build known = *id->out;
	const char *wrong;

	if (!elf_file__read(id->elf, id->out->runtime_vaddr, table, bytes) ||
	    !debug_offsets_header(table, &hex, &free_threaded) || hex != id->out->version_hex)
		return refuse(id, PY_UNKNOWN_LAYOUT, "CPython %s has no debug offsets of its version",
			      id->out->version);
	wrong = debug_offsets_apply(id->row->debug, table, id->runtime_bytes, id->out);
	if (id->newer && (wrong || memcmp(&known.layout, &id->out->layout, sizeof(known.layout))))
		return refuse_newer(id, "laid out in another way");
	return !wrong || refuse(id, PY_UNKNOWN_LAYOUT, "CPython %s: %s", id->out->version, wrong);
}

/* The distance of PyCode_Type from _PyRuntime: both are data of the same module. 0 when it is hidden. */
static int64_t code_type_delta(const struct identity *id)
{
	uint64_t vaddr, size;

	if (!elf_file__symbol(id->elf, "PyCode_Type", &vaddr, &size))
		return 0;
	return (int64_t)(vaddr - id->out->runtime_vaddr);
}

#define GETTER_BYTES 64

/* Python/pystate.c, PyGILState_GetThisThreadState(): returns _Py_tss_gilstate, whose own name is no symbol of the file. */
static bool find_state_variable(struct identity *id)
{
	static const uint8_t kinds[] = {[ARCH_TLS_OFFSET] = ABI_TLS_OFFSET,
					[ARCH_TLS_GOT_OFFSET] = ABI_TLS_GOT_OFFSET,
					[ARCH_TLS_MODULE] = ABI_TLS_MODULE,
					[ARCH_TLS_DESCRIPTOR] = ABI_TLS_DESCRIPTOR};
	struct abi_py_layout *l = &id->out->layout;
	uint8_t code[GETTER_BYTES];
	uint64_t start;
	size_t len = elf_file__code(id->elf, "PyGILState_GetThisThreadState", code, sizeof(code), &start);
	struct arch_tls tls;

	if (!len || !arch_of(elf_file__machine(id->elf))->tls(code, len, start, &tls))
		return false;
	l->tls = kinds[tls.kind];
	l->tls_got_delta = (int64_t)(tls.got - id->out->runtime_vaddr);
	l->tls_off = (int32_t)tls.off;
	return true;
}

/* The variable that a function loads first, as far as it lies from the one that is exported. */
static bool find_variable(const struct identity *id, const char *function, unsigned bytes, int32_t *delta)
{
	uint8_t code[GETTER_BYTES];
	uint64_t start, variable;
	size_t len = elf_file__code(id->elf, function, code, sizeof(code), &start);

	if (!len || !arch_of(elf_file__machine(id->elf))->load(code, len, start, bytes, &variable))
		return false;
	*delta = (int32_t)(int64_t)(variable - id->out->runtime_vaddr);
	return *delta == (int64_t)(variable - id->out->runtime_vaddr);
}

/* Python/pystate.c (3.6): static int autoTLSkey; static PyInterpreterState *interp_head */
static bool find_variables(struct identity *id)
{
	return find_variable(id, "PyGILState_GetThisThreadState", 4, &id->out->layout.rt_tss_off) &&
	       find_variable(id, "PyInterpreterState_Head", 8, &id->out->objects.runtime_interp_head);
}

static bool find_state(struct identity *id)
{
	const struct abi_py_layout *l = &id->row->layout;

	if (l->tls == ABI_TLS_PLAIN_KEY)
		return find_variables(id);
	return l->rt_tss_off || find_state_variable(id);
}

#define MUTEX_BYTES 40 /* bits/pthreadtypes-arch.h: __SIZEOF_PTHREAD_MUTEX_T of x86-64, which the rows are of */

/* Where a C library's mutexes are larger, all that lies behind them is further off, and _PyRuntime is so much larger. */
static bool take_runtime_bytes(struct identity *id)
{
	const struct py_version *row = id->row;
	unsigned mutex_bytes = arch_of(elf_file__machine(id->elf))->glibc_mutex_bytes;
	uint32_t more = row->runtime_mutexes * (mutex_bytes - MUTEX_BYTES);

	return py_version_fits_runtime(row, id->runtime_bytes, more, id->out) ||
	       refuse(id, PY_UNKNOWN_LAYOUT, "CPython %s has an unknown layout: _PyRuntime is %llu bytes, not %u",
		      id->out->version, (unsigned long long)id->runtime_bytes, row->runtime_bytes + more);
}

static bool read_layout(struct identity *id)
{
	const struct py_version *row = id->row;

	py_version_apply(row, id->out);
	id->out->layout.code_type_delta = code_type_delta(id);
	if (!take_runtime_bytes(id))
		return false;
	if (row->debug && !read_debug_offsets(id))
		return false;
	if (!find_state(id))
		return refuse(id, PY_UNKNOWN_LAYOUT, "CPython %s has its threads' states in an unknown way",
			      id->out->version);
	if (id->newer)
		id->out->layout.mech &= ~(ABI_MECH_GIL_STATUS | ABI_MECH_VERSION);
	id->out->newer = id->newer;
	py_build_complete(id->out);
	return py_layout_fits(&id->out->layout) ||
	       refuse(id, PY_UNKNOWN_LAYOUT, "CPython %s has a layout that the kernel side cannot read",
		      id->out->version);
}

static bool check_types(struct identity *id)
{
	const struct py_version *row = id->row;

	return check_basicsize(id, "PyCode_Type", row->code_basicsize) &&
	       check_basicsize(id, "PyFrame_Type", row->frame_basicsize) &&
	       check_basicsize(id, "PyUnicode_Type", row->unicode_basicsize) &&
	       check_basicsize(id, "PyBytes_Type", row->layout.bytes_data_off + 1u) && check_code_members(id);
}

static void note_parts(struct identity *id)
{
	struct py_build *b = id->out;

	while (b->part_cnt < PY_BUILD_PARTS && elf_file__part(id->elf, b->part_cnt, &b->parts[b->part_cnt]))
		b->part_cnt++;
}

static int identify(struct identity *id)
{
	note_parts(id);
	if (!find_runtime(id) && !find_current_state(id) && !find_cookie(id)) {
		if (!is_pypy(id))
			return -ENOENT;
		refuse(id, PY_OTHER_PYTHON, "PyPy is not supported, only CPython is");
		return 0;
	}
	version_of_file(id->elf, id->path, id->out);
	read_debug_header(id);
	asyncio_debug_read(id->elf, &id->out->asyncio_debug);
	id->out->supported =
		check_version(id) && check_platform(id) && check_headers(id) && read_layout(id) && check_types(id);
	if (id->out->supported)
		asyncio_debug_apply(&id->out->asyncio_debug, id->out);
	return 0;
}

int py_build_identify(int fd, const char *path, struct py_build *out)
{
	struct elf_file *e = elf_file__open(fd);
	struct identity id = {.elf = e, .path = path, .out = out};
	int err;

	memset(out, 0, sizeof(*out));
	if (!e)
		return -ENOENT;
	err = identify(&id);
	if (err)
		memset(out, 0, sizeof(*out));
	elf_file__free(e);
	return err;
}
