/* SPDX-License-Identifier: MIT */
/* The same reads as bpf/code.bpf.c, driven by the same layout. */
#include "user/python/code_object.h"
#include "user/python/dict_keys.h"
#include "user/util/alloc.h"
#include "user/util/text.h"
#include <errno.h>
#include <string.h>

static uint64_t read_word(const struct code_reader *r, uint64_t addr, int *err)
{
	uint64_t word = 0;

	if (!*err)
		*err = r->read(r->ctx, addr, &word, sizeof(word));
	return word;
}

/* As find_text() in bpf/code.bpf.c; gives the characters' address, and their length and kind. */
static uint64_t find_text(const struct code_reader *r, uint64_t addr, uint64_t *length, uint32_t *kind, int *err)
{
	const struct abi_py_layout *l = r->layout;
	uint32_t state = (uint32_t)read_word(r, addr + l->str_state_off, err);
	uint64_t length_off = l->str_length_off, data_off = l->str_compact_off;

	*kind = state >> l->str_kind_shift & 7;
	if (!*kind && l->str_wstr_off) {
		*kind = 4;
		length_off = l->str_wstr_length_off;
		data_off = l->str_wstr_off;
	}
	*length = read_word(r, addr + length_off, err);
	if (!(state >> l->str_compact_bit & 1))
		return read_word(r, addr + data_off, err);
	return addr + (state >> l->str_ascii_bit & 1 ? l->str_ascii_off : data_off);
}

/* NULL when it cannot be read; its beginning and an ellipsis when it is too long. */
static char *read_string(const struct code_reader *r, uint64_t addr)
{
	__cleanup_free char *shown = NULL;
	char data[ABI_MAX_TEXT];
	uint64_t length, text, bytes;
	uint32_t kind;
	int err = 0;

	text = find_text(r, addr, &length, &kind, &err);
	if (err || (kind != 1 && kind != 2 && kind != 4))
		return NULL;
	bytes = length > ABI_MAX_TEXT / kind ? ABI_MAX_TEXT / kind * kind : length * kind;
	if (bytes && r->read(r->ctx, text, data, bytes))
		return NULL;
	shown = text_from_units(data, bytes, kind);
	return xasprintf("%s%s", shown, bytes < length * kind ? "…" : "");
}

static void read_table(const struct code_reader *r, uint64_t addr, struct code_object *out)
{
	int err = 0;
	uint64_t size = read_word(r, addr + r->layout->bytes_size_off, &err);

	if (err || size > ABI_MAX_LINES || size > r->table_max)
		return;
	out->table = xmalloc(size);
	out->table_len = size;
	if (r->read(r->ctx, addr + r->layout->bytes_data_off, out->table, size)) {
		free(out->table);
		out->table = NULL;
		out->table_len = 0;
	}
}

/* ---- the module, as in bpf/module.bpf.h ------------------------------------------------------------------ */

#define MODULE_ENTRIES 3 /* `__name__`, `__doc__`, `__package__` */

/* The first keys and values of a dict; false when they cannot be read. */
static bool read_entries(const struct code_reader *r, uint64_t dict_addr, uint64_t entries[MODULE_ENTRIES][2])
{
	const struct abi_py_layout *l = r->layout;
	uint64_t words[3 * MODULE_ENTRIES], off;
	int err = dict_addr ? 0 : -EFAULT;
	uint64_t keys = read_word(r, dict_addr + l->dict_keys_off, &err);
	uint64_t values = read_word(r, dict_addr + l->dict_keys_off + 8, &err);
	uint64_t size = read_word(r, keys + l->keys_size_off, &err);
	unsigned each = err || values ? 0 : dict_keys_entries(l, size, &off);

	if (!each || r->read(r->ctx, keys + off, words, sizeof(words)))
		return false;
	for (unsigned i = 0; i < MODULE_ENTRIES; i++)
		for (unsigned k = 0; k < 2; k++)
			entries[i][k] = words[each * i + each - 2 + k];
	return true;
}

/* Compared by its length and first 8 characters. */
static bool is_compact_ascii(const struct code_reader *r, uint64_t addr, const char *text)
{
	const struct abi_py_layout *l = r->layout;
	uint64_t want = strlen(text);
	char found[8];
	int err = 0;
	uint64_t state = read_word(r, addr + l->str_state_off, &err),
		 len = read_word(r, addr + l->str_length_off, &err);

	return !err && state >> l->str_ascii_bit & state >> l->str_compact_bit & 1 && len == want &&
	       !r->read(r->ctx, addr + l->str_ascii_off, found, sizeof(found)) && !memcmp(found, text, sizeof(found));
}

static bool is_main(const struct code_reader *r, uint64_t addr)
{
	return is_compact_ascii(r, addr, "__main__") || is_compact_ascii(r, addr, "__mp_main__");
}

/* An object of the key's type is a str. */
static bool has_type(const struct code_reader *r, uint64_t addr, uint64_t type)
{
	int err = 0;

	return read_word(r, addr + r->layout->type_off, &err) == type && !err;
}

static bool is_package(const struct code_reader *r, const uint64_t entry[2], uint64_t str_type)
{
	int err = 0;

	return is_compact_ascii(r, entry[0], "__package__") && has_type(r, entry[1], str_type) &&
	       read_word(r, entry[1] + r->layout->str_length_off, &err) && !err;
}

static char *read_module(const struct code_reader *r, uint64_t globals_addr)
{
	uint64_t e[MODULE_ENTRIES][2], type;
	__cleanup_free char *text = NULL;
	bool in_package;
	int err = 0;

	if (!read_entries(r, globals_addr, e) || !is_compact_ascii(r, e[0][0], "__name__"))
		return code_module(NULL, 0);
	type = read_word(r, e[0][0] + r->layout->type_off, &err);
	if (err || !has_type(r, e[0][1], type))
		return code_module(NULL, 0);
	in_package = is_main(r, e[0][1]) && is_package(r, e[2], type);
	text = read_string(r, e[in_package ? 2 : 0][1]);
	return code_module(text, in_package ? ABI_TEXT_PACKAGE : 0);
}

char *code_module(const char *text, unsigned flags)
{
	return xasprintf("%s%s", text ? text : "", text && flags & ABI_TEXT_PACKAGE ? "." : "");
}

int code_object_read(const struct code_reader *r, uint64_t addr, uint64_t globals_addr, struct code_object *out)
{
	const struct abi_py_layout *layout = r->layout;
	int err = 0;
	uint64_t name = read_word(r, addr + layout->code_name_off, &err);
	uint64_t file = read_word(r, addr + layout->code_filename_off, &err);
	uint64_t lines = read_word(r, addr + layout->code_lines_off, &err);

	*out = (struct code_object){0};
	out->first_line = (int32_t)(uint32_t)read_word(r, addr + layout->code_firstlineno_off, &err);
	if (err)
		return err;
	out->name = read_string(r, name);
	out->file = read_string(r, file);
	if (!out->name && !out->file)
		return -EFAULT;
	/* One of the two says more than nothing. */
	out->name = out->name ? out->name : xstrdup("[unreadable]");
	out->file = out->file ? out->file : xstrdup("[unreadable]");
	out->module = read_module(r, globals_addr);
	read_table(r, lines, out);
	return 0;
}

void code_object_clear(struct code_object *c)
{
	free(c->name);
	free(c->file);
	free(c->module);
	free(c->table);
	line_table__clear(&c->lines);
	*c = (struct code_object){0};
}

bool code_is_machinery(const char *name, const char *file, int32_t first_line)
{
	return !first_line && !strcmp(file, "__init__") && !strcmp(name, "__init__");
}
