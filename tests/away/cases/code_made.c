// SPDX-License-Identifier: GPL-2.0-only
/* Machine code written by the program itself, before and after a move. */

#include "../away.h"

#include <sys/mman.h>

#define PAGE 4096UL

typedef int (*returns)(void);

static void write_code(unsigned char *at, int value)
{
	at[0] = 0xb8;			/* mov $value, %eax */
	memcpy(at + 1, &value, 4);
	at[5] = 0xc3;			/* ret */
}

int main(void)
{
	unsigned char *p = PTR(mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	int round = 0;

	while (away_again()) {
		round++;
		SYS(mprotect(p, 2 * PAGE, PROT_READ | PROT_WRITE));
		write_code(p, round);
		write_code(p + PAGE, -round);
		SYS(mprotect(p, 2 * PAGE, PROT_READ | PROT_EXEC));
		CHECK_EQ(((returns)(void *)p)(), round);
		away_point("with code of its own");
		CHECK_EQ(((returns)(void *)p)(), round);
		CHECK_EQ(((returns)(void *)(p + PAGE))(), -round);
	}
	return away_pass();
}
