/* The same reads as bpf/code.bpf.c, driven by the same layout. */
#include "user/python/code_object.h"
#include "user/util/alloc.h"
#include "user/util/text.h"
#include <errno.h>

struct reader {
	const struct abi_py_layout *l;
	memory_read_fn read;
	void *ctx;
};

static uint64_t read_word(const struct reader *r, uint64_t addr, int *err)
{
	uint64_t word = 0;

	if (!*err)
		*err = r->read(r->ctx, addr, &word, sizeof(word));
	return word;
}

/* As find_text() in bpf/code.bpf.c; gives the characters' address, and their length and kind. */
static uint64_t find_text(const struct reader *r, uint64_t addr, uint64_t *length, uint32_t *kind, int *err)
{
	const struct abi_py_layout *l = r->l;
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

/* NULL when it cannot be read. */
static char *read_string(const struct reader *r, uint64_t addr)
{
	char data[ABI_MAX_TEXT];
	uint64_t length, text, bytes;
	uint32_t kind;
	int err = 0;

	text = find_text(r, addr, &length, &kind, &err);
	if (err || (kind != 1 && kind != 2 && kind != 4))
		return NULL;
	bytes = (length > ABI_MAX_TEXT ? ABI_MAX_TEXT : length) * kind;
	if (bytes > ABI_MAX_TEXT)
		bytes = ABI_MAX_TEXT;
	if (bytes && r->read(r->ctx, text, data, bytes))
		return NULL;
	return text_from_units(data, bytes, kind);
}

static void read_table(const struct reader *r, uint64_t addr, struct code_object *out)
{
	int err = 0;
	uint64_t size = read_word(r, addr + r->l->bytes_size_off, &err);

	if (err || size > ABI_MAX_LINES)
		return;
	out->table = xmalloc(size);
	out->table_len = size;
	if (r->read(r->ctx, addr + r->l->bytes_data_off, out->table, size)) {
		free(out->table);
		out->table = NULL;
		out->table_len = 0;
	}
}

int code_object_read(const struct abi_py_layout *layout, uint64_t addr, memory_read_fn read, void *ctx,
		     struct code_object *out)
{
	struct reader r = {layout, read, ctx};
	int err = 0;
	uint64_t name = read_word(&r, addr + layout->code_name_off, &err);
	uint64_t file = read_word(&r, addr + layout->code_filename_off, &err);
	uint64_t lines = read_word(&r, addr + layout->code_lines_off, &err);

	*out = (struct code_object){0};
	out->first_line = (int32_t)(uint32_t)read_word(&r, addr + layout->code_firstlineno_off, &err);
	if (err)
		return err;
	out->name = read_string(&r, name);
	out->file = read_string(&r, file);
	if (!out->name && !out->file)
		return -EFAULT;
	/* What is left tells more than nothing. */
	out->name = out->name ? out->name : xstrdup("[unreadable]");
	out->file = out->file ? out->file : xstrdup("[unreadable]");
	read_table(&r, lines, out);
	return 0;
}

void code_object_clear(struct code_object *c)
{
	free(c->name);
	free(c->file);
	free(c->table);
	*c = (struct code_object){0};
}
