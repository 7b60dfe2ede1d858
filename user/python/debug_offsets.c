/*
 * The table is a sequence of u64 whose meaning depends on the minor version: members are inserted
 * in the middle, and it does not describe itself. So there is one list of positions per minor, and
 * a table is believed only when its known values agree. Source: Include/internal/pycore_runtime.h
 * (3.13), pycore_debug_offsets.h (3.14 on), struct _Py_DebugOffsets.
 */
#include "user/python/debug_offsets.h"
#include "user/util/alloc.h"
#include <string.h>

#define LAYOUT(member)  offsetof(struct py_build, layout.member), 2
#define OBJECTS(member) offsetof(struct py_build, objects.member), 4

/* Byte position in the table → where the value goes in struct py_build, and how wide that is. */
struct debug_member {
	uint16_t position, to, bytes;
};

/* A position that must hold this value in every default build; checked before anything is used. */
struct debug_fact {
	uint16_t position, value;
};

static const struct debug_member members_313[] = {
	{40, OBJECTS(runtime_interp_head)},  /* runtime_state.interpreters_head */
	{56, OBJECTS(interp_id)},            /* interpreter_state.id */
	{64, OBJECTS(interp_next)},          /* interpreter_state.next */
	{72, OBJECTS(interp_threads_head)},  /* interpreter_state.threads_head */
	{88, OBJECTS(interp_modules)},       /* interpreter_state.imports_modules */
	{112, OBJECTS(interp_gil)},          /* interpreter_state.ceval_gil */
	{168, OBJECTS(tstate_next)},         /* thread_state.next */
	{176, OBJECTS(tstate_interp)},       /* thread_state.interp */
	{192, OBJECTS(tstate_thread_id)},    /* thread_state.thread_id */
	{200, OBJECTS(tstate_native_id)},    /* thread_state.native_thread_id */
	{256, OBJECTS(frame_localsplus)},    /* interpreter_frame.localsplus */
	{184, LAYOUT(ts_frame_off)},         /* thread_state.current_frame */
	{192, LAYOUT(ts_thread_id_off)},     /* thread_state.thread_id */
	{216, LAYOUT(ts_gil_off)},           /* thread_state.status */
	{232, LAYOUT(frame_prev_off)},       /* interpreter_frame.previous */
	{240, LAYOUT(frame_code_off)},       /* interpreter_frame.executable */
	{248, LAYOUT(frame_ip_off)},         /* interpreter_frame.instr_ptr */
	{264, LAYOUT(frame_owner_off)},      /* interpreter_frame.owner */
	{280, LAYOUT(code_filename_off)},    /* code_object.filename */
	{296, LAYOUT(code_name_off)},        /* code_object.qualname */
	{304, LAYOUT(code_lines_off)},       /* code_object.linetable */
	{312, LAYOUT(code_firstlineno_off)}, /* code_object.firstlineno */
	{344, LAYOUT(code_start_off)},       /* code_object.co_code_adaptive */
	{360, LAYOUT(type_off)},             /* pyobject.ob_type */
	{520, LAYOUT(bytes_size_off)},       /* bytes_object.ob_size */
	{528, LAYOUT(bytes_data_off)},       /* bytes_object.ob_sval */
	{544, LAYOUT(str_state_off)},        /* unicode_object.state */
	{552, LAYOUT(str_length_off)},       /* unicode_object.length */
	{560, LAYOUT(str_ascii_off)},        /* unicode_object.asciiobject_size */
};

static const struct debug_fact facts_313[] = {
	{160, 0},  /* thread_state.prev */
	{168, 8},  /* thread_state.next */
	{176, 16}, /* thread_state.interp */
	{360, 8},  /* pyobject.ob_type; 24 in free-threaded builds */
	{376, 24}, /* type_object.tp_name */
	{520, 16}, /* bytes_object.ob_size */
	{528, 32}, /* bytes_object.ob_sval */
	{544, 32}, /* unicode_object.state */
	{560, 40}, /* unicode_object.asciiobject_size; str_compact_off goes with it */
};

/* 3.14 and 3.15 come here as rows. */
static const struct debug_layout {
	unsigned minor;
	size_t bytes;
	unsigned runtime_size; /* position of runtime_state.size */
	const struct debug_member *members;
	size_t member_count;
	const struct debug_fact *facts;
	size_t fact_count;
} layouts[] = {
	{13, 584, 24, members_313, ARRAY_SIZE(members_313), facts_313, ARRAY_SIZE(facts_313)},
};

static uint64_t value_at(const void *bytes, unsigned position)
{
	uint64_t value;

	memcpy(&value, (const char *)bytes + position, sizeof(value));
	return value;
}

bool debug_offsets_header(const void *bytes, uint32_t *version_hex, bool *free_threaded)
{
	if (memcmp(bytes, "xdebugpy", 8))
		return false;
	*version_hex = (uint32_t)value_at(bytes, 8);
	*free_threaded = value_at(bytes, 16) != 0;
	return true;
}

static const struct debug_layout *layout_of(unsigned minor)
{
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		if (layouts[i].minor == minor)
			return &layouts[i];
	}
	return NULL;
}

size_t debug_offsets_bytes(unsigned minor)
{
	const struct debug_layout *d = layout_of(minor);

	return d ? d->bytes : 0;
}

static bool store(struct py_build *out, const struct debug_member *m, uint64_t value)
{
	uint32_t wide = (uint32_t)value;
	uint16_t narrow = (uint16_t)value;

	if (value > (m->bytes == 2 ? 4096u : 1u << 20))
		return false;
	memcpy((char *)out + m->to, m->bytes == 2 ? (void *)&narrow : (void *)&wide, m->bytes);
	return true;
}

const char *debug_offsets_apply(const void *bytes, unsigned minor, uint64_t runtime_bytes,
				struct py_build *out)
{
	const struct debug_layout *d = layout_of(minor);

	if (!d)
		return "the layout of its debug offsets is not known";
	if (value_at(bytes, d->runtime_size) != runtime_bytes)
		return "its debug offsets state another size of _PyRuntime than the file";
	for (size_t i = 0; i < d->fact_count; i++) {
		if (value_at(bytes, d->facts[i].position) != d->facts[i].value)
			return "its debug offsets are not those of a default release build";
	}
	for (size_t i = 0; i < d->member_count; i++) {
		if (!store(out, &d->members[i], value_at(bytes, d->members[i].position)))
			return "its debug offsets hold an absurd value";
	}
	return NULL;
}
