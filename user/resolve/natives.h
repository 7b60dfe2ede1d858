/* SPDX-License-Identifier: MIT */
/* Native and kernel frames of samples, as frames of the profile. */
#pragma once
#include "user/resolve/codes.h"
#include "user/target/native_names.h"
#include "user/target/native_spaces.h"
#include "user/target/processes.h"

struct natives;

#define NATIVES_INLINED 1024 /* in all frames of a sample; those beyond are left out */

/* Where they are from; both live longer. `kernel`: its functions have names, too, which takes rights that are given up later. */
struct natives_of {
	struct native_files *files;
	const struct native_spaces *spaces;
	bool kernel;
};

struct natives *natives__new(struct codes *codes, const struct natives_of *of);
void natives__free(struct natives *n);
/* From here on the profile is another one, which knows no ids yet. */
void natives__begin_segment(struct natives *n);

/*
 * Names the frames of the native part of a sample that has one: ids, and what user/resolve/merge.h wants to know of each; valid until the next
 * call. False when a name is still to come, unless `now`.
 */
bool natives__name(struct natives *n, const struct process *p, const struct abi_sample *sample, bool now);
/*
 * The frames of the profile that are a native frame of the sample, by its number, the kernel's first: itself, and before it what
 * was inlined there, the innermost first. `*cnt` 0: it says nothing that Python's frames do not.
 */
const uint32_t *natives__frames(const struct natives *n, uint32_t number, uint32_t *cnt);
/* Without the kernel's. */
const uint8_t *natives__flags(const struct natives *n);
/* Waits for all names that were asked for, at most so long. */
void natives__wait(struct natives *n, unsigned ms);
