/* SPDX-License-Identifier: MIT */
/*
 * The table is a sequence of u64 whose meaning depends on the minor version: members are inserted in the middle, and it
 * does not describe itself. So there is one list of positions for each, named by the row of versions.c, and a table is
 * believed only when its known values agree. Source: Include/internal/pycore_runtime.h (3.13), pycore_debug_offsets.h
 * (3.14 on), struct _Py_DebugOffsets.
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

/* A position that must hold this value, in free-threaded builds that one; checked before anything is used. */
struct debug_fact {
	uint16_t position, value, threaded;
};

static const struct debug_member members_313[] = {
	{40, OBJECTS(runtime_interp_head)},  /* runtime_state.interpreters_head */
	{56, OBJECTS(interp_id)},            /* interpreter_state.id */
	{64, OBJECTS(interp_next)},          /* interpreter_state.next */
	{72, OBJECTS(interp_threads_head)},  /* interpreter_state.threads_head */
	{88, OBJECTS(interp_modules)},       /* interpreter_state.imports_modules */
	{112, OBJECTS(interp_gil)},          /* interpreter_state.ceval_gil */
	{152, OBJECTS(tstate_bytes)},        /* thread_state.size */
	{80, OBJECTS(interp_gc)},            /* interpreter_state.gc */
	{576, OBJECTS(gc_collecting)},       /* gc.collecting */
	{168, OBJECTS(tstate_next)},         /* thread_state.next */
	{176, OBJECTS(tstate_interp)},       /* thread_state.interp */
	{200, OBJECTS(tstate_native_id)},    /* thread_state.native_thread_id */
	{256, LAYOUT(frame_locals_off)},     /* interpreter_frame.localsplus */
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
	{456, LAYOUT(dict_keys_off)},        /* dict_object.ma_keys */
	{520, LAYOUT(bytes_size_off)},       /* bytes_object.ob_size */
	{528, LAYOUT(bytes_data_off)},       /* bytes_object.ob_sval */
	{544, LAYOUT(str_state_off)},        /* unicode_object.state */
	{552, LAYOUT(str_length_off)},       /* unicode_object.length */
	{560, LAYOUT(str_ascii_off)},        /* unicode_object.asciiobject_size */
};

static const struct debug_fact facts_313[] = {
	{160, 0, 0},   /* thread_state.prev */
	{168, 8, 8},   /* thread_state.next */
	{176, 16, 16}, /* thread_state.interp */
	{360, 8, 24},  /* pyobject.ob_type */
	{376, 24, 40}, /* type_object.tp_name */
	{464, 40, 56}, /* dict_object.ma_values: right behind ma_keys */
	{520, 16, 32}, /* bytes_object.ob_size */
	{528, 32, 48}, /* bytes_object.ob_sval */
	{544, 32, 48}, /* unicode_object.state */
	{560, 40, 56}, /* unicode_object.asciiobject_size; str_compact_off goes with it */
};

static const struct debug_member members_314[] = {
	{40, OBJECTS(runtime_interp_head)},  /* runtime_state.interpreters_head */
	{56, OBJECTS(interp_id)},            /* interpreter_state.id */
	{64, OBJECTS(interp_next)},          /* interpreter_state.next */
	{72, OBJECTS(interp_threads_head)},  /* interpreter_state.threads_head */
	{96, OBJECTS(interp_modules)},       /* interpreter_state.imports_modules */
	{120, OBJECTS(interp_gil)},          /* interpreter_state.ceval_gil */
	{88, OBJECTS(interp_gc)},            /* interpreter_state.gc */
	{656, OBJECTS(gc_collecting)},       /* gc.collecting */
	{192, OBJECTS(tstate_next)},         /* thread_state.next */
	{200, OBJECTS(tstate_interp)},       /* thread_state.interp */
	{224, OBJECTS(tstate_native_id)},    /* thread_state.native_thread_id */
	{280, LAYOUT(frame_locals_off)},     /* interpreter_frame.localsplus */
	{208, LAYOUT(ts_frame_off)},         /* thread_state.current_frame */
	{216, LAYOUT(ts_thread_id_off)},     /* thread_state.thread_id */
	{240, LAYOUT(ts_gil_off)},           /* thread_state.status */
	{256, LAYOUT(frame_prev_off)},       /* interpreter_frame.previous */
	{264, LAYOUT(frame_code_off)},       /* interpreter_frame.executable */
	{272, LAYOUT(frame_ip_off)},         /* interpreter_frame.instr_ptr */
	{288, LAYOUT(frame_owner_off)},      /* interpreter_frame.owner */
	{320, LAYOUT(code_filename_off)},    /* code_object.filename */
	{336, LAYOUT(code_name_off)},        /* code_object.qualname */
	{344, LAYOUT(code_lines_off)},       /* code_object.linetable */
	{352, LAYOUT(code_firstlineno_off)}, /* code_object.firstlineno */
	{384, LAYOUT(code_start_off)},       /* code_object.co_code_adaptive */
	{408, LAYOUT(type_off)},             /* pyobject.ob_type */
	{536, LAYOUT(dict_keys_off)},        /* dict_object.ma_keys */
	{600, LAYOUT(bytes_size_off)},       /* bytes_object.ob_size */
	{608, LAYOUT(bytes_data_off)},       /* bytes_object.ob_sval */
	{624, LAYOUT(str_state_off)},        /* unicode_object.state */
	{632, LAYOUT(str_length_off)},       /* unicode_object.length */
	{640, LAYOUT(str_ascii_off)},        /* unicode_object.asciiobject_size */
};

static const struct debug_member threaded_314[] = {
	{304, LAYOUT(frame_copy_off)},  /* interpreter_frame.tlbc_index */
	{392, LAYOUT(code_copies_off)}, /* code_object.co_tlbc */
};

static const struct debug_fact facts_314[] = {
	{184, 0, 0},   /* thread_state.prev */
	{192, 8, 8},   /* thread_state.next */
	{200, 16, 16}, /* thread_state.interp */
	{408, 8, 24},  /* pyobject.ob_type */
	{424, 24, 40}, /* type_object.tp_name */
	{544, 40, 56}, /* dict_object.ma_values: right behind ma_keys */
	{600, 16, 32}, /* bytes_object.ob_size */
	{608, 32, 48}, /* bytes_object.ob_sval */
	{624, 32, 48}, /* unicode_object.state */
	{640, 40, 56}, /* unicode_object.asciiobject_size; str_compact_off goes with it */
};

static const struct debug_member members_315[] = {
	{40, OBJECTS(runtime_interp_head)},  /* runtime_state.interpreters_head */
	{56, OBJECTS(interp_id)},            /* interpreter_state.id */
	{64, OBJECTS(interp_next)},          /* interpreter_state.next */
	{72, OBJECTS(interp_threads_head)},  /* interpreter_state.threads_head */
	{96, OBJECTS(interp_modules)},       /* interpreter_state.imports_modules */
	{120, OBJECTS(interp_gil)},          /* interpreter_state.ceval_gil */
	{88, OBJECTS(interp_gc)},            /* interpreter_state.gc */
	{760, OBJECTS(gc_collecting)},       /* gc.collecting */
	{768, OBJECTS(gc_frame)},            /* gc.frame */
	{192, OBJECTS(tstate_next)},         /* thread_state.next */
	{200, OBJECTS(tstate_interp)},       /* thread_state.interp */
	{248, OBJECTS(tstate_native_id)},    /* thread_state.native_thread_id */
	{344, LAYOUT(frame_locals_off)},     /* interpreter_frame.localsplus */
	{208, LAYOUT(ts_frame_off)},         /* thread_state.current_frame */
	{240, LAYOUT(ts_thread_id_off)},     /* thread_state.thread_id */
	{264, LAYOUT(ts_gil_off)},           /* thread_state.status */
	{320, LAYOUT(frame_prev_off)},       /* interpreter_frame.previous */
	{328, LAYOUT(frame_code_off)},       /* interpreter_frame.executable */
	{336, LAYOUT(frame_ip_off)},         /* interpreter_frame.instr_ptr */
	{352, LAYOUT(frame_owner_off)},      /* interpreter_frame.owner */
	{384, LAYOUT(code_filename_off)},    /* code_object.filename */
	{400, LAYOUT(code_name_off)},        /* code_object.qualname */
	{408, LAYOUT(code_lines_off)},       /* code_object.linetable */
	{416, LAYOUT(code_firstlineno_off)}, /* code_object.firstlineno */
	{448, LAYOUT(code_start_off)},       /* code_object.co_code_adaptive */
	{472, LAYOUT(type_off)},             /* pyobject.ob_type */
	{632, LAYOUT(dict_keys_off)},        /* dict_object.ma_keys */
	{696, LAYOUT(bytes_size_off)},       /* bytes_object.ob_size */
	{704, LAYOUT(bytes_data_off)},       /* bytes_object.ob_sval */
	{720, LAYOUT(str_state_off)},        /* unicode_object.state */
	{728, LAYOUT(str_length_off)},       /* unicode_object.length */
	{736, LAYOUT(str_ascii_off)},        /* unicode_object.asciiobject_size */
};

static const struct debug_member threaded_315[] = {
	{368, LAYOUT(frame_copy_off)},  /* interpreter_frame.tlbc_index */
	{456, LAYOUT(code_copies_off)}, /* code_object.co_tlbc */
};

static const struct debug_fact facts_315[] = {
	{184, 0, 0},   /* thread_state.prev */
	{192, 8, 8},   /* thread_state.next */
	{200, 16, 16}, /* thread_state.interp */
	{472, 8, 24},  /* pyobject.ob_type */
	{488, 24, 40}, /* type_object.tp_name */
	{640, 40, 56}, /* dict_object.ma_values: right behind ma_keys */
	{696, 16, 32}, /* bytes_object.ob_size */
	{704, 32, 48}, /* bytes_object.ob_sval */
	{720, 32, 48}, /* unicode_object.state */
	{736, 40, 56}, /* unicode_object.asciiobject_size; str_compact_off goes with it */
};

struct debug_offsets {
	size_t bytes;
	unsigned runtime_size; /* position of runtime_state.size */
	const struct debug_member *members;
	size_t member_count;
	const struct debug_member *threaded; /* of free-threaded builds only */
	size_t threaded_count;
	const struct debug_fact *facts;
	size_t fact_count;
};

const struct debug_offsets debug_offsets_313 = {
	584, 24, members_313, ARRAY_SIZE(members_313), NULL, 0, facts_313, ARRAY_SIZE(facts_313),
};

const struct debug_offsets debug_offsets_314 = {
	760,          24,
	members_314,  ARRAY_SIZE(members_314),
	threaded_314, ARRAY_SIZE(threaded_314),
	facts_314,    ARRAY_SIZE(facts_314),
};

const struct debug_offsets debug_offsets_315 = {
	888,          24,
	members_315,  ARRAY_SIZE(members_315),
	threaded_315, ARRAY_SIZE(threaded_315),
	facts_315,    ARRAY_SIZE(facts_315),
};

#define FREE_THREADED 16 /* position of free_threaded, behind cookie and version */

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
	*free_threaded = value_at(bytes, FREE_THREADED) != 0;
	return true;
}

size_t debug_offsets_bytes(const struct debug_offsets *d)
{
	return d->bytes;
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

static bool store_all(const struct debug_member *m, size_t cnt, const void *bytes, struct py_build *out)
{
	for (size_t i = 0; i < cnt; i++)
		if (!store(out, &m[i], value_at(bytes, m[i].position)))
			return false;
	return true;
}

const char *debug_offsets_apply(const struct debug_offsets *d, const void *bytes, uint64_t runtime_bytes,
				struct py_build *out)
{
	bool threaded = value_at(bytes, FREE_THREADED);

	if (value_at(bytes, d->runtime_size) != runtime_bytes)
		return "its debug offsets state another size of _PyRuntime than the file";
	for (size_t i = 0; i < d->fact_count; i++) {
		const struct debug_fact *f = &d->facts[i];

		if (value_at(bytes, f->position) != (threaded ? f->threaded : f->value))
			return "its debug offsets are not those of a default or free-threaded build";
	}
	if (!store_all(d->members, d->member_count, bytes, out) ||
	    (threaded && !store_all(d->threaded, d->threaded_count, bytes, out)))
		return "its debug offsets hold an absurd value";
	return NULL;
}
