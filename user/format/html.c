/* SPDX-License-Identifier: MIT */
/*
 * The page: one HTML file with its script, its styles and its data. It asks no network for anything and runs no code
 * but its own: the policy in its head names the hashes of script and styles, made when the program is built.
 */
#include "user/format/format.h"
#include "user/format/html/html_data.h"
#include "user/format/svg/svg_heading.h"
#include "user/format/svg/svg_text.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <errno.h>

/* Made by the Makefile: script and style are of flame/ and html/. */
static const char script[] = {
#include <user/format/html_page.js.inc>
	0};
static const char style[] = {
#include <user/format/html_page.css.inc>
	0};
static const char palette[] = {
#include <user/format/svg/svg_style.css.inc>
	0};
static const char script_hash[] =
#include <user/format/html_page.js.hash>
	;
static const char style_hash[] =
#include <user/format/html_page.css.hash>
	;
static const char palette_hash[] =
#include <user/format/svg/svg_style.css.hash>
	;

static void put_head(const struct profile *p, const struct view *v, FILE *out)
{
	__cleanup_free char *title = svg_title(p, v, "profile");

	fprintf(out,
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		"script-src 'sha256-%s'; style-src 'sha256-%s' 'sha256-%s'; img-src data:; "
		"base-uri 'none'; form-action 'none'\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		"<meta name=\"referrer\" content=\"no-referrer\">\n"
		"<meta name=\"generator\" content=\"pybpfprof " PYBPFPROF_VERSION "\">\n"
		"<link rel=\"icon\" href=\"data:,\">\n",
		script_hash, style_hash, palette_hash);
	fputs("<title>", out);
	svg_put_xml(out, title);
	fputs("</title>\n", out);
	fprintf(out, "<style>%s</style>\n<style id=\"palette\" media=\"not all\">%s</style>\n", style, palette);
}

static int html_write(const struct profile *p, const struct view *v, FILE *out)
{
	int err;

	put_head(p, v, out);
	fputs("</head>\n<body>\n<noscript>This page draws a profile with a script of its own; "
	      "scripts are switched off here.</noscript>\n"
	      "<script type=\"text/plain\" id=\"data\">\n",
	      out);
	err = html_data_write(p, v, out);
	fprintf(out, "</script>\n<script>%s</script>\n</body>\n</html>\n", script);
	return ferror(out) ? -EIO : err;
}

static const char *const suffixes[] = {".html", ".htm", NULL};

const struct format format_html = {
	.name = "html",
	.help = "open it in a browser; flame graph, time order, callers and callees, sources",
	.suffixes = suffixes,
	.is_page = true,
	.is_private = true,
	.is_picture = true,
	.write = html_write,
};
