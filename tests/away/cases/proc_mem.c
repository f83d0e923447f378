// SPDX-License-Identifier: GPL-2.0-only
/* A process that reads its own memory as a file, or that of its child, does so at home. */

#include "../away.h"

#include <fcntl.h>
#include <stdio.h>
#include <signal.h>
#include <sys/uio.h>
#include <sys/wait.h>

static uint64_t word;

static uint64_t read_word(pid_t pid)
{
	uint64_t got = 0;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = SYS(open(path, O_RDONLY));
	CHECK_EQ(pread(fd, &got, sizeof(got), (uintptr_t)&word), sizeof(got));
	SYS(close(fd));
	return got;
}

static void __attribute__((noreturn)) child(void)
{
	away_point("as a child whose memory is looked at");
	word += 1000;
	for (;;)
		pause();
}

int main(void)
{
	struct iovec local, remote = { &word, sizeof(word) };
	uint64_t round = 0, got;
	pid_t pid;

	away_goes_home();
	while (away_again()) {
		word = ++round;
		away_point("with a word in memory");
		CHECK_EQ(read_word(getpid()), round);
		pid = SYS(fork());
		if (!pid)
			child();
		while (read_word(pid) != round + 1000)
			SYS(usleep(10000));
		away_point("with a child that waits");
		local = (struct iovec) { &got, sizeof(got) };
		CHECK_EQ(process_vm_readv(pid, &local, 1, &remote, 1, 0), sizeof(got));
		CHECK_EQ(got, round + 1000);
		SYS(kill(pid, SIGKILL));
		CHECK_EQ(SYS(waitpid(pid, NULL, 0)), pid);
	}
	return away_pass();
}
