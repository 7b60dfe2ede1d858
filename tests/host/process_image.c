/* SPDX-License-Identifier: MIT */
#include "tests/host/process_image.h"
#include "user/python/debug_offsets.h"
#include "user/python/versions.h"
#include "user/symbol/arch.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <zlib.h>

#define MAX_LINE 8192

void process_image__free(struct process_image *p)
{
	for (size_t i = 0; i < p->thread_cnt; i++) {
		struct process_image_thread *t = &p->threads[i];

		for (size_t k = 0; k < t->frame_cnt; k++) {
			free(t->frames[k].name);
			free(t->frames[k].file);
		}
		free(t->frames);
	}
	free(p->threads);
	image__free(p->memory);
	free(p);
}

/* ---- reading ------------------------------------------------------------------------------------------- */

static char *word(char **rest)
{
	char *found = strsep(rest, "\t\n");

	return found ? found : "";
}

static u64 number(char **rest)
{
	return strtoull(word(rest), NULL, 0);
}

static s64 signed_number(char **rest)
{
	return strtoll(word(rest), NULL, 0);
}

static void read_machine(struct process_image *p, char **rest)
{
	p->machine = (unsigned)number(rest);
}

static void read_python(struct process_image *p, char **rest)
{
	p->version_hex = (u32)number(rest);
	p->free_threaded = number(rest);
}

static void read_runtime(struct process_image *p, char **rest)
{
	p->runtime_addr = number(rest);
	p->code_type_delta = signed_number(rest);
}

static void read_tls(struct process_image *p, char **rest)
{
	p->tls = (u8)number(rest);
	p->tls_got_delta = signed_number(rest);
	p->tls_off = (s32)signed_number(rest);
}

static void read_pthread(struct process_image *p, char **rest)
{
	struct arch_threads *t = &p->libc;

	t->specific_first = (uint16_t)number(rest);
	t->specific = (uint16_t)number(rest);
	t->inline_cnt = (uint16_t)number(rest);
	t->per_block = (uint16_t)number(rest);
	t->entry_size = (uint16_t)number(rest);
	t->entry_value = (uint16_t)number(rest);
	t->dtv = (int16_t)signed_number(rest);
	t->dtv_entry_size = (uint16_t)number(rest);
	t->below = (uint16_t)number(rest);
}

static void read_thread(struct process_image *p, char **rest)
{
	struct process_image_thread t = {.ident = number(rest), .pointer = number(rest)};

	for (size_t i = 0; i < ARCH_USER_REGISTERS; i++)
		t.registers[i] = number(rest);
	xgrow(p->threads, p->thread_cnt, p->thread_cap);
	p->threads[p->thread_cnt++] = t;
}

static void read_frame(struct process_image *p, char **rest)
{
	struct process_image_frame f = {.first_line = (s32)number(rest), .line = (s32)number(rest)};
	struct process_image_thread *t = &p->threads[p->thread_cnt - 1];

	if (!p->thread_cnt)
		abort();
	f.name = xstrdup(word(rest));
	f.file = xstrdup(word(rest));
	xgrow(t->frames, t->frame_cnt, t->frame_cap);
	t->frames[t->frame_cnt++] = f;
}

static void read_block(struct process_image *p, char **rest)
{
	u64 addr = number(rest);
	const char *hex = word(rest);
	size_t len = strlen(hex) / 2;
	u8 *bytes;

	image__add(p->memory, addr, len);
	bytes = image__at(p->memory, addr, len);
	for (size_t i = 0; i < len; i++)
		sscanf(hex + 2 * i, "%2hhx", &bytes[i]);
}

static const struct {
	const char *word;
	void (*read)(struct process_image *p, char **rest);
} kinds[] = {
	{"machine", read_machine}, {"python", read_python}, {"runtime", read_runtime}, {"tls", read_tls},
	{"pthread", read_pthread}, {"thread", read_thread}, {"frame", read_frame},     {"block", read_block},
};

static void read_line(struct process_image *p, char *line)
{
	char *rest = line, *first = word(&rest);

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!strcmp(first, kinds[i].word))
			kinds[i].read(p, &rest);
	}
}

struct process_image *process_image__read(const char *path)
{
	struct process_image *p = xcalloc(1, sizeof(*p));
	gzFile file = gzopen(path, "rb");
	char line[MAX_LINE];

	p->memory = image__new();
	while (file && gzgets(file, line, sizeof(line)))
		read_line(p, line);
	if (file && gzclose(file) == Z_OK && p->machine && p->memory->cnt)
		return p;
	fprintf(stderr, "%s: no image of a process\n", path);
	process_image__free(p);
	return NULL;
}

/* ---- writing ------------------------------------------------------------------------------------------- */

static void write_thread(const struct process_image_thread *t, FILE *f)
{
	fprintf(f, "thread\t0x%llx\t0x%llx", t->ident, t->pointer);
	for (size_t i = 0; i < ARCH_USER_REGISTERS; i++)
		fprintf(f, "\t0x%llx", t->registers[i]);
	fputc('\n', f);
}

static void write_block(const struct image_region *r, FILE *f)
{
	fprintf(f, "block\t0x%" PRIx64 "\t", r->addr);
	for (size_t i = 0; i < r->size; i++)
		fprintf(f, "%02x", r->bytes[i]);
	fputc('\n', f);
}

static void write_build(const struct process_image *p, FILE *f)
{
	const struct arch_threads *t = &p->libc;

	fprintf(f, "machine\t%u\npython\t0x%x\t%d\nruntime\t0x%llx\t%lld\ntls\t%u\t%lld\t%d\n", p->machine,
		p->version_hex, p->free_threaded, p->runtime_addr, p->code_type_delta, p->tls, p->tls_got_delta,
		p->tls_off);
	fprintf(f, "pthread\t%u\t%u\t%u\t%u\t%u\t%u\t%d\t%u\t%u\n", t->specific_first, t->specific, t->inline_cnt,
		t->per_block, t->entry_size, t->entry_value, t->dtv, t->dtv_entry_size, t->below);
}

int process_image__write(const struct process_image *p, const char *path)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return -errno;
	write_build(p, f);
	for (size_t i = 0; i < p->thread_cnt; i++)
		write_thread(&p->threads[i], f);
	for (size_t i = 0; i < p->memory->cnt; i++)
		write_block(&p->memory->regions[i], f);
	return fclose(f) ? -errno : 0;
}

/* ---- its interpreter ----------------------------------------------------------------------------------- */

/* What py_build_threads() has put there. */
static void take_libc(const struct abi_py_layout *l, struct arch_threads *out)
{
	*out = (struct arch_threads){
		.specific_first = l->tss_first_off,
		.specific = l->tss_table_off,
		.inline_cnt = l->tss_inline,
		.per_block = l->tss_per_block,
		.entry_size = l->tss_entry_size,
		.entry_value = l->tss_value_off,
		.dtv = (int16_t)(l->dtv_off - l->thread_below),
		.dtv_entry_size = l->dtv_entry_size,
		.below = l->thread_below,
	};
}

void process_image__take_build(struct process_image *p, const struct py_build *build, u64 runtime_addr)
{
	size_t len = strlen(build->version);

	p->machine = arch_own->machine;
	p->version_hex = build->version_hex;
	p->free_threaded = len && build->version[len - 1] == 't';
	p->runtime_addr = runtime_addr;
	p->code_type_delta = build->layout.code_type_delta;
	p->tls = build->layout.tls;
	p->tls_got_delta = build->layout.tls_got_delta;
	p->tls_off = build->layout.tls_off;
	take_libc(&build->layout, &p->libc);
}

static const char *apply_debug_offsets(const struct process_image *p, const struct py_version *row,
				       struct py_build *out)
{
	size_t len = debug_offsets_bytes(row->debug);
	__cleanup_free char *table = xcalloc(1, len);
	u64 bytes; /* of _PyRuntime */

	if (image__read(p->memory, p->runtime_addr, table, len) ||
	    image__read(p->memory, p->runtime_addr + DEBUG_OFFSETS_HEADER, &bytes, sizeof(bytes)))
		return "the beginning of _PyRuntime is not there";
	return debug_offsets_apply(row->debug, table, bytes, out);
}

const char *process_image__build(const struct process_image *p, struct py_build *out)
{
	const struct py_version *row = py_version_find(p->version_hex >> 16 & 0xff, p->free_threaded);
	const struct arch *arch = arch_of(p->machine);
	uint32_t more = row ? row->runtime_mutexes * (arch->glibc_mutex_bytes - arch_x86.glibc_mutex_bytes) : 0;
	const char *wrong = NULL;

	if (!row)
		return "a version that is not known";
	*out = (struct py_build){.supported = true, .version_hex = p->version_hex};
	py_version_apply(row, out);
	py_build_threads(&p->libc, out);
	if (!py_version_fits_runtime(row, row->runtime_bytes + more, more, out))
		return "a size of _PyRuntime that is not known";
	if (row->debug)
		wrong = apply_debug_offsets(p, row, out);
	out->layout.code_type_delta = p->code_type_delta;
	out->layout.tls = p->tls;
	out->layout.tls_got_delta = p->tls_got_delta;
	out->layout.tls_off = p->tls_off;
	py_build_complete(out);
	return wrong;
}
