// SPDX-License-Identifier: GPL-2.0-only
/* Each error is the one that home gives, to the letter. */

#include "../away.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

int main(void)
{
	char long_name[300], *long_path = PTR(malloc(5000)), got[100];
	int fd = SYS(open("file", O_RDWR | O_CREAT, 0600)), ro = SYS(open("file", O_RDONLY));
	int pipes[2];
	struct stat st;

	memset(long_name, 'n', 299);
	long_name[299] = 0;
	memset(long_path, '/', 4999);
	long_path[4999] = 0;
	SYS(pipe(pipes));
	SYS(mkdir("folder", 0700));
	away_goes_home();
	while (away_again()) {
		away_point("before wrong calls");
		CHECK_ERRNO(open("none", O_RDONLY), ENOENT);
		CHECK_ERRNO(open("", O_RDONLY), ENOENT);
		CHECK_ERRNO(open("file/x", O_RDONLY), ENOTDIR);
		CHECK_ERRNO(open("folder", O_WRONLY), EISDIR);
		CHECK_ERRNO(open("file", O_WRONLY | O_CREAT | O_EXCL, 0600), EEXIST);
		CHECK_ERRNO(open(long_name, O_RDONLY), ENAMETOOLONG);
		CHECK_ERRNO(open(long_path, O_RDONLY), ENAMETOOLONG);
		CHECK_ERRNO(open("file", O_RDONLY | O_DIRECTORY), ENOTDIR);
		CHECK_ERRNO(read(333, got, 1), EBADF);
		CHECK_ERRNO(read(pipes[1], got, 1), EBADF);
		CHECK_ERRNO(write(ro, got, 1), EBADF);
		CHECK_ERRNO(lseek(fd, 0, 77), EINVAL);
		CHECK_ERRNO(lseek(pipes[0], 0, SEEK_SET), ESPIPE);
		CHECK_ERRNO(pread(pipes[0], got, 1, 0), ESPIPE);
		CHECK_ERRNO(pread(fd, got, 1, -1), EINVAL);
		CHECK_ERRNO(read(SYS(open("folder", O_RDONLY)), got, 1), EISDIR);
		CHECK_ERRNO(mkdir("folder", 0700), EEXIST);
		CHECK_ERRNO(rmdir("file"), ENOTDIR);
		CHECK_ERRNO(unlink("folder"), EISDIR);
		CHECK_ERRNO(rename("file", "folder"), EISDIR);
		CHECK_ERRNO(rename("folder", "folder/below"), EINVAL);
		CHECK_ERRNO(link("folder", "other"), EPERM);
		CHECK_ERRNO(fstat(333, &st), EBADF);
		CHECK_ERRNO(fcntl(fd, 9999), EINVAL);
		CHECK_ERRNO(ioctl(fd, FIONREAD + 0x4000, got), ENOTTY);
		CHECK_ERRNO(dup2(fd, -1), EBADF);
		CHECK_ERRNO(pipe2(pipes, 0x1000), EINVAL);
		CHECK_ERRNO(socket(AF_INET, 99, 0), EINVAL);
		CHECK_ERRNO(socket(99, SOCK_STREAM, 0), EAFNOSUPPORT);
		CHECK_ERRNO(send(fd, got, 1, 0), ENOTSOCK);
		CHECK_ERRNO(epoll_ctl(fd, EPOLL_CTL_ADD, pipes[0], NULL), EFAULT);
		CHECK_ERRNO(epoll_create1(0x1234), EINVAL);
		CHECK_ERRNO(eventfd(0, 0x1234), EINVAL);
		CHECK_ERRNO(timerfd_create(99, 0), EINVAL);
		CHECK_ERRNO(waitpid(-1, NULL, 0), ECHILD);
		CHECK_ERRNO(waitpid(-1, NULL, 0x100000), EINVAL);
		away_point("before calls that do not exist");
		CHECK_ERRNO(syscall(9999), ENOSYS);
		CHECK_ERRNO(syscall(-1), ENOSYS);
		CHECK_ERRNO(syscall(SYS_getpmsg), ENOSYS);
		closefrom(pipes[1] + 1);
	}
	return away_pass();
}
