/*
 * C functions that call back into Python, each with a frame of another kind: plain, aligned, of a size known at run time
 * only, recursive. No call is a tail call, so all of them are on the stack; built without frame pointers.
 */
#include <alloca.h>
#include <stdint.h>

typedef int (*callback)(int);

static void touch(void *p)
{
	__asm__ volatile("" : : "r"(p) : "memory");
}

__attribute__((noinline)) int spin_c(int rounds)
{
	uint32_t x = 1;

	for (int i = 0; i < rounds; i++) {
		x = x * 1664525u + 1013904223u;
		__asm__ volatile("" : "+r"(x));
	}
	return (int)(x & 1);
}

__attribute__((noinline)) int plain_c(callback call, int n)
{
	return call(n) + 1;
}

__attribute__((noinline)) int aligned_c(callback call, int n)
{
	char place[100] __attribute__((aligned(64)));
	int got;

	touch(place);
	got = call(n);
	touch(place);
	return got + 1;
}

__attribute__((noinline)) int sized_c(callback call, int n)
{
	char *place = alloca((unsigned)(n & 15) * 8 + 64);
	int got;

	touch(place);
	got = call(n);
	touch(place);
	return got + 1;
}

__attribute__((noinline)) int descend_c(int depth, int rounds)
{
	int got = depth ? descend_c(depth - 1, rounds) : spin_c(rounds);

	__asm__ volatile("" : "+r"(got)); /* else it is made a loop */
	return got + 1;
}
