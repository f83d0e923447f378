// SPDX-License-Identifier: GPL-2.0-only
/* readv, writev and their kin: pieces of all sizes, empty ones, and short counts. */

#include "../away.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define PIECES 40

int main(void)
{
	static char out[PIECES][1000], in[PIECES][1000];
	struct iovec v[PIECES], w[PIECES];
	int fd = SYS(open("file", O_RDWR | O_CREAT, 0600)), i;
	size_t total = 0;

	away_fill(out, sizeof(out), 5);
	for (i = 0; i < PIECES; i++) {
		v[i] = (struct iovec) { out[i], i % 5 ? i * 23 : 0 };
		w[i] = (struct iovec) { in[i], i % 5 ? i * 23 : 0 };
		total += v[i].iov_len;
	}
	away_goes_home();
	while (away_again()) {
		SYS(ftruncate(fd, 0));
		SYS(lseek(fd, 0, SEEK_SET));
		away_point("before vectors");
		CHECK_EQ(writev(fd, v, PIECES), total);
		CHECK_EQ(lseek(fd, 0, SEEK_CUR), total);
		memset(in, 0, sizeof(in));
		CHECK_EQ(preadv(fd, w, PIECES, 0), total);
		for (i = 0; i < PIECES; i++) {
			CHECK_MEM(in[i], out[i], v[i].iov_len);
			CHECK_EQ(in[i][v[i].iov_len], 0);
		}
		away_point("between vectors");
		CHECK_EQ(pwritev(fd, v + 1, 2, 10), 23 + 46);
		CHECK_EQ(pwritev2(fd, v + 4, 1, -1, 0), 92);
		CHECK_EQ(lseek(fd, 0, SEEK_CUR), total + 92);
		memset(in, 0, sizeof(in));
		SYS(lseek(fd, total + 92 - 50, SEEK_SET));
		/* A short one: fifty bytes, in two pieces. */
		CHECK_EQ(readv(fd, w + 1, PIECES - 1), 50);
		CHECK_MEM(in[1], out[4] + 42, 23);
		CHECK_MEM(in[2], out[4] + 42 + 23, 27);
		CHECK_EQ(in[2][27], 0);
		CHECK_EQ(preadv2(fd, w, 2, 10, 0), 23);
		CHECK_MEM(in[1], out[1], 23);
		CHECK_EQ(writev(fd, v, 0), 0);
		CHECK_ERRNO(syscall(SYS_writev, fd, v, -1), EINVAL);
		CHECK_ERRNO(syscall(SYS_readv, fd, w, 2000), EINVAL);
	}
	return away_pass();
}
