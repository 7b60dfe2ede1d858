/* SPDX-License-Identifier: MIT */
/*
 * The kernel's type information (BTF), by which the BPF programs are fitted to it. Kernels mostly show their own; else a file
 * does, and then only the variant for old kernels loads, because the others need the kernel to have it, too.
 */
#pragma once

struct types {
	char *path; /* NULL: the kernel shows its own */
	int fd;
};

/*
 * `given`: a file that the user names, NULL: the kernel's own, or else a file in one of the usual places. 0, or negative errno
 * after saying why.
 */
int types_find(const char *given, struct types *out);
void types_clear(struct types *t);
