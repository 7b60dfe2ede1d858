// SPDX-License-Identifier: MIT
/*
 * HTTP POST by libcurl: it has proxies, certificates and all that people have at their networks' edges. Used by way of its
 * "multi" interface, since a thread that is told to stop must not wait for a second.
 */
#include "user/push/http.h"
#include "user/push/http_url.h"
#include "user/push/http_wire.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define STEP_MS 100 /* how late it may notice that it is to stop */

struct http {
	CURL *easy;
	CURLM *multi;
	char *user_agent;
	char said[CURL_ERROR_SIZE];
};

/* One request. */
struct transfer {
	struct http_answer *out;
	bool has_head; /* the final answer's headers are complete */
};

static void start_library(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct http *http__new(const char *user_agent)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct http *h = xcalloc(1, sizeof(*h));

	pthread_once(&once, start_library);
	h->user_agent = xstrdup(user_agent);
	h->easy = curl_easy_init();
	h->multi = curl_multi_init();
	return h;
}

void http__free(struct http *h)
{
	if (!h)
		return;
	curl_easy_cleanup(h->easy);
	curl_multi_cleanup(h->multi);
	free(h->user_agent);
	free(h);
}

void http_answer__clear(struct http_answer *a)
{
	buf_free(&a->body);
	*a = (struct http_answer){0};
}

/* What does not fit is not read: that ends the transfer, and its status stands. */
static size_t on_body(char *bytes, size_t size, size_t cnt, void *ctx)
{
	struct transfer *t = ctx;
	size_t len = size * cnt, room = HTTP_ANSWER_MAX - t->out->body.len;

	buf_put(&t->out->body, bytes, len < room ? len : room);
	return len < room ? len : 0;
}

static size_t on_header(char *bytes, size_t size, size_t cnt, void *ctx)
{
	static const char name[] = "retry-after:";
	struct transfer *t = ctx;
	size_t len = size * cnt;
	__cleanup_free char *line = xstrndup(bytes, len);

	line[strcspn(line, "\r\n")] = 0;
	if (!strncasecmp(line, "HTTP/", 5)) { /* anew: that was an interim answer */
		t->has_head = false;
		t->out->retry_after_ns = 0;
	} else if (!*line) {
		t->has_head = true;
	} else if (!strncasecmp(line, name, strlen(name))) {
		t->out->retry_after_ns = http_retry_after(line + strlen(name), clock_unix_ns() / 1000000000ull);
	}
	return len;
}

static void set_protocols(CURL *c)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(c, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
	/* A name that nobody resolves is waited for by nobody. */
	curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L);
#endif
}

/* Options stay from one request to the next, so all are set each time. Redirects are not followed: a token goes to one host. */
static void set_up(struct http *h, const struct http_request *q, struct transfer *t)
{
	const char *ca = q->ca_file ? q->ca_file : http_ca_of_environment();
	CURL *c = h->easy;

	curl_easy_reset(c); /* connections stay */
	set_protocols(c);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_URL, q->url);
	curl_easy_setopt(c, CURLOPT_USERAGENT, h->user_agent);
	curl_easy_setopt(c, CURLOPT_POST, 1L);
	curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->len);
	curl_easy_setopt(c, CURLOPT_POSTFIELDS, q->len ? q->body : "");
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)(q->timeout_ns / 1000000));
	curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->said);
	if (ca)
		curl_easy_setopt(c, CURLOPT_CAINFO, ca);
	if (q->proxy)
		curl_easy_setopt(c, CURLOPT_PROXY, q->proxy);
}

static struct curl_slist *header_list(const struct http_request *q)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:"); /* no waiting for "100 Continue" */

	for (size_t i = 0; i < q->header_cnt; i++)
		list = curl_slist_append(list, q->headers[i]);
	return list;
}

/* Until it is done, or is to stop. */
static CURLcode transfer(struct http *h, const bool *stop)
{
	CURLMsg *message;
	int running = 1, left;

	while (running) {
		if (curl_multi_perform(h->multi, &running))
			return CURLE_FAILED_INIT;
		if (stop && __atomic_load_n(stop, __ATOMIC_RELAXED))
			return CURLE_ABORTED_BY_CALLBACK;
		if (running)
			curl_multi_poll(h->multi, NULL, 0, STEP_MS, NULL);
	}
	while ((message = curl_multi_info_read(h->multi, &left)))
		if (message->msg == CURLMSG_DONE)
			return message->data.result;
	return CURLE_FAILED_INIT;
}

static void say_error(const struct http *h, CURLcode code, struct http_answer *out)
{
	const char *text = code == CURLE_ABORTED_BY_CALLBACK ? "stopped"
			   : *h->said                        ? h->said
							     : curl_easy_strerror(code);

	snprintf(out->error, sizeof(out->error), "%s", code ? text : "no answer came");
}

static void judge(struct http *h, CURLcode code, const struct transfer *t)
{
	curl_off_t ready_us = 0;
	long status = 0;

	curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(h->easy, CURLINFO_PRETRANSFER_TIME_T,
			  &ready_us); /* the tunnel of a proxy and TLS are before it */
	t->out->connected = ready_us > 0 || t->has_head;
	if (t->has_head && status >= 200)
		t->out->status = (int)status;
	else
		say_error(h, code, t->out);
}

void http__post(struct http *h, const struct http_request *q, struct http_answer *out)
{
	struct transfer t = {.out = out};
	struct curl_slist *list = header_list(q);
	CURLcode code = CURLE_FAILED_INIT;

	*out = (struct http_answer){0};
	h->said[0] = 0;
	set_up(h, q, &t);
	curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, list);
	if (!curl_multi_add_handle(h->multi, h->easy))
		code = transfer(h, q->stop);
	judge(h, code, &t);
	curl_multi_remove_handle(h->multi, h->easy);
	curl_slist_free_all(list);
}

const char *http_version(void)
{
	static char text[64];

	snprintf(text, sizeof(text), "libcurl %s", curl_version_info(CURLVERSION_NOW)->version);
	return text;
}
