/* SPDX-License-Identifier: MIT */
/*
 * The memory of a process as regions with holes between them: made up by a test (world.h), recorded (process_image.h),
 * or copied from a live process as it is read. Reads are all or nothing, as in the kernel.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct image_region {
	uint64_t addr;
	size_t size;
	unsigned char *bytes;
};

struct image {
	struct image_region *regions; /* by address, no overlaps */
	size_t cnt, cap, last;        /* `last`: where the last read ended */
	pid_t pid; /* the process that the rest is copied from, when it is read; 0: there is no more */
};

#define IMAGE_BLOCK 256 /* bytes of a live process that are copied at once; a divisor of the size of pages */

struct image *image__new(void);
void image__free(struct image *m);

/* A region of zeros. Overlapping another one ends the program. */
void image__add(struct image *m, uint64_t addr, size_t size);
/* Makes a hole of the region that begins at `addr`. */
void image__remove(struct image *m, uint64_t addr);
/* Of a process, stopped or asleep: what is read is copied, and stays as it was then. */
struct image *image__of_process(pid_t pid);

/* 0 or -EFAULT; what cannot be read all leaves `out` alone. `ctx` is the image (memory_read_fn). */
int image__read(void *ctx, uint64_t addr, void *out, size_t len);
/* The bytes at an address of one region; ends the program when they are not there. */
void *image__at(const struct image *m, uint64_t addr, size_t len);

void image__put_u64(struct image *m, uint64_t addr, uint64_t value);
void image__put_u32(struct image *m, uint64_t addr, uint32_t value);
void image__put_u8(struct image *m, uint64_t addr, uint8_t value);
uint64_t image__u64(const struct image *m, uint64_t addr);
