/*
 * JSON of reports, for scripts: values with their keys, in the order they are put. yajl's generator
 * sees to commas, nesting and quotes. `key` is NULL inside a list.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json_put;

struct json_put *json_put__new(FILE *out);
/* Ends the line and frees. 0 or -EIO. */
int json_put__end(struct json_put *j);

void json_put_map(struct json_put *j, const char *key);
void json_put_list(struct json_put *j, const char *key);
void json_put_end_map(struct json_put *j);
void json_put_end_list(struct json_put *j);

void json_put_text(struct json_put *j, const char *key, const char *text);
void json_put_count(struct json_put *j, const char *key, uint64_t value);
void json_put_int(struct json_put *j, const char *key, int64_t value);
void json_put_seconds(struct json_put *j, const char *key, uint64_t ns);
/* A number with six decimals, null when it is none (0/0). */
void json_put_real(struct json_put *j, const char *key, double value);
void json_put_bool(struct json_put *j, const char *key, bool value);
