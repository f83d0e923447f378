// SPDX-License-Identifier: GPL-2.0-only
/* File positions: of one description by two descriptors, of two, and beyond the end. */

#include "../away.h"

#include <fcntl.h>

#define SIZE 100000

int main(void)
{
	static char bytes[SIZE], got[SIZE];
	int one, same, other;

	away_fill(bytes, SIZE, 1);
	one = SYS(open("file", O_RDWR | O_CREAT, 0600));
	away_write(one, bytes, SIZE);
	same = SYS(dup(one));
	other = SYS(open("file", O_RDONLY));
	while (away_again()) {
		SYS(lseek(one, 1000, SEEK_SET));
		SYS(lseek(other, 0, SEEK_SET));
		away_read(one, got, 500);
		away_point("in the middle of a file");
		CHECK_EQ(lseek(same, 0, SEEK_CUR), 1500);
		CHECK_EQ(lseek(other, 0, SEEK_CUR), 0);
		away_read(same, got, 30000);
		CHECK_MEM(got, bytes + 1500, 30000);
		away_read(other, got, 70001);
		CHECK_MEM(got, bytes, 70001);
		away_point("further on");
		away_read(one, got, SIZE - 31500);
		CHECK_MEM(got, bytes + 31500, SIZE - 31500);
		CHECK_EQ(read(same, got, 10), 0);
		CHECK_EQ(lseek(one, -10, SEEK_END), SIZE - 10);
		CHECK_EQ(read(same, got, 100), 10);
		CHECK_EQ(lseek(one, SIZE * 10, SEEK_SET), SIZE * 10);
		CHECK_EQ(read(one, got, 1), 0);
		CHECK_ERRNO(lseek(one, -1, SEEK_SET), EINVAL);
		CHECK_ERRNO(lseek(STDIN_FILENO, 0, SEEK_CUR), ESPIPE);
		CHECK_EQ(lseek(other, 0, SEEK_CUR), 70001);
		CHECK_ERRNO(write(other, got, 1), EBADF);
	}
	return away_pass();
}
