/* SPDX-License-Identifier: MIT */
/*
 * Headers of requests, and what of them is secret: tokens and headers come from files, which are read anew for each request since
 * they are replaced while we run, or from the environment. Nothing of their content is ever said.
 */
#pragma once
#include <stddef.h>

struct push_headers {
	char **lines; /* "Name: value" */
	size_t cnt, cap;
	size_t public_cnt; /* so many of the first are no secrets */
};

/* What is no secret comes first. */
void push_headers__add(struct push_headers *h, const char *name, const char *value);
/* "Authorization: Bearer …". 0 or negative errno with `*why`, a sentence (the caller frees it). */
int push_headers__add_token(struct push_headers *h, const char *token, char **why);
int push_headers__add_token_file(struct push_headers *h, const char *path, char **why);
/* Lines "Name: value"; empty ones and those that begin with # are left out. */
int push_headers__add_file(struct push_headers *h, const char *path, char **why);
void push_headers__clear(struct push_headers *h);

/* Servers repeat what they were told: secrets in `text` become asterisks. */
void push_headers__hide(const struct push_headers *h, char *text);

/* Can it be read? 0 or negative errno with `*why`. */
int push_check_file(const char *path, char **why);
