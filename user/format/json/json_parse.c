/*
 * JSON text → typed items. With yajl, because it streams: memory stays at one token however large
 * the file is. Which keys hold what is in two tables: `containers` here, and json_fields.c. The
 * text is hostile: depth and lengths are capped, keys nobody knows are skipped, a value of the
 * wrong type is refused with its line.
 */
#include "user/format/json/json_fields.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <errno.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#define MAX_DEPTH 64
#define MAX_TEXT  65536u /* bytes of a text that are kept */
#define MAX_STACK PROFILE_MAX_DEPTH
#define MAX_TOKEN (4u << 20) /* bytes without an end of a token */
#define CHUNK     65536

static const struct place {
	const char *name;
	bool is_map;
	enum json_place element; /* of a list, or of a map whose keys are names */
} places[] = {
	[JSON_TOP] = {"the document", true, 0},
	[JSON_PROCESSES] = {"processes", false, JSON_PROCESS},
	[JSON_PROCESS] = {"a process", true, 0},
	[JSON_THREADS] = {"threads", false, JSON_THREAD},
	[JSON_THREAD] = {"a thread", true, 0},
	[JSON_FUNCTIONS] = {"functions", true, JSON_FUNCTION},
	[JSON_FUNCTION] = {"a function", true, 0},
	[JSON_VARIANTS] = {"variants", false, JSON_VARIANT},
	[JSON_VARIANT] = {"a variant", true, 0},
	[JSON_LOSSES] = {"lost", false, JSON_LOSS},
	[JSON_LOSS] = {"a loss", true, 0},
	[JSON_SAMPLES] = {"samples", false, JSON_SAMPLE},
	[JSON_SAMPLE] = {"a sample", true, 0},
	[JSON_STACK] = {"stack", false, 0},
	[JSON_LINES] = {"lines", false, 0},
	[JSON_WHICH] = {"which", false, 0},
};

static const struct container {
	enum json_place in;
	const char *key;
	enum json_place place;
} containers[] = {
	{JSON_TOP, "processes", JSON_PROCESSES}, {JSON_TOP, "threads", JSON_THREADS},
	{JSON_TOP, "functions", JSON_FUNCTIONS}, {JSON_TOP, "lost", JSON_LOSSES},
	{JSON_TOP, "samples", JSON_SAMPLES},     {JSON_FUNCTION, "variants", JSON_VARIANTS},
	{JSON_SAMPLE, "stack", JSON_STACK},      {JSON_SAMPLE, "lines", JSON_LINES},
	{JSON_SAMPLE, "which", JSON_WHICH},
};

struct parser {
	const struct json_source *source;
	struct json_items *items;
	enum json_pass pass;
	enum json_place path[MAX_DEPTH];
	int depth, skipping;            /* skipping: depth inside of what is not read */
	const struct json_field *field; /* of the key just seen, or */
	enum json_place container;      /* … its container; neither: unknown */
	bool tokens;                    /* something was read since this was cleared */
	char *error;
};

static int refuse(struct parser *j, char *error)
{
	if (!j->error)
		j->error = error;
	else
		free(error);
	return 0;
}

static enum json_place here(const struct parser *j)
{
	return j->depth ? j->path[j->depth - 1] : JSON_NOWHERE;
}

static struct json_list *list_at(struct parser *j)
{
	switch (here(j)) {
	case JSON_STACK:
		return &j->items->stack;
	case JSON_LINES:
		return &j->items->lines;
	case JSON_WHICH:
		return &j->items->which;
	default:
		return NULL;
	}
}

static int wrong_type(struct parser *j)
{
	if (j->field)
		return refuse(j, xasprintf("%s: \"%s\" must be %s", places[here(j)].name,
					   j->field->key, json_field_expected(j->field)));
	if (j->container)
		return refuse(j, xasprintf("%s: \"%s\" must be %s", places[here(j)].name,
					   places[j->container].name,
					   places[j->container].is_map ? "an object" : "a list"));
	if (list_at(j))
		return refuse(j, xasprintf("\"%s\" must hold %s", places[here(j)].name,
					   here(j) == JSON_STACK ? "strings" : "whole numbers"));
	if (!j->depth)
		return refuse(j, xstrdup("the document must be an object"));
	return refuse(j, xasprintf("%s must hold objects", places[here(j)].name));
}

static int append(struct parser *j, struct json_list *list, int64_t value)
{
	if (list->cnt == MAX_STACK)
		return refuse(j, xasprintf("a stack has more than %d entries", MAX_STACK));
	xgrow(list->items, list->cnt, list->cap);
	list->items[list->cnt++] = value;
	return 1;
}

/* True when the value that comes now is of no interest. */
static bool is_skipped(struct parser *j)
{
	j->tokens = true;
	return j->skipping ||
	       (places[here(j)].is_map && !places[here(j)].element && !j->field && !j->container);
}

static int on_number(void *ctx, const char *digits, size_t len)
{
	struct parser *j = ctx;
	struct json_list *list = list_at(j);
	char text[64];
	int64_t value;

	if (is_skipped(j))
		return 1;
	if (len >= sizeof(text))
		return refuse(j, xstrdup("a number has too many digits"));
	memcpy(text, digits, len);
	text[len] = 0;
	if (list && here(j) != JSON_STACK && json_to_integer(text, INT32_MIN, INT32_MAX, &value))
		return append(j, list, value);
	return j->field && json_field_number(j->field, j->items, text) ? 1 : wrong_type(j);
}

static int on_string(void *ctx, const unsigned char *text, size_t len)
{
	struct parser *j = ctx;

	if (is_skipped(j))
		return 1;
	if (len > MAX_TEXT)
		len = MAX_TEXT;
	if (here(j) == JSON_STACK)
		return append(j, &j->items->stack, intern__id(j->items->names, text, len));
	return j->field && json_field_text(j->field, j->items, (const char *)text, len)
		       ? 1
		       : wrong_type(j);
}

static int on_bool(void *ctx, int value)
{
	struct parser *j = ctx;

	if (is_skipped(j))
		return 1;
	return j->field && json_field_bool(j->field, j->items, value) ? 1 : wrong_type(j);
}

/* null is "not said", wherever there may be a value. */
static int on_null(void *ctx)
{
	struct parser *j = ctx;

	return is_skipped(j) || j->field || j->container ? 1 : wrong_type(j);
}

/* ---- containers ------------------------------------------------------------------------------ */

static void reset(struct json_items *items, enum json_place place)
{
	if (place == JSON_PROCESS)
		items->process = (struct json_process){0};
	else if (place == JSON_THREAD)
		items->thread = (struct json_thread){0};
	else if (place == JSON_FUNCTION)
		items->function = (struct json_function){.name = items->function.name};
	else if (place == JSON_VARIANT)
		items->variant = (struct json_function){0};
	else if (place == JSON_LOSS)
		items->loss = (struct json_loss){0};
	else if (place == JSON_SAMPLE) {
		items->sample = (struct json_sample){0};
		items->stack.cnt = items->lines.cnt = items->which.cnt = 0;
	}
}

static int open_container(struct parser *j, bool is_map)
{
	enum json_place place = places[here(j)].element;
	bool skipped = is_skipped(j);

	if (!j->depth)
		place = JSON_TOP;
	else if (j->container)
		place = j->container;
	if (j->depth + j->skipping >= MAX_DEPTH)
		return refuse(j, xstrdup("nested too deeply"));
	if (place == JSON_SAMPLES)
		j->items->has_samples = true;
	if (skipped ||
	    (here(j) == JSON_TOP && (place == JSON_SAMPLES) != (j->pass == JSON_ONLY_SAMPLES))) {
		j->skipping++;
		return 1;
	}
	if (!place || places[place].is_map != is_map)
		return wrong_type(j);
	reset(j->items, place);
	j->path[j->depth++] = place;
	j->field = NULL;
	j->container = 0;
	return 1;
}

static int close_container(struct parser *j)
{
	enum json_place place = here(j);
	const char *error;

	j->tokens = true;
	j->field = NULL;
	j->container = 0;
	if (j->skipping) {
		j->skipping--;
		return 1;
	}
	j->depth--;
	if (!places[place].is_map || places[place].element || place == JSON_TOP)
		return 1;
	error = j->source->fn(j->source->ctx, place, j->items);
	return error ? refuse(j, xstrdup(error)) : 1;
}

static int on_start_map(void *ctx)
{
	return open_container(ctx, true);
}

static int on_start_array(void *ctx)
{
	return open_container(ctx, false);
}

static int on_end(void *ctx)
{
	return close_container(ctx);
}

static void find_key(struct parser *j, const char *key, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(containers); i++) {
		if (containers[i].in == here(j) && !strncmp(containers[i].key, key, len) &&
		    !containers[i].key[len])
			j->container = containers[i].place;
	}
	/* at the top there are values for the first pass only */
	if (here(j) == JSON_TOP && j->pass == JSON_ONLY_SAMPLES)
		return;
	j->field = json_field_find(here(j), key, len);
}

static int on_key(void *ctx, const unsigned char *text, size_t len)
{
	struct parser *j = ctx;

	j->tokens = true;
	if (j->skipping)
		return 1;
	j->field = NULL;
	j->container = 0;
	if (here(j) == JSON_FUNCTIONS)
		j->items->function.name =
			intern__id(j->items->names, text, len > MAX_TEXT ? MAX_TEXT : len);
	else
		find_key(j, (const char *)text, len);
	return 1;
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_bool,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_start_map,
	.yajl_map_key = on_key,
	.yajl_end_map = on_end,
	.yajl_start_array = on_start_array,
	.yajl_end_array = on_end,
};

/* ---- the file -------------------------------------------------------------------------------- */

struct position {
	uint64_t line, offset;
};

static void advance(struct position *at, const unsigned char *bytes, size_t len)
{
	const unsigned char *end = bytes + len;

	at->offset += len;
	while (bytes < end && (bytes = memchr(bytes, '\n', (size_t)(end - bytes)))) {
		at->line++;
		bytes++;
	}
}

static int report(struct parser *j, yajl_handle yajl, const struct position *at)
{
	unsigned char *text = j->error ? NULL : yajl_get_error(yajl, 0, NULL, 0);
	const char *words = j->error ? j->error : (const char *)text;

	if (!*words) /* whoever takes the items has had enough of them */
		return -ECANCELED;
	log_error("%s: line %llu, byte %llu: %.*s", j->source->path, (unsigned long long)at->line,
		  (unsigned long long)at->offset, (int)strcspn(words, "\n"), words);
	if (text)
		yajl_free_error(yajl, text);
	return -EINVAL;
}

static int feed(struct parser *j, yajl_handle yajl, struct position *at)
{
	unsigned char chunk[CHUNK];
	size_t silent = 0;

	for (;;) {
		ssize_t len = read(j->source->fd, chunk, sizeof(chunk));
		yajl_status status;

		if (len < 0) {
			int err = -errno;

			log_error("%s: cannot be read: %s", j->source->path, strerror(-err));
			return err;
		}
		j->tokens = false;
		status = len ? yajl_parse(yajl, chunk, (size_t)len) : yajl_complete_parse(yajl);
		silent = j->tokens ? 0 : silent + (size_t)len;
		if (silent > MAX_TOKEN)
			status = yajl_status_client_canceled,
			refuse(j, xstrdup("a text without an end"));
		if (status != yajl_status_ok) {
			advance(at, chunk, len ? yajl_get_bytes_consumed(yajl) : 0);
			return report(j, yajl, at);
		}
		if (!len)
			return 0;
		advance(at, chunk, (size_t)len);
	}
}

int json_parse(const struct json_source *source, enum json_pass pass, struct json_items *items)
{
	struct parser j = {.source = source, .items = items, .pass = pass};
	struct position at = {.line = 1};
	yajl_handle yajl;
	int err;

	if (lseek(source->fd, 0, SEEK_SET)) {
		err = -errno;
		log_error("%s: is read more than once, so it must be a plain file: %s",
			  source->path, strerror(-err));
		return err;
	}
	yajl = yajl_alloc(&callbacks, NULL, &j);
	if (!yajl)
		xmalloc(SIZE_MAX); /* ends the program like any lack of memory */
	err = feed(&j, yajl, &at);
	yajl_free(yajl);
	free(j.error);
	return err;
}

void json_items__free(struct json_items *items)
{
	intern__free(items->names);
	free(items->stack.items);
	free(items->lines.items);
	free(items->which.items);
	*items = (struct json_items){0};
}
