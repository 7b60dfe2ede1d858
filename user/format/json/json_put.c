/* SPDX-License-Identifier: MIT */
#include "user/format/json/json_put.h"
#include "user/util/alloc.h"

void json_put_value(struct json_put *j, const struct profile_value_type *t, const char *what, uint64_t value)
{
	bool is_time = t->unit == PROFILE_NANOSECONDS;
	__cleanup_free char *key = xasprintf("%s%s", what, is_time ? "seconds" : "amount");

	if (is_time)
		json_put_seconds(j, key, value);
	else
		json_put_count(j, key, value);
}
