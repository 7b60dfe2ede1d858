/* What differs by architecture: where the thread pointer is. One row per file in arch/. */
#pragma once
#if defined(__TARGET_ARCH_x86)
#include "bpf/arch/x86.h"
#else
#error "this architecture has no row in bpf/arch/ yet"
#endif
