/*
 * Which interpreter is in this file? Everything is taken from the file: symbols, the version
 * constant or string, _Py_DebugOffsets, and the sizes and member tables of its own types, which
 * must agree with the version table before a single frame is walked. What is in doubt is refused in
 * plain words.
 */
#include "user/python/build.h"
#include "user/python/debug_offsets.h"
#include "user/python/version_of.h"
#include "user/python/versions.h"
#include "user/symbol/elf.h"
#include "user/util/alloc.h"
#include <elf.h>
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
	struct py_build *out;
};

__attribute__((format(printf, 3, 4))) static bool refuse(struct identity *id, enum py_refusal refusal,
							const char *fmt, ...)
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
 * _PyRuntime is in a section of its own from 3.10 (pycore_runtime.h), and exported. A program that
 * is merely linked to libpython may hold a copy-relocated _PyRuntime; it does not define the
 * functions.
 */
static bool find_runtime(struct identity *id)
{
	uint64_t *vaddr = &id->out->runtime_vaddr;

	if (elf_file__section(id->elf, ".PyRuntime", vaddr, &id->runtime_bytes))
		return true;
	return elf_file__symbol(id->elf, "_PyRuntime", vaddr, &id->runtime_bytes) &&
	       has_symbol(id->elf, "Py_GetVersion");
}

/* Interpreters without _PyRuntime: 3.6 and older, and PyPy. */
static bool find_other(struct identity *id)
{
	if (has_symbol(id->elf, "Py_GetVersion") && has_symbol(id->elf, "_PyThreadState_Current")) {
		version_of_file(id->elf, id->path, id->out);
		return true;
	}
	if (has_symbol(id->elf, "pypy_main_startup") || has_symbol(id->elf, "pypy_setup_home")) {
		refuse(id, PY_OTHER_PYTHON, "PyPy is not supported, only CPython is");
		return true;
	}
	return false;
}

/* What _Py_DebugOffsets says of version and threading comes before any layout question. */
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

static bool check_version(struct identity *id)
{
	struct py_build *out = id->out;
	unsigned major = out->version_hex >> 24, minor = out->version_hex >> 16 & 0xff;

	if (!out->version_hex)
		return refuse(id, PY_UNKNOWN_VERSION, "its Python version could not be found out");
	if (major == 3)
		id->row = py_version_find(minor);
	if (id->free_threaded)
		return refuse(id, PY_FREE_THREADED, "CPython %s is free-threaded; these builds are not supported yet",
			      out->version);
	if (!id->row)
		return refuse(id, PY_OTHER_VERSION, "CPython %s is not supported; 3.%u to 3.%u are", out->version,
			      PY_VERSION_OLDEST, PY_VERSION_NEWEST);
	if ((out->version_hex & 0xf0) != 0xf0)
		return refuse(id, PY_PRE_RELEASE, "CPython %s is a pre-release; only releases are supported",
			      out->version);
	return true;
}

static bool check_platform(struct identity *id)
{
	const char *version = id->out->version;

	if (elf_file__machine(id->elf) != EM_X86_64)
		return refuse(id, PY_OTHER_PROCESSOR,
			      "CPython %s is built for another processor (ELF machine %u), "
			      "only x86-64 is supported yet",
			      version, elf_file__machine(id->elf));
	if (!elf_file__needs(id->elf, "libc.so.6"))
		return refuse(id, PY_OTHER_LIBC,
			      "CPython %s is not linked to glibc; musl and fully static "
			      "builds are not supported yet",
			      version);
	return true;
}

/* Include/object.h: exported only with Py_REF_DEBUG (Py_DEBUG implies it) or Py_TRACE_REFS. */
static bool check_release_build(struct identity *id)
{
	static const char *const debug_only[] = {"_Py_NegativeRefcount", "_Py_RefTotal",
						 "_Py_AddToAllObjects"};

	for (size_t i = 0; i < ARRAY_SIZE(debug_only); i++) {
		if (has_symbol(id->elf, debug_only[i]))
			return refuse(id, PY_DEBUG_BUILD,
				      "CPython %s is a debug build; these are not supported yet",
				      id->out->version);
	}
	return true;
}

#define TYPE_BASICSIZE 32  /* Include/cpython/object.h: PyTypeObject.tp_basicsize */
#define TYPE_MEMBERS   240 /* PyTypeObject.tp_members */
#define MEMBER_SIZE    40 /* Include/structmember.h: PyMemberDef {name, type, offset, flags, doc} */
#define MEMBER_OFFSET  16
#define MAX_MEMBERS    32

static bool check_basicsize(struct identity *id, const char *type, uint64_t expected)
{
	uint64_t vaddr, size, found = 0;

	if (!elf_file__symbol(id->elf, type, &vaddr, &size))
		return true; /* hidden symbols: nothing to compare */
	if (elf_file__read(id->elf, vaddr + TYPE_BASICSIZE, &found, sizeof(found)) &&
	    found == expected)
		return true;
	return refuse(id, PY_UNKNOWN_LAYOUT, "CPython %s has an unknown layout: %s is %llu bytes, not %llu",
		      id->out->version, type, (unsigned long long)found,
		      (unsigned long long)expected);
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
			return elf_file__read(e, members + MEMBER_OFFSET, &offset, 8)
				       ? (int64_t)offset
				       : -1;
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
		{l->mech & ABI_MECH_IP_POINTER ? "co_qualname" : "co_name", l->code_name_off},
		{id->row->lines == LINE_TABLE_LNOTAB ? "co_lnotab" : "co_linetable",
		 l->code_lines_off},
	};
	uint64_t type, size, members;

	if (!elf_file__symbol(id->elf, "PyCode_Type", &type, &size) ||
	    !elf_file__read_pointer(id->elf, type + TYPE_MEMBERS, &members) || !members)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		int64_t found = member_offset(id->elf, members, expected[i].name);

		if (found >= 0 && found != expected[i].offset)
			return refuse(id, PY_UNKNOWN_LAYOUT,
				      "CPython %s has an unknown layout: code.%s is at %lld, "
				      "not %u",
				      id->out->version, expected[i].name, (long long)found,
				      expected[i].offset);
	}
	return true;
}

static bool take_debug_offsets(struct identity *id)
{
	size_t bytes = debug_offsets_bytes(id->row->minor);
	__cleanup_free char *table = xcalloc(1, bytes + 1);
	bool free_threaded;
	uint32_t hex;
	const char *wrong;

	if (!bytes || !elf_file__read(id->elf, id->out->runtime_vaddr, table, bytes) ||
	    !debug_offsets_header(table, &hex, &free_threaded) || hex != id->out->version_hex)
		return refuse(id, PY_UNKNOWN_LAYOUT, "CPython %s has no debug offsets of its version",
			      id->out->version);
	wrong = debug_offsets_apply(table, id->row->minor, id->runtime_bytes, id->out);
	return !wrong || refuse(id, PY_UNKNOWN_LAYOUT, "CPython %s: %s", id->out->version, wrong);
}

/* Where PyCode_Type lies, seen from _PyRuntime: both are data of the same module. 0 when it is hidden. */
static int64_t code_type_delta(const struct identity *id)
{
	uint64_t vaddr, size;

	if (!elf_file__symbol(id->elf, "PyCode_Type", &vaddr, &size))
		return 0;
	return (int64_t)(vaddr - id->out->runtime_vaddr);
}

static bool take_layout(struct identity *id)
{
	const struct py_version *row = id->row;

	id->out->lines = row->lines;
	id->out->layout = row->layout;
	id->out->layout.code_type_delta = code_type_delta(id);
	id->out->objects = row->objects;
	if (row->runtime_bytes && id->runtime_bytes != row->runtime_bytes)
		return refuse(id, PY_UNKNOWN_LAYOUT,
			      "CPython %s has an unknown layout: _PyRuntime is %llu bytes, not %u",
			      id->out->version, (unsigned long long)id->runtime_bytes,
			      row->runtime_bytes);
	if (row->debug_offsets && !take_debug_offsets(id))
		return false;
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
	       check_basicsize(id, "PyBytes_Type", row->layout.bytes_data_off + 1u) &&
	       check_code_members(id);
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
	if (!find_runtime(id)) {
		if (!find_other(id))
			return -ENOENT;
		if (!id->out->why_not[0])
			check_version(id);
		return 0;
	}
	version_of_file(id->elf, id->path, id->out);
	read_debug_header(id);
	id->out->supported = check_version(id) && check_platform(id) && check_release_build(id) &&
			     take_layout(id) && check_types(id);
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
