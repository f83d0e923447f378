// SPDX-License-Identifier: GPL-2.0-only
/* See tool.h. */

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "tool.h"

int tool_failed(const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", tool_name);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	return 1;
}

int tool_usage(const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", tool_name);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, "; try '%s --help'\n", tool_name);
	return 2;
}

int tool_end(void)
{
	return fflush(stdout) || ferror(stdout) ? tool_failed("cannot write: %m") : 0;
}

bool tool_number(const char *text, long min, long max, long *ret_number)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || end == text || *end || n < min || n > max)
		return false;
	*ret_number = n;
	return true;
}

void json_string(FILE *out, const char *text)
{
	putc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', out);
		if ((unsigned char)*text < ' ')
			fprintf(out, "\\u%04x", *text);
		else
			putc(*text, out);
	}
	putc('"', out);
}
