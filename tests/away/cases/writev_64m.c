// SPDX-License-Identifier: GPL-2.0-only
/*
 * One writev(2) of 64 MiB into a pipe, read by a helper: every byte arrives,
 * however often the writer is moved meanwhile.
 */

#include "../away.h"

#include <stdlib.h>
#include <sys/uio.h>

#define MIB (1UL << 20)
#define PIECES 16

static void drink(int fd, void *arg)
{
	int pipe = *(int *)arg;
	char *buf = PTR(malloc(MIB));
	uint64_t size, sum, i;

	for (;;) {
		away_read(fd, &size, sizeof(size));
		away_moved();
		for (sum = 0; size; size -= MIB) {
			away_read(pipe, buf, MIB);
			for (i = 0; i < MIB; i += 8)
				sum = sum * 31 + *(uint64_t *)(buf + i);
		}
		away_write(fd, &sum, sizeof(sum));
	}
}

int main(int argc, char **argv)
{
	uint64_t size = (argc > 1 ? strtoul(argv[1], NULL, 10) : 64) * MIB, want = 0, sum, left, i;
	char *p = PTR(malloc(size));
	struct iovec v[PIECES];
	int helper, pipes[2], calls;

	SYS(pipe(pipes));
	away_fill(p, size, 1);
	for (i = 0; i < size; i += 8)
		want = want * 31 + *(uint64_t *)(p + i);
	for (i = 0; i < PIECES; i++)
		v[i] = (struct iovec) { p + i * (size / PIECES), size / PIECES };
	away_helper(drink, &pipes[0], &helper);
	while (away_again()) {
		away_write(helper, &size, sizeof(size));
		away_call("in one long writev");
		/* Interrupted for a move it says how far it came, like for a signal. */
		for (calls = 0, left = size; left; calls++) {
			size_t done = size - left;
			struct iovec rest[PIECES];
			int n = 0;

			for (i = 0; i < PIECES; i++) {
				size_t end = (i + 1) * (size / PIECES);

				if (end <= done)
					continue;
				rest[n] = v[i];
				if (done > i * (size / PIECES)) {
					rest[n].iov_len = end - done;
					rest[n].iov_base = p + done;
				}
				n++;
			}
			left -= SYS(writev(pipes[1], rest, n));
		}
		away_helped();
		/* Moves are few; nothing else interrupts it. */
		CHECK_IN(calls, 1, 20);
		away_read(helper, &sum, sizeof(sum));
		CHECK_EQ(sum, want);
	}
	return away_pass();
}
