/* SPDX-License-Identifier: MIT */
/*
 * The containers that were chosen by name. One that is started again may be another container, with another cgroup, of
 * the same name: whenever a cgroup is made, the names are looked up again.
 */
#pragma once
#include "user/session/session.h"

struct follow;

/* Finds them. 0 or negative errno (said); legal on NULL to free. */
int follow__find(const struct session_options *o, struct follow **out);
void follow__free(struct follow *f);
/* Calls `fn` for each cgroup that the choices have now; `choice` is the number of its choice. */
typedef void (*follow_fn)(void *ctx, size_t choice, const char *path);
void follow__each(const struct follow *f, follow_fn fn, void *ctx);
/* "web (podman 3f2a91c04bd2)" */
const char *follow__text(const struct follow *f, size_t choice);
/*
 * `made`: how many cgroups were made so far, anywhere. True when it is time for another look. They may get their names a
 * little after that, so there are several, and the descriptor becomes readable for each; -1 when nothing was chosen so.
 */
bool follow__is_due(struct follow *f, uint64_t made, uint64_t now_ns);
void follow__looked(struct follow *f, uint64_t began_ns, uint64_t now_ns);
int follow__fd(const struct follow *f);
