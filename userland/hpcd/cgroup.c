// SPDX-License-Identifier: GPL-2.0-only
/* Control groups of guests. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cgroup.h"
#include "local.h"

#define ROOT	"/sys/fs/cgroup"
#define TOP	ROOT "/tessera"

#define PATH_SIZE 192

/* Processes and threads of one home's guests. */
#define PIDS_MAX "16384"

static int failed(int error, const char *path, char *ret_what, size_t size)
{
	snprintf(ret_what, size, "'%s': %s", path, strerror(-error));
	return error;
}

static int write_to(const char *folder, const char *file, const char *value, char *ret_what,
		    size_t size)
{
	char path[PATH_SIZE];
	int ret;

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	ret = hpcd_file_write(path, value);
	return ret ? failed(ret, path, ret_what, size) : 0;
}

static int make_folder(const char *path, char *ret_what, size_t size)
{
	if (mkdir(path, 0755) && errno != EEXIST)
		return failed(-errno, path, ret_what, size);
	return 0;
}

int hpcd_cgroup_prepare(uint64_t total, char *ret_what, size_t size)
{
	uint64_t reserve = total / 16;
	struct statfs fs;
	char text[32];
	int ret;

	if (statfs(ROOT, &fs) || fs.f_type != CGROUP2_SUPER_MAGIC) {
		snprintf(ret_what, size, "'" ROOT "' is no cgroup2 file system; mount one there");
		return -ENODEV;
	}
	ret = make_folder(TOP, ret_what, size);
	if (!ret)
		ret = write_to(ROOT, "cgroup.subtree_control", "+memory +pids", ret_what, size);
	if (!ret)
		ret = write_to(TOP, "cgroup.subtree_control", "+memory +pids", ret_what, size);
	if (ret)
		return ret;
	if (reserve < HPCD_MEMORY_RESERVE)
		reserve = HPCD_MEMORY_RESERVE;
	snprintf(text, sizeof(text), "%" PRIu64, total > 2 * reserve ? total - reserve : reserve);
	return write_to(TOP, "memory.max", text, ret_what, size);
}

int hpcd_cgroup_open(const char *name, char *ret_what, size_t size)
{
	char path[PATH_SIZE];
	int fd, ret;

	snprintf(path, sizeof(path), TOP "/%s", name);
	ret = make_folder(path, ret_what, size);
	if (!ret)
		ret = write_to(path, "pids.max", PIDS_MAX, ret_what, size);
	if (ret)
		return ret;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? failed(-errno, path, ret_what, size) : fd;
}

int hpcd_cgroup_limit(const char *name, uint64_t available)
{
	char path[PATH_SIZE], text[32];
	uint64_t used;
	int ret;

	snprintf(path, sizeof(path), TOP "/%s/memory.current", name);
	ret = hpcd_file_read(path, text, sizeof(text));
	if (ret)
		return ret;
	snprintf(path, sizeof(path), TOP "/%s/memory.high", name);
	used = strtoull(text, NULL, 10);
	snprintf(text, sizeof(text), "%" PRIu64, used + available);
	return hpcd_file_write(path, text);
}

int hpcd_cgroup_remove(const char *name)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), TOP "/%s", name);
	return rmdir(path) && errno != ENOENT ? -errno : 0;
}
