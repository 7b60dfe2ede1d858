/* SPDX-License-Identifier: MIT */
/* The members of each kind of record. New ones go to the end of a row, as optional. */
#include "user/format/record_fields.h"
#include "user/util/alloc.h"

/* The type follows from the struct; enums are as wide as unsigned ints. */
#define FIELD_TYPE(member)                                                                                             \
	_Generic((member),                                                                                             \
		bool: RECORD_BOOL,                                                                                     \
		uint8_t: RECORD_U8,                                                                                    \
		int32_t: RECORD_S32,                                                                                   \
		uint64_t: RECORD_U64,                                                                                  \
		double: RECORD_DOUBLE,                                                                                 \
		const char *: RECORD_TEXT,                                                                             \
		default: RECORD_U32)
#define ANY_FIELD(member, may_be_missing)                                                                              \
	{offsetof(struct OF, member), FIELD_TYPE(((struct OF *)0)->member), may_be_missing}
#define FIELD(member)    ANY_FIELD(member, false)
#define OPTIONAL(member) ANY_FIELD(member, true)

#define OF record_meta
static const struct record_field meta[] = {
	FIELD(m.tool),        FIELD(m.command), FIELD(m.target),
	FIELD(m.host),        FIELD(m.kernel),  FIELD(m.start_unix_ns),
	FIELD(m.duration_ns), FIELD(m.rate_hz), FIELD(m.effective_rate_hz),
	FIELD(m.cpus),        FIELD(flags),     FIELD(m.ticks),
	FIELD(m.filtered),
};
#undef OF
#define OF profile_process
static const struct record_field process[] = {
	FIELD(id),      FIELD(pid),         FIELD(parent_pid), FIELD(start_unix_ns), FIELD(command),
	FIELD(python),  FIELD(interpreter), FIELD(cgroup),     OPTIONAL(cpu_ns),     OPTIONAL(code_start_unix_ns),
	OPTIONAL(root), OPTIONAL(rights),
};
#undef OF
#define OF profile_thread
static const struct record_field thread[] = {FIELD(id), FIELD(process), FIELD(tid), FIELD(name)};
#undef OF
#define OF profile_function
static const struct record_field function[] = {
	FIELD(id),         FIELD(name),       FIELD(module), FIELD(file),
	FIELD(short_file), FIELD(first_line), FIELD(origin), OPTIONAL(kind),
};
#undef OF
#define OF profile_frame
static const struct record_field frame[] = {FIELD(id), FIELD(function), FIELD(line)};
#undef OF
#define OF profile_stack
static const struct record_field stack[] = {FIELD(id), FIELD(parent), FIELD(frame)};
#undef OF
#define OF profile_loss
static const struct record_field loss[] = {
	FIELD(from_unix_ns), FIELD(to_unix_ns), FIELD(reason),  FIELD(sentence), FIELD(count),
	FIELD(value),        FIELD(process),    FIELD(failure), OPTIONAL(type),  OPTIONAL(failed),
};
#undef OF
#define OF profile_value_type
static const struct record_field value_type[] = {FIELD(id), FIELD(name), FIELD(unit), FIELD(label), FIELD(sentence)};
#undef OF
#define OF profile_task
static const struct record_field task[] = {FIELD(id), FIELD(process), FIELD(parent), FIELD(name), OPTIONAL(coroutine)};
#undef OF
#define OF profile_label
static const struct record_field label[] = {FIELD(process), FIELD(key), FIELD(value)};
#undef OF
#define OF profile_source
static const struct record_field source[] = {FIELD(process), FIELD(file), FIELD(label), FIELD(text)};
#undef OF

#define SHAPE(kind, name) [RECORD_##kind] = {name, ARRAY_SIZE(name)},
const struct record_shape record_shapes[RECORD_KINDS] = {SHAPE(META, meta) SHAPE(FUNCTION, function)
								 RECORD_STRUCTS(SHAPE)};
