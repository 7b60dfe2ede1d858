/* SPDX-License-Identifier: MIT */
/* Samples of a thread that collects garbage. */
#pragma once
#include "bpf/abi.h"
#include "user/resolve/codes.h"

/* Whether the collector ran above the sample's leaf. All its names should be known. */
bool collecting_is(const struct codes *c, const struct abi_sample *rec);
