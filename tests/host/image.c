/* SPDX-License-Identifier: MIT */
#include "bpf/arch.h"
#include "tests/host/image.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <string.h>
#include <sys/uio.h>

struct image *image__new(void)
{
	return xcalloc(1, sizeof(struct image));
}

struct image *image__of_process(pid_t pid)
{
	struct image *m = image__new();

	m->pid = pid;
	return m;
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

static bool copy_block(struct image *m, uint64_t block)
{
	unsigned char bytes[IMAGE_BLOCK];
	struct iovec local = {bytes, sizeof(bytes)}, remote = {(void *)(uintptr_t)block, sizeof(bytes)};

	if (process_vm_readv(m->pid, &local, 1, &remote, 1, 0) != sizeof(bytes))
		return false;
	image__add(m, block, sizeof(bytes));
	memcpy(image__at(m, block, sizeof(bytes)), bytes, sizeof(bytes));
	return true;
}

/* What is not there yet of these bytes. */
static void copy_blocks(struct image *m, uint64_t addr, size_t len)
{
	for (uint64_t block = addr / IMAGE_BLOCK * IMAGE_BLOCK; block < addr + len; block += IMAGE_BLOCK) {
		size_t at = find(m, block);

		if ((at == m->cnt || !holds(&m->regions[at], block)) && !copy_block(m, block))
			return;
	}
}

int image__read(void *ctx, uint64_t addr, void *out, size_t len)
{
	struct image *m = ctx;

	if (len > ARCH_USER_END || arch_untagged(addr) > ARCH_USER_END - len)
		return -EFAULT;
	if (m->pid)
		copy_blocks(m, addr, len);
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
