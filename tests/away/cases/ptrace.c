// SPDX-License-Identifier: GPL-2.0-only
/* A process traces its child, and the child asks to be traced: all that is done at home. */

#include "../away.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

static volatile long word = 1;

static void __attribute__((noreturn)) child(void)
{
	away_point("as a child that is about to be traced");
	SYS(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
	raise(SIGSTOP);
	away_stays("traced");
	_exit(word == 42 ? 7 : 8);
}

int main(void)
{
	int status;
	pid_t pid;

	away_goes_home();
	while (away_again()) {
		pid = SYS(fork());
		if (!pid)
			child();
		CHECK_EQ(SYS(waitpid(pid, &status, WUNTRACED)), pid);
		CHECK(WIFSTOPPED(status));
		CHECK_EQ(WSTOPSIG(status), SIGSTOP);
		away_point("with a child that stands still");
		errno = 0;
		CHECK_EQ(ptrace(PTRACE_PEEKDATA, pid, (void *)&word, NULL), 1);
		CHECK_EQ(errno, 0);
		SYS(ptrace(PTRACE_POKEDATA, pid, (void *)&word, (void *)42));
		SYS(ptrace(PTRACE_CONT, pid, NULL, NULL));
		CHECK_EQ(SYS(waitpid(pid, &status, 0)), pid);
		CHECK(WIFEXITED(status));
		CHECK_EQ(WEXITSTATUS(status), 7);
	}
	return away_pass();
}
