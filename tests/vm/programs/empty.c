// SPDX-License-Identifier: GPL-2.0-only
/* empty: the first program of a system that has nothing to do; says that it is there. */

#include <stdio.h>
#include <unistd.h>

int main(void)
{
	puts("empty: here");
	fflush(stdout);
	for (;;)
		pause();
}
