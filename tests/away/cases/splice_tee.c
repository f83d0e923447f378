// SPDX-License-Identifier: GPL-2.0-only
/* splice(2) and tee(2) between pipes and a file. */

#include "../away.h"

#include <fcntl.h>

int main(void)
{
	char text[3000], got[3000];
	int one[2], two[2], fd;
	loff_t at;

	away_fill(text, sizeof(text), 1);
	fd = SYS(open("file", O_RDWR | O_CREAT, 0600));
	SYS(pipe(one));
	SYS(pipe(two));
	while (away_again()) {
		SYS(ftruncate(fd, 0));
		SYS(pwrite(fd, text, sizeof(text), 0));
		away_point("before splices");
		at = 100;
		CHECK_EQ(splice(fd, &at, one[1], NULL, 2000, 0), 2000);
		CHECK_EQ(at, 2100);
		CHECK_EQ(tee(one[0], two[1], 1500, 0), 1500);
		away_point("with the same in two pipes");
		away_read(one[0], got, 2000);
		CHECK_MEM(got, text + 100, 2000);
		at = 5000;
		CHECK_EQ(splice(two[0], NULL, fd, &at, 1000, SPLICE_F_MOVE), 1000);
		CHECK_EQ(at, 6000);
		away_read(two[0], got, 500);
		CHECK_MEM(got, text + 1100, 500);
		CHECK_EQ(pread(fd, got, 1000, 5000), 1000);
		CHECK_MEM(got, text + 100, 1000);
		CHECK_ERRNO(splice(one[0], NULL, two[1], NULL, 10, SPLICE_F_NONBLOCK), EAGAIN);
		CHECK_ERRNO(tee(fd, one[1], 10, 0), EINVAL);
	}
	return away_pass();
}
