/*
 * Processes that look like Python, found cheaply and without privileges: by the name of the program
 * or of a library it has mapped. For suggestions only; what really runs is interpreters.h's
 * question.
 */
#pragma once
#include <stddef.h>
#include <sys/types.h>

struct python_process {
	pid_t pid, ppid;
	char *command; /* argv joined by blanks, clean */
};

struct pythons {
	struct python_process *items; /* by pid */
	size_t cnt, cap;
};

/* All that can be seen from here but ourselves. */
void pythons__find(struct pythons *t);
void pythons__free(struct pythons *t);
/* "42 (python3 app.py), 43 (…) and 7 more" of those whose command holds `word` ("": all). Caller
 * frees; "" none. */
char *pythons__text(const struct pythons *t, const char *word, size_t most);
