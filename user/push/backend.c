/* SPDX-License-Identifier: MIT */
/* The table of back ends. */
#include "user/push/backend.h"
#include <stddef.h>

const struct backend *const backends[] = {&backend_pyroscope, &backend_parca, &backend_otlp, NULL};
