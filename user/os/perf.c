/* SPDX-License-Identifier: MIT */
#include "user/os/perf.h"
#include "user/os/kernel.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_event(struct perf_event_attr *attr, int cpu, int cgroup_fd)
{
	unsigned long flags = PERF_FLAG_FD_CLOEXEC | (cgroup_fd >= 0 ? PERF_FLAG_PID_CGROUP : 0);
	long fd;

	attr->size = sizeof(*attr);
	attr->type = PERF_TYPE_SOFTWARE;
	attr->read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
	fd = syscall(SYS_perf_event_open, attr, cgroup_fd, cpu, -1, flags);
	return fd < 0 ? -errno : (int)fd;
}

int perf_open_clock(int cpu, uint64_t period_ns, int cgroup_fd)
{
	struct perf_event_attr attr = {
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = period_ns,
		.disabled = 1,
		.exclude_idle = 1,
	};

	return open_event(&attr, cpu, cgroup_fd);
}

int perf_open_witness(int cpu)
{
	struct perf_event_attr attr = {.config = PERF_COUNT_SW_DUMMY};

	return open_event(&attr, cpu, -1);
}

int perf_open_faults(int cpu, bool major, int cgroup_fd)
{
	struct perf_event_attr attr = {
		.config = major ? PERF_COUNT_SW_PAGE_FAULTS_MAJ : PERF_COUNT_SW_PAGE_FAULTS_MIN,
		.sample_period = 1,
		.disabled = 1,
	};

	return open_event(&attr, cpu, cgroup_fd);
}

int perf_set_period(int fd, uint64_t period_ns)
{
	return ioctl(fd, PERF_EVENT_IOC_PERIOD, &period_ns) ? -errno : 0;
}

int perf_read_times(int fd, struct perf_times *out)
{
	uint64_t values[3];

	if (read(fd, values, sizeof(values)) != sizeof(values))
		return errno ? -errno : -EIO;
	*out = (struct perf_times){.count_ns = values[0], .enabled_ns = values[1], .running_ns = values[2]};
	return 0;
}

int perf_end(int fd, uint64_t *cnt)
{
	struct perf_times end = {0};
	int err = ioctl(fd, PERF_EVENT_IOC_DISABLE, 0) ? -errno : perf_read_times(fd, &end);

	if (!err)
		*cnt += end.count_ns;
	return err;
}

int perf_online_cpus(int (*fn)(void *ctx, int cpu), void *ctx)
{
	__cleanup_file FILE *f = fopen("/sys/devices/system/cpu/online", "re");
	unsigned first, last;
	int n;

	if (!f)
		return -errno;
	while ((n = fscanf(f, "%u-%u", &first, &last)) >= 1) {
		for (unsigned cpu = first; cpu <= (n == 2 ? last : first); cpu++) {
			int err = fn(ctx, (int)cpu);

			if (err)
				return err;
		}
		if (fgetc(f) != ',')
			break;
	}
	return 0;
}

uint64_t perf_max_rate(void)
{
	long rate = setting_read("kernel/perf_event_max_sample_rate", 0);

	return rate > 0 ? (uint64_t)rate : 0;
}

long perf_paranoid(void)
{
	return setting_read("kernel/perf_event_paranoid", 0);
}
