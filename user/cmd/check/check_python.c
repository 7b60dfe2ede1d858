#include "user/cmd/check/check_python.h"
#include "user/util/alloc.h"
#include "user/util/text.h"
#include <string.h>

/* What somebody can do about a build that cannot be walked. */
static const char *remedy_of(enum py_refusal refusal)
{
	static const char *const remedies[] = {
		[PY_UNKNOWN_VERSION] = "use the interpreter as its makers ship it: this file is "
				       "packed, stripped or altered too far",
		[PY_OTHER_VERSION] =
			"run the program with a supported version, or look for a newer pybpfprof",
		[PY_PRE_RELEASE] = "update to the release",
		[PY_FREE_THREADED] = "run the program with the default build of that version "
				     "(python3.13, not python3.13t)",
		[PY_DEBUG_BUILD] = "run the program with a release build (no --with-pydebug, "
				   "python3 instead of python3-dbg)",
		[PY_OTHER_PROCESSOR] = "profile it on x86-64",
		[PY_OTHER_LIBC] = "use an image that is built on glibc (python:3.12-slim instead "
				  "of python:3.12-alpine)",
		[PY_UNKNOWN_LAYOUT] =
			"use an ordinary build of that version; a patched one has other structures",
		[PY_OTHER_PYTHON] = "run the program with CPython",
	};

	return refusal < ARRAY_SIZE(remedies) ? remedies[refusal] : NULL;
}

/* The 64 hexadecimal digits that container runtimes name cgroups by; the first twelve are what
 * people see. */
static char *container_of_cgroup(const char *cgroup)
{
	const char *at = cgroup;

	while (*at) {
		size_t len = strspn(at, "0123456789abcdef");

		if (len == 64)
			return xasprintf("container %.12s", at);
		at += len + (at[len] != 0);
	}
	return NULL;
}

static char *clean(const char *text)
{
	return text_clean(text, strlen(text), 0);
}

/* "container 0123456789ab, as pid 7 there"; "" for a process that is in none. Caller frees. */
static char *place_text(const struct check_python *p)
{
	__cleanup_free char *container = container_of_cgroup(p->cgroup);
	__cleanup_free char *inner =
		p->inner_pid ? xasprintf(", as pid %d there", p->inner_pid) : xstrdup("");

	if (!container && !p->inner_pid)
		return xstrdup("");
	return xasprintf("; in %s%s", container ? container : "a container", inner);
}

struct check_item *check_python__show(const struct check_python *p, struct check_list *l)
{
	__cleanup_free char *pid = p->pid ? xasprintf("%d", p->pid) : xstrdup(""),
			    *place = place_text(p);
	struct check_item *i = check_list__add(
		l, p->why_not ? CHECK_MISSING : CHECK_OK, pid, "Python %s: %s (%s%s%s)%s%s",
		*p->version ? p->version : "(version unknown)", p->command, p->interpreter,
		p->deleted ? ", replaced since: read from what is mapped" : "", place,
		p->why_not ? " cannot be profiled: " : "", p->why_not ? p->why_not : "");

	if (p->why_not && p->remedy)
		check_item__remedy(i, "%s", p->remedy);
	return i;
}

void check_python__init(struct check_python *p, const char *holder, const struct py_build *build)
{
	static const char deleted[] = " (deleted)";
	size_t len;

	*p = (struct check_python){.version = clean(build->version), .interpreter = clean(holder)};
	len = strlen(p->interpreter);
	/* how the kernel marks a mapping whose file has no name any more: fs/d_path.c */
	if (len > strlen(deleted) && !strcmp(p->interpreter + len - strlen(deleted), deleted)) {
		p->deleted = true;
		p->interpreter[len - strlen(deleted)] = 0;
	}
	if (!build->supported) {
		p->why_not = clean(build->why_not);
		p->remedy = remedy_of(build->refusal);
	}
}

static void put_optional(struct json_put *j, const char *key, const char *text)
{
	if (text && *text)
		json_put_text(j, key, text);
}

void check_python__put(const struct check_python *p, struct json_put *j)
{
	json_put_map(j, NULL);
	if (p->pid)
		json_put_int(j, "pid", p->pid);
	if (p->inner_pid)
		json_put_int(j, "pid_in_container", p->inner_pid);
	json_put_text(j, "command", p->command);
	put_optional(j, "cgroup", p->cgroup);
	json_put_text(j, "python", p->version);
	json_put_text(j, "interpreter", p->interpreter);
	json_put_bool(j, "replaced", p->deleted);
	json_put_bool(j, "walkable", !p->why_not);
	put_optional(j, "why_not", p->why_not);
	put_optional(j, "remedy", p->why_not ? p->remedy : NULL);
	json_put_end_map(j);
}

void check_python__clear(struct check_python *p)
{
	free(p->command);
	free(p->cgroup);
	free(p->interpreter);
	free(p->version);
	free(p->why_not);
}
