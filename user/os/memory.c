/* SPDX-License-Identifier: MIT */
/* By /proc/PID/mem: seccomp filters of containers may refuse process_vm_readv(), which asks for the same rights. */
#include "user/os/memory.h"
#include "user/os/procfs.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define PAGE  4096u
#define KEPT  1024u      /* pages */
#define LARGE (4 * PAGE) /* is read for itself */

struct memory_page {
	uint64_t addr, look;
	int err;
	char bytes[PAGE];
};

void memory_open(struct memory *m, pid_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/mem", procfs_living_task(pid));
	*m = (struct memory){.file = open(path, O_RDONLY | O_CLOEXEC)};
	if (m->file < 0)
		m->err = errno == ENOENT ? -ESRCH : -EPERM;
}

void memory_close(struct memory *m)
{
	if (m->file >= 0)
		close(m->file);
	m->file = -1;
	free(m->pages);
	m->pages = NULL;
}

static int read_now(const struct memory *m, uint64_t addr, void *out, size_t len)
{
	if (m->err)
		return m->err;
	if (addr > INT64_MAX - len)
		return -EFAULT;
	return pread(m->file, out, len, (off_t)addr) == (ssize_t)len ? 0 : -EFAULT;
}

void memory_look(struct memory *m)
{
	if (!m->pages)
		m->pages = xcalloc(KEPT, sizeof(*m->pages));
	m->look++;
	m->looking = true;
}

void memory_look_away(struct memory *m)
{
	m->looking = false;
}

static const struct memory_page *get_page(struct memory *m, uint64_t addr)
{
	struct memory_page *p = &m->pages[addr / PAGE % KEPT];

	if (p->addr != addr || p->look != m->look) {
		p->addr = addr;
		p->look = m->look;
		p->err = read_now(m, addr, p->bytes, PAGE);
	}
	return p;
}

/* In the order of addresses, so that the first page that is missing tells. */
static int read_pages(struct memory *m, uint64_t addr, char *out, size_t len)
{
	while (len) {
		size_t at = addr % PAGE, n = PAGE - at < len ? PAGE - at : len;
		const struct memory_page *p = get_page(m, addr - at);

		if (p->err)
			return p->err;
		memcpy(out, p->bytes + at, n);
		addr += n;
		out += n;
		len -= n;
	}
	return 0;
}

int memory_read(void *ctx, uint64_t addr, void *out, size_t len)
{
	struct memory *m = ctx;

	return m->looking && len < LARGE && addr <= UINT64_MAX - len ? read_pages(m, addr, out, len)
								     : read_now(m, addr, out, len);
}
