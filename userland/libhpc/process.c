// SPDX-License-Identifier: GPL-2.0-only
/* What the engine shows and takes of a process in /proc. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hpc.h"

#define PATH_TEXT HPC_PROC_PATH

/* A process that ended between open() and read() is none either. */
static int gone(int error)
{
	return error == ENOENT ? -ESRCH : -error;
}

static int file_open(pid_t pid, const char *file, int flags)
{
	char path[PATH_TEXT];
	int fd;

	snprintf(path, sizeof(path), "%s/%d/%s", hpc_proc(), pid, file);
	fd = open(path, flags | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (errno != ENOENT)
		return -errno;
	/* Without the engine a process has no such file. */
	snprintf(path, sizeof(path), "%s/%d", hpc_proc(), pid);
	return access(path, F_OK) ? -ESRCH : -EOPNOTSUPP;
}

static int text_read(pid_t pid, const char *file, char *text, size_t size)
{
	int fd = file_open(pid, file, O_RDONLY);
	ssize_t n;
	int ret;

	if (fd < 0)
		return fd;
	n = read(fd, text, size - 1);
	ret = n < 0 ? gone(errno) : 0;
	close(fd);
	if (!ret)
		text[n] = '\0';
	return ret;
}

static int number_read(pid_t pid, const char *file, uint32_t *ret_number)
{
	char text[32], *end;
	unsigned long number;
	int ret;

	ret = text_read(pid, file, text, sizeof(text));
	if (ret)
		return ret;
	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno || end == text || *end != '\n' || number > UINT32_MAX)
		return -EPROTO;
	*ret_number = number;
	return 0;
}

int hpc_where(pid_t pid, uint32_t *ret_node)
{
	return number_read(pid, "where", ret_node);
}

int hpc_nmigs(pid_t pid, uint32_t *ret_nmigs)
{
	return number_read(pid, "nmigs", ret_nmigs);
}

int hpc_goto(pid_t pid, uint32_t node)
{
	int fd = file_open(pid, "goto", O_WRONLY);
	char text[16];
	int ret = 0;

	if (fd < 0)
		return fd;
	if (node)
		snprintf(text, sizeof(text), "%u", node);
	else
		snprintf(text, sizeof(text), "home");
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

int hpc_cantmove(pid_t pid, char ret_words[HPC_CANTMOVE_TEXT])
{
	return text_read(pid, "cantmove", ret_words, HPC_CANTMOVE_TEXT);
}

const char *hpc_cantmove_meaning(const char *word)
{
	static const struct {
		const char *word, *meaning;
	} table[] = {
		{ "system",	 "is part of the system: a kernel thread, or init" },
		{ "user_lock",	 "is locked (echo 0 > /proc/PID/lock)" },
		{ "traced",	 "is traced by a debugger" },
		{ "rt_sched",	 "has a real-time scheduling class" },
		{ "seccomp",	 "runs under a seccomp filter" },
		{ "priv_inst",	 "may use I/O ports" },
		{ "io_uring",	 "uses io_uring" },
		{ "aio",	 "uses asynchronous I/O" },
		{ "threads",	 "has lost its first thread, while others go on" },
		{ "clone_vm",	 "shares its memory with another process" },
		{ "shared_mem",	 "has writable memory that others may share" },
		{ "mmap_dev",	 "maps a device" },
		{ "mem_lock",	 "has locked memory" },
		{ "i386",	 "is a 32-bit program" },
		{ "hugetlb",	 "uses huge pages" },
		{ "userfaultfd", "handles page faults by itself" },
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (!strcmp(table[i].word, word))
			return table[i].meaning;
	return NULL;
}

bool hpc_is_guest(pid_t pid)
{
	char path[PATH_TEXT];

	snprintf(path, sizeof(path), "%s/hpc/remote/%d", hpc_proc(), pid);
	return access(path, F_OK) == 0;
}
