// SPDX-License-Identifier: GPL-2.0-only
// sources: userland/tools/tool.c
/* What every program says the same way. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/tool.h"
#include "version.h"

const char *tool_name = "tool";

static FILE *before;
static char *said;

/* What is written to @stream until said_is() is kept. */
static void listen_to(FILE **stream)
{
	static size_t size;

	before = *stream;
	*stream = open_memstream(&said, &size);
	assert_non_null(*stream);
}

static void said_is(FILE **stream, const char *text)
{
	fclose(*stream);
	*stream = before;
	assert_string_equal(said, text);
	free(said);
}

static void help(FILE *out)
{
	fputs("usage: tool\n", out);
}

static void failures_and_wrong_usage(void **state)
{
	(void)state;
	listen_to(&stderr);
	assert_int_equal(tool_failed("cannot read '%s'", "x"), 1);
	said_is(&stderr, "tool: cannot read 'x'\n");
	listen_to(&stderr);
	assert_int_equal(tool_usage("'%d' is no node", 7), 2);
	said_is(&stderr, "tool: '7' is no node; try 'tool --help'\n");
}

static void options_of_all(void **state)
{
	(void)state;
	listen_to(&stdout);
	assert_int_equal(tool_option('h', help), 0);
	said_is(&stdout, "usage: tool\n");
	listen_to(&stdout);
	assert_int_equal(tool_option('V', help), 0);
	said_is(&stdout, "tool (Tessera) " TESSERA_VERSION "\n");
	listen_to(&stderr);
	assert_int_equal(tool_option('?', help), 2);
	said_is(&stderr, "usage: tool\n");
}

static void output_that_cannot_be_written(void **state)
{
	FILE *real = stdout;

	(void)state;
	stdout = fopen("/dev/full", "w");
	assert_non_null(stdout);
	listen_to(&stderr);
	assert_int_equal(tool_option('h', help), 1);
	said_is(&stderr, "tool: cannot write: No space left on device\n");
	fclose(stdout);
	stdout = real;
}

static void numbers(void **state)
{
	static const char *const wrong[] = {
		"", " ", "x", "1x", "1 ", " 1", "+1", "-", "--1", "0x1", "1.5", "100", "-6",
		"99999999999999999999", "-99999999999999999999",
	};
	long n = 42;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_false(tool_number(wrong[i], -5, 99, &n));
		assert_int_equal(n, 42);
	}
	assert_true(tool_number("99", -5, 99, &n));
	assert_int_equal(n, 99);
	assert_true(tool_number("-5", -5, 99, &n));
	assert_int_equal(n, -5);
	assert_true(tool_number("007", -5, 99, &n));
	assert_int_equal(n, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failures_and_wrong_usage),
		cmocka_unit_test(options_of_all),
		cmocka_unit_test(output_that_cannot_be_written),
		cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
