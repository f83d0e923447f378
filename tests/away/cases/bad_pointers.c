// SPDX-License-Identifier: GPL-2.0-only
/* Addresses where there is nothing: EFAULT from each call that looks there. */

#include "../away.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>

#define BAD(nr, ...) CHECK_ERRNO(syscall(SYS_##nr, __VA_ARGS__), EFAULT)

int main(void)
{
	int fd = SYS(open("file", O_RDWR | O_CREAT, 0600)), pipes[2], sock[2];
	char *none, *ro, *way;
	long bad[5];
	int i;

	none = PTR(mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	ro = PTR(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	way = PTR(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	SYS(munmap(way, 4096));
	bad[0] = 8;
	bad[1] = (long)none;
	bad[2] = (long)way;
	bad[3] = 0x7ffffffff000;
	bad[4] = -4096;
	SYS(pwrite(fd, "text", 4, 0));
	SYS(pipe2(pipes, O_NONBLOCK));
	SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, sock));
	away_write(pipes[1], "data", 4);
	away_goes_home();
	while (away_again()) {
		for (i = 0; i < 5; i++) {
			away_point("before calls with bad addresses");
			BAD(read, fd, bad[i], 4);
			BAD(write, fd, bad[i], 4);
			BAD(pread64, fd, bad[i], 4, 0);
			BAD(open, bad[i], O_RDONLY);
			BAD(newfstatat, AT_FDCWD, "file", bad[i], 0);
			BAD(fstat, fd, bad[i]);
			BAD(stat, bad[i], bad[i]);
			BAD(readlink, "/proc/self/exe", bad[i], 10);
			BAD(getcwd, bad[i], 100);
			BAD(pipe, bad[i]);
			BAD(readv, fd, bad[i], 1);
			BAD(writev, fd, &(struct iovec) { (void *)bad[i], 4 }, 1);
			BAD(poll, bad[i], 1, 0);
			BAD(select, 10, bad[i], NULL, NULL, NULL);
			BAD(nanosleep, bad[i], NULL);
			BAD(rt_sigaction, SIGUSR1, bad[i], NULL, 8);
			BAD(rt_sigprocmask, SIG_BLOCK, NULL, bad[i], 8);
			BAD(rt_sigpending, bad[i], 8);
			BAD(sigaltstack, bad[i], NULL);
			BAD(getrusage, RUSAGE_SELF, bad[i]);
			BAD(times, bad[i]);
			BAD(uname, bad[i]);
			BAD(getrlimit, RLIMIT_CORE, bad[i]);
			BAD(clock_gettime, CLOCK_MONOTONIC, bad[i]);
			BAD(getsockname, sock[0], bad[i], bad[i]);
			BAD(sendto, sock[0], bad[i], 4, 0, NULL, 0);
			BAD(sendmsg, sock[0], bad[i], 0);
		}
		away_point("before calls that would write where they may only read");
		BAD(read, fd, ro, 4);
		BAD(fstat, fd, ro);
		BAD(uname, ro);
		CHECK_EQ(write(fd, ro, 4), 4);
		SYS(lseek(fd, 0, SEEK_SET));
		/* Nothing was taken from the pipe by those that failed. */
		CHECK_ERRNO(read(pipes[0], ro, 4), EFAULT);
		CHECK_EQ(ro[0], 0);
	}
	return away_pass();
}
