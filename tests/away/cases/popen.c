// SPDX-License-Identifier: GPL-2.0-only
/* system(3), popen(3) and posix_spawn(3) from a program that is away. */

#include "../away.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

int main(void)
{
	char line[100], *args[] = { "sh", "-c", "exit 12", NULL }, *env[] = { NULL };
	int status;
	pid_t pid;
	FILE *f;

	while (away_again()) {
		away_point("before other programs");
		status = SYS(system("exit 3"));
		CHECK_EQ(WEXITSTATUS(status), 3);
		away_point("before a pipe to a program");
		f = PTR(popen("echo one; echo two", "r"));
		PTR(fgets(line, sizeof(line), f));
		CHECK_STR(line, "one\n");
		PTR(fgets(line, sizeof(line), f));
		CHECK_STR(line, "two\n");
		CHECK(!fgets(line, sizeof(line), f));
		CHECK_EQ(pclose(f), 0);
		away_point("before a spawn");
		CHECK_EQ(posix_spawn(&pid, "/bin/sh", NULL, NULL, args, env), 0);
		CHECK_EQ(SYS(waitpid(pid, &status, 0)), pid);
		CHECK_EQ(WEXITSTATUS(status), 12);
	}
	return away_pass();
}
