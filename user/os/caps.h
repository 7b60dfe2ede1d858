/* What this process may do. */
#pragma once
#include <stdbool.h>

/*
 * The capabilities sampling needs and this process lacks, as a list for people: "CAP_BPF, CAP_PERFMON";
 * NULL when nothing is missing. Caller frees.
 */
char *caps_missing(void);
/* Is the kernel locked down so that BPF may not read memory? ("confidentiality") */
bool caps_lockdown_confidentiality(void);
