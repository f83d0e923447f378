// SPDX-License-Identifier: GPL-2.0-only
/* See tool.h. */

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "tool.h"
#include "version.h"

static void say(const char *format, va_list ap)
{
	fprintf(stderr, "%s: ", tool_name);
	vfprintf(stderr, format, ap);
}

int tool_failed(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(format, ap);
	va_end(ap);
	fputc('\n', stderr);
	return 1;
}

int tool_usage(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(format, ap);
	va_end(ap);
	fprintf(stderr, "; try '%s --help'\n", tool_name);
	return 2;
}

int tool_option(int option, void (*help)(FILE *out))
{
	switch (option) {
	case 'h':
		help(stdout);
		return tool_end();
	case 'V':
		printf("%s (Tessera) %s\n", tool_name, TESSERA_VERSION);
		return tool_end();
	default:
		help(stderr);
		return 2;
	}
}

int tool_end(void)
{
	return fflush(stdout) || ferror(stdout) ? tool_failed("cannot write: %m") : 0;
}

bool tool_number(const char *text, long min, long max, long *ret_number)
{
	char *end;
	long n;

	if (!isdigit((unsigned char)text[*text == '-']))
		return false;
	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || *end || n < min || n > max)
		return false;
	*ret_number = n;
	return true;
}
