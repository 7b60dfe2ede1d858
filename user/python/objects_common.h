/* SPDX-License-Identifier: MIT */
/*
 * Offsets that are the same in all versions of versions.c, from Include/object.h, Include/cpython/object.h and the types'
 * own headers, as default builds have them: where PyObject is larger (free-threaded builds), all are that much further
 * (object_at()). Other differences are in the rows.
 */
#pragma once

#define OB_TYPE     8  /* PyObject.ob_type */
#define OB_SIZE     16 /* PyVarObject.ob_size */
#define OB_BODY     16 /* sizeof(PyObject): the first member of an object's own */
#define OB_VAR_BODY 24 /* sizeof(PyVarObject): PyListObject.ob_item, the digits of an int */

/* PyTypeObject */
#define TP_NAME       24
#define TP_BASICSIZE  32
#define TP_FLAGS      168
#define TP_MEMBERS    240
#define TP_BASE       256
#define TP_DICT       264
#define TP_DICTOFFSET 288

#define BOUND_FUNCTION 16 /* PyMethodObject.im_func, PyCFunctionObject.m_ml, partialobject.fn */
#define BOUND_SELF     24 /* PyMethodObject.im_self, PyCFunctionObject.m_self; partialobject.args */

/* PySetObject {…, mask, table}: entries {key, hash} */
#define SET_MASK  32
#define SET_TABLE 40
