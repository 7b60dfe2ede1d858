/* SPDX-License-Identifier: MIT */
/*
 * What the program makes of native code. Usage: native_names_dump PID [lines]; addresses in that process on its input, in hexadecimal,
 * a line each; on its output a line for each, fields separated by tabs: address, address as linked, start of the function
 * as linked, module, name; "-" where there is none; and with a second argument for each function at the address, the innermost
 * first, its name, the path of its source, the line and the first line. The last line has how it went: files, bytes of their tables, milliseconds
 * until all of them were there.
 */
#include "user/target/native_names.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include <stdio.h>
#include <stdlib.h>

static struct {
	pid_t pid;
	struct mappings maps;
	struct native_files *files;
	struct native_names *names;
	struct native_file **held; /* one for each mapping */
} dump;

static const struct native_frames *frames_of(uint64_t addr, uint64_t *vaddr)
{
	const struct mapping *m = mappings_find(&dump.maps, addr);
	const struct native_file *f;

	*vaddr = 0;
	if (!m)
		return native_names__unknown(dump.names);
	if (m->kind == MAPPING_ANONYMOUS)
		return native_names__in_memory(dump.names, dump.pid, addr);
	f = dump.held[m - dump.maps.items];
	if (!unwind_table__vaddr(&f->table, addr - m->start + m->offset, vaddr))
		return native_names__unknown(dump.names);
	return native_names__in_file(dump.names, f, *vaddr, false);
}

static void hold_files(void)
{
	dump.held = xcalloc(dump.maps.cnt + 1, sizeof(struct native_file *));
	for (size_t i = 0; i < dump.maps.cnt; i++) {
		const struct mapping *m = &dump.maps.items[i];

		dump.held[i] = native_files__get(dump.files, dump.pid, m, mappings_path(&dump.maps, m));
	}
}

int main(int argc, char **argv)
{
	unsigned long long addr;
	uint64_t *addrs = NULL, vaddr, from = clock_now_ns(), ready;
	size_t cnt = 0, cap = 0;

	dump.pid = argc > 1 ? atoi(argv[1]) : 0;
	if (!dump.pid || mappings_read(&dump.maps, dump.pid))
		return 1;
	dump.files = native_files__new(&(struct native_files_calls){0});
	dump.names = native_names__new(dump.files, false);
	hold_files();
	if (!native_names__wait(dump.names, 60000))
		return 1;
	ready = clock_now_ns() - from;
	while (scanf("%llx", &addr) == 1) {
		xgrow(addrs, cnt, cap);
		addrs[cnt++] = addr;
		frames_of(addr, &vaddr);
	}
	if (!native_names__wait(dump.names, 60000))
		return 1;
	for (size_t i = 0; i < cnt; i++) {
		const struct native_frames *frames = frames_of(addrs[i], &vaddr);
		const struct native_name *n = frames->items[frames->cnt - 1].name;

		printf("%llx\t%llx\t%llx\t%s\t%s", (unsigned long long)addrs[i], (unsigned long long)vaddr,
		       (unsigned long long)n->start, *n->module ? n->module : "-", n->name);
		for (uint32_t f = 0; argc > 2 && f < frames->cnt; f++)
			printf("\t%s\t%s\t%d\t%d", frames->items[f].name->name, frames->items[f].name->source,
			       frames->items[f].line, frames->items[f].name->first_line);
		putchar('\n');
	}
	printf("%zu\t%zu\t%.1f\n", dump.maps.cnt, native_files__bytes(dump.files), (double)ready / 1e6);
	return 0;
}
