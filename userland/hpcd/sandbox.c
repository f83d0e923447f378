// SPDX-License-Identifier: GPL-2.0-only
/* What a guest container is made of, seen from a process on its way into one. */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox.h"

#define MOUNTS_MAX	512
#define MOUNT_FLAGS	(MS_NOSUID | MS_NODEV | MS_NOEXEC)

/* --- descriptors ----------------------------------------------------------------------- */

static int compare_int(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void hpcd_keep_only(int *keep, size_t n)
{
	unsigned int from = 0;
	size_t i;

	qsort(keep, n, sizeof(*keep), compare_int);
	for (i = 0; i < n; i++) {
		if (keep[i] < 0 || (unsigned int)keep[i] < from)
			continue;
		if ((unsigned int)keep[i] > from)
			close_range(from, keep[i] - 1, 0);
		from = keep[i] + 1;
	}
	close_range(from, ~0U, 0);
}

/* --- files ------------------------------------------------------------------------------- */

/* Mount points of /proc/self/mountinfo, which are written with octal escapes. */
static void unescape(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] && text[3]) {
			*to++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 |
				       (text[3] - '0'));
			text += 3;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
}

/* Takes away all mounts but the root, the newest first. */
static int unmount_all(void)
{
	char *points[MOUNTS_MAX], *line = NULL, *point;
	size_t n = 0, size = 0;
	FILE *f = fopen("/proc/self/mountinfo", "re");

	if (!f)
		return -errno;
	while (n < MOUNTS_MAX && getline(&line, &size, f) > 0) {
		point = NULL;
		if (sscanf(line, "%*s %*s %*s %*s %ms", &point) != 1)
			continue;
		unescape(point);
		points[n++] = point;
	}
	free(line);
	fclose(f);
	while (n-- > 0) {
		if (strcmp(points[n], "/") != 0)
			umount2(points[n], MNT_DETACH);
		free(points[n]);
	}
	return 0;
}

/* At a folder that every root has. */
static int mount_empty(void)
{
	if (mount("guest", "/proc", "tmpfs", MOUNT_FLAGS, "size=4k,nr_inodes=2,mode=0555"))
		return -errno;
	return chdir("/proc") ? -errno : 0;
}

/*
 * The root of a node in RAM is the kernel's first file system, from which nobody
 * can pivot: there the new root is laid over it, when nothing else is left.
 */
static int lay_over(void)
{
	int ret;

	if (chdir("/") || umount2("/proc", MNT_DETACH))
		return -errno;
	ret = unmount_all();
	if (!ret)
		ret = mount_empty();
	if (ret)
		return ret;
	if (mount(".", "/", NULL, MS_MOVE, NULL) || chroot("."))
		return -errno;
	return chdir("/") ? -errno : 0;
}

int hpcd_sandbox_root(void)
{
	int ret;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -errno;
	ret = mount_empty();
	if (ret)
		return ret;
	if (!syscall(SYS_pivot_root, ".", "."))
		ret = umount2(".", MNT_DETACH) || chdir("/") ? -errno : 0;
	else
		ret = errno == EINVAL ? lay_over() : -errno;
	if (!ret && mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MOUNT_FLAGS, NULL))
		ret = -errno;
	return ret;
}

/* --- rights -------------------------------------------------------------------------------- */

int hpcd_sandbox_bounds(uint64_t mask)
{
	int cap;

	/* Up to the last one the kernel knows. */
	for (cap = 0; cap < 64; cap++) {
		if (mask >> cap & 1)
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) && errno != EINVAL)
			return -errno;
	}
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) ? -errno : 0;
}

int hpcd_sandbox_capabilities(uint64_t mask)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ .effective = (uint32_t)mask, .permitted = (uint32_t)mask },
		{ .effective = (uint32_t)(mask >> 32), .permitted = (uint32_t)(mask >> 32) },
	};

	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

int hpcd_sandbox_identity(uid_t id)
{
	if (setgroups(0, NULL) || setresgid(id, id, id) || setresuid(id, id, id))
		return -errno;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;
}
