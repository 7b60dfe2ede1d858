/* SPDX-License-Identifier: MIT */
/* What requests of every back end have: labels, ids, and reasons in what they answer. */
#pragma once
#include "user/push/group.h"
#include "user/util/buf.h"

/* The value of a label as back ends take it: UTF-8 of at most 2048 bytes. Caller frees. */
char *wire_label_value(const char *value);
/* Names that begin with `__` are the back ends' own. */
bool wire_is_own_name(const char *name);

/* Random, never all zeros. */
void wire_id(unsigned char id[16]);
/* The same as a UUID. */
void wire_uuid(char text[37]);

/* The member `message` of a JSON object, else the text itself; one line, cut. Caller frees. */
char *wire_json_reason(const char *body, size_t len);
char *wire_text_reason(const char *body, size_t len);
