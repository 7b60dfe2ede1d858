/* SPDX-License-Identifier: MIT */
/* Threads of a pool have one name: without the numbers by which a program tells its threads apart. */
#pragma once

/* "worker-17" → "worker", "ThreadPoolExecutor-0_3" → "ThreadPoolExecutor", "Thread-5 (serve)" → "Thread (serve)". Caller frees. */
char *pool_name(const char *thread_name);
