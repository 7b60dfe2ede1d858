/*
 * A stack is only changed by its own thread, so what was read while the thread did not run is of one moment,
 * however long the reading took. The kernel counts how often a thread is given a CPU; two equal counts, and a
 * moment between them at which it was seen off the CPU, prove that it did not run from that moment on.
 *
 * A thread that sleeps (or is stopped) is seen off the CPU by /proc/PID/task/TID/syscall, which the kernel only
 * answers then. One that runs all the time never is. It is not stopped for that: this process moves to the CPU
 * whose queue the thread is in, as the scheduler might have done, and takes its ordinary turn. A CPU runs one
 * thread at a time, so as long as we run there and the thread is in that CPU's queue, it does not run. When it
 * gets its turn back, or another CPU takes it over, the count tells, and the next try begins.
 *
 * Reading twice and comparing would not do: a loop that calls its functions every few microseconds can show the
 * same mixture of two moments twice.
 */
#include "user/snapshot/hold.h"
#include <errno.h>
#include <time.h>

#define MAX_FOLLOWED 20 /* from CPU to CPU within one try */
#define SHORT_REST_US 200

void hold_open(struct hold *h, pid_t pid)
{
	*h = (struct hold){.pid = pid};
	h->cannot_pin = sched_getaffinity(0, sizeof(h->own_cpus), &h->own_cpus) != 0;
}

static void unpin(struct hold *h)
{
	if (h->pinned)
		sched_setaffinity(0, sizeof(h->own_cpus), &h->own_cpus);
	h->pinned = false;
}

void hold_close(struct hold *h)
{
	unpin(h);
}

static bool pin(struct hold *h, int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((size_t)cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one)) {
		h->cannot_pin = true; /* CPUs that are not ours */
		return false;
	}
	h->pinned = true;
	return true;
}

/* Behind a thread of a real-time class we might wait for ever. */
static bool may_share_cpu(const struct hold *h, const struct task_state *s)
{
	return !h->cannot_pin && s->policy != SCHED_FIFO && s->policy != SCHED_RR && s->policy != SCHED_DEADLINE &&
	       s->cpu >= 0 && s->cpu < CPU_SETSIZE;
}

/*
 * The count is read first: a turn that the thread gets between the count and the look at its CPU then shows at
 * the end as well.
 */
static int follow(struct hold *h, struct hold_look *look)
{
	struct task_state *s = &look->state;
	int err = 0;

	for (unsigned i = 0; i < MAX_FOLLOWED && !err && s->letter == 'R' && may_share_cpu(h, s); i++) {
		int cpu = s->cpu;

		if (!pin(h, cpu))
			return 0;
		err = task_turns(h->pid, look->tid, &look->turns);
		if (!err)
			err = task_state(h->pid, look->tid, s);
		if (!err && s->letter == 'R' && s->cpu == cpu && sched_getcpu() == cpu) {
			look->at_rest = true;
			return 0;
		}
	}
	return err;
}

int hold_begin(struct hold *h, pid_t tid, struct hold_look *look)
{
	int err;

	*look = (struct hold_look){.tid = tid};
	err = task_turns(h->pid, tid, &look->turns);
	if (!err)
		err = task_state(h->pid, tid, &look->state);
	if (err)
		return err;
	if (task_call(h->pid, tid, &look->call))
		look->call.off_cpu = false;
	if (!look->call.off_cpu)
		return follow(h, look);
	look->at_rest = true;
	return 0;
}

/* Where only turns that have ended are counted, the thread must not be having one. */
static bool is_off_cpu(const struct hold *h, const struct hold_look *look)
{
	struct task_state now;
	struct task_call call;

	if (!task_call(h->pid, look->tid, &call) && call.off_cpu)
		return true;
	return h->pinned && !task_state(h->pid, look->tid, &now) && now.cpu == look->state.cpu &&
	       now.cpu == sched_getcpu();
}

bool hold_end(const struct hold *h, const struct hold_look *look)
{
	struct task_turns now;

	return look->at_rest && (!look->turns.ended_only || is_off_cpu(h, look)) &&
	       !task_turns(h->pid, look->tid, &now) && now.count == look->turns.count &&
	       now.ended_only == look->turns.ended_only;
}

void hold_rest(struct hold *h, unsigned tries)
{
	struct timespec t = {.tv_nsec = SHORT_REST_US * 1000L * (tries < 20 ? 1 + (long)tries : 20)};

	unpin(h);
	nanosleep(&t, NULL);
}
