// SPDX-License-Identifier: GPL-2.0-only
/* sendfile(2) and copy_file_range(2) between files, a pipe and a socket. */

#include "../away.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#define SIZE 40000

int main(void)
{
	static char text[SIZE], got[SIZE];
	int from = SYS(open("from", O_RDWR | O_CREAT, 0600));
	int to = SYS(open("to", O_RDWR | O_CREAT, 0600));
	int sock[2], pipes[2];
	off_t at, there;

	away_fill(text, SIZE, 4);
	away_write(from, text, SIZE);
	SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, sock));
	SYS(pipe(pipes));
	while (away_again()) {
		SYS(lseek(from, 100, SEEK_SET));
		SYS(ftruncate(to, 0));
		SYS(lseek(to, 0, SEEK_SET));
		away_point("before copies");
		CHECK_EQ(sendfile(to, from, NULL, 3000), 3000);
		CHECK_EQ(lseek(from, 0, SEEK_CUR), 3100);
		at = 7;
		CHECK_EQ(sendfile(sock[0], from, &at, 2000), 2000);
		CHECK_EQ(at, 2007);
		CHECK_EQ(lseek(from, 0, SEEK_CUR), 3100);
		CHECK_EQ(sendfile(pipes[1], from, &at, 1000), 1000);
		away_point("with the copies on their way");
		away_read(sock[1], got, 2000);
		CHECK_MEM(got, text + 7, 2000);
		away_read(pipes[0], got, 1000);
		CHECK_MEM(got, text + 2007, 1000);
		CHECK_EQ(pread(to, got, SIZE, 0), 3000);
		CHECK_MEM(got, text + 100, 3000);
		at = 50;
		there = 5000;
		CHECK_EQ(copy_file_range(from, &at, to, &there, 6000, 0), 6000);
		CHECK_EQ(at, 6050);
		CHECK_EQ(there, 11000);
		CHECK_EQ(pread(to, got, 6000, 5000), 6000);
		CHECK_MEM(got, text + 50, 6000);
		at = SIZE;
		CHECK_EQ(sendfile(to, from, &at, 10), 0);
		at = -1;
		CHECK_ERRNO(sendfile(to, from, &at, 10), EINVAL);
		CHECK_ERRNO(sendfile(99, from, NULL, 10), EBADF);
	}
	return away_pass();
}
