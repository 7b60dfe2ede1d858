/* SPDX-License-Identifier: MIT */
/* Short names of files, made unlike where they are of different files: what reads alike is one function in every output. */
#pragma once
#include "user/profile/profile.h"
#include "user/util/intern.h"

/*
 * Of files that have one short name ("threading.py" of two Pythons) each is called by as many more of its folders as tell it
 * from the others ("python3.8/threading.py"). `texts` keeps the new names.
 */
void short_files__tell_apart(struct profile *p, struct intern *texts);
