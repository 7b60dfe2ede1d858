/* SPDX-License-Identifier: MIT */
/*
 * THE version table: a row is what scripts/print-layout prints of an interpreter that was built with -g, x86-64
 * (3.8.18, 3.9.18, 3.10.13, 3.11.7, 3.12.1, 3.13.0; 3.13.18 has the same), or of its headers (3.14.10t, 3.15.2t), each offset below the struct and member of
 * CPython that it is of. py_build_identify() compares a row with the file at hand: sizes of types, member tables,
 * _PyRuntime's size (0: it holds generated strings, and differs between patch releases).
 *
 * The structs are declared in:
 *   Include/cpython/pystate.h        struct _ts, _PyCFrame
 *   Include/internal/pycore_runtime.h, pycore_interp.h (3.8: pycore_pystate.h)   _PyRuntimeState, struct _is
 *   Include/internal/pycore_gil.h (3.7: gil.h)   struct _gil_runtime_state
 *   Include/internal/pycore_frame.h  _PyInterpreterFrame, PyFrameObject (to 3.10: Include/cpython/frameobject.h),
 *                                    enum _frameowner: FRAME_OWNED_BY_…
 *   Include/cpython/code.h, bytesobject.h, unicodeobject.h, funcobject.h, genobject.h
 *   Include/cpython/dictobject.h, Include/internal/pycore_dict.h (to 3.10: Objects/dict-common.h)
 *                                    PyDictObject, PyDictKeysObject, struct _dictvalues
 *   Include/cpython/object.h         PyHeapTypeObject; Include/object.h: PyObject
 * str_kind_shift and so on are bits of PyASCIIObject.state {interned:2 kind:3 compact:1 ascii:1 …}, str_ascii_off and
 * str_compact_off sizes of the structs. frame_base and code_base are where the blocks begin that the kernel side reads.
 */
#include "user/python/versions.h"
#include "user/python/debug_offsets.h"
#include "user/symbol/arch.h"
#include "user/util/alloc.h"

/* clang-format off */
static const struct py_version versions[] = {
	{
		.minor = 6,
		.lines = LINE_TABLE_LNOTAB, .code_name = "co_name", .code_lines = "co_lnotab",
		.code_basicsize = 144, .frame_basicsize = 384, .unicode_basicsize = 80,
		.layout = {
			.mech = ABI_MECH_GIL_CURRENT | ABI_MECH_THREAD_ID,
			.tls = ABI_TLS_PLAIN_KEY, /* what is in _PyRuntime later is variables here (user/python/build.c) */
			/* struct _ts: thread_id, frame */
			.ts_thread_id_off = 152, .ts_frame_off = 24,
			/* PyFrameObject: f_back, f_code, f_globals, f_lasti, f_lineno, f_executing, f_localsplus */
			.frame_prev_off = 24, .frame_code_off = 32, .frame_globals_off = 48, .frame_ip_off = 120,
			.frame_line_off = 124, .frame_state_off = 132, .frame_locals_off = 376,
			/* PyCodeObject: co_firstlineno, co_filename, co_name, co_lnotab */
			.code_firstlineno_off = 36, .code_filename_off = 96, .code_name_off = 104,
			.code_lines_off = 112,
			/* PyDictObject: ma_keys; PyDictKeysObject: dk_size, dk_indices */
			.dict_keys_off = 32, .keys_size_off = 8, .keys_indices_off = 40,
			/* PyASCIIObject: length, state, wstr; PyCompactUnicodeObject: wstr_length */
			.str_length_off = 16, .str_state_off = 32, .str_wstr_off = 40, .str_wstr_length_off = 64,
			/* PyBytesObject: ob_base.ob_size, ob_sval; PyObject: ob_type */
			.bytes_size_off = 16, .bytes_data_off = 32, .type_off = 8,
			.str_kind_shift = 2, .str_compact_bit = 5, .str_ascii_bit = 6, .str_ascii_off = 48,
			.str_compact_off = 72,
			.frame_base = 24, .code_base = 32,
			.frame_running = 1,
		},
		.objects = {
			.attributes = PY_ATTRIBUTES_IN_DICT,
			/* struct _is: next, modules, tstate_head */
			.interp_next = 0, .interp_modules = 16, .interp_threads_head = 8,
			/* struct _ts: next, interp */
			.tstate_next = 8, .tstate_interp = 16,
			/* PyHeapTypeObject: ht_qualname; PyFunctionObject: func_qualname; PyTupleObject: ob_item */
			.type_qualname = 848, .function_qualname = 104, .tuple_items = 24,
			/* PyCodeObject: co_argcount, co_kwonlyargcount, co_flags, co_varnames, co_cellvars, co_freevars;
			 * PyFrameObject: f_locals */
			.code_argcount = 16, .code_kwonlyargcount = 20, .code_flags = 32, .code_variables = 64,
			.code_cells = 80, .code_free = 72, .frame_namespace = 56,
		},
	},
	/*
	 * Up to 3.7.3 PyGC_Head (Include/objimpl.h) was aligned to 8 bytes, so that the four generations in _PyRuntime.gc
	 * (Include/internal/mem.h) and what follows them were smaller (bpo-27987).
	 */
	{
		.minor = 7,
		.lines = LINE_TABLE_LNOTAB, .code_name = "co_name", .code_lines = "co_lnotab",
		.code_basicsize = 144, .frame_basicsize = 368, .unicode_basicsize = 80,
		.runtime_bytes = 1520, .runtime_mutexes = 2, .older_bytes = 1424, .older_shift = 88,
		.layout = {
			.mech = ABI_MECH_GIL_CURRENT | ABI_MECH_THREAD_ID,
			/* _PyRuntimeState: gilstate.autoTSSkey, gilstate.tstate_current */
			.rt_tss_off = 1504, .rt_tstate_current_off = 1480,
			/* struct _ts: thread_id, frame */
			.ts_thread_id_off = 176, .ts_frame_off = 24,
			/* PyFrameObject: f_back, f_code, f_globals, f_lasti, f_lineno, f_executing, f_localsplus */
			.frame_prev_off = 24, .frame_code_off = 32, .frame_globals_off = 48, .frame_ip_off = 104,
			.frame_line_off = 108, .frame_state_off = 116, .frame_locals_off = 360,
			/* PyCodeObject: co_firstlineno, co_filename, co_name, co_lnotab */
			.code_firstlineno_off = 36, .code_filename_off = 96, .code_name_off = 104,
			.code_lines_off = 112,
			/* PyDictObject: ma_keys; PyDictKeysObject: dk_size, dk_indices */
			.dict_keys_off = 32, .keys_size_off = 8, .keys_indices_off = 40,
			/* PyASCIIObject: length, state, wstr; PyCompactUnicodeObject: wstr_length */
			.str_length_off = 16, .str_state_off = 32, .str_wstr_off = 40, .str_wstr_length_off = 64,
			/* PyBytesObject: ob_base.ob_size, ob_sval; PyObject: ob_type */
			.bytes_size_off = 16, .bytes_data_off = 32, .type_off = 8,
			.str_kind_shift = 2, .str_compact_bit = 5, .str_ascii_bit = 6, .str_ascii_off = 48,
			.str_compact_off = 72,
			.frame_base = 24, .code_base = 32,
			.frame_running = 1,
		},
		.objects = {
			.attributes = PY_ATTRIBUTES_IN_DICT,
			/* _PyRuntimeState: interpreters.head, ceval.gil, gc */
			.runtime_interp_head = 24, .runtime_gil = 1264, .runtime_gc = 320,
			/* struct _is: next, id, modules, tstate_head; struct _gc_runtime_state: collecting */
			.interp_next = 0, .interp_id = 16, .interp_modules = 40, .interp_threads_head = 8,
			.gc_collecting = 312,
			/* struct _gil_runtime_state: last_holder, cond, switch_cond */
			.gil_holder = 8, .gil_cond = 32, .gil_switch = 120,
			/* struct _ts: next, interp */
			.tstate_next = 8, .tstate_interp = 16,
			/* PyHeapTypeObject: ht_qualname; PyFunctionObject: func_qualname; PyTupleObject: ob_item */
			.type_qualname = 848, .function_qualname = 104, .tuple_items = 24,
			/* PyCodeObject: co_argcount, co_kwonlyargcount, co_flags, co_varnames, co_cellvars, co_freevars;
			 * PyFrameObject: f_locals */
			.code_argcount = 16, .code_kwonlyargcount = 20, .code_flags = 32, .code_variables = 64,
			.code_cells = 80, .code_free = 72, .frame_namespace = 56,
		},
	},
	{
		.minor = 8,
		.lines = LINE_TABLE_LNOTAB, .code_name = "co_name", .code_lines = "co_lnotab",
		.code_basicsize = 176, .frame_basicsize = 368, .unicode_basicsize = 80,
		.runtime_bytes = 1464, .runtime_mutexes = 2,
		.layout = {
			.mech = ABI_MECH_GIL_CURRENT | ABI_MECH_THREAD_ID,
			/* _PyRuntimeState: gilstate.autoTSSkey, gilstate.tstate_current */
			.rt_tss_off = 1392, .rt_tstate_current_off = 1368,
			/* struct _ts: thread_id, frame */
			.ts_thread_id_off = 176, .ts_frame_off = 24,
			/* PyFrameObject: f_back, f_code, f_globals, f_lasti, f_lineno, f_executing, f_localsplus */
			.frame_prev_off = 24, .frame_code_off = 32, .frame_globals_off = 48, .frame_ip_off = 104,
			.frame_line_off = 108, .frame_state_off = 116, .frame_locals_off = 360,
			/* PyCodeObject: co_firstlineno, co_filename, co_name, co_lnotab */
			.code_firstlineno_off = 40, .code_filename_off = 104, .code_name_off = 112,
			.code_lines_off = 120,
			/* PyDictObject: ma_keys; PyDictKeysObject: dk_size, dk_indices */
			.dict_keys_off = 32, .keys_size_off = 8, .keys_indices_off = 40,
			/* PyASCIIObject: length, state, wstr; PyCompactUnicodeObject: wstr_length */
			.str_length_off = 16, .str_state_off = 32, .str_wstr_off = 40, .str_wstr_length_off = 64,
			/* PyBytesObject: ob_base.ob_size, ob_sval; PyObject: ob_type */
			.bytes_size_off = 16, .bytes_data_off = 32, .type_off = 8,
			.str_kind_shift = 2, .str_compact_bit = 5, .str_ascii_bit = 6, .str_ascii_off = 48,
			.str_compact_off = 72,
			.frame_base = 24, .code_base = 32,
			.frame_running = 1,
		},
		.objects = {
			.attributes = PY_ATTRIBUTES_IN_DICT,
			/* _PyRuntimeState: interpreters.head, ceval.gil, gc */
			.runtime_interp_head = 32, .runtime_gil = 1152, .runtime_gc = 344,
			/* struct _is: next, id, modules, tstate_head; struct _gc_runtime_state: collecting */
			.interp_next = 0, .interp_id = 16, .interp_modules = 56, .interp_threads_head = 8,
			.gc_collecting = 200,
			/* struct _gil_runtime_state: last_holder, cond, switch_cond */
			.gil_holder = 8, .gil_cond = 32, .gil_switch = 120,
			/* struct _ts: next, interp */
			.tstate_next = 8, .tstate_interp = 16,
			/* PyHeapTypeObject: ht_qualname; PyFunctionObject: func_qualname; PyTupleObject: ob_item */
			.type_qualname = 864, .function_qualname = 104, .tuple_items = 24,
			/* PyCodeObject: co_argcount, co_kwonlyargcount, co_flags, co_varnames, co_cellvars, co_freevars;
			 * PyFrameObject: f_locals */
			.code_argcount = 16, .code_kwonlyargcount = 24, .code_flags = 36, .code_variables = 72,
			.code_cells = 88, .code_free = 80, .frame_namespace = 56,
		},
	},
	{
		.minor = 9,
		.lines = LINE_TABLE_LNOTAB, .code_name = "co_name", .code_lines = "co_lnotab",
		.code_basicsize = 176, .frame_basicsize = 368, .unicode_basicsize = 80,
		.runtime_bytes = 656, .runtime_mutexes = 2,
		.layout = {
			.mech = ABI_MECH_GIL_CURRENT | ABI_MECH_THREAD_ID,
			/* _PyRuntimeState: gilstate.autoTSSkey, gilstate.tstate_current */
			.rt_tss_off = 584, .rt_tstate_current_off = 568,
			/* struct _ts: thread_id, frame */
			.ts_thread_id_off = 176, .ts_frame_off = 24,
			/* PyFrameObject: f_back, f_code, f_globals, f_lasti, f_lineno, f_executing, f_localsplus */
			.frame_prev_off = 24, .frame_code_off = 32, .frame_globals_off = 48, .frame_ip_off = 104,
			.frame_line_off = 108, .frame_state_off = 116, .frame_locals_off = 360,
			/* PyCodeObject: co_firstlineno, co_filename, co_name, co_lnotab */
			.code_firstlineno_off = 40, .code_filename_off = 104, .code_name_off = 112,
			.code_lines_off = 120,
			/* PyDictObject: ma_keys; PyDictKeysObject: dk_size, dk_indices */
			.dict_keys_off = 32, .keys_size_off = 8, .keys_indices_off = 40,
			/* PyASCIIObject: length, state, wstr; PyCompactUnicodeObject: wstr_length */
			.str_length_off = 16, .str_state_off = 32, .str_wstr_off = 40, .str_wstr_length_off = 64,
			/* PyBytesObject: ob_base.ob_size, ob_sval; PyObject: ob_type */
			.bytes_size_off = 16, .bytes_data_off = 32, .type_off = 8,
			.str_kind_shift = 2, .str_compact_bit = 5, .str_ascii_bit = 6, .str_ascii_off = 48,
			.str_compact_off = 72,
			.frame_base = 24, .code_base = 32,
			.frame_running = 1,
		},
		.objects = {
			.attributes = PY_ATTRIBUTES_IN_DICT,
			/* _PyRuntimeState: interpreters.head, ceval.gil */
			.runtime_interp_head = 32, .runtime_gil = 352,
			/* struct _is: next, id, modules, tstate_head, gc; struct _gc_runtime_state: collecting */
			.interp_next = 0, .interp_id = 24, .interp_modules = 856, .interp_threads_head = 8,
			.interp_gc = 616, .gc_collecting = 200,
			/* struct _gil_runtime_state: last_holder, cond, switch_cond */
			.gil_holder = 8, .gil_cond = 32, .gil_switch = 120,
			/* struct _ts: next, interp */
			.tstate_next = 8, .tstate_interp = 16,
			/* PyHeapTypeObject: ht_qualname; PyFunctionObject: func_qualname; PyTupleObject: ob_item */
			.type_qualname = 856, .function_qualname = 104, .tuple_items = 24,
			/* PyCodeObject: co_argcount, co_kwonlyargcount, co_flags, co_varnames, co_cellvars, co_freevars;
			 * PyFrameObject: f_locals */
			.code_argcount = 16, .code_kwonlyargcount = 24, .code_flags = 36, .code_variables = 72,
			.code_cells = 88, .code_free = 80, .frame_namespace = 56,
		},
	},
	/* 3.10: struct _ts.cframe knows no frame, but there is one for each; f_lasti counts code units (Objects/frameobject.c, frame_getlasti()). */
	{
		.minor = 10,
		.lines = LINE_TABLE_310, .code_name = "co_name", .code_lines = "co_linetable",
		.code_basicsize = 176, .frame_basicsize = 360, .unicode_basicsize = 80,
		.runtime_bytes = 672, .runtime_mutexes = 2,
		.layout = {
			.mech = ABI_MECH_IP_UNITS | ABI_MECH_GIL_CURRENT | ABI_MECH_THREAD_ID,
			/* _PyRuntimeState: gilstate.autoTSSkey, gilstate.tstate_current */
			.rt_tss_off = 584, .rt_tstate_current_off = 568,
			/* struct _ts: thread_id, frame */
			.ts_thread_id_off = 176, .ts_frame_off = 24,
			/* PyFrameObject: f_back, f_code, f_globals, f_lasti, f_lineno, f_state, f_localsplus */
			.frame_prev_off = 24, .frame_code_off = 32, .frame_globals_off = 48, .frame_ip_off = 96,
			.frame_line_off = 100, .frame_state_off = 108, .frame_locals_off = 352,
			/* PyCodeObject: co_firstlineno, co_filename, co_name, co_linetable */
			.code_firstlineno_off = 40, .code_filename_off = 104, .code_name_off = 112,
			.code_lines_off = 120,
			/* PyDictObject: ma_keys; PyDictKeysObject: dk_size, dk_indices */
			.dict_keys_off = 32, .keys_size_off = 8, .keys_indices_off = 40,
			/* PyASCIIObject: length, state, wstr; PyCompactUnicodeObject: wstr_length */
			.str_length_off = 16, .str_state_off = 32, .str_wstr_off = 40, .str_wstr_length_off = 64,
			/* PyBytesObject: ob_base.ob_size, ob_sval; PyObject: ob_type */
			.bytes_size_off = 16, .bytes_data_off = 32, .type_off = 8,
			.str_kind_shift = 2, .str_compact_bit = 5, .str_ascii_bit = 6, .str_ascii_off = 48,
			.str_compact_off = 72,
			.frame_base = 24, .code_base = 32,
			.frame_running = 0,
			.ts_cframe_off = 48, .cframe_prev_off = 8, /* struct _ts: cframe; CFrame: previous */
		},
		.objects = {
			.attributes = PY_ATTRIBUTES_IN_DICT,
			/* _PyRuntimeState: interpreters.head, ceval.gil */
			.runtime_interp_head = 32, .runtime_gil = 352,
			/* struct _is: next, id, modules, tstate_head, gc; struct _gc_runtime_state: collecting */
			.interp_next = 0, .interp_id = 24, .interp_modules = 856, .interp_threads_head = 8,
			.interp_gc = 616, .gc_collecting = 200,
			/* struct _gil_runtime_state: last_holder, cond, switch_cond */
			.gil_holder = 8, .gil_cond = 32, .gil_switch = 120,
			/* struct _ts: next, interp */
			.tstate_next = 8, .tstate_interp = 16,
			/* PyHeapTypeObject: ht_qualname; PyFunctionObject: func_qualname; PyTupleObject: ob_item */
			.type_qualname = 864, .function_qualname = 40, .tuple_items = 24,
			/* PyCodeObject: co_argcount, co_kwonlyargcount, co_flags, co_varnames, co_cellvars, co_freevars;
			 * PyFrameObject: f_locals */
			.code_argcount = 16, .code_kwonlyargcount = 24, .code_flags = 36, .code_variables = 72,
			.code_cells = 88, .code_free = 80, .frame_namespace = 56,
		},
	},
	/* 3.11: there are no shim frames yet; a chain that ends at a generator's frame was caught while somebody resumed it. */
	{
		.minor = 11,
		.lines = LINE_TABLE_LOCATIONS, .code_name = "co_qualname", .code_lines = "co_linetable",
		.code_basicsize = 184, .frame_basicsize = 120, .unicode_basicsize = 80,
		.runtime_bytes = 166688, .runtime_mutexes = 2,
		.layout = {
			.mech = ABI_MECH_CFRAME | ABI_MECH_IP_POINTER | ABI_MECH_IS_ENTRY | ABI_MECH_GIL_CURRENT |
				ABI_MECH_THREAD_ID | ABI_MECH_KEYS_LOG2,
			/* _PyRuntimeState: gilstate.autoTSSkey, gilstate.tstate_current */
			.rt_tss_off = 592, .rt_tstate_current_off = 576,
			/* struct _ts: thread_id, cframe, datastack_chunk; _PyCFrame: current_frame, previous */
			.ts_thread_id_off = 152, .ts_frame_off = 56, .ts_stack_off = 296, .cframe_frame_off = 8,
			.cframe_prev_off = 16,
			/* _PyInterpreterFrame: previous, f_code, f_globals, prev_instr, is_entry, owner, frame_obj,
			 * f_func, localsplus */
			.frame_prev_off = 48, .frame_code_off = 32, .frame_globals_off = 8, .frame_ip_off = 56,
			.frame_is_entry_off = 68, .frame_owner_off = 69, .frame_object_off = 40, .frame_func_off = 0,
			.frame_locals_off = 72,
			/* PyCodeObject: co_firstlineno, co_filename, co_qualname, co_linetable, co_code_adaptive,
			 * co_stacksize, co_nlocalsplus */
			.code_firstlineno_off = 72, .code_filename_off = 112, .code_name_off = 128,
			.code_lines_off = 136, .code_start_off = 184, .code_stacksize_off = 68, .code_nlocals_off = 76,
			/* PyDictObject: ma_keys; PyDictKeysObject: dk_log2_size, dk_indices */
			.dict_keys_off = 32, .keys_size_off = 8, .keys_indices_off = 32,
			/* PyASCIIObject: length, state, wstr; PyCompactUnicodeObject: wstr_length */
			.str_length_off = 16, .str_state_off = 32, .str_wstr_off = 40, .str_wstr_length_off = 64,
			/* PyBytesObject: ob_base.ob_size, ob_sval; PyObject: ob_type */
			.bytes_size_off = 16, .bytes_data_off = 32, .type_off = 8,
			.str_kind_shift = 2, .str_compact_bit = 5, .str_ascii_bit = 6, .str_ascii_off = 48,
			.str_compact_off = 72,
			.frame_base = 0, .code_base = 48,
			.frame_line_off = 40, /* PyFrameObject: f_lineno */
			.torn_owners = 6, /* FRAME_OWNED_BY_GENERATOR, FRAME_OWNED_BY_FRAME_OBJECT */
			.gen_state_back = 5, /* PyGenObject: gi_frame_state, gi_iframe */
		},
		.objects = {
			.attributes = PY_ATTRIBUTES_TWO_WORDS,
			/* _PyRuntimeState: interpreters.head, ceval.gil */
			.runtime_interp_head = 40, .runtime_gil = 360,
			/* struct _is: next, id, modules, threads.head, gc; struct _gc_runtime_state: collecting */
			.interp_next = 0, .interp_id = 48, .interp_modules = 888, .interp_threads_head = 16,
			.interp_gc = 648, .gc_collecting = 200,
			/* struct _gil_runtime_state: last_holder, cond, switch_cond */
			.gil_holder = 8, .gil_cond = 32, .gil_switch = 120,
			/* struct _ts: next, interp, native_thread_id */
			.tstate_next = 8, .tstate_interp = 16, .tstate_native_id = 160,
			/* PyHeapTypeObject: ht_qualname, ht_cached_keys; struct _dictvalues: values; PyFunctionObject:
			 * func_qualname; PyTupleObject: ob_item */
			.type_qualname = 864, .type_cached_keys = 872, .values_first = 0, .function_qualname = 40, .tuple_items = 24,
			/* PyCodeObject: co_argcount, co_kwonlyargcount, co_flags, co_localsplusnames, co_localspluskinds;
			 * _PyInterpreterFrame: f_locals */
			.code_argcount = 56, .code_kwonlyargcount = 64, .code_flags = 48, .code_variables = 96,
			.code_kinds = 104, .frame_namespace = 24,
		},
	},
	/* 3.12: _status.active is the GIL holder's alone; co_version comes from _Py_next_func_version. */
	{
		.minor = 12,
		.lines = LINE_TABLE_LOCATIONS, .code_name = "co_qualname", .code_lines = "co_linetable",
		.code_basicsize = 192, .frame_basicsize = 120, .unicode_basicsize = 64,
		.layout = {
			.mech = ABI_MECH_CFRAME | ABI_MECH_IP_POINTER | ABI_MECH_OWNER | ABI_MECH_GIL_STATUS |
				ABI_MECH_VERSION | ABI_MECH_THREAD_ID | ABI_MECH_KEYS_LOG2,
			/* _PyRuntimeState: autoTSSkey */
			.rt_tss_off = 1544,
			/* struct _ts: thread_id, cframe, _status, datastack_chunk; _PyCFrame: current_frame, previous */
			.ts_thread_id_off = 136, .ts_frame_off = 56, .ts_gil_off = 24, .ts_stack_off = 232,
			.cframe_frame_off = 0, .cframe_prev_off = 8,
			/* _PyInterpreterFrame: previous, f_code, f_globals, prev_instr, owner, frame_obj, f_funcobj,
			 * localsplus */
			.frame_prev_off = 8, .frame_code_off = 0, .frame_globals_off = 24, .frame_ip_off = 56,
			.frame_owner_off = 70, .frame_object_off = 48, .frame_func_off = 16, .frame_locals_off = 72,
			/* PyCodeObject: co_firstlineno, co_version, co_filename, co_qualname, co_linetable,
			 * co_code_adaptive, co_stacksize, co_nlocalsplus */
			.code_firstlineno_off = 68, .code_version_off = 92, .code_filename_off = 112,
			.code_name_off = 128, .code_lines_off = 136, .code_start_off = 192, .code_stacksize_off = 64,
			.code_nlocals_off = 72,
			/* PyDictObject: ma_keys; PyDictKeysObject: dk_log2_size, dk_indices */
			.dict_keys_off = 32, .keys_size_off = 8, .keys_indices_off = 32,
			/* PyASCIIObject: length, state */
			.str_length_off = 16, .str_state_off = 32,
			/* PyBytesObject: ob_base.ob_size, ob_sval; PyObject: ob_type */
			.bytes_size_off = 16, .bytes_data_off = 32, .type_off = 8,
			.str_kind_shift = 2, .str_compact_bit = 5, .str_ascii_bit = 6, .str_ascii_off = 40,
			.str_compact_off = 56,
			.frame_base = 0, .code_base = 48,
			.gil_mask = 1u << 4, /* struct _ts: _status.active */
			.frame_line_off = 40, /* PyFrameObject: f_lineno */
			.owner_shim = 3, .torn_owners = 7, /* FRAME_OWNED_BY_CSTACK */
		},
		.objects = {
			.attributes = PY_ATTRIBUTES_TAGGED_WORD, .int_tagged = true,
			/* _PyRuntimeState: interpreters.head */
			.runtime_interp_head = 40,
			/* struct _is: next, id, imports.modules, threads.head, ceval.gil, gc; struct _gc_runtime_state:
			 * collecting */
			.interp_next = 0, .interp_id = 8, .interp_modules = 944, .interp_threads_head = 72,
			.interp_gil = 384, .interp_gc = 112, .gc_collecting = 200,
			/* struct _gil_runtime_state: last_holder, cond, switch_cond */
			.gil_holder = 8, .gil_cond = 32, .gil_switch = 120,
			/* struct _ts: next, interp, native_thread_id */
			.tstate_next = 8, .tstate_interp = 16, .tstate_native_id = 144,
			/* PyHeapTypeObject: ht_qualname, ht_cached_keys; struct _dictvalues: values; PyFunctionObject:
			 * func_qualname; PyTupleObject: ob_item */
			.type_qualname = 872, .type_cached_keys = 880, .values_first = 0, .function_qualname = 40, .tuple_items = 24,
			/* PyCodeObject: co_argcount, co_kwonlyargcount, co_flags, co_localsplusnames, co_localspluskinds;
			 * _PyInterpreterFrame: f_locals */
			.code_argcount = 52, .code_kwonlyargcount = 60, .code_flags = 48, .code_variables = 96,
			.code_kinds = 104, .frame_namespace = 40,
		},
	},
	/*
	 * 3.13: _Py_DebugOffsets lacks autoTSSkey (at the same offset in 3.13.0 and 3.13.18), the meaning of _status,
	 * co_version (which comes from interp.func_state.next_version), the bits of a string's state,
	 * PyCompactUnicodeObject, f_globals, the keys of dicts, the types of functions and classes. The rest is here for
	 * comparison only.
	 */
	{
		.minor = 13,
		.lines = LINE_TABLE_LOCATIONS, .code_name = "co_qualname", .code_lines = "co_linetable",
		.code_basicsize = 200, .frame_basicsize = 136, .unicode_basicsize = 64,
		.debug = &debug_offsets_313,
		.layout = {
			.mech = ABI_MECH_IP_POINTER | ABI_MECH_OWNER | ABI_MECH_GIL_STATUS | ABI_MECH_VERSION |
				ABI_MECH_THREAD_ID | ABI_MECH_KEYS_LOG2,
			/* _PyRuntimeState: autoTSSkey */
			.rt_tss_off = 2160,
			/* struct _ts: thread_id, current_frame, _status, datastack_chunk */
			.ts_thread_id_off = 152, .ts_frame_off = 72, .ts_gil_off = 32, .ts_stack_off = 232,
			/* _PyInterpreterFrame: previous, f_executable, f_globals, instr_ptr, owner, frame_obj, f_funcobj,
			 * localsplus */
			.frame_prev_off = 8, .frame_code_off = 0, .frame_globals_off = 24, .frame_ip_off = 56,
			.frame_owner_off = 70, .frame_object_off = 48, .frame_func_off = 16, .frame_locals_off = 72,
			/* PyCodeObject: co_firstlineno, co_version, co_filename, co_qualname, co_linetable,
			 * co_code_adaptive, co_stacksize, co_nlocalsplus */
			.code_firstlineno_off = 68, .code_version_off = 92, .code_filename_off = 112,
			.code_name_off = 128, .code_lines_off = 136, .code_start_off = 200, .code_stacksize_off = 64,
			.code_nlocals_off = 72,
			/* PyDictObject: ma_keys; PyDictKeysObject: dk_log2_size, dk_indices */
			.dict_keys_off = 32, .keys_size_off = 8, .keys_indices_off = 32,
			/* PyASCIIObject: length, state */
			.str_length_off = 16, .str_state_off = 32,
			/* PyBytesObject: ob_base.ob_size, ob_sval; PyObject: ob_type */
			.bytes_size_off = 16, .bytes_data_off = 32, .type_off = 8,
			.str_kind_shift = 2, .str_compact_bit = 5, .str_ascii_bit = 6, .str_ascii_off = 40,
			.str_compact_off = 56,
			.frame_base = 0, .code_base = 48,
			.gil_mask = 1u << 5, /* struct _ts: _status.holds_gil */
			.frame_line_off = 40, /* PyFrameObject: f_lineno */
			.owner_shim = 3, .torn_owners = 7, /* FRAME_OWNED_BY_CSTACK */
		},
		.objects = {
			.attributes = PY_ATTRIBUTES_INLINE, .int_tagged = true,
			/* _PyRuntimeState: interpreters.head */
			.runtime_interp_head = 632,
			/* struct _is: next, id, imports.modules, threads.head, ceval.gil, gc; struct _gc_runtime_state:
			 * collecting */
			.interp_next = 7264, .interp_id = 7272, .interp_modules = 7656, .interp_threads_head = 7344,
			.interp_gil = 16, .interp_gc = 7400, .gc_collecting = 200,
			/* struct _gil_runtime_state: last_holder, cond, switch_cond */
			.gil_holder = 8, .gil_cond = 32, .gil_switch = 120,
			/* struct _ts: next, interp, native_thread_id */
			.tstate_next = 8, .tstate_interp = 16, .tstate_native_id = 160,
			/* PyHeapTypeObject: ht_qualname, ht_cached_keys; struct _dictvalues: values, valid;
			 * PyFunctionObject: func_qualname; PyTupleObject: ob_item */
			.type_qualname = 872, .type_cached_keys = 880, .values_first = 8, .values_valid = 3,
			.function_qualname = 40, .tuple_items = 24,
			/* PyCodeObject: co_argcount, co_kwonlyargcount, co_flags, co_localsplusnames, co_localspluskinds;
			 * _PyInterpreterFrame: f_locals */
			.code_argcount = 52, .code_kwonlyargcount = 60, .code_flags = 48, .code_variables = 96,
			.code_kinds = 104, .frame_namespace = 40,
		},
	},
	/*
	 * Free-threaded builds: PyObject is 16 bytes larger (ob_tid …), so everything behind it is that much further. There
	 * is no PyGC_Head before objects. The GIL may be on all the same (PYTHON_GIL=1, extensions that ask for it).
	 */
	{
		.minor = 13, .free_threaded = true,
		.lines = LINE_TABLE_LOCATIONS, .code_name = "co_qualname", .code_lines = "co_linetable",
		.code_basicsize = 216, .frame_basicsize = 152, .unicode_basicsize = 80,
		.debug = &debug_offsets_313,
		.layout = {
			.mech = ABI_MECH_IP_POINTER | ABI_MECH_OWNER | ABI_MECH_GIL_STATUS | ABI_MECH_VERSION |
				ABI_MECH_THREAD_ID | ABI_MECH_KEYS_LOG2 | ABI_MECH_GIL_SWITCH,
			/* _PyRuntimeState: autoTSSkey */
			.rt_tss_off = 2160,
			/* struct _ts: thread_id, current_frame, _status, datastack_chunk */
			.ts_thread_id_off = 152, .ts_frame_off = 72, .ts_gil_off = 32, .ts_stack_off = 232,
			/* _PyInterpreterFrame: previous, f_executable, f_globals, instr_ptr, owner, frame_obj, f_funcobj,
			 * localsplus */
			.frame_prev_off = 8, .frame_code_off = 0, .frame_globals_off = 24, .frame_ip_off = 56,
			.frame_owner_off = 70, .frame_object_off = 48, .frame_func_off = 16, .frame_locals_off = 72,
			/* PyCodeObject: co_firstlineno, co_version, co_filename, co_qualname, co_linetable,
			 * co_code_adaptive, co_stacksize, co_nlocalsplus */
			.code_firstlineno_off = 84, .code_version_off = 108, .code_filename_off = 128,
			.code_name_off = 144, .code_lines_off = 152, .code_start_off = 216, .code_stacksize_off = 80,
			.code_nlocals_off = 88,
			/* PyDictObject: ma_keys; PyDictKeysObject: dk_log2_size, dk_indices */
			.dict_keys_off = 48, .keys_size_off = 8, .keys_indices_off = 32,
			/* PyASCIIObject: length, state */
			.str_length_off = 32, .str_state_off = 48,
			/* PyBytesObject: ob_base.ob_size, ob_sval; PyObject: ob_type */
			.bytes_size_off = 32, .bytes_data_off = 48, .type_off = 24,
			.str_kind_shift = 2, .str_compact_bit = 5, .str_ascii_bit = 6, .str_ascii_off = 56,
			.str_compact_off = 72,
			.frame_base = 0, .code_base = 64,
			.gil_mask = 1u << 5, /* struct _ts: _status.holds_gil */
			.frame_line_off = 56, /* PyFrameObject: f_lineno */
			.owner_shim = 3, .torn_owners = 7, /* FRAME_OWNED_BY_CSTACK */
		},
		.objects = {
			.attributes = PY_ATTRIBUTES_INLINE_NO_GC_HEAD, .int_tagged = true,
			/* _PyRuntimeState: interpreters.head */
			.runtime_interp_head = 632,
			/* struct _is: next, id, imports.modules, threads.head, ceval.gil, gc; struct _gc_runtime_state:
			 * collecting */
			.interp_next = 7264, .interp_id = 7272, .interp_modules = 7664, .interp_threads_head = 7344,
			.interp_gil = 16, .interp_gc = 7400, .gc_collecting = 200,
			/* struct _gil_runtime_state: last_holder, cond, switch_cond */
			.gil_holder = 16, .gil_cond = 40, .gil_switch = 128,
			/* struct _ts: next, interp, native_thread_id */
			.tstate_next = 8, .tstate_interp = 16, .tstate_native_id = 160,
			/* PyHeapTypeObject: ht_qualname, ht_cached_keys; struct _dictvalues: values, valid;
			 * PyFunctionObject: func_qualname; PyTupleObject: ob_item */
			.type_qualname = 888, .type_cached_keys = 896, .values_first = 8, .values_valid = 3,
			.function_qualname = 56, .tuple_items = 40,
			/* PyCodeObject: co_argcount, co_kwonlyargcount, co_flags, co_localsplusnames, co_localspluskinds;
			 * _PyInterpreterFrame: f_locals */
			.code_argcount = 68, .code_kwonlyargcount = 76, .code_flags = 64, .code_variables = 112,
			.code_kinds = 120, .frame_namespace = 40,
		},
	},
	/*
	 * 3.14 and 3.15: f_executable and f_funcobj are _PyStackRef, with a tag in the low bits (Include/internal/pycore_stackref.h);
	 * PyTupleObject has its hash before its items.
	 */
	{
		.minor = 14,
		.lines = LINE_TABLE_LOCATIONS, .code_name = "co_qualname", .code_lines = "co_linetable",
		.code_basicsize = 208, .frame_basicsize = 152, .unicode_basicsize = 64,
		.debug = &debug_offsets_314,
		.layout = {
			.mech = ABI_MECH_IP_POINTER | ABI_MECH_OWNER | ABI_MECH_GIL_STATUS | ABI_MECH_VERSION |
				ABI_MECH_THREAD_ID | ABI_MECH_KEYS_LOG2,
			/* _PyRuntimeState: autoTSSkey */
			.rt_tss_off = 2336,
			/* struct _ts: thread_id, current_frame, _status, datastack_chunk */
			.ts_thread_id_off = 152, .ts_frame_off = 72, .ts_gil_off = 32, .ts_stack_off = 232,
			/* _PyInterpreterFrame: previous, f_executable, f_globals, instr_ptr, owner, frame_obj, f_funcobj,
			 * localsplus */
			.frame_prev_off = 8, .frame_code_off = 0, .frame_globals_off = 24, .frame_ip_off = 56,
			.frame_owner_off = 74, .frame_object_off = 48, .frame_func_off = 16, .frame_locals_off = 80,
			/* PyCodeObject: co_firstlineno, co_version, co_filename, co_qualname, co_linetable,
			 * co_code_adaptive, co_stacksize, co_nlocalsplus */
			.code_firstlineno_off = 68, .code_version_off = 92, .code_filename_off = 112,
			.code_name_off = 128, .code_lines_off = 136, .code_start_off = 208, .code_stacksize_off = 64,
			.code_nlocals_off = 72,
			/* PyDictObject: ma_keys; PyDictKeysObject: dk_log2_size, dk_indices */
			.dict_keys_off = 32, .keys_size_off = 8, .keys_indices_off = 32,
			/* PyASCIIObject: length, state */
			.str_length_off = 16, .str_state_off = 32,
			/* PyBytesObject: ob_base.ob_size, ob_sval; PyObject: ob_type */
			.bytes_size_off = 16, .bytes_data_off = 32, .type_off = 8,
			.str_kind_shift = 2, .str_compact_bit = 5, .str_ascii_bit = 6, .str_ascii_off = 40,
			.str_compact_off = 56,
			.frame_base = 0, .code_base = 48,
			.gil_mask = 1u << 4, /* struct _ts: _status.active */
			.frame_line_off = 40, /* PyFrameObject: f_lineno */
			.owner_shim = 3, .torn_owners = 7, /* FRAME_OWNED_BY_INTERPRETER */
		},
		.objects = {
			.attributes = PY_ATTRIBUTES_INLINE, .int_tagged = true,
			/* _PyRuntimeState: interpreters.head */
			.runtime_interp_head = 808,
			/* struct _is: next, id, imports.modules, threads.head, ceval.gil, gc; struct _gc_runtime_state:
			 * collecting */
			.interp_next = 7272, .interp_id = 7280, .interp_modules = 7688, .interp_threads_head = 7344,
			.interp_gil = 16, .interp_gc = 7408, .gc_collecting = 192,
			/* struct _gil_runtime_state: last_holder, cond, switch_cond */
			.gil_holder = 8, .gil_cond = 32, .gil_switch = 120,
			/* struct _ts: next, interp, native_thread_id */
			.tstate_next = 8, .tstate_interp = 16, .tstate_native_id = 160,
			/* PyHeapTypeObject: ht_qualname, ht_cached_keys; struct _dictvalues: values, valid;
			 * PyFunctionObject: func_qualname; PyTupleObject: ob_item */
			.type_qualname = 872, .type_cached_keys = 880, .values_first = 8, .values_valid = 3,
			.function_qualname = 40, .tuple_items = 32,
			/* PyCodeObject: co_argcount, co_kwonlyargcount, co_flags, co_localsplusnames, co_localspluskinds;
			 * _PyInterpreterFrame: f_locals */
			.code_argcount = 52, .code_kwonlyargcount = 60, .code_flags = 48, .code_variables = 96,
			.code_kinds = 104, .frame_namespace = 40,
		},
	},
	/* co_tlbc: what a thread specialises is a copy of its own (Objects/codeobject.c: _PyCode_GetTLBC()); the bits of a string's state moved. */
	{
		.minor = 14, .free_threaded = true,
		.lines = LINE_TABLE_LOCATIONS, .code_name = "co_qualname", .code_lines = "co_linetable",
		.code_basicsize = 232, .frame_basicsize = 168, .unicode_basicsize = 80,
		.debug = &debug_offsets_314,
		.layout = {
			.mech = ABI_MECH_IP_POINTER | ABI_MECH_OWNER | ABI_MECH_GIL_STATUS | ABI_MECH_VERSION |
				ABI_MECH_THREAD_ID | ABI_MECH_KEYS_LOG2 | ABI_MECH_COPIES | ABI_MECH_GIL_SWITCH,
			/* _PyRuntimeState: autoTSSkey */
			.rt_tss_off = 2336,
			/* struct _ts: thread_id, current_frame, _status, datastack_chunk */
			.ts_thread_id_off = 152, .ts_frame_off = 72, .ts_gil_off = 32, .ts_stack_off = 232,
			/* _PyInterpreterFrame: previous, f_executable, f_globals, instr_ptr, owner, frame_obj, f_funcobj,
			 * localsplus, tlbc_index */
			.frame_prev_off = 8, .frame_code_off = 0, .frame_globals_off = 24, .frame_ip_off = 56,
			.frame_owner_off = 78, .frame_object_off = 48, .frame_func_off = 16, .frame_locals_off = 80,
			.frame_copy_off = 72,
			/* PyCodeObject: co_firstlineno, co_version, co_filename, co_qualname, co_linetable,
			 * co_code_adaptive, co_stacksize, co_nlocalsplus, co_tlbc */
			.code_firstlineno_off = 84, .code_version_off = 108, .code_filename_off = 128,
			.code_name_off = 144, .code_lines_off = 152, .code_start_off = 232, .code_stacksize_off = 80,
			.code_nlocals_off = 88, .code_copies_off = 224,
			/* PyDictObject: ma_keys; PyDictKeysObject: dk_log2_size, dk_indices */
			.dict_keys_off = 48, .keys_size_off = 8, .keys_indices_off = 32,
			/* PyASCIIObject: length, state */
			.str_length_off = 32, .str_state_off = 48,
			/* PyBytesObject: ob_base.ob_size, ob_sval; PyObject: ob_type */
			.bytes_size_off = 32, .bytes_data_off = 48, .type_off = 24,
			.str_kind_shift = 8, .str_compact_bit = 11, .str_ascii_bit = 12, .str_ascii_off = 56,
			.str_compact_off = 72,
			.frame_base = 0, .code_base = 64,
			.gil_mask = 1u << 4, /* struct _ts: _status.active */
			.frame_line_off = 56, /* PyFrameObject: f_lineno */
			.owner_shim = 3, .torn_owners = 7, /* FRAME_OWNED_BY_INTERPRETER */
		},
		.objects = {
			.attributes = PY_ATTRIBUTES_INLINE_NO_GC_HEAD, .int_tagged = true,
			/* _PyRuntimeState: interpreters.head */
			.runtime_interp_head = 808,
			/* struct _is: next, id, imports.modules, threads.head, ceval.gil, gc; struct _gc_runtime_state:
			 * collecting */
			.interp_next = 7272, .interp_id = 7280, .interp_modules = 7712, .interp_threads_head = 7344,
			.interp_gil = 16, .interp_gc = 7408, .gc_collecting = 192,
			/* struct _gil_runtime_state: last_holder, cond, switch_cond */
			.gil_holder = 16, .gil_cond = 40, .gil_switch = 128,
			/* struct _ts: next, interp, native_thread_id */
			.tstate_next = 8, .tstate_interp = 16, .tstate_native_id = 160,
			/* PyHeapTypeObject: ht_qualname, ht_cached_keys; struct _dictvalues: values, valid;
			 * PyFunctionObject: func_qualname; PyTupleObject: ob_item */
			.type_qualname = 888, .type_cached_keys = 896, .values_first = 8, .values_valid = 3,
			.function_qualname = 56, .tuple_items = 48,
			/* PyCodeObject: co_argcount, co_kwonlyargcount, co_flags, co_localsplusnames, co_localspluskinds;
			 * _PyInterpreterFrame: f_locals */
			.code_argcount = 68, .code_kwonlyargcount = 76, .code_flags = 64, .code_variables = 112,
			.code_kinds = 120, .frame_namespace = 40,
		},
	},
	{
		.minor = 15,
		.lines = LINE_TABLE_LOCATIONS, .code_name = "co_qualname", .code_lines = "co_linetable",
		.code_basicsize = 208, .frame_basicsize = 152, .unicode_basicsize = 64,
		.debug = &debug_offsets_315,
		.layout = {
			.mech = ABI_MECH_IP_POINTER | ABI_MECH_OWNER | ABI_MECH_GIL_STATUS | ABI_MECH_VERSION |
				ABI_MECH_THREAD_ID | ABI_MECH_KEYS_LOG2,
			/* struct _ts: thread_id, current_frame, _status, datastack_chunk */
			.ts_thread_id_off = 176, .ts_frame_off = 72, .ts_gil_off = 32, .ts_stack_off = 256,
			/* _PyInterpreterFrame: previous, f_executable, f_globals, instr_ptr, owner, frame_obj, f_funcobj,
			 * localsplus */
			.frame_prev_off = 8, .frame_code_off = 0, .frame_globals_off = 24, .frame_ip_off = 56,
			.frame_owner_off = 74, .frame_object_off = 48, .frame_func_off = 16, .frame_locals_off = 80,
			/* PyCodeObject: co_firstlineno, co_version, co_filename, co_qualname, co_linetable,
			 * co_code_adaptive, co_stacksize, co_nlocalsplus */
			.code_firstlineno_off = 68, .code_version_off = 92, .code_filename_off = 112,
			.code_name_off = 128, .code_lines_off = 136, .code_start_off = 208, .code_stacksize_off = 64,
			.code_nlocals_off = 72,
			/* PyDictObject: ma_keys; PyDictKeysObject: dk_log2_size, dk_indices */
			.dict_keys_off = 32, .keys_size_off = 8, .keys_indices_off = 32,
			/* PyASCIIObject: length, state */
			.str_length_off = 16, .str_state_off = 32,
			/* PyBytesObject: ob_base.ob_size, ob_sval; PyObject: ob_type */
			.bytes_size_off = 16, .bytes_data_off = 32, .type_off = 8,
			.str_kind_shift = 2, .str_compact_bit = 5, .str_ascii_bit = 6, .str_ascii_off = 40,
			.str_compact_off = 56,
			.frame_base = 0, .code_base = 48,
			.gil_mask = 1u << 4, /* struct _ts: _status.active */
			.frame_line_off = 40, /* PyFrameObject: f_lineno */
			.owner_shim = 3, .torn_owners = 7, /* FRAME_OWNED_BY_INTERPRETER */
		},
		.objects = {
			.attributes = PY_ATTRIBUTES_INLINE, .int_tagged = true,
			/* _PyRuntimeState: interpreters.head */
			.runtime_interp_head = 936,
			/* struct _is: next, id, imports.modules, threads.head, ceval.gil, gc; struct _gc_runtime_state:
			 * collecting, frame */
			.interp_next = 7264, .interp_id = 7272, .interp_modules = 7592, .interp_threads_head = 7336,
			.interp_gil = 16, .interp_gc = 7400, .gc_collecting = 112, .gc_frame = 120,
			/* struct _gil_runtime_state: last_holder, cond, switch_cond */
			.gil_holder = 8, .gil_cond = 32, .gil_switch = 120,
			/* struct _ts: next, interp, native_thread_id */
			.tstate_next = 8, .tstate_interp = 16, .tstate_native_id = 184,
			/* PyHeapTypeObject: ht_qualname, ht_cached_keys; struct _dictvalues: values, valid;
			 * PyFunctionObject: func_qualname; PyTupleObject: ob_item */
			.type_qualname = 880, .type_cached_keys = 888, .values_first = 8, .values_valid = 3,
			.function_qualname = 40, .tuple_items = 32,
			/* PyCodeObject: co_argcount, co_kwonlyargcount, co_flags, co_localsplusnames, co_localspluskinds;
			 * _PyInterpreterFrame: f_locals */
			.code_argcount = 52, .code_kwonlyargcount = 60, .code_flags = 48, .code_variables = 96,
			.code_kinds = 104, .frame_namespace = 40,
		},
	},
	{
		.minor = 15, .free_threaded = true,
		.lines = LINE_TABLE_LOCATIONS, .code_name = "co_qualname", .code_lines = "co_linetable",
		.code_basicsize = 232, .frame_basicsize = 168, .unicode_basicsize = 80,
		.debug = &debug_offsets_315,
		.layout = {
			.mech = ABI_MECH_IP_POINTER | ABI_MECH_OWNER | ABI_MECH_GIL_STATUS | ABI_MECH_VERSION |
				ABI_MECH_THREAD_ID | ABI_MECH_KEYS_LOG2 | ABI_MECH_COPIES | ABI_MECH_GIL_SWITCH,
			/* struct _ts: thread_id, current_frame, _status, datastack_chunk */
			.ts_thread_id_off = 176, .ts_frame_off = 72, .ts_gil_off = 32, .ts_stack_off = 256,
			/* _PyInterpreterFrame: previous, f_executable, f_globals, instr_ptr, owner, frame_obj, f_funcobj,
			 * localsplus, tlbc_index */
			.frame_prev_off = 8, .frame_code_off = 0, .frame_globals_off = 24, .frame_ip_off = 56,
			.frame_owner_off = 78, .frame_object_off = 48, .frame_func_off = 16, .frame_locals_off = 80,
			.frame_copy_off = 72,
			/* PyCodeObject: co_firstlineno, co_version, co_filename, co_qualname, co_linetable,
			 * co_code_adaptive, co_stacksize, co_nlocalsplus, co_tlbc */
			.code_firstlineno_off = 84, .code_version_off = 108, .code_filename_off = 128,
			.code_name_off = 144, .code_lines_off = 152, .code_start_off = 232, .code_stacksize_off = 80,
			.code_nlocals_off = 88, .code_copies_off = 224,
			/* PyDictObject: ma_keys; PyDictKeysObject: dk_log2_size, dk_indices */
			.dict_keys_off = 48, .keys_size_off = 8, .keys_indices_off = 32,
			/* PyASCIIObject: length, state */
			.str_length_off = 32, .str_state_off = 48,
			/* PyBytesObject: ob_base.ob_size, ob_sval; PyObject: ob_type */
			.bytes_size_off = 32, .bytes_data_off = 48, .type_off = 24,
			.str_kind_shift = 8, .str_compact_bit = 11, .str_ascii_bit = 12, .str_ascii_off = 56,
			.str_compact_off = 72,
			.frame_base = 0, .code_base = 64,
			.gil_mask = 1u << 4, /* struct _ts: _status.active */
			.frame_line_off = 56, /* PyFrameObject: f_lineno */
			.owner_shim = 3, .torn_owners = 7, /* FRAME_OWNED_BY_INTERPRETER */
		},
		.objects = {
			.attributes = PY_ATTRIBUTES_INLINE_NO_GC_HEAD, .int_tagged = true,
			/* _PyRuntimeState: interpreters.head */
			.runtime_interp_head = 936,
			/* struct _is: next, id, imports.modules, threads.head, ceval.gil, gc; struct _gc_runtime_state:
			 * collecting, frame */
			.interp_next = 7264, .interp_id = 7272, .interp_modules = 7592, .interp_threads_head = 7336,
			.interp_gil = 16, .interp_gc = 7400, .gc_collecting = 112, .gc_frame = 120,
			/* struct _gil_runtime_state: last_holder, cond, switch_cond */
			.gil_holder = 16, .gil_cond = 40, .gil_switch = 128,
			/* struct _ts: next, interp, native_thread_id */
			.tstate_next = 8, .tstate_interp = 16, .tstate_native_id = 184,
			/* PyHeapTypeObject: ht_qualname, ht_cached_keys; struct _dictvalues: values, valid;
			 * PyFunctionObject: func_qualname; PyTupleObject: ob_item */
			.type_qualname = 896, .type_cached_keys = 904, .values_first = 8, .values_valid = 3,
			.function_qualname = 56, .tuple_items = 48,
			/* PyCodeObject: co_argcount, co_kwonlyargcount, co_flags, co_localsplusnames, co_localspluskinds;
			 * _PyInterpreterFrame: f_locals */
			.code_argcount = 68, .code_kwonlyargcount = 76, .code_flags = 64, .code_variables = 112,
			.code_kinds = 120, .frame_namespace = 40,
		},
	},
};

/*
 * What asyncio is read by, of default and free-threaded builds alike. In the order of the rows: TaskObj and FutureObj
 * (Modules/_asynciomodule.c): sizeof, fut_state, task_fut_waiter, task_coro, task_name, from 3.14 on fut_awaited_by,
 * fut_awaited_by_is_set, task_node; struct _ts: dict; PyGenObject: gi_frame, or gi_iframe and gi_frame_state;
 * enum _framestate (3.15: Include/internal/pycore_frame.h, _PyFrameState): FRAME_CREATED, FRAME_SUSPENDED or
 * FRAME_SUSPENDED_YIELD_FROM …, FRAME_EXECUTING; where they are one, Include/opcode.h: YIELD_FROM, RESUME, and PyCodeObject: co_code; PyFrameObject: f_stacktop
 * (3.10: f_stackdepth, f_valuestack), _PyInterpreterFrame: stacktop (3.14: stackpointer); PyFunctionObject: func_closure.
 * They were read from debug information: 3.8.18, 3.9.18, 3.10.13, 3.11.7, 3.12.1, 3.13.0, 3.13.18, 3.14.10, 3.15.2.
 */
static const struct py_asyncio asyncios[] = {
	{.minor = 8, .task_bytes = 144, .future_state = 72, .task_waiter = 104, .task_coro = 112, .task_name = 120,
	 .thread_dict = 152, .loop_holder = true, .generator_frame = 16, .await_opcode = 72, .code_bytes = 48,
	 .stack_top = PY_STACK_POINTER, .frame_top = 72, .function_closure = 48},
	{.minor = 9, .task_bytes = 184, .future_state = 80, .task_waiter = 144, .task_coro = 152, .task_name = 160,
	 .thread_dict = 152, .loop_holder = true, .generator_frame = 16, .await_opcode = 72, .code_bytes = 48,
	 .stack_top = PY_STACK_POINTER, .frame_top = 72, .function_closure = 48},
	{.minor = 10, .task_bytes = 192, .future_state = 88, .task_waiter = 152, .task_coro = 160, .task_name = 168,
	 .thread_dict = 152, .loop_holder = true, .generator_frame = 16, .await_opcode = 72, .code_bytes = 48,
	 .stack_top = PY_STACK_DEPTH, .frame_top = 80, .frame_values = 64, .function_closure = 72},
	{.minor = 11, .task_bytes = 176, .future_state = 88, .task_waiter = 128, .task_coro = 136, .task_name = 144,
	 .thread_dict = 128, .loop_holder = true, .generator_frame = 80, .generator_state = 75, .not_started = -2,
	 .awaits = -1, .awaits_last = -1, .await_opcode = 151, .await_arg = 2,
	 .stack_top = PY_STACK_COUNT, .frame_top = 64, .function_closure = 72},
	{.minor = 12, .task_bytes = 176, .future_state = 88, .task_waiter = 128, .task_coro = 136, .task_name = 144,
	 .thread_dict = 112, .generator_frame = 72, .generator_state = 67, .not_started = -2,
	 .awaits = -1, .awaits_last = -1, .await_opcode = 151, .await_arg = 2,
	 .stack_top = PY_STACK_COUNT, .frame_top = 64, .function_closure = 72},
	/* 3.13: _PyThreadStateImpl.asyncio_running_loop comes right behind PyThreadState. */
	{.minor = 13, .task_bytes = 144, .future_state = 96, .task_waiter = 112, .task_coro = 120, .task_name = 128,
	 .generator_frame = 72, .generator_state = 67, .not_started = -3, .awaits = -1, .awaits_last = -1,
	 .stack_top = PY_STACK_COUNT, .frame_top = 64, .function_closure = 72},
	{.minor = 14, .task_bytes = 168, .future_state = 104, .task_waiter = 120, .task_coro = 128, .task_name = 136,
	 .awaited_by = 96, .awaited_by_is_set = 109, .task_node = 152,
	 .generator_frame = 72, .generator_state = 67, .not_started = -3, .awaits = -1, .awaits_last = -1,
	 .stack_top = PY_STACK_POINTER, .frame_top = 64, .function_closure = 72},
	/* 3.15: an await has a receiver and null_or_index on the stack (Python/bytecodes.c: SEND). */
	{.minor = 15, .task_bytes = 168, .future_state = 104, .task_waiter = 120, .task_coro = 128, .task_name = 136,
	 .awaited_by = 96, .awaited_by_is_set = 109, .task_node = 152,
	 .generator_frame = 72, .generator_state = 67, .not_started = 0, .awaits = 2, .awaits_last = 3, .running = 4,
	 .stack_top = PY_STACK_POINTER, .frame_top = 64, .values_above = 1, .function_closure = 72},
};
/* clang-format on */

const struct py_version *py_versions(size_t *cnt)
{
	*cnt = ARRAY_SIZE(versions);
	return versions;
}

const struct py_version *py_version_find(unsigned minor, bool free_threaded)
{
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		if (versions[i].minor == minor && versions[i].free_threaded == free_threaded)
			return &versions[i];
	}
	return NULL;
}

bool py_version_fits_runtime(const struct py_version *row, uint64_t bytes, uint32_t more, struct py_build *out)
{
	bool older = row->older_bytes && (bytes == row->older_bytes || bytes == row->older_bytes + more);
	uint32_t base = older ? row->older_bytes : row->runtime_bytes;
	uint32_t earlier = older ? row->older_shift : 0, later = (uint32_t)(bytes - base);

	if (!row->runtime_bytes)
		return true;
	if (later && later != more)
		return false;
	out->layout.rt_tss_off += (int32_t)(later - earlier);
	out->layout.rt_tstate_current_off += later - earlier;
	out->objects.runtime_gil -= earlier;
	if (older) { /* where it has what is not known */
		out->objects.runtime_gc = 0;
		py_build_complete(out);
	}
	return true;
}

static const struct py_asyncio *find_asyncio(unsigned minor)
{
	for (size_t i = 0; i < ARRAY_SIZE(asyncios); i++) {
		if (asyncios[i].minor == minor)
			return &asyncios[i];
	}
	return NULL;
}

void py_version_apply(const struct py_version *row, struct py_build *out)
{
	struct abi_py_layout *l = &out->layout;

	out->lines = row->lines;
	out->objects = row->objects;
	out->asyncio = find_asyncio(row->minor);
	*l = row->layout;
	py_build_threads(&arch_own->glibc, out);
	py_build_complete(out);
}
