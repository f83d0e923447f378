// SPDX-License-Identifier: GPL-2.0-only
/* Texts as JSON has them. */

#include <stdint.h>
#include <stdio.h>

#include "hpc.h"

/* Length of the UTF-8 character at @p, 0: it is none.  RFC 3629 has the ranges. */
static size_t utf8_length(const unsigned char *p)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t len, i;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	for (i = 1; i < len; i++) {
		if (p[i] < low || p[i] > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return len;
}

void hpc_json_string(FILE *out, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t len;

	putc('"', out);
	for (; *p; p += len ? len : 1) {
		len = utf8_length(p);
		if (!len)
			fputs("\\ufffd", out);
		else if (*p < ' ' || *p == 0x7f)
			fprintf(out, "\\u%04x", *p);
		else if (*p == '"' || *p == '\\')
			fprintf(out, "\\%c", *p);
		else
			fwrite(p, 1, len, out);
	}
	putc('"', out);
}
