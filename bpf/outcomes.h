/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Outcomes of a tick: every tick ends in exactly one of these, so
 *     ticks = sum over all outcomes
 * The two sides are counted apart: ticks at the timer's expiry (struct abi_clock), outcomes where they are decided.
 * X(NAME, word, class, sentence)
 *
 * class  WRITTEN  a stack was sent
 *        FILTERED not ours to sample, or not due; no record is sent
 *        NATIVE   of a Python process, but no Python function is there to be read; a record without frames is sent, which
 *                 is shown under a name of its own
 *        OUTSIDE  ours, but there is no interpreter (yet, or any more); a record without frames is sent
 *        FAILED   there should have been a stack; a record without frames is sent
 *        LOST     ours, and no record of it exists: it could not be sent, or no program ran
 */
#pragma once

#define ABI_OUTCOMES(X)                                                                                                \
	X(OK, "ok", WRITTEN, "walked to the root")                                                                     \
	X(CUT_DEPTH, "cut_depth", WRITTEN, "deeper than the frame limit; the leaf side is kept")                       \
	X(CUT_TIME, "cut_time", WRITTEN, "took longer than the time limit; the leaf side is kept")                     \
	X(CUT_FAULT, "cut_fault", WRITTEN, "a frame was not readable; the leaf side is kept")                          \
	X(NOT_TARGET, "not_target", FILTERED, "another task was running")                                              \
	X(SELF, "self", FILTERED, "the profiler itself was running")                                                   \
	X(NO_GIL, "no_gil", FILTERED, "the thread did not hold the GIL (--gil)")                                       \
	X(GILLESS, "gilless", FILTERED, "the interpreter runs without a GIL, so --gil leaves all of it out")           \
	X(CARRIED, "carried", FILTERED, "what it stands for is part of a later sample")                                \
	X(NOT_PYTHON, "not_python", OUTSIDE, "the process is not Python")                                              \
	X(UNSUPPORTED, "unsupported", FAILED, "the interpreter is not one this version can walk")                      \
	X(IDENTIFYING, "identifying", FAILED, "the interpreter was not identified yet")                                \
	X(STARTING, "starting", OUTSIDE, "the interpreter had not started yet, or had ended")                          \
	X(EXITING, "exiting", OUTSIDE, "the task was exiting")                                                         \
	X(NO_TSTATE, "no_tstate", NATIVE, "the thread has no Python state (native thread)")                            \
	X(NO_FRAME, "no_frame", NATIVE, "no Python function was running in the thread")                                \
	X(FAULT_RUNTIME, "fault_runtime", FAILED, "the interpreter's state was not readable")                          \
	X(FAULT_TSTATE, "fault_tstate", FAILED, "the thread's state was not readable")                                 \
	X(FAULT_FRAME, "fault_frame", FAILED, "the innermost frame was not readable")                                  \
	X(TORN, "torn", FAILED, "the thread was just switching from one frame to another")                             \
	X(REPLACED, "replaced", FAILED, "a code object was replaced by another at its address")                        \
	X(BAD_TSTATE, "bad_tstate", FAILED, "the thread's state was not this thread's")                                \
	X(PROC_TABLE_FULL, "proc_table_full", FAILED, "too many processes at once")                                    \
	X(INTERNAL, "internal", FAILED, "a BPF helper failed unexpectedly")                                            \
	X(RING_FULL, "ring_full", LOST, "the ring buffer was full")                                                    \
	X(THROTTLED, "throttled", LOST, "the kernel throttled the timer (kernel.perf_event_max_sample_rate)")          \
	X(LATE, "late", LOST, "the timer came late: interrupts were off, or the virtual machine stood still")          \
	X(NOT_RUN, "not_run", LOST,                                                                                    \
	  "the kernel did not run the timer's program (it was inside another one, or a BPF map)")                      \
	X(DEFERRED, "deferred", LOST, "the thread did not return to user mode, where it is read")                      \
	X(STOOD_FOR, "stood_for", FILTERED, "a short wait that others stand for")                                      \
	X(UNFINISHED, "unfinished", LOST, "the wait was not over when the recording ended")                            \
	X(BEGUN_BEFORE, "begun_before", LOST,                                                                          \
	  "the wait began before the recording, and without task work (Linux 6.18) its stack is not known")            \
	X(UNSEEN, "unseen", LOST, "the kernel did not tell that the thread had its CPU again")                         \
	X(NO_SLOT, "no_slot", LOST, "too many threads waited, or woke up, at once")                                    \
	X(CPU_CAME, "cpu_came", LOST, "a CPU came online, and its timer was started a little later; at most so many")

enum abi_outcome {
#define X(name, word, class, sentence) ABI_##name,
	ABI_OUTCOMES(X)
#undef X
		ABI_OUTCOME_CNT
};

enum abi_outcome_class { ABI_WRITTEN, ABI_FILTERED, ABI_NATIVE, ABI_OUTSIDE, ABI_FAILED, ABI_LOST };

/*
 * How the walk of a stack's native frames ended (--native), apart from the outcome: Python frames are whole all the same.
 * X(NAME, sentence)
 */
#define ABI_NATIVE_ENDS_OF(X)                                                                                          \
	X(NOT_TRIED, "the thread was walked later, when its memory had been brought in")                               \
	X(ASLEEP, "the wait was not over when the recording ended: another process read the stack")                    \
	X(ROOT, "unwound to the root")                                                                                 \
	X(NO_MAPS, "the process's mappings were not read yet")                                                         \
	X(NO_MAPPING, "an address was in nothing that is known to be mapped")                                          \
	X(MADE, "code was made at run time, and nothing says how its frames look")                                     \
	X(NO_TABLE, "a file's unwinding table was not there (yet)")                                                    \
	X(NO_ROW, "a file says nothing of how to go on at an address in it")                                           \
	X(FAULT, "the stack was not readable")                                                                         \
	X(BACKWARDS, "a caller's frame was below its callee's")                                                        \
	X(DEPTH, "deeper than the limit of native frames")                                                             \
	X(NO_REGISTER, "a register of a thread that does not run is not known")

enum abi_native_end {
#define X(name, sentence) ABI_NATIVE_##name,
	ABI_NATIVE_ENDS_OF(X)
#undef X
		ABI_NATIVE_END_CNT
};
