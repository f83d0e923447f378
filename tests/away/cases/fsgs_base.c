// SPDX-License-Identifier: GPL-2.0-only
/* The bases of the segments fs and gs, by arch_prctl(2) and by themselves. */

#include "../away.h"

#include <asm/prctl.h>
#include <sys/auxv.h>
#include <sys/syscall.h>

#define HWCAP2_FSGSBASE 2

static uint64_t block[64];

static uint64_t by_gs(unsigned long offset)
{
	uint64_t x;

	asm volatile("mov %%gs:(%1), %0" : "=r" (x) : "r" (offset));
	return x;
}

static void check(unsigned long fs, unsigned long gs)
{
	unsigned long x;

	SYS(syscall(SYS_arch_prctl, ARCH_GET_FS, &x));
	CHECK_EQ(x, fs);
	SYS(syscall(SYS_arch_prctl, ARCH_GET_GS, &x));
	CHECK_EQ(x, gs);
	if (gs)
		CHECK_EQ(by_gs(8), block[1]);
	if (!(getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE))
		return;
	asm volatile("rdfsbase %0" : "=r" (x));
	CHECK_EQ(x, fs);
	asm volatile("rdgsbase %0" : "=r" (x));
	CHECK_EQ(x, gs);
}

static void spin(void *fs)
{
	CHECK_EQ(by_gs(16), block[2]);
	CHECK_EQ(*(unsigned long *)fs, (unsigned long)fs);
}

int main(void)
{
	unsigned long fs, gs = (unsigned long)block;

	away_fill(block, sizeof(block), 5);
	SYS(syscall(SYS_arch_prctl, ARCH_GET_FS, &fs));
	while (away_again()) {
		SYS(syscall(SYS_arch_prctl, ARCH_SET_GS, gs));
		away_spin("gs set", spin, (void *)fs);
		check(fs, gs);
		SYS(syscall(SYS_arch_prctl, ARCH_SET_GS, 0));
		away_point("gs cleared");
		check(fs, 0);
	}
	return away_pass();
}
