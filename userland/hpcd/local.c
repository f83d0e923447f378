// SPDX-License-Identifier: GPL-2.0-only
/* This machine and its processes, as /proc and /sys tell. */

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "hpc.h"
#include "local.h"

#define NOTES_MAX	4096
#define STATUS_MAX	4096

/* --- files --------------------------------------------------------------------------- */

static int bytes_read(const char *path, void *ret_bytes, size_t size, size_t *ret_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n = 1;
	int ret = 0;

	if (fd < 0)
		return -errno;
	while (len < size && n > 0) {
		n = read(fd, (char *)ret_bytes + len, size - len);
		if (n < 0)
			ret = -errno;
		else
			len += n;
	}
	close(fd);
	*ret_len = len;
	return ret;
}

int hpcd_file_read(const char *path, char *ret_text, size_t size)
{
	size_t len;
	int ret = bytes_read(path, ret_text, size, &len);

	if (ret)
		return ret;
	if (len == size)
		return -E2BIG;
	ret_text[len] = '\0';
	return 0;
}

int hpcd_file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/* --- this machine ----------------------------------------------------------------------- */

static size_t note_align(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

int hpcd_build_id_find(const uint8_t *notes, size_t len, uint8_t ret_id[HPCD_BUILD_ID_SIZE])
{
	size_t pos = 0, name, desc;
	Elf64_Nhdr h;

	while (len - pos >= sizeof(h)) {
		memcpy(&h, notes + pos, sizeof(h));
		name = pos + sizeof(h);
		if (h.n_namesz > len || h.n_descsz > len)
			return -ENOENT;
		desc = name + note_align(h.n_namesz);
		pos = desc + note_align(h.n_descsz);
		if (pos > len)
			return -ENOENT;
		if (h.n_type != NT_GNU_BUILD_ID || h.n_namesz != sizeof("GNU") ||
		    memcmp(notes + name, "GNU", sizeof("GNU")) != 0)
			continue;
		/* Shorter ones are of the kernel's own making too, see there. */
		if (h.n_descsz > HPCD_BUILD_ID_SIZE)
			return -ENOENT;
		memset(ret_id, 0, HPCD_BUILD_ID_SIZE);
		memcpy(ret_id, notes + desc, h.n_descsz);
		return 0;
	}
	return -ENOENT;
}

static int build_id_read(uint8_t ret_id[HPCD_BUILD_ID_SIZE])
{
	uint8_t notes[NOTES_MAX];
	size_t len;
	int ret = bytes_read("/sys/kernel/notes", notes, sizeof(notes), &len);

	return ret ? ret : hpcd_build_id_find(notes, len, ret_id);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int hpcd_boot_id_parse(const char *text, uint8_t ret_id[HPCD_BOOT_ID_SIZE])
{
	uint8_t id[HPCD_BOOT_ID_SIZE] = { 0 };
	size_t digits = 0;

	for (; *text && *text != '\n'; text++) {
		int d = hex_digit(*text);

		if (*text == '-')
			continue;
		if (d < 0 || digits == sizeof(id) * 2)
			return -EINVAL;
		id[digits / 2] = (uint8_t)(id[digits / 2] << 4 | d);
		digits++;
	}
	if (digits != sizeof(id) * 2)
		return -EINVAL;
	memcpy(ret_id, id, sizeof(id));
	return 0;
}

static int boot_id_read(uint8_t ret_id[HPCD_BOOT_ID_SIZE])
{
	char text[64];
	int ret = hpcd_file_read("/proc/sys/kernel/random/boot_id", text, sizeof(text));

	return ret ? ret : hpcd_boot_id_parse(text, ret_id);
}

int hpcd_hello_make(int engine, struct hpcd_hello *ret_hello)
{
	struct hpcd_hello h = { .version = HPCD_VERSION };
	struct hpc_node node;
	struct utsname uts;
	int ret;

	ret = hpc_self_get(engine, &h.node);
	if (ret)
		return ret;
	if (!h.node)
		return -ENOTCONN;
	ret = hpc_node_get(engine, h.node, &node);
	if (ret)
		return ret;
	h.mem = node.mem;
	ret = build_id_read(h.build_id);
	if (!ret)
		ret = boot_id_read(h.boot_id);
	if (!ret && uname(&uts))
		ret = -errno;
	if (ret)
		return ret;
	snprintf(h.release, sizeof(h.release), "%s", uts.release);
	hpcd_features_read(&h.features);
	*ret_hello = h;
	return 0;
}

/* --- processes ----------------------------------------------------------------------------- */

static bool same_space(pid_t pid, const char *space)
{
	char path[64], own[64], its[64];
	ssize_t n, m;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", space);
	n = readlink(path, own, sizeof(own));
	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, space);
	m = readlink(path, its, sizeof(its));
	return n > 0 && n == m && !memcmp(own, its, n);
}

/* The number after a line's name in /proc/PID/status; 0 if there is no such line. */
static uint64_t status_number(const char *status, const char *name)
{
	const char *line = strstr(status, name);

	return line ? strtoull(line + strlen(name), NULL, 10) : 0;
}

static void comm_take(const char *status, char comm[HPCD_COMM_SIZE])
{
	/* "Name:\tsh\n"; the kernel escapes what is not fit for a line. */
	const char *name = status + strcspn(status, "\t");
	size_t len;

	name += *name == '\t';
	len = strcspn(name, "\n");
	if (len > HPCD_COMM_SIZE - 1)
		len = HPCD_COMM_SIZE - 1;
	memcpy(comm, name, len);
	comm[len] = '\0';
}

int hpcd_request_make(pid_t pid, struct hpcd_request *ret_request)
{
	struct hpcd_request r = { .pid = pid };
	char path[64], status[STATUS_MAX];
	struct utsname uts;
	int ret;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	ret = hpcd_file_read(path, status, sizeof(status));
	if (ret)
		return ret == -ENOENT ? -ESRCH : ret;
	if (!same_space(pid, "pid") || !same_space(pid, "uts") || !same_space(pid, "time"))
		return -EXDEV;
	comm_take(status, r.comm);
	r.uid = status_number(status, "\nUid:");
	/* Pages of files stay at home until they are touched. */
	r.size = (status_number(status, "\nRssAnon:") + status_number(status, "\nVmSwap:")) << 10;
	if (uname(&uts))
		return -errno;
	snprintf(r.host, sizeof(r.host), "%s", uts.nodename);
	snprintf(r.domain, sizeof(r.domain), "%s", uts.domainname);
	*ret_request = r;
	return 0;
}
