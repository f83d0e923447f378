// SPDX-License-Identifier: GPL-2.0-only
/* O_DIRECT transfers are right, or refused as the file system at home does. */

#include "../away.h"

#include <fcntl.h>
#include <stdlib.h>

#define SIZE 65536

int main(void)
{
	char *out = PTR(aligned_alloc(4096, SIZE)), *in = PTR(aligned_alloc(4096, SIZE));
	int fd = open("file", O_RDWR | O_CREAT | O_DIRECT, 0600), again;
	uint64_t round = 0;

	if (fd < 0)
		CHECK_EQ(errno, EINVAL);
	while (away_again()) {
		away_point("before direct input and output");
		again = open("file", O_RDWR | O_DIRECT);
		CHECK_EQ(again < 0, fd < 0);
		if (fd < 0) {
			CHECK_EQ(errno, EINVAL);
			continue;
		}
		close(again);
		away_fill(out, SIZE, ++round);
		CHECK_EQ(pwrite(fd, out, SIZE, 0), SIZE);
		away_point("between writing and reading");
		CHECK(SYS(fcntl(fd, F_GETFL)) & O_DIRECT);
		memset(in, 0, SIZE);
		CHECK_EQ(pread(fd, in, SIZE, 0), SIZE);
		CHECK_FILLED(in, SIZE, round);
	}
	return away_pass();
}
