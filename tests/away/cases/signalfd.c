// SPDX-License-Identifier: GPL-2.0-only
/* signalfd: signals that a helper sends are read, with all that is known of them. */

#include "../away.h"

#include <signal.h>
#include <sys/signalfd.h>

static void send(int fd, void *arg)
{
	pid_t pid = *(pid_t *)arg;

	for (;;) {
		char c = away_hear(fd);

		if (c == 'm')
			away_moved();
		SYS(sigqueue(pid, SIGRTMIN + 1, (union sigval) { .sival_int = 4711 }));
		if (c != 'm')
			SYS(kill(pid, SIGUSR1));
		away_tell(fd, c);
	}
}

int main(void)
{
	struct signalfd_siginfo info[3];
	sigset_t mask, pending;
	pid_t me = getpid(), pid;
	int fd, helper;

	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigaddset(&mask, SIGRTMIN + 1);
	pid = away_helper(send, &me, &helper);
	SYS(sigprocmask(SIG_BLOCK, &mask, NULL));
	fd = SYS(signalfd(-1, &mask, SFD_CLOEXEC));
	while (away_again()) {
		away_ask(helper, 'n');
		away_point("with signals to be read");
		SYS(sigpending(&pending));
		CHECK(sigismember(&pending, SIGUSR1));
		CHECK(sigismember(&pending, SIGRTMIN + 1));
		CHECK_EQ(read(fd, info, sizeof(info)), 2 * sizeof(*info));
		CHECK_EQ(info[0].ssi_signo, SIGUSR1);
		CHECK_EQ(info[0].ssi_code, SI_USER);
		CHECK_EQ(info[0].ssi_pid, pid);
		CHECK_EQ(info[1].ssi_signo, SIGRTMIN + 1);
		CHECK_EQ(info[1].ssi_int, 4711);
		CHECK_EQ(info[1].ssi_code, SI_QUEUE);
		away_tell(helper, 'm');
		away_call("waiting for a signal to read");
		CHECK_EQ(read(fd, info, sizeof(info)), sizeof(*info));
		away_helped();
		CHECK_EQ(away_hear(helper), 'm');
		CHECK_EQ(info[0].ssi_signo, SIGRTMIN + 1);
		CHECK_EQ(info[0].ssi_pid, pid);
	}
	return away_pass();
}
