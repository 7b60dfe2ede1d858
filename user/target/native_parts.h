/* SPDX-License-Identifier: MIT */
/* What native_files.c and native_names.c have in common. Not for anyone else. */
#pragma once
#include "user/target/native_channel.h"
#include "user/target/native_files.h"

/* Names go through the same child. `flush` is called before questions are sent. */
struct native_names_calls {
	void (*answered)(void *ctx, const struct native_request *q, int result, const struct buf *reply);
	void (*flush)(void *ctx);
	void *ctx;
};
void native_files__set_names(struct native_files *t, const struct native_names_calls *calls);
void native_files__ask(struct native_files *t, const struct native_request *q);
/* Where the file was seen last, for a question about it. */
void native_file__place(const struct native_file *f, struct native_request *q);
