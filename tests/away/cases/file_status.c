// SPDX-License-Identifier: GPL-2.0-only
/* stat in all its forms, access, times, modes and owners. */

#include "../away.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <utime.h>

static void same(const struct stat *a, const struct stat *b)
{
	CHECK_EQ(a->st_dev, b->st_dev);
	CHECK_EQ(a->st_ino, b->st_ino);
	CHECK_EQ(a->st_mode, b->st_mode);
	CHECK_EQ(a->st_size, b->st_size);
	CHECK_EQ(a->st_mtim.tv_sec, b->st_mtim.tv_sec);
	CHECK_EQ(a->st_mtim.tv_nsec, b->st_mtim.tv_nsec);
}

int main(void)
{
	struct timespec times[2] = { { 1000, 5 }, { 2000, 123456789 } };
	int fd = SYS(open("file", O_RDWR | O_CREAT, 0600));
	struct stat before, st;
	struct statfs fs, fs_before;
	struct statx x;

	away_write(fd, "12345", 5);
	SYS(symlink("file", "link"));
	SYS(statfs(".", &fs_before));
	while (away_again()) {
		SYS(fchmod(fd, 0640));
		SYS(futimens(fd, times));
		SYS(fstat(fd, &before));
		CHECK_EQ(before.st_mtim.tv_nsec, 123456789);
		away_point("before asking about files");
		SYS(stat("link", &st));
		same(&st, &before);
		SYS(fstatat(AT_FDCWD, "link", &st, AT_SYMLINK_NOFOLLOW));
		CHECK(S_ISLNK(st.st_mode));
		SYS(lstat("link", &st));
		CHECK_EQ(st.st_size, 4);
		SYS(statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &x));
		CHECK_EQ(x.stx_ino, before.st_ino);
		CHECK_EQ(x.stx_size, 5);
		CHECK_EQ(x.stx_mode, before.st_mode);
		CHECK_EQ(x.stx_mtime.tv_sec, 2000);
		CHECK_EQ(makedev(x.stx_dev_major, x.stx_dev_minor), before.st_dev);
		SYS(statfs("file", &fs));
		CHECK_EQ(fs.f_type, fs_before.f_type);
		SYS(fstatfs(fd, &fs));
		CHECK_EQ(fs.f_bsize, fs_before.f_bsize);
		SYS(access("link", R_OK | W_OK));
		SYS(faccessat(AT_FDCWD, "file", F_OK, AT_EACCESS));
		CHECK_ERRNO(access("file", X_OK), EACCES);
		CHECK_ERRNO(access("none", F_OK), ENOENT);
		CHECK_ERRNO(access("file/below", F_OK), ENOTDIR);
		SYS(chmod("file", 0700));
		SYS(access("file", X_OK));
		SYS(chown("file", -1, -1));
		SYS(utimes("file", (struct timeval[2]) { { 5, 0 }, { 7, 250000 } }));
		away_point("after changes");
		SYS(stat("file", &st));
		CHECK_EQ(st.st_mode & 07777, 0700);
		CHECK_EQ(st.st_atim.tv_sec, 5);
		CHECK_EQ(st.st_mtim.tv_nsec, 250000000);
		SYS(utime("file", &(struct utimbuf) { 11, 12 }));
		SYS(stat("file", &st));
		CHECK_EQ(st.st_mtim.tv_sec, 12);
	}
	return away_pass();
}
