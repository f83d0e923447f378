// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recording frames.  Each record is one write, so a reader of a file that is
 * still growing, or a hub that was killed, never leaves half a record.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "pcap.h"

#define MAGIC_NS	0xa1b23c4du
#define LINK_ETHERNET	1
#define SNAP_LEN	262144

struct file_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, sigfigs, snaplen, link;
};

struct record_header {
	uint32_t sec, nsec, captured, length;
};

int hub_pcap_open(struct hub_pcap *p, const char *path, uint64_t bytes_max)
{
	const struct file_header h = { .magic = MAGIC_NS, .major = 2, .minor = 4,
				       .snaplen = SNAP_LEN, .link = LINK_ETHERNET };

	p->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (p->fd < 0)
		return -errno;
	p->bytes_max = bytes_max;
	p->bytes = sizeof(h);
	if (write(p->fd, &h, sizeof(h)) != sizeof(h)) {
		int r = errno ? -errno : -ENOSPC;

		hub_pcap_close(p);
		return r;
	}
	return 0;
}

void hub_pcap_write(struct hub_pcap *p, const void *frame, size_t len)
{
	struct timespec t;
	struct record_header h = { .captured = (uint32_t)len, .length = (uint32_t)len };
	struct iovec iov[] = { { &h, sizeof(h) }, { (void *)frame, len } };

	if (p->fd < 0)
		return;
	if (p->bytes + sizeof(h) + len > p->bytes_max) {
		hub_pcap_close(p);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &t);
	h.sec = (uint32_t)t.tv_sec;
	h.nsec = (uint32_t)t.tv_nsec;
	if (writev(p->fd, iov, 2) != (ssize_t)(sizeof(h) + len)) {
		fprintf(stderr, "tessera-hub: recording stopped: %s\n", strerror(errno));
		hub_pcap_close(p);
		return;
	}
	p->bytes += sizeof(h) + len;
}

void hub_pcap_close(struct hub_pcap *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}
