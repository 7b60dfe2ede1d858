/* SPDX-License-Identifier: MIT */
/* libFuzzer on heads of HTTP requests. All that comes of one lies inside its bytes, decoded text has no controls, and a length is found as soon as it is there. */
#include "user/serve/head.h"
#include "user/util/alloc.h"
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text, size_t len, const char *part)
{
	if (part < text || part + strlen(part) > text + len)
		abort();
	for (; *part; part++)
		if ((unsigned char)*part < 0x20 || *part == 0x7f)
			abort();
}

static void check_length(const char *bytes, size_t len, size_t size)
{
	if (head_length(bytes, len) != len || (len && head_length(bytes, len - 1)) || head_length(bytes, size) != len)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* of exactly that size, so that a byte too far is noticed */
	__cleanup_free char *bytes = xmalloc(size + 1), *text = NULL;
	const char *why = NULL;
	struct head head;
	size_t len;
	int status;

	memcpy(bytes, data, size);
	len = head_length(bytes, size);
	if (!len || len > HEAD_MAX)
		return 0;
	check_length(bytes, len, size);
	text = xmalloc(len + 1);
	memcpy(text, bytes, len);
	text[len] = '\0';
	status = head_parse(text, len, &head, &why);
	if (status ? status < 400 || !why : !head.path || *head.path != '/')
		abort();
	if (status)
		return 0;
	check(text, len, head.path);
	for (size_t i = 0; i < head.param_cnt; i++) {
		check(text, len, head.params[i].name);
		check(text, len, head.params[i].value);
	}
	if (head.host)
		head_is_loopback(head.host);
	return 0;
}
