// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads and writes of many pages in one call: lengths, positions, ends of files, holes
 * and limits in their middle, disks that are full, and files that take no other than
 * whole writes.
 */

#include "../away.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define SIZE (3 * 1024 * 1024 + 777)
#define PART 1234567
#define LIMIT (1024 * 1024 + 100)

static off_t size_of(int fd)
{
	struct stat st;

	SYS(fstat(fd, &st));
	return st.st_size;
}

static void plain(int fd, int same, char *bytes, char *got)
{
	SYS(ftruncate(fd, 0));
	SYS(lseek(fd, 0, SEEK_SET));
	CHECK_EQ(write(fd, bytes, SIZE), SIZE);
	CHECK_EQ(lseek(same, 0, SEEK_CUR), SIZE);
	CHECK_EQ(read(fd, got, SIZE), 0);
	SYS(lseek(fd, 5, SEEK_SET));
	CHECK_EQ(read(same, got, PART), PART);
	CHECK_MEM(got, bytes + 5, PART);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), PART + 5);
	/* The file ends in the middle. */
	memset(got, 0x55, SIZE);
	CHECK_EQ(read(fd, got, SIZE), SIZE - PART - 5);
	CHECK_MEM(got, bytes + PART + 5, SIZE - PART - 5);
	CHECK_EQ(got[SIZE - PART - 5], 0x55);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), SIZE);
}

static void positioned(int fd, char *bytes, char *got)
{
	SYS(lseek(fd, 3, SEEK_SET));
	CHECK_EQ(pread(fd, got, PART, 77), PART);
	CHECK_MEM(got, bytes + 77, PART);
	CHECK_EQ(pwrite(fd, bytes, PART, SIZE + 1000), PART);
	CHECK_EQ(size_of(fd), SIZE + 1000 + PART);
	CHECK_EQ(pread(fd, got, SIZE, SIZE + 1000), PART);
	CHECK_MEM(got, bytes, PART);
	CHECK_EQ(pread(fd, got, SIZE, 2 * SIZE + PART), 0);
	CHECK_ERRNO(pread(fd, got, SIZE, -1), EINVAL);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 3);
}

/* Bytes, a hole, bytes; what is written after a read is not in what it got. */
static void sparse(int fd, char *bytes, char *got)
{
	const off_t begin = 70001, end = SIZE - 50001;
	size_t len, i;

	SYS(ftruncate(fd, 0));
	CHECK_EQ(pwrite(fd, bytes, begin, 0), begin);
	CHECK_EQ(pwrite(fd, bytes + end, SIZE - end, end), SIZE - end);
	for (len = 16 * 1024; len < SIZE; len = len * 3 + 1) {
		memset(got, 0x55, SIZE);
		CHECK_EQ(pread(fd, got, len, begin - 9999), len);
		CHECK_MEM(got, bytes + begin - 9999, 9999);
		for (i = 9999; i < len && begin - 9999 + (off_t)i < end; i++)
			CHECK_EQ(got[i], 0);
		CHECK_EQ(got[len], 0x55);
	}
	CHECK_EQ(pread(fd, got, SIZE, 0), SIZE);
	CHECK_EQ(pwrite(fd, bytes + 1, PART, 0), PART);
	CHECK_MEM(got, bytes, begin);
	CHECK_MEM(got + end, bytes + end, SIZE - end);
}

static void refused(char *bytes, char *got)
{
	int in = SYS(open("file", O_RDONLY)), out = SYS(open("file", O_WRONLY));
	int folder = SYS(open(".", O_RDONLY | O_DIRECTORY));

	CHECK_ERRNO(write(in, bytes, SIZE), EBADF);
	CHECK_ERRNO(read(out, got, SIZE), EBADF);
	CHECK_ERRNO(read(folder, got, SIZE), EISDIR);
	CHECK_ERRNO(read(1000, got, SIZE), EBADF);
	close(in);
	close(out);
	close(folder);
}

static void limited(int fd, char *bytes)
{
	struct rlimit old, less;

	SYS(getrlimit(RLIMIT_FSIZE, &old));
	less = (struct rlimit) { LIMIT, old.rlim_max };
	SYS(setrlimit(RLIMIT_FSIZE, &less));
	SYS(ftruncate(fd, 0));
	SYS(lseek(fd, 0, SEEK_SET));
	CHECK_EQ(write(fd, bytes, SIZE), LIMIT);
	CHECK_ERRNO(write(fd, bytes, SIZE), EFBIG);
	CHECK_EQ(size_of(fd), LIMIT);
	SYS(setrlimit(RLIMIT_FSIZE, &old));
}

/* A file system of 1 MiB, seen by nobody else. */
static bool small_disk(void)
{
	if (geteuid())
		return false;
	SYS(unshare(CLONE_NEWNS));
	SYS(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	SYS(mkdir("small", 0700));
	SYS(mount("tmpfs", "small", "tmpfs", 0, "size=1m"));
	return true;
}

static void full(char *bytes, char *got)
{
	int fd = SYS(open("small/file", O_RDWR | O_CREAT, 0600));
	ssize_t n;

	CHECK_EQ(pwrite(fd, bytes, 300007, 0), 300007);
	CHECK_EQ(lseek(fd, 4099, SEEK_SET), 4099);
	n = SYS(write(fd, bytes, SIZE));
	CHECK_IN(n, 300007, 1024 * 1024);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 4099 + n);
	CHECK_EQ(size_of(fd), 4099 + n);
	CHECK_ERRNO(write(fd, bytes, SIZE), ENOSPC);
	CHECK_EQ(pread(fd, got, SIZE, 0), 4099 + n);
	CHECK_MEM(got, bytes, 4099);
	CHECK_MEM(got + 4099, bytes, n);
	SYS(unlink("small/file"));
	close(fd);
}

static void special(int fd, char *bytes, char *got)
{
	int end, synced;

	SYS(ftruncate(fd, 100));
	end = SYS(open("file", O_WRONLY | O_APPEND));
	CHECK_EQ(write(end, bytes, PART), PART);
	CHECK_EQ(size_of(fd), PART + 100);
	close(end);
	synced = SYS(open("file", O_RDWR | O_DSYNC));
	CHECK_EQ(pwrite(synced, bytes, PART, 7), PART);
	CHECK_EQ(pread(synced, got, PART, 7), PART);
	CHECK_MEM(got, bytes, PART);
	close(synced);
}

int main(void)
{
	char *bytes = PTR(malloc(SIZE)), *got = PTR(malloc(SIZE));
	bool small = small_disk();
	int fd, same, memory;

	away_fill(bytes, SIZE, 1);
	signal(SIGXFSZ, SIG_IGN);
	fd = SYS(open("file", O_RDWR | O_CREAT, 0600));
	same = SYS(dup(fd));
	memory = SYS(memfd_create("memory", 0));
	while (away_again()) {
		away_point("plain files");
		plain(fd, same, bytes, got);
		plain(memory, memory, bytes, got);
		away_point("positions");
		positioned(fd, bytes, got);
		sparse(fd, bytes, got);
		sparse(memory, bytes, got);
		refused(bytes, got);
		limited(fd, bytes);
		special(fd, bytes, got);
		if (small)
			full(bytes, got);
	}
	return away_pass();
}
