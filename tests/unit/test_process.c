// SPDX-License-Identifier: GPL-2.0-only
// sources: userland/libhpc/process.c userland/libhpc/proc.c
/* The engine's files of a process, where there is no engine; and its words. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hpc.h"

/* A PID that nobody has. */
static pid_t nobody(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	return pid;
}

static void who_is_not_there_is_told_from_what_is_not_there(void **state)
{
	char words[HPC_CANTMOVE_TEXT];
	uint32_t n = 99;

	(void)state;
	if (!access("/proc/self/where", F_OK))
		skip();
	assert_int_equal(hpc_where(getpid(), &n), -EOPNOTSUPP);
	assert_int_equal(hpc_nmigs(getpid(), &n), -EOPNOTSUPP);
	assert_int_equal(hpc_goto(getpid(), 2), -EOPNOTSUPP);
	assert_int_equal(hpc_cantmove(getpid(), words), -EOPNOTSUPP);
	assert_int_equal(hpc_where(nobody(), &n), -ESRCH);
	assert_int_equal(hpc_goto(nobody(), 0), -ESRCH);
	assert_int_equal(n, 99);
	assert_false(hpc_is_guest(getpid()));
}

/* The kernel's list of words, in its source. */
static void every_word_of_the_kernel_has_a_meaning(void **state)
{
	FILE *f = fopen("kernel/hpc/cantmove.c", "r");
	char line[256], word[64];
	int words = 0;

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, " [HPC_STAY_%*[A-Z_]] = \"%63[^\"]\"", word) != 1)
			continue;
		words++;
		if (!hpc_cantmove_meaning(word))
			fail_msg("'%s' is explained nowhere", word);
	}
	fclose(f);
	assert_in_range(words, 10, 64);
	assert_null(hpc_cantmove_meaning("no such word"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_not_there_is_told_from_what_is_not_there),
		cmocka_unit_test(every_word_of_the_kernel_has_a_meaning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
