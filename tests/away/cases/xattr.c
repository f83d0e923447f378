// SPDX-License-Identifier: GPL-2.0-only
/* Extended attributes, by name and by descriptor, where the file system has them. */

#include "../away.h"

#include <fcntl.h>
#include <sys/xattr.h>

int main(void)
{
	int fd = SYS(open("file", O_RDWR | O_CREAT, 0600));
	char got[300];
	ssize_t n;

	if (fsetxattr(fd, "trusted.away", "x", 1, 0))
		away_skip("no extended attributes: %s", strerror(errno));
	while (away_again()) {
		SYS(setxattr("file", "trusted.away", "some value", 10, 0));
		away_point("with an attribute");
		CHECK_EQ(getxattr("file", "trusted.away", NULL, 0), 10);
		CHECK_ERRNO(getxattr("file", "trusted.away", got, 5), ERANGE);
		CHECK_EQ(fgetxattr(fd, "trusted.away", got, sizeof(got)), 10);
		CHECK_MEM(got, "some value", 10);
		CHECK_ERRNO(setxattr("file", "trusted.away", "", 0, XATTR_CREATE), EEXIST);
		CHECK_ERRNO(setxattr("file", "trusted.none", "", 0, XATTR_REPLACE), ENODATA);
		SYS(fsetxattr(fd, "trusted.second", "", 0, 0));
		n = SYS(listxattr("file", got, sizeof(got)));
		CHECK(memmem(got, n, "trusted.away", 13));
		CHECK(memmem(got, n, "trusted.second", 15));
		SYS(fremovexattr(fd, "trusted.second"));
		away_point("after removing another");
		CHECK_ERRNO(lgetxattr("file", "trusted.second", got, 10), ENODATA);
		CHECK_ERRNO(removexattr("none", "trusted.away"), ENOENT);
	}
	return away_pass();
}
