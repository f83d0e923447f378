/* SPDX-License-Identifier: GPL-2.0-only */
/* Recording frames in the file format that tcpdump and wireshark read. */
#ifndef TESSERA_HUB_PCAP_H
#define TESSERA_HUB_PCAP_H

#include <stddef.h>
#include <stdint.h>

struct hub_pcap {
	int fd;
	uint64_t bytes, bytes_max;
};

#define HUB_PCAP_CLOSED { .fd = -1 }

/* Starts a new file that will not grow beyond bytes_max.  0 or -errno. */
int hub_pcap_open(struct hub_pcap *p, const char *path, uint64_t bytes_max);

/* Adds a frame with the time of day.  Stops recording at bytes_max, or when writing fails. */
void hub_pcap_write(struct hub_pcap *p, const void *frame, size_t len);

void hub_pcap_close(struct hub_pcap *p);

#endif
