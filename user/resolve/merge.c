/* SPDX-License-Identifier: MIT */
#include "user/resolve/merge.h"
#include <string.h>

/* Where the next frames of each kind go on. */
struct merge {
	const struct merge_in *in;
	struct merged *out;
	size_t cnt;
	uint32_t native, python;
	bool began; /* a run of Python frames was put */
};

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/* What of the C library is below a Python frame starts programs and threads. */
static bool is_libc(const char *module)
{
	return begins(module, "libc.so") || begins(module, "libc-") || begins(module, "ld-") ||
	       begins(module, "libpthread");
}

uint8_t merge_flags(const char *name, const char *module, bool is_interpreter)
{
	uint8_t flags = is_interpreter ? MERGE_INTERNAL : 0;

	if (begins(name, "_PyEval_EvalFrameDefault"))
		flags |= MERGE_EVALUATOR;
	if (is_libc(module) || !strcmp(name, "_start") || !strcmp(name, "main"))
		flags |= MERGE_START;
	return flags;
}

bool merge_is_one_each(const struct abi_py_layout *l)
{
	return !(l->mech & (ABI_MECH_OWNER | ABI_MECH_IS_ENTRY));
}

static void put(struct merge *m, enum merge_kind kind, uint32_t index)
{
	m->out[m->cnt++] = (struct merged){.kind = (uint8_t)kind, .index = (uint16_t)index};
}

/* What is above the first Python frame is where the time goes; below it, the interpreter's own frames say nothing new. */
static bool is_folded(const struct merge *m, uint32_t native)
{
	if (m->in->all)
		return false;
	if (!m->began)
		return m->in->flags[native] & MERGE_EVALUATOR; /* it has just been entered, and runs nothing yet */
	return m->in->flags[native] & MERGE_INTERNAL;
}

static void put_native(struct merge *m, uint32_t until)
{
	for (; m->native < until; m->native++)
		if (!is_folded(m, m->native))
			put(m, MERGE_NATIVE_FRAME, m->native);
}

static void put_python(struct merge *m, uint32_t until)
{
	for (; m->python < until; m->python++) {
		put(m, MERGE_PYTHON_FRAME, m->python);
		m->began = true;
	}
}

/* The invocation that is native frame `at` runs the Python frames up to `until`. */
static void put_run(struct merge *m, uint32_t at, uint32_t until)
{
	put_native(m, at);
	put_python(m, until);
	if (m->in->all)
		put(m, MERGE_NATIVE_FRAME, at);
	m->native = at + 1;
}

/* What starts a program or a thread: the last frames, where there is Python above. Before it is called, nothing has run. */
static uint32_t native_end(const struct merge *m)
{
	const struct merge_in *in = m->in;
	uint32_t end = in->native->native_cnt;

	if (in->all || in->native->end != ABI_NATIVE_ROOT)
		return end;
	if (end > m->native + 1 && in->flags[end - 2] & MERGE_START)
		end--;
	while (end > m->native && in->flags[end - 1] & (MERGE_START | MERGE_INTERNAL))
		end--;
	return end;
}

static bool is_cut(const struct abi_native *n)
{
	return n->native_cnt && n->end != ABI_NATIVE_ROOT;
}

/*
 * The Python frames that no invocation was found for are below all that was found. Where all of them are placed, and the native
 * stack is cut below them, what is left of it would only tell roots apart (below a greenlet are another one's frames).
 */
static void put_rest(struct merge *m)
{
	if (m->began && m->python == m->in->python_cnt && is_cut(m->in->native) && !m->in->all)
		return;
	put_native(m, m->began ? native_end(m) : m->in->native->native_cnt);
	if (is_cut(m->in->native))
		put(m, MERGE_CUT, 0);
	put_python(m, m->in->python_cnt);
}

static uint32_t evaluators(const struct merge_in *in)
{
	uint32_t cnt = 0;

	for (uint32_t i = 0; i < in->native->native_cnt; i++)
		cnt += (in->flags[i] & MERGE_EVALUATOR) != 0;
	return cnt;
}

/* Which native frame is what cannot be said but for those above all of Python: above the first evaluator, or what may be it. */
static void merge_leaf(struct merge *m, uint8_t first)
{
	const struct merge_in *in = m->in;
	uint32_t end = 0;

	while (end < in->native->native_cnt && !(in->flags[end] & first))
		end++;
	put_native(m, end);
	if (is_cut(in->native))
		put(m, MERGE_CUT, 0);
	put_python(m, in->python_cnt);
}

/* The one evaluator between these frames; `until`: there is none, or which it is cannot be said. */
static uint32_t only_evaluator(const struct merge_in *in, uint32_t from, uint32_t until)
{
	uint32_t found = until;

	for (uint32_t i = from; i < until; i++) {
		if (!(in->flags[i] & MERGE_EVALUATOR))
			continue;
		if (found < until)
			return until;
		found = i;
	}
	return found;
}

/* Is that run's place known, and behind that of the last one? */
static bool fits(const struct merge *m, const struct abi_run *run)
{
	return run->native >= m->native && run->native < m->in->native->native_cnt && run->frame_cnt >= m->python &&
	       run->frame_cnt <= m->in->python_cnt;
}

/*
 * 3.10: the innermost frame's invocation has left its cframe, and is about to return, or has none yet. (Or the native stack ends
 * before it.)
 */
static bool is_leaving(const struct merge_in *in)
{
	const struct abi_native *n = in->native;
	const struct abi_run *runs = abi_native_runs(n);

	return in->one_each && n->run_cnt && runs[0].native == ABI_NOWHERE &&
	       (n->end == ABI_NATIVE_ROOT || (n->run_cnt > 1 && runs[1].native != ABI_NOWHERE));
}

/* It has a native frame all the same, but who says which? False: nobody. */
static bool put_leaving(struct merge *m)
{
	const struct abi_native *n = m->in->native;
	const struct abi_run *runs = abi_native_runs(n);
	uint32_t until =
		n->run_cnt > 1 && runs[1].native != ABI_NOWHERE && fits(m, &runs[1]) ? runs[1].native : n->native_cnt;
	uint32_t at = only_evaluator(m->in, 0, until);

	if (at == until)
		return false;
	put_run(m, at, runs[0].frame_cnt);
	return true;
}

/* By address: the runs that were found on the stack, in order. */
static void merge_runs(struct merge *m)
{
	const struct abi_native *n = m->in->native;
	const struct abi_run *runs = abi_native_runs(n);

	if (is_leaving(m->in) && !put_leaving(m)) {
		merge_leaf(m, MERGE_INTERNAL);
		return;
	}
	for (uint32_t i = 0; i < n->run_cnt; i++) {
		if (runs[i].native == ABI_NOWHERE)
			continue;
		if (!fits(m, &runs[i]))
			break;
		put_run(m, runs[i].native, runs[i].frame_cnt);
	}
	if (!m->began && m->in->python_cnt && n->end == ABI_NATIVE_ROOT)
		merge_leaf(m, MERGE_INTERNAL); /* Python is on another stack, or nobody knows where */
	else
		put_rest(m);
}

/* By number: the k-th invocation runs the k-th frame. */
static void merge_each(struct merge *m)
{
	const struct merge_in *in = m->in;

	if (!in->python_whole || in->native->end != ABI_NATIVE_ROOT || evaluators(in) != in->python_cnt) {
		merge_leaf(m, evaluators(in) ? MERGE_EVALUATOR : MERGE_INTERNAL);
		return;
	}
	for (uint32_t i = 0; i < in->native->native_cnt; i++)
		if (in->flags[i] & MERGE_EVALUATOR)
			put_run(m, i, m->python + 1);
	put_rest(m);
}

size_t merge_frames(const struct merge_in *in, struct merged *out)
{
	struct merge m = {.in = in, .out = out};

	for (uint32_t i = 0; i < in->native->kernel_cnt; i++)
		put(&m, MERGE_KERNEL_FRAME, i);
	if (in->one_each && in->python_cnt && !in->native->run_cnt)
		merge_each(&m);
	else
		merge_runs(&m);
	return m.cnt;
}
