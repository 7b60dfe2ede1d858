#include "user/cmd/usage.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What argp says on stderr, until it is known whether it goes on. */
static struct {
	FILE *real;
	char *text;
	size_t len;
	const char *name;
} said;

static void say(void)
{
	char *advice;

	if (!said.real)
		return;
	fclose(stderr);
	stderr = said.real;
	said.real = NULL;
	advice = strstr(said.text, "\nTry `");
	if (advice)
		advice[1] = '\0';
	fputs(said.text, stderr);
	if (advice)
		fprintf(stderr, "Type `%s --help` for what it takes.\n", said.name);
	free(said.text);
}

void usage_parse(const struct argp *argp, int argc, char **argv, unsigned flags, void *input)
{
	FILE *kept = open_memstream(&said.text, &said.len);

	if (kept) {
		said.real = stderr;
		said.name = argv[0];
		stderr = kept;
		atexit(say);
	}
	argp_parse(argp, argc, argv, flags, NULL, input);
	say();
}
