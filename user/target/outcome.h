/* SPDX-License-Identifier: MIT */
/* The words and sentences of bpf/outcomes.h, for people. */
#pragma once
#include "bpf/outcomes.h"

enum abi_outcome_class outcome_class(unsigned outcome);
const char *outcome_word(unsigned outcome);
const char *outcome_sentence(unsigned outcome);
/* The frame that stands for a stack without Python functions. */
const char *outcome_frame(unsigned outcome);
/* How the walk of a stack's native frames ended. */
const char *outcome_native_end(unsigned end);
/* What stands in a stack where native frames are missing for that. Caller frees. */
char *outcome_native_missing(unsigned end);
