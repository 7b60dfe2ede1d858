#include "bpf/arch.h"
#include "tests/host/image.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/uio.h>

#define PAGE 4096

struct image *image__new(void)
{
	return xcalloc(1, sizeof(struct image));
}

void image__free(struct image *m)
{
	for (size_t i = 0; m && i < m->cnt; i++)
		free(m->regions[i].bytes);
	if (m)
		free(m->regions);
	free(m);
}

/* The first region that ends beyond `addr`. */
static size_t find(const struct image *m, uint64_t addr)
{
	size_t low = 0, high = m->cnt;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (m->regions[middle].addr + m->regions[middle].size > addr)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

void image__add(struct image *m, uint64_t addr, size_t size)
{
	size_t at = find(m, addr);

	if (!size || (at < m->cnt && m->regions[at].addr < addr + size))
		abort();
	xgrow(m->regions, m->cnt, m->cap);
	memmove(m->regions + at + 1, m->regions + at, (m->cnt - at) * sizeof(*m->regions));
	m->regions[at] = (struct image_region){addr, size, xcalloc(1, size)};
	m->cnt++;
}

static bool holds(const struct image_region *r, uint64_t addr)
{
	return addr >= r->addr && addr - r->addr < r->size;
}

void image__remove(struct image *m, uint64_t addr)
{
	size_t at = find(m, addr);

	if (at == m->cnt || !holds(&m->regions[at], addr))
		abort();
	free(m->regions[at].bytes);
	memmove(m->regions + at, m->regions + at + 1, (m->cnt - at - 1) * sizeof(*m->regions));
	m->cnt--;
}

/* ---- reading -------------------------------------------------------------------------- */

/* Bytes from `addr` on; what lies in the next region comes from there. */
static int read_at(const struct image *m, size_t at, uint64_t addr, unsigned char *out, size_t len)
{
	while (len) {
		const struct image_region *r = &m->regions[at];
		size_t n;

		if (at >= m->cnt || !holds(r, addr))
			return -EFAULT;
		n = r->size - (addr - r->addr);
		n = n < len ? n : len;
		if (out) {
			memcpy(out, r->bytes + (addr - r->addr), n);
			out += n;
		}
		addr += n;
		len -= n;
		at++;
	}
	return 0;
}

int image__read(void *ctx, uint64_t addr, void *out, size_t len)
{
	struct image *m = ctx;

	if (len > ARCH_USER_END || arch_untagged(addr) > ARCH_USER_END - len)
		return -EFAULT;
	if (m->last >= m->cnt || !holds(&m->regions[m->last], addr))
		m->last = find(m, addr);
	if (read_at(m, m->last, addr, NULL, len))
		return -EFAULT;
	return read_at(m, m->last, addr, out, len);
}

void *image__at(const struct image *m, uint64_t addr, size_t len)
{
	size_t at = find(m, addr);

	if (at == m->cnt || !holds(&m->regions[at], addr) || m->regions[at].size - (addr - m->regions[at].addr) < len)
		abort();
	return m->regions[at].bytes + (addr - m->regions[at].addr);
}

void image__put_u64(struct image *m, uint64_t addr, uint64_t value)
{
	memcpy(image__at(m, addr, sizeof(value)), &value, sizeof(value));
}

void image__put_u32(struct image *m, uint64_t addr, uint32_t value)
{
	memcpy(image__at(m, addr, sizeof(value)), &value, sizeof(value));
}

void image__put_u8(struct image *m, uint64_t addr, uint8_t value)
{
	*(uint8_t *)image__at(m, addr, 1) = value;
}

uint64_t image__u64(const struct image *m, uint64_t addr)
{
	uint64_t value;

	memcpy(&value, image__at(m, addr, sizeof(value)), sizeof(value));
	return value;
}

/* ---- a live process ------------------------------------------------------------------- */

static bool copy(pid_t pid, uint64_t addr, unsigned char *out, size_t len)
{
	struct iovec local = {out, len}, remote = {(void *)(uintptr_t)addr, len};

	return process_vm_readv(pid, &local, 1, &remote, 1, 0) == (ssize_t)len;
}

/* A mapping as a whole; of one that ends in nothing (a file cut short) the pages that are there. */
static void copy_mapping(struct image *m, pid_t pid, uint64_t start, uint64_t end)
{
	image__add(m, start, end - start);
	if (copy(pid, start, image__at(m, start, end - start), end - start))
		return;
	image__remove(m, start);
	for (uint64_t page = start; page < end; page += PAGE) {
		image__add(m, page, PAGE);
		if (!copy(pid, page, image__at(m, page, PAGE), PAGE))
			image__remove(m, page);
	}
}

int image__copy_process(struct image *m, pid_t pid)
{
	__cleanup_free char *path = xasprintf("/proc/%d/maps", (int)pid);
	__cleanup_file FILE *maps = fopen(path, "re");
	uint64_t start, end;
	char line[8192], access;

	if (!maps)
		return -errno;
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %c", &start, &end, &access) != 3 || access != 'r' ||
		    end > ARCH_USER_END || strstr(line, "[vvar"))
			continue;
		copy_mapping(m, pid, start, end);
	}
	return m->cnt ? 0 : -ESRCH;
}
