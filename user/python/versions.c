/*
 * THE version table. The numbers are those of the DWARF of real builds (3.8.18, 3.9.18, 3.10.13,
 * 3.11.7, 3.12.1, 3.13.0 and 3.13.18, x86-64), each beside the struct of CPython's source that it
 * is an offset in. py_build_identify() compares them with the file at hand (sizes of types, member
 * tables, _PyRuntime's size).
 */
#include "user/python/versions.h"
#include "user/util/alloc.h"

/* Include/cpython/unicodeobject.h: PyASCIIObject.length, .state {interned:2 kind:3 compact:1
 * ascii:1 …} */
#define STRINGS(ascii_size, compact_size)                                                          \
	.str_length_off = 16, .str_state_off = 32, .str_kind_shift = 2, .str_compact_bit = 5,      \
	.str_ascii_bit = 6, .str_ascii_off = (ascii_size), .str_compact_off = (compact_size)
/* sizeof(PyASCIIObject), sizeof(PyCompactUnicodeObject); 3.12 dropped wstr and wstr_length (PEP
 * 623) */
/* and, up to then, PyASCIIObject.wstr, PyCompactUnicodeObject.wstr_length */
#define STRINGS_WSTR    STRINGS(48, 72), .str_wstr_off = 40, .str_wstr_length_off = 64
#define STRINGS_NO_WSTR STRINGS(40, 56)

/*
 * Include/cpython/bytesobject.h: PyBytesObject.ob_base.ob_size, .ob_sval; Include/object.h:
 * PyObject.ob_type
 */
#define BYTES .bytes_size_off = 16, .bytes_data_off = 32, .type_off = 8

/*
 * glibc, x86-64, 2.34 to 2.43: nptl/descr.h struct pthread.specific_1stblock, .specific; each entry
 * is struct pthread_key_data {uintptr_t seq; void *data}. A libc's own descriptors override this
 * (tls.c).
 */
#define TLS                                                                                        \
	.tss_first_off = 784, .tss_table_off = 1296, .tss_per_block = 32, .tss_entry_size = 16,    \
	.tss_value_off = 8

/*
 * Include/cpython/pystate.h: struct _ts.interp. glibc, x86-64, 2.25 to 2.43: struct pthread.tid, overridden by the
 * libc's own descriptor (tls.c).
 */
#define THREADS .tstate_interp = 16, .pthread_tid = 720

/* Include/cpython/frameobject.h (3.10: same, one member less): PyFrameObject f_back, f_code,
 * f_lasti */
#define PYFRAME(lasti)                                                                             \
	.frame_base = 24, .frame_prev_off = 24, .frame_code_off = 32, .frame_ip_off = (lasti)

/*
 * Include/cpython/code.h, 3.8 to 3.10: PyCodeObject co_firstlineno, co_filename, co_name, then
 * co_lnotab (3.8, 3.9) or co_linetable (3.10)
 */
#define CODE_OLD                                                                                   \
	.code_base = 32, .code_firstlineno_off = 40, .code_filename_off = 104,                     \
	.code_name_off = 112, .code_lines_off = 120

/* Include/cpython/code.h, _PyCode_DEF from 3.11: co_filename, _qualname, _linetable, _code_adaptive
 */
#define CODE_NEW(firstlineno, adaptive)                                                            \
	.code_base = 48, .code_firstlineno_off = (firstlineno), .code_filename_off = 112,          \
	.code_name_off = 128, .code_lines_off = 136, .code_start_off = (adaptive)

/*
 * Include/cpython/pystate.h: struct _ts.datastack_chunk, _top, _limit; Include/internal/pycore_frame.h:
 * _PyInterpreterFrame.localsplus; Include/cpython/code.h: co_stacksize, co_nlocalsplus
 */
#define DATA_STACK(chunk, stacksize, nlocalsplus)                                                  \
	.ts_stack_off = (chunk), .frame_locals_off = 72, .code_stacksize_off = (stacksize),        \
	.code_nlocals_off = (nlocalsplus)

/* clang-format off: one member a line would hide what belongs together */
static const struct py_version versions[] = {
	{
		.minor = 8,
		.lines = LINE_TABLE_LNOTAB,
		.runtime_bytes = 1464,   /* Include/internal/pycore_pystate.h */
		.code_basicsize = 176,   /* sizeof(PyCodeObject) */
		.frame_basicsize = 368,  /* sizeof(PyFrameObject) */
		.unicode_basicsize = 80, /* sizeof(PyUnicodeObject) */
		.layout =
			{
				.mech = ABI_MECH_GIL_CURRENT | ABI_MECH_THREAD_ID,
				.rt_tss_off = 1392, /* _PyRuntimeState.gilstate.autoTSSkey */
				.rt_tstate_current_off =
					1368, /* _PyRuntimeState.gilstate.tstate_current */
				.ts_thread_id_off = 176, /* Include/cpython/pystate.h: struct _ts */
				.ts_frame_off = 24,      /* struct _ts.frame */
				PYFRAME(104),
				CODE_OLD,
				STRINGS_WSTR,
				BYTES,
				TLS,
			},
		.objects =
			{
				.runtime_interp_head = 32, /* _PyRuntimeState.interpreters.head */
				.interp_next = 0,
				.interp_threads_head = 8, /* struct _is.next, .tstate_head */
				.interp_modules = 56,     /* struct _is.modules */
				.tstate_next = 8,
				.tstate_thread_id = 176,
				.interp_id = 16, /* struct _is.id */
				.runtime_gil = 1152, /* _PyRuntimeState.ceval.gil */
				.frame_localsplus = 360, /* PyFrameObject.f_localsplus */
				THREADS,
				.minor = 8,
			},
	},
	{
		.minor = 9,
		.lines = LINE_TABLE_LNOTAB,
		.runtime_bytes = 656, /* Include/internal/pycore_runtime.h */
		.code_basicsize = 176,
		.frame_basicsize = 368,
		.unicode_basicsize = 80,
		.layout =
			{
				.mech = ABI_MECH_GIL_CURRENT | ABI_MECH_THREAD_ID,
				.rt_tss_off = 584, /* _PyRuntimeState.gilstate.autoTSSkey */
				.rt_tstate_current_off =
					568, /* _PyRuntimeState.gilstate.tstate_current */
				.ts_thread_id_off = 176, /* Include/cpython/pystate.h: struct _ts */
				.ts_frame_off = 24,
				PYFRAME(104),
				CODE_OLD,
				STRINGS_WSTR,
				BYTES,
				TLS,
			},
		.objects =
			{
				.runtime_interp_head = 32,
				.interp_next = 0,
				.interp_threads_head = 8, /* pycore_interp.h: struct _is */
				.interp_modules = 856,    /* struct _is.modules */
				.tstate_next = 8,
				.tstate_thread_id = 176,
				.interp_id = 24, /* struct _is.id */
				.runtime_gil = 352, /* _PyRuntimeState.ceval.gil */
				.frame_localsplus = 360, /* PyFrameObject.f_localsplus */
				THREADS,
				.minor = 9,
			},
	},
	{
		.minor = 10,
		.lines = LINE_TABLE_310,
		.runtime_bytes = 672,
		.code_basicsize = 176,
		.frame_basicsize =
			360, /* f_iblock and f_executing became f_stackdepth and f_state */
		.unicode_basicsize = 80,
		.layout =
			{
				/* f_lasti counts code units: Objects/frameobject.c frame_getlasti()
				 */
				.mech = ABI_MECH_GIL_CURRENT | ABI_MECH_THREAD_ID |
					ABI_MECH_IP_UNITS,
				.rt_tss_off = 584,
				.rt_tstate_current_off = 568,
				.ts_thread_id_off = 176,
				.ts_frame_off = 24, /* struct _ts.cframe (48) is for tracing only */
				PYFRAME(96),
				CODE_OLD,
				STRINGS_WSTR,
				BYTES,
				TLS,
			},
		.objects =
			{
				.runtime_interp_head = 32,
				.interp_next = 0,
				.interp_threads_head = 8,
				.interp_modules = 856,
				.tstate_next = 8,
				.tstate_thread_id = 176,
				.interp_id = 24, /* struct _is.id */
				.runtime_gil = 352, /* _PyRuntimeState.ceval.gil */
				.frame_localsplus = 352, /* PyFrameObject.f_localsplus */
				THREADS,
				.minor = 10,
			},
	},
	{
		.minor = 11,
		.lines = LINE_TABLE_LOCATIONS,
		.runtime_bytes = 166688,
		.code_basicsize = 184,  /* offsetof(PyCodeObject, co_code_adaptive) */
		.frame_basicsize = 120, /* PyFrameObject._f_frame_data (48) + localsplus (72) */
		.unicode_basicsize = 80,
		.layout =
			{
				.mech = ABI_MECH_CFRAME | ABI_MECH_IP_POINTER | ABI_MECH_IS_ENTRY |
					ABI_MECH_GIL_CURRENT | ABI_MECH_THREAD_ID,
				.rt_tss_off = 592,
				.rt_tstate_current_off = 576,
				.ts_thread_id_off = 152,
				.ts_frame_off = 56, /* struct _ts.cframe */
				.cframe_frame_off =
					8, /* Include/cpython/pystate.h: _PyCFrame.current_frame */
				.cframe_prev_off = 16, /* _PyCFrame.previous */
				/* Include/internal/pycore_frame.h: _PyInterpreterFrame */
				.frame_prev_off = 48,     /* previous */
				.frame_code_off = 32,     /* f_code */
				.frame_ip_off = 56,       /* prev_instr */
				.frame_is_entry_off = 68, /* is_entry */
				.frame_owner_off = 69,    /* owner; there are no shim frames yet */
				.torn_owners = 1u << 1,   /* FRAME_OWNED_BY_GENERATOR: resumed by somebody */
				.gen_state_back = 5,      /* genobject.h: gi_frame_state, gi_iframe */
				CODE_NEW(72, 184),
				DATA_STACK(296, 68, 76),
				STRINGS_WSTR,
				BYTES,
				TLS,
			},
		.objects =
			{
				.runtime_interp_head = 40,
				.interp_next = 0,
				.interp_threads_head = 16, /* struct _is.threads.head */
				.interp_modules = 888,
				.tstate_next = 8,
				.tstate_thread_id = 152,
				.interp_id = 48, /* struct _is.id */
				.runtime_gil = 360, /* _PyRuntimeState.ceval.gil */
				.tstate_native_id = 160, /* struct _ts.native_thread_id */
				.frame_localsplus = 72, /* _PyInterpreterFrame.localsplus */
				THREADS,
				.minor = 11,
			},
	},
	{
		.minor = 12,
		.lines = LINE_TABLE_LOCATIONS,
		.runtime_bytes = 0, /* holds generated static strings; 459944 in 3.12.1 */
		.code_basicsize = 192,
		.frame_basicsize = 120,
		.unicode_basicsize = 64,
		.layout =
			{
				.mech = ABI_MECH_CFRAME | ABI_MECH_IP_POINTER | ABI_MECH_OWNER |
					ABI_MECH_GIL_STATUS | ABI_MECH_VERSION | ABI_MECH_THREAD_ID,
				.rt_tss_off = 1544, /* _PyRuntimeState.autoTSSkey */
				.ts_thread_id_off = 136,
				.ts_frame_off = 56,    /* struct _ts.cframe */
				.ts_gil_off = 24,      /* struct _ts._status */
				.gil_mask = 1u << 4,   /* _status.active: only the holder of the GIL
							  has it */
				.cframe_frame_off = 0, /* _PyCFrame.current_frame */
				.cframe_prev_off = 8,  /* _PyCFrame.previous */
				.frame_prev_off = 8,   /* _PyInterpreterFrame.previous */
				.frame_code_off = 0,   /* f_code */
				.frame_ip_off = 56,    /* prev_instr */
				.frame_owner_off = 70, /* owner */
				.owner_shim = 3,       /* enum _frameowner: FRAME_OWNED_BY_CSTACK */
				.torn_owners = 7,      /* a chain ends at a shim */
				.code_version_off = 92, /* co_version, from _Py_next_func_version */
				CODE_NEW(68, 192),
				DATA_STACK(232, 64, 72),
				STRINGS_NO_WSTR,
				BYTES,
				TLS,
			},
		.objects =
			{
				.runtime_interp_head = 40,
				.interp_next = 0,
				.interp_threads_head = 72,
				.interp_modules = 944, /* struct _is.imports.modules */
				.tstate_next = 8,
				.tstate_thread_id = 136,
				.interp_id = 8, /* struct _is.id */
				.interp_gil = 384, /* struct _is.ceval.gil */
				.tstate_native_id = 144, /* struct _ts.native_thread_id */
				.frame_localsplus = 72, /* _PyInterpreterFrame.localsplus */
				THREADS,
				.minor = 12,
			},
	},
	{
		/*
		 * _Py_DebugOffsets lacks: autoTSSkey, the meaning of _status, co_version, the bits
		 * of a string's state, PyCompactUnicodeObject. The rest is here for comparison
		 * only.
		 */
		.minor = 13,
		.lines = LINE_TABLE_LOCATIONS,
		.runtime_bytes = 0, /* 283320 in 3.13.0; the build states its own */
		.code_basicsize = 200,
		.frame_basicsize = 136, /* PyFrameObject._f_frame_data (64) + localsplus (72) */
		.unicode_basicsize = 64,
		.debug_offsets = true,
		.layout =
			{
				.mech = ABI_MECH_IP_POINTER | ABI_MECH_OWNER | ABI_MECH_GIL_STATUS |
					ABI_MECH_VERSION | ABI_MECH_THREAD_ID,
				.rt_tss_off = 2160, /* _PyRuntimeState.autoTSSkey; same in 3.13.0
						       and 3.13.18 */
				.ts_thread_id_off = 152,
				.ts_frame_off = 72,    /* struct _ts.current_frame */
				.ts_gil_off = 32,      /* struct _ts._status */
				.gil_mask = 1u << 5,   /* _status.holds_gil */
				.frame_prev_off = 8,   /* _PyInterpreterFrame.previous */
				.frame_code_off = 0,   /* f_executable */
				.frame_ip_off = 56,    /* instr_ptr */
				.frame_owner_off = 70, /* owner */
				.owner_shim = 3,       /* FRAME_OWNED_BY_CSTACK */
				.torn_owners = 7,      /* a chain ends at a shim */
				.code_version_off =
					92, /* co_version, from interp.func_state.next_version */
				CODE_NEW(68, 200),
				DATA_STACK(232, 64, 72),
				STRINGS_NO_WSTR,
				BYTES,
				TLS,
			},
		.objects =
			{
				.runtime_interp_head = 632,
				.interp_next = 7264,
				.interp_threads_head = 7344,
				.interp_modules = 7656, /* struct _is.imports.modules */
				.tstate_next = 8,
				.tstate_thread_id = 152,
				.interp_id = 7272, /* struct _is.id */
				.interp_gil = 16, /* struct _is.ceval.gil */
				.tstate_native_id = 160, /* struct _ts.native_thread_id */
				.frame_localsplus = 72, /* _PyInterpreterFrame.localsplus */
				THREADS,
				.minor = 13,
			},
	},
};
/* clang-format on */

const struct py_version *py_version_find(unsigned minor)
{
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		if (versions[i].minor == minor)
			return &versions[i];
	}
	return NULL;
}

static bool within(unsigned off, unsigned bytes, unsigned base, unsigned block)
{
	return off >= base && off + bytes <= base + block;
}

static bool frame_fits(const struct abi_py_layout *l)
{
	unsigned base = l->frame_base, block = ABI_FRAME_BLOCK;

	return within(l->frame_prev_off, 8, base, block) &&
	       within(l->frame_code_off, 8, base, block) &&
	       within(l->frame_ip_off, l->mech & ABI_MECH_IP_POINTER ? 8 : 4, base, block) &&
	       (!l->frame_owner_off || within(l->frame_owner_off, 1, base, block)) &&
	       (!(l->mech & ABI_MECH_IS_ENTRY) || within(l->frame_is_entry_off, 1, base, block));
}

static bool code_fits(const struct abi_py_layout *l)
{
	unsigned base = l->code_base, block = ABI_CODE_BLOCK;

	return within(l->code_firstlineno_off, 4, base, block) &&
	       (!(l->mech & ABI_MECH_VERSION) ||
		(within(l->code_version_off, 4, base, ABI_CODE_NUMBERED) &&
		 within(l->code_firstlineno_off, 4, base, ABI_CODE_NUMBERED))) &&
	       within(l->code_filename_off, 8, base, block) &&
	       within(l->code_name_off, 8, base, block) &&
	       within(l->code_lines_off, 8, base, block) &&
	       (!l->ts_stack_off || (within(l->code_stacksize_off, 4, base, block) &&
				     within(l->code_nlocals_off, 4, base, block)));
}

static bool tstate_fits(const struct abi_py_layout *l)
{
	return within(l->ts_thread_id_off, 8, 0, ABI_TSTATE_BLOCK) &&
	       within(l->ts_frame_off, 8, 0, ABI_TSTATE_BLOCK) &&
	       within(l->ts_gil_off, 4, 0, ABI_TSTATE_BLOCK);
}

bool py_layout_fits(const struct abi_py_layout *layout)
{
	return frame_fits(layout) && code_fits(layout) && tstate_fits(layout);
}
