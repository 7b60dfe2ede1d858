#include "user/session/variant.h"
#include "pybpfprof.skel.h"
#include "pybpfprof_work.skel.h"
#include "pybpfprof_work_impl.skel.h"
#include <errno.h>
#include <stdio.h>
#include <sys/utsname.h>

enum variant variant_expected(void)
{
	unsigned major = 0, minor = 0;
	struct utsname u;

	/* kernel/bpf/helpers.c */
	if (uname(&u) || sscanf(u.release, "%u.%u", &major, &minor) != 2)
		return VARIANT_TICK;
	if (major >= 7)
		return VARIANT_WORK;
	return major == 6 && minor >= 18 ? VARIANT_WORK_IMPL : VARIANT_TICK;
}

const char *variant_text(enum variant v)
{
	static const char *const texts[] = {
		[VARIANT_TICK] = "without task work: names are read by the timer itself, so those in swapped-out memory "
				 "stay unknown",
		[VARIANT_WORK_IMPL] = "with task work (as in 6.18 and 6.19): names also from swapped-out memory",
		[VARIANT_WORK] = "with task work (7.0 and newer): names also from swapped-out memory",
	};

	return texts[v];
}

/* Maps, knobs and programs are the same in each object, so one skeleton serves them all. */
static const void *object_bytes(enum variant v, size_t *size)
{
	switch (v) {
	case VARIANT_WORK_IMPL:
		return pybpfprof_work_impl_bpf__elf_bytes(size);
	case VARIANT_WORK:
		return pybpfprof_work_bpf__elf_bytes(size);
	default:
		return pybpfprof_bpf__elf_bytes(size);
	}
}

struct pybpfprof_bpf *variant_open(enum variant v)
{
	struct pybpfprof_bpf *skel = calloc(1, sizeof(*skel));
	size_t size;
	int err;

	if (!skel)
		return NULL;
	err = pybpfprof_bpf__create_skeleton(skel);
	if (!err) {
		skel->skeleton->data = (void *)object_bytes(v, &size);
		skel->skeleton->data_sz = size;
		err = bpf_object__open_skeleton(skel->skeleton, NULL);
	}
	if (err) {
		pybpfprof_bpf__destroy(skel);
		errno = -err;
		return NULL;
	}
	return skel;
}
