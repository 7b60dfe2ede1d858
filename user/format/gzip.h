/* SPDX-License-Identifier: MIT */
/* gzip: a stream that compresses, for the formats whose files are gzip by definition; and bodies of requests. */
#pragma once
#include "user/util/buf.h"
#include <stdio.h>

/*
 * Bytes written here arrive in `out` as gzip; the same bytes give the same file, without a name or a time in it.
 * gzip__close writes the end; `out` stays open. NULL when zlib cannot be used (said).
 */
FILE *gzip__open(FILE *out);
/* 0 or -EIO. */
int gzip__close(FILE *gz);

/* All at once, for what is sent: smaller than the stream's. `out` is empty before; false: it cannot be had. */
bool gzip_pack(const void *bytes, size_t len, struct buf *out);

/* The same for many: setting up clears half a megabyte. */
struct gzip_packer;
struct gzip_packer *gzip_packer__new(void); /* NULL: it cannot be had */
bool gzip_packer__pack(struct gzip_packer *z, const void *bytes, size_t len, struct buf *out);
void gzip_packer__free(struct gzip_packer *z);
