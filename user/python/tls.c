/*
 * Where pthread_getspecific() keeps its values. glibc exports descriptors of its own thread struct
 * for debuggers (nptl_db/structs.def, symbols _thread_db_*, never stripped): {size in bits, count,
 * offset}.
 */
#include "user/python/build.h"
#include "user/symbol/elf.h"
#include <errno.h>

struct thread_db_field {
	uint32_t bits, count, offset;
};

static bool read_symbol(const struct elf_file *e, const char *name, void *out, size_t len)
{
	uint64_t vaddr, size;

	return elf_file__symbol(e, name, &vaddr, &size) && size >= len &&
	       elf_file__read(e, vaddr, out, len);
}

/* struct pthread.tid: the thread's number in its own pid namespace */
static void read_tid(const struct elf_file *e, struct py_objects *objects)
{
	struct thread_db_field tid;

	if (read_symbol(e, "_thread_db_pthread_tid", &tid, sizeof(tid)) && tid.bits == 32 &&
	    tid.offset <= 8192)
		objects->pthread_tid = tid.offset;
}

/* struct pthread has specific_1stblock[n] (entries) right before specific[n] (pointers to blocks).
 */
static int from_descriptors(const struct elf_file *e, struct abi_py_layout *layout)
{
	struct thread_db_field table, block, value;
	uint64_t first_block;
	uint32_t entry;

	if (!read_symbol(e, "_thread_db_pthread_specific", &table, sizeof(table)) ||
	    !read_symbol(e, "_thread_db_pthread_key_data_level2_data", &block, sizeof(block)) ||
	    !read_symbol(e, "_thread_db_pthread_key_data_data", &value, sizeof(value)) ||
	    !read_symbol(e, "_thread_db_sizeof_pthread_key_data", &entry, sizeof(entry)))
		return -ENOENT;
	first_block = (uint64_t)block.count * entry;
	if (!block.count || entry < 16 || entry > 64 || value.offset > entry - 8 ||
	    table.offset < first_block || table.offset > 8192)
		return -ENOENT;
	layout->tss_table_off = (uint16_t)table.offset;
	layout->tss_first_off = (uint16_t)(table.offset - first_block);
	layout->tss_per_block = (uint16_t)block.count;
	layout->tss_entry_size = (uint16_t)entry;
	layout->tss_value_off = (uint16_t)value.offset;
	return 0;
}

int py_build_tls_from_libc(int fd, struct py_build *build)
{
	struct elf_file *e = elf_file__open(fd);
	uint64_t vaddr, size;
	int err;

	if (!e)
		return -ENOENT;
	/* musl's dynamic linker is in its libc; these are stages of it (ldso/dynlink.c) */
	if (elf_file__symbol(e, "__dls2b", &vaddr, &size) ||
	    elf_file__symbol(e, "__dls3", &vaddr, &size))
		err = -ENOTSUP;
	else
		err = from_descriptors(e, &build->layout);
	if (!err)
		read_tid(e, &build->objects);
	elf_file__free(e);
	return err;
}
