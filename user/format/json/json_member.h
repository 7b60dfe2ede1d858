/* Members of JSON objects as all our JSON writes them: `"key":value,`, the comma always. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* A text as a JSON string; the caller frees. */
char *json_quote(const char *text);

void json_member_text(FILE *out, const char *key, const char *text);
/* Seconds, as many decimals as it takes. */
void json_member_seconds(FILE *out, const char *key, uint64_t ns);
/* The same without a key, into `text`, which is returned. */
const char *json_seconds(uint64_t ns, char text[32]);
void json_member_bool(FILE *out, const char *key, bool value);
void json_member_count(FILE *out, const char *key, uint64_t value);
/* The shortest text that gives the same double back. */
void json_member_number(FILE *out, const char *key, double value);
