/* SPDX-License-Identifier: MIT */
#include "user/target/outcome.h"
#include "user/util/alloc.h"

static const struct {
	const char *word, *sentence;
	enum abi_outcome_class class;
} outcomes[ABI_OUTCOME_CNT] = {
#define X(name, word, class, sentence) [ABI_##name] = {word, sentence, ABI_##class},
	ABI_OUTCOMES(X)
#undef X
};

enum abi_outcome_class outcome_class(unsigned outcome)
{
	return outcome < ABI_OUTCOME_CNT ? outcomes[outcome].class : ABI_FAILED;
}

const char *outcome_word(unsigned outcome)
{
	return outcome < ABI_OUTCOME_CNT ? outcomes[outcome].word : "unknown";
}

const char *outcome_sentence(unsigned outcome)
{
	return outcome < ABI_OUTCOME_CNT ? outcomes[outcome].sentence : "an outcome of another version";
}

const char *outcome_frame(unsigned outcome)
{
	return outcome == ABI_NO_TSTATE ? "[native threads]" : "[no Python function]";
}

static const char *const native_ends[] = {
#define X(name, sentence) sentence,
	ABI_NATIVE_ENDS_OF(X)
#undef X
};

const char *outcome_native_end(unsigned end)
{
	return native_ends[end < ABI_NATIVE_END_CNT ? end : 0];
}

char *outcome_native_missing(unsigned end)
{
	return xasprintf("[native frames are missing: %s]", outcome_native_end(end));
}
