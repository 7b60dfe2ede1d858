// A function that lets no exception out, around one that catches what it throws itself: the C++ part of the module `nested`.
typedef int (*callback)(void *arg);

namespace
{
struct guard {
	int *count;

	~guard()
	{
		++*count;
	}
};

__attribute__((noipa)) int throwing(callback call, void *arg, int *count)
{
	guard leaving{count};

	if (call(arg) >= 0)
		throw 1;
	return 0;
}
} // namespace

extern "C" __attribute__((noipa)) int noexcept_c(callback call, void *arg) noexcept
{
	int count = 0;

	try {
		throwing(call, arg, &count);
	} catch (int value) {
		count += value;
	}
	return count;
}
/* SPDX-License-Identifier: MIT */
