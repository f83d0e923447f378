// SPDX-License-Identifier: GPL-2.0-only
/*
 * A heap of which every byte matters: moved, changed in parts, and moved again.
 * The argument is its size in MiB.
 */

#include "../away.h"

#include <stdlib.h>

#define MIB (1UL << 20)
#define PIECE (64UL << 10)

int main(int argc, char **argv)
{
	size_t size = (argc > 1 ? strtoul(argv[1], NULL, 10) : 16) * MIB, i;
	size_t pieces = size / PIECE;
	char *heap = PTR(malloc(size));
	uint64_t *seed = PTR(calloc(pieces, sizeof(*seed)));
	uint64_t round = 0;

	CHECK(pieces > 0);
	for (i = 0; i < pieces; i++)
		away_fill(heap + i * PIECE, PIECE, seed[i] = i + 1);
	while (away_again()) {
		away_point("with a full heap");
		for (i = 0; i < pieces; i++)
			CHECK_FILLED(heap + i * PIECE, PIECE, seed[i]);
		round++;
		for (i = round % 7; i < pieces; i += 7)
			away_fill(heap + i * PIECE, PIECE, seed[i] = away_mix(round, i));
	}
	return away_pass();
}
