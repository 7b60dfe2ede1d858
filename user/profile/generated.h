/* SPDX-License-Identifier: MIT */
/* Code that a program makes (dataclasses, named tuples, templates) has no file, but the module that it was made for. */
#pragma once
#include "user/profile/profile.h"

/*
 * Such functions are of whom their package is: "<string>" of black.lines is as little the user's as black/lines.py is. Only
 * where all functions of that package that have files, and there is one, are of one origin.
 */
void generated_adopt(struct profile *p);
