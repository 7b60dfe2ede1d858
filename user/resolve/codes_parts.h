/* SPDX-License-Identifier: MIT */
/* What codes.c keeps, for itself and for codes_limit.c, which forgets. */
#pragma once
#include "user/profile/module_name.h"
#include "user/resolve/codes.h"
#include "user/resolve/contents.h"
#include "user/util/intern.h"
#include "user/util/pair_map.h"

/* One code object of one image. */
struct code {
	UT_hash_handle hh;
	uint64_t key;
	uint32_t image_id;
	uint32_t used_s;         /* when it was met last, in seconds of CLOCK_MONOTONIC */
	struct content *content; /* NULL: its lines are still coming */
	bool lacking;            /* some of them were lost; they may come yet, when it is met again */
	bool leaving;            /* it goes soon, unless it is met meanwhile (codes_limit.c) */
	struct code *next_of_image;
	struct partial *partial;
};

struct code_image {
	UT_hash_handle hh;
	uint32_t image_id;
	size_t table_bytes; /* of line tables that nobody else had brought before */
	struct code *codes;
	struct whole_paths paths;
	struct pair_map files; /* (digest of a name) → 1: that it has code of */
	unsigned script_asks;
};

struct codes {
	struct profile_sink sink;
	struct path_asker files;
	void (*met_file)(void *ctx, uint32_t image_id, const char *file);
	void *met_ctx;
	struct code *by_key;
	struct code_image *images;
	struct contents *contents;
	uint32_t stale; /* contents that are gone and may be in by_lasti */
	struct codes_limit limit;
	uint32_t now_s;      /* CLOCK_MONOTONIC */
	uint64_t leaving_ns; /* when some were marked to go; 0: none are */
	/* Of this segment: */
	uint32_t segment;
	struct intern *functions;    /* name, file, first line, module (and table) → function id */
	struct intern *named;        /* file, what its module is called → modules */
	struct module_name *modules; /* by id - 1 */
	size_t module_cnt, module_cap;
	struct pair_map by_lasti; /* (content, lasti) → frame id */
	struct pair_map by_line;  /* (function, line) → frame id */
	uint32_t frame_cnt;
};

/* Frees it; it is in no table and in no list any more. */
void code_free(struct codes *c, struct code *code);
