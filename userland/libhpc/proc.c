// SPDX-License-Identifier: GPL-2.0-only
/* Files of /proc: where it is, and the plain ones among them. */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hpc.h"

const char *hpc_proc(void)
{
	const char *other = getenv("TESSERA_PROC");

	return other && *other ? other : "/proc";
}

bool hpc_proc_is_other(void)
{
	return strcmp(hpc_proc(), "/proc") != 0;
}

static int proc_open(const char *file, int flags)
{
	char path[HPC_PROC_PATH];
	int fd;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", hpc_proc(), file) >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int hpc_proc_read(char *ret_text, size_t size, const char *format, ...)
{
	char file[HPC_PROC_PATH];
	size_t len = 0;
	ssize_t n = 1;
	va_list ap;
	int fd;

	va_start(ap, format);
	vsnprintf(file, sizeof(file), format, ap);
	va_end(ap);
	fd = proc_open(file, O_RDONLY);
	if (fd < 0)
		return fd;
	while (n > 0 && len < size - 1) {
		n = read(fd, ret_text + len, size - 1 - len);
		if (n > 0)
			len += n;
	}
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return n;
	ret_text[len] = '\0';
	return 0;
}

int hpc_proc_write(const char *text, const char *format, ...)
{
	char file[HPC_PROC_PATH];
	va_list ap;
	int fd, ret = 0;

	va_start(ap, format);
	vsnprintf(file, sizeof(file), format, ap);
	va_end(ap);
	fd = proc_open(file, O_WRONLY | (hpc_proc_is_other() ? O_TRUNC : 0));
	if (fd < 0)
		return fd;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static int number_parse(const char *text, uint32_t *ret_value)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || end == text || (*end && *end != '\n') || value > UINT32_MAX)
		return -EPROTO;
	*ret_value = value;
	return 0;
}

int hpc_admin_get(const char *name, uint32_t *ret_value)
{
	char text[32];
	int ret = hpc_proc_read(text, sizeof(text), "hpc/admin/%s", name);

	return ret ? ret : number_parse(text, ret_value);
}

int hpc_admin_set(const char *name, uint32_t value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	return hpc_proc_write(text, "hpc/admin/%s", name);
}

int hpc_declare(const char *what, const char *value)
{
	return hpc_proc_write(value, "hpc/decay/%s", what);
}

int hpc_lock_get(pid_t pid, bool *ret_locked)
{
	char text[16];
	int ret = hpc_proc_read(text, sizeof(text), "%d/lock", pid);

	if (!ret)
		*ret_locked = text[0] == '1';
	return ret;
}

int hpc_lock_set(pid_t pid, bool locked)
{
	return hpc_proc_write(locked ? "1" : "0", "%d/lock", pid);
}

int hpc_portable_set(pid_t pid, bool portable)
{
	return hpc_proc_write(portable ? "1" : "0", "%d/portable", pid);
}

/* --- /proc/PID/stat ------------------------------------------------------------------- */

/* The program's name is in parentheses, and may have any character itself. */
int hpc_stat_parse(const char *text, struct hpc_stat *ret_stat)
{
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	struct hpc_stat s = { 0 };
	unsigned long long start;
	long rss;
	size_t len;
	int n;

	if (!open || !close || close < open)
		return -EPROTO;
	s.pid = atoi(text);
	len = close - open - 1;
	if (len > sizeof(s.comm) - 1)
		len = sizeof(s.comm) - 1;
	memcpy(s.comm, open + 1, len);
	n = sscanf(close + 1, " %c %d %d %d %d %d %u %*u %*u %*u %*u %lu %lu %*d %*d %d %d %u %*d "
		   "%llu %lu %ld", &s.state, &s.ppid, &s.pgrp, &s.session, &s.tty, &s.tpgid,
		   &s.flags, &s.utime, &s.stime, &s.priority, &s.nice, &s.threads, &start,
		   &s.vsize, &rss);
	if (n != 15)
		return -EPROTO;
	s.start = start;
	s.rss = rss < 0 ? 0 : rss;
	*ret_stat = s;
	return 0;
}

int hpc_stat_read(pid_t pid, struct hpc_stat *ret_stat)
{
	char text[1024];
	int ret = hpc_proc_read(text, sizeof(text), "%d/stat", pid);

	if (ret)
		return ret == -ENOENT ? -ESRCH : ret;
	return hpc_stat_parse(text, ret_stat);
}

bool hpc_stat_is_kernel(const struct hpc_stat *stat)
{
	return stat->flags & 0x00200000;	/* PF_KTHREAD */
}
