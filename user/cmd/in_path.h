/* SPDX-License-Identifier: MIT */
/* Programs as the user types them. */
#pragma once

/* The file that execvp() would run; NULL when there is none. Caller frees. */
char *in_path_find(const char *name);
