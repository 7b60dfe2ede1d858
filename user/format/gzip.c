/* SPDX-License-Identifier: MIT */
/* gzip by zlib, behind a FILE of its own so that writers need not know that they are compressed. */
#include "user/format/gzip.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <errno.h>
#include <libdeflate.h>
#include <zlib.h>

#define GZIP_WINDOW (15 + 16) /* zlib.h, deflateInit2: + 16 writes a gzip header, without name and time */
#define LEVEL       1         /* 4 takes more than twice as long for columns of numbers and saves 6 % */

#define PACK_LEVEL 6 /* libdeflate's, as quick as zlib's 1 */

struct gzip {
	z_stream z;
	FILE *out;
	unsigned char room[1 << 16];
};

/* Hands on what deflate gives until it wants more input, or with Z_FINISH until its end. */
static int pump(struct gzip *g, int flush)
{
	int status;

	do {
		g->z.next_out = g->room;
		g->z.avail_out = sizeof(g->room);
		status = deflate(&g->z, flush);
		if (status == Z_STREAM_ERROR)
			return -EIO;
		size_t len = sizeof(g->room) - g->z.avail_out;
		if (len && fwrite(g->room, 1, len, g->out) != len)
			return -EIO;
	} while (g->z.avail_in || (flush == Z_FINISH && status != Z_STREAM_END));
	return 0;
}

static ssize_t write_some(void *cookie, const char *bytes, size_t len)
{
	struct gzip *g = cookie;

	g->z.next_in = (unsigned char *)bytes; /* zlib's type, it does not write there */
	g->z.avail_in = (uInt)len;
	return pump(g, Z_NO_FLUSH) ? 0 : (ssize_t)len;
}

static int finish(void *cookie)
{
	struct gzip *g = cookie;
	int err = pump(g, Z_FINISH);

	deflateEnd(&g->z);
	free(g);
	if (err)
		errno = EIO;
	return err ? -1 : 0;
}

FILE *gzip__open(FILE *out)
{
	const cookie_io_functions_t io = {.write = write_some, .close = finish};
	struct gzip *g = xcalloc(1, sizeof(*g));
	FILE *gz = NULL;

	g->out = out;
	if (deflateInit2(&g->z, LEVEL, Z_DEFLATED, GZIP_WINDOW, MAX_MEM_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK) {
		gz = fopencookie(g, "w", io);
		if (!gz)
			deflateEnd(&g->z);
	}
	if (!gz) {
		log_error("zlib cannot be used");
		free(g);
	}
	return gz;
}

int gzip__close(FILE *gz)
{
	int err = ferror(gz) ? -EIO : 0;

	return fclose(gz) ? -EIO : err;
}

struct gzip_packer *gzip_packer__new(void)
{
	return (struct gzip_packer *)libdeflate_alloc_compressor(PACK_LEVEL);
}

void gzip_packer__free(struct gzip_packer *z)
{
	libdeflate_free_compressor((struct libdeflate_compressor *)z);
}

bool gzip_packer__pack(struct gzip_packer *packer, const void *bytes, size_t len, struct buf *out)
{
	struct libdeflate_compressor *z = (struct libdeflate_compressor *)packer;
	size_t most = libdeflate_gzip_compress_bound(z, len);

	buf_free(out);
	out->data = xmalloc(most);
	out->cap = most;
	out->len = libdeflate_gzip_compress(z, bytes, len, out->data, most);
	return out->len != 0;
}

bool gzip_pack(const void *bytes, size_t len, struct buf *out)
{
	struct gzip_packer *z = gzip_packer__new();
	bool packed = z && gzip_packer__pack(z, bytes, len, out);

	gzip_packer__free(z);
	return packed;
}
