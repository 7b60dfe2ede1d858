/*
 * Escapes of groff_man(7) that mandoc knows as well. A hyphen that people may copy is written \-;
 * one inside a word is a hyphen.
 */
#include "user/cmd/roff.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define LINE_MAX_COLUMNS 76

/* Characters beyond ASCII that help texts use; others are written by their number. */
static const struct {
	const char *text, *roff;
} specials[] = {{"…", "..."}, {"→", "\\(->"}, {"—", "\\(em"}, {"–", "\\(en"}, {"·", "\\(pc"}};

/* One character beyond ASCII at `text`; returns its length. */
static size_t put_special(struct buf *out, const char *text)
{
	unsigned char first = (unsigned char)*text;
	size_t len = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
	unsigned code = first & (0xff >> (len + 1));

	for (size_t i = 0; i < ARRAY_SIZE(specials); i++) {
		if (!strncmp(text, specials[i].text, strlen(specials[i].text))) {
			buf_puts(out, specials[i].roff);
			return strlen(specials[i].text);
		}
	}
	for (size_t i = 1; i < len; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 1;
		code = code << 6 | (text[i] & 0x3f);
	}
	buf_printf(out, "\\[u%04X]", code);
	return len;
}

static bool in_word(const char *text, const char *at)
{
	return at > text && isalpha((unsigned char)at[-1]) && isalpha((unsigned char)at[1]);
}

/* `len` bytes; `exact`: every hyphen and quote is one that is typed. */
static char *escaped(const char *text, size_t len, bool exact)
{
	struct buf out = {0};
	bool bold = false;

	for (size_t i = 0; i < len;) {
		const char *at = text + i;

		if ((unsigned char)*at >= 0x80) {
			i += put_special(&out, at);
			continue;
		}
		i++;
		if (*at == '\\')
			buf_puts(&out, "\\e");
		else if (*at == '-')
			buf_puts(&out, !exact && in_word(text, at) ? "-" : "\\-");
		else if (*at == '\'')
			buf_puts(&out, "\\(aq");
		else if (*at == '^' || *at == '~')
			buf_puts(&out, *at == '^' ? "\\(ha" : "\\(ti");
		else if (*at == '`' && !exact)
			buf_puts(&out, (bold = !bold) ? "\\fB" : "\\fP");
		else
			buf_put(&out, *at == '\n' && !exact ? " " : at, 1);
	}
	if (bold)
		buf_puts(&out, "\\fP");
	return buf_steal_text(&out);
}

/* Source lines of ordinary length; what would begin one with a control character is kept from being
 * one. */
static void put_filled(FILE *out, const char *text)
{
	size_t column = 0;

	while (*text) {
		size_t len = strcspn(text, " ");

		if (column && column + 1 + len > LINE_MAX_COLUMNS) {
			fputc('\n', out);
			column = 0;
		} else if (column) {
			fputc(' ', out);
			column++;
		}
		if (!column && (*text == '.' || *text == '\''))
			fputs("\\&", out);
		fwrite(text, 1, len, out);
		column += len;
		text += len;
		text += strspn(text, " ");
	}
}

void roff_text(FILE *out, const char *text)
{
	__cleanup_free char *source = escaped(text, strlen(text), false);

	put_filled(out, source);
}

void roff_bold(FILE *out, const char *text)
{
	__cleanup_free char *source = escaped(text, strlen(text), true);

	fprintf(out, "\\fB%s\\fP", source);
}

static void put_line(FILE *out, const char *text, size_t len, bool example)
{
	__cleanup_free char *source = escaped(text, len, example);

	if (example)
		fprintf(out, "%s%s", *source == '.' ? "\\&" : "", source);
	else
		put_filled(out, source);
	fputc('\n', out);
}

void roff_paragraphs(FILE *out, const char *text)
{
	bool example = false, fresh = false; /* fresh: the next line begins another paragraph */

	while (*text) {
		size_t len = strcspn(text, "\n");
		bool is_example = !strncmp(text, "  ", 2);

		if (example && !is_example)
			fputs(".fi\n.RE\n", out);
		if (is_example && !example)
			fputs(".PP\n.RS 4\n.nf\n", out);
		else if (!is_example && len && (fresh || example))
			fputs(".PP\n", out);
		if (len && is_example)
			put_line(out, text + 2, len - 2, true);
		else if (len)
			put_line(out, text, len, false);
		example = is_example;
		fresh = !len;
		text += len + (text[len] == '\n');
	}
	if (example)
		fputs(".fi\n.RE\n", out);
}
