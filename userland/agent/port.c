// SPDX-License-Identifier: GPL-2.0-only
/* The virtio-serial port: finding it, and the queue of frames to the host. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "codec.h"
#include "port.h"

#define PORTS_DIR "/sys/class/virtio-ports"

static uint8_t queue[PORT_QUEUE];
static size_t queued;
static bool overflowed;

static bool has_our_name(const char *port)
{
	char path[sizeof(PORTS_DIR) + 256 + 8], name[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), PORTS_DIR "/%.255s/name", port);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (fgets(name, sizeof(name), f))
		name[strcspn(name, "\n")] = '\0';
	fclose(f);
	return !strcmp(name, AGENT_PORT_NAME);
}

int port_open(void)
{
	char path[256 + 8];
	struct dirent *d;
	DIR *dir = opendir(PORTS_DIR);
	int fd = -ENOENT;

	if (!dir)
		return -ENOENT;
	while (fd == -ENOENT && (d = readdir(dir))) {
		if (!has_our_name(d->d_name))
			continue;
		snprintf(path, sizeof(path), "/dev/%.255s", d->d_name);
		fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			fd = errno == ENOENT ? -ENODEV : -errno;
	}
	closedir(dir);
	return fd;
}

enum port_state port_read(int fd, void (*take)(const uint8_t *data, size_t len))
{
	static uint8_t buf[65536];
	bool some = false;

	for (;;) {
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n > 0) {
			take(buf, (size_t)n);
			some = true;
		} else if (n == 0) {
			return some ? PORT_UNSURE : PORT_GONE;
		} else if (errno != EINTR) {
			return PORT_DRY;
		}
	}
}

bool port_has_room(void)
{
	return queued + AGENT_HEADER_SIZE + PORT_CHUNK + PORT_RESERVE <= PORT_QUEUE;
}

void port_send(uint16_t type, uint32_t session, const void *payload, size_t len)
{
	if (queued + AGENT_HEADER_SIZE + len > PORT_QUEUE) {
		overflowed = true;
		return;
	}
	agent_put_header(queue + queued, type, session, (uint32_t)len);
	if (len)
		memcpy(queue + queued + AGENT_HEADER_SIZE, payload, len);
	queued += AGENT_HEADER_SIZE + len;
}

void port_flush(int fd)
{
	size_t done = 0;

	while (done < queued) {
		ssize_t n = write(fd, queue + done, queued - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	queued -= done;
	memmove(queue, queue + done, queued);
}

void port_discard(void)
{
	queued = 0;
	overflowed = false;
}

bool port_overflowed(void)
{
	bool was = overflowed;

	overflowed = false;
	return was;
}
