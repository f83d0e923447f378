// SPDX-License-Identifier: GPL-2.0-only
// sources: userland/libhpc/json.c
/* Whatever a name or a command line has in it, what comes out is JSON, in UTF-8. */

#include <stdio.h>
#include <stdlib.h>

#include "hpc.h"

static void assert_json(const char *text, const char *expected)
{
	char *got;
	size_t size;
	FILE *out = open_memstream(&got, &size);

	hpc_json_string(out, text);
	fclose(out);
	assert_string_equal(got, expected);
	free(got);
}

static void plain_text_is_quoted(void **state)
{
	(void)state;
	assert_json("", "\"\"");
	assert_json("make -j4 'a b'", "\"make -j4 'a b'\"");
}

static void quotes_and_backslashes(void **state)
{
	(void)state;
	assert_json("a\"b\\c/", "\"a\\\"b\\\\c/\"");
	assert_json("\\\"", "\"\\\\\\\"\"");
}

static void control_characters(void **state)
{
	(void)state;
	assert_json("\n\t\x01\x1b[1m\x7f ", "\"\\u000a\\u0009\\u0001\\u001b[1m\\u007f \"");
}

static void characters_of_two_to_four_bytes(void **state)
{
	static const char *const whole[] = {
		"\xc2\x80", "\xc3\xa4", "\xdf\xbf", "\xe0\xa0\x80", "\xe2\x82\xac", "\xed\x9f\xbf",
		"\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
	};
	char expected[16];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(whole) / sizeof(*whole); i++) {
		snprintf(expected, sizeof(expected), "\"%s\"", whole[i]);
		assert_json(whole[i], expected);
	}
}

static void what_is_no_utf8_is_replaced(void **state)
{
	(void)state;
	/* Alone, cut off, before another character. */
	assert_json("\x80", "\"\\ufffd\"");
	assert_json("\xff", "\"\\ufffd\"");
	assert_json("\xc3", "\"\\ufffd\"");
	assert_json("a\xe2\x82", "\"a\\ufffd\\ufffd\"");
	assert_json("\xf0\x9f\x98\"", "\"\\ufffd\\ufffd\\ufffd\\\"\"");
	/* Longer than need be, a surrogate, beyond the last. */
	assert_json("\xc0\xaf", "\"\\ufffd\\ufffd\"");
	assert_json("\xe0\x9f\xbf", "\"\\ufffd\\ufffd\\ufffd\"");
	assert_json("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"");
	assert_json("\xf0\x8f\xbf\xbf", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
	assert_json("\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_text_is_quoted),
		cmocka_unit_test(quotes_and_backslashes),
		cmocka_unit_test(control_characters),
		cmocka_unit_test(characters_of_two_to_four_bytes),
		cmocka_unit_test(what_is_no_utf8_is_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
