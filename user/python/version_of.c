/* SPDX-License-Identifier: MIT */
/*
 * The version, in order of trust: the exported constant Py_Version (3.11 on); the string that the code of the exported
 * Py_GetVersion() refers to (its other operands are the format, the build info and a buffer); the only string in
 * read-only data that can be a PY_VERSION; the file name, which gives the minor alone.
 */
#include "user/python/version_of.h"
#include "user/symbol/arch.h"
#include "user/util/alloc.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TEXT 24
#define MAX_CODE 512

/* Include/patchlevel.h: major, minor, micro, release level and serial (4 bits each) */
void version_from_hex(uint32_t hex, struct py_build *out)
{
	static const char *const levels[16] = {[0xa] = "a", [0xb] = "b", [0xc] = "rc"};
	const char *level = levels[hex >> 4 & 0xf];
	int n = snprintf(out->version, sizeof(out->version), "%u.%u.%u", hex >> 24, hex >> 16 & 0xff, hex >> 8 & 0xff);

	if (level)
		snprintf(out->version + n, sizeof(out->version) - (size_t)n, "%s%u", level, hex & 0xf);
	out->version_hex = hex;
}

static bool number(const char **at, unsigned max, uint32_t *value)
{
	const char *start = *at;

	*value = 0;
	while (isdigit((unsigned char)**at) && *at - start < 3)
		*value = *value * 10 + (uint32_t)(*(*at)++ - '0');
	return *at > start && *value <= max;
}

static uint32_t release_level(const char **at)
{
	static const struct {
		const char *text;
		uint32_t level;
	} levels[] = {{"rc", 0xc0}, {"a", 0xa0}, {"b", 0xb0}};

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (!strncmp(*at, levels[i].text, strlen(levels[i].text))) {
			*at += strlen(levels[i].text);
			return levels[i].level;
		}
	}
	return 0xf0;
}

bool version_from_text(const char *text, struct py_build *out)
{
	uint32_t major, minor, micro, level, serial = 0;
	const char *at = text;

	if (!number(&at, 3, &major) || major < 2 || *at++ != '.' || !number(&at, 255, &minor) || *at++ != '.' ||
	    !number(&at, 255, &micro))
		return false;
	level = release_level(&at);
	if (level != 0xf0 && !number(&at, 15, &serial))
		return false;
	if (*at == '+')
		at++;
	if (*at || at - text >= (long)sizeof(out->version))
		return false;
	out->version_hex = major << 24 | minor << 16 | micro << 8 | level | serial;
	strcpy(out->version, text);
	return true;
}

static bool version_at(const struct elf_file *e, uint64_t vaddr, struct py_build *out)
{
	char text[MAX_TEXT + 1] = "";

	return elf_file__read(e, vaddr, text, MAX_TEXT) && version_from_text(text, out);
}

/* Python/getversion.c: PyOS_snprintf(version, …, "%.80s (%.80s) %.80s", PY_VERSION, …) */
static bool version_from_code(const struct elf_file *e, struct py_build *out)
{
	const struct arch *arch = arch_of(elf_file__machine(e));
	uint64_t start, target;
	uint8_t code[MAX_CODE];
	size_t len = elf_file__code(e, "Py_GetVersion", code, sizeof(code), &start), at = 0;

	while (arch->operand(code, len, start, &at, &target)) {
		if (version_at(e, target, out))
			return true;
	}
	return false;
}

/* A PY_VERSION may be the tail of a longer string (the linker merges them), so any byte can start one. */
static bool version_from_rodata(const struct elf_file *e, struct py_build *out)
{
	struct py_build found = {0}, other;
	__cleanup_free char *text = NULL;
	uint64_t vaddr, size;

	if (!elf_file__section(e, ".rodata", &vaddr, &size) || size > 64u << 20)
		return false;
	text = xcalloc(1, size + 1);
	if (!elf_file__read(e, vaddr, text, size))
		return false;
	for (char *at = memchr(text, '3', size); at; at = memchr(at + 1, '3', size - (size_t)(at + 1 - text))) {
		bool inside = at > text && (at[-1] == '.' || isdigit((unsigned char)at[-1]));

		if (inside || !version_from_text(at, &other))
			continue;
		if (found.version_hex && found.version_hex != other.version_hex)
			return false;
		found = other;
	}
	if (!found.version_hex)
		return false;
	out->version_hex = found.version_hex;
	strcpy(out->version, found.version);
	return true;
}

/* …/python3.8, …/libpython3.8.so.1.0; the release level is unknown and taken for final. */
static void version_from_path(const char *path, struct py_build *out)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	const char *at = strstr(name, "python");
	uint32_t major, minor;

	if (!at)
		return;
	at += strlen("python");
	if (!number(&at, 3, &major) || *at++ != '.' || !number(&at, 255, &minor))
		return;
	out->version_hex = major << 24 | minor << 16 | 0xf0;
	snprintf(out->version, sizeof(out->version), "%u.%u", major, minor);
}

void version_of_file(const struct elf_file *e, const char *path, struct py_build *out)
{
	uint64_t vaddr, size;
	uint32_t hex;

	/* Python/getversion.c: const unsigned long Py_Version = PY_VERSION_HEX */
	if (elf_file__symbol(e, "Py_Version", &vaddr, &size) && elf_file__read(e, vaddr, &hex, sizeof(hex)) &&
	    hex >> 24 == 3)
		version_from_hex(hex, out);
	else if (!version_from_code(e, out) && !version_from_rodata(e, out))
		version_from_path(path, out);
}
