/* SPDX-License-Identifier: MIT */
#include "user/profile/generated.h"
#include "user/util/alloc.h"
#include "user/util/intern.h"
#include <string.h>

static bool is_generated(const struct profile_function *f)
{
	return f->kind == PROFILE_PYTHON && f->origin == PROFILE_USER && f->file[0] == '<' && *f->module;
}

static size_t package_len(const char *module)
{
	return strcspn(module, ".");
}

/* By package + 1: the origins (1 << origin) of its functions that have files. */
static unsigned char *find_origins(const struct profile *p, struct intern *packages)
{
	unsigned char *origins = xcalloc((size_t)intern__count(packages) + 1, 1);

	for (uint32_t i = 1; i <= p->function_cnt; i++) {
		const struct profile_function *f = &p->functions[i];

		if (f->kind == PROFILE_PYTHON && f->file[0] != '<')
			origins[intern__find(packages, f->module, package_len(f->module))] |=
				(unsigned char)(1u << f->origin);
	}
	return origins;
}

void generated_adopt(struct profile *p)
{
	struct intern *packages = intern__new();
	unsigned char *origins;

	for (uint32_t i = 1; i <= p->function_cnt; i++)
		if (is_generated(&p->functions[i]))
			intern__id(packages, p->functions[i].module, package_len(p->functions[i].module));
	origins = intern__count(packages) ? find_origins(p, packages) : NULL;
	for (uint32_t i = 1; origins && i <= p->function_cnt; i++) {
		struct profile_function *f = &p->functions[i];
		unsigned char of =
			is_generated(f) ? origins[intern__find(packages, f->module, package_len(f->module))] : 0;

		if (of == 1u << PROFILE_STDLIB)
			f->origin = PROFILE_STDLIB;
		else if (of == 1u << PROFILE_SITE)
			f->origin = PROFILE_SITE;
	}
	free(origins);
	intern__free(packages);
}
