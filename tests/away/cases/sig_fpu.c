// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moved in a handler that was entered in the middle of arithmetic and does its
 * own: on its return the registers are as the signal found them.
 */

#include "../away.h"

#include <signal.h>

static volatile sig_atomic_t signals;

static void handler(int sig)
{
	uint64_t other[2] = { ~0ULL, 5 };
	uint32_t mxcsr = 0x7f80;

	(void)sig;
	asm volatile("movdqu %0, %%xmm3\n\t"
		"movdqu %0, %%xmm14\n\t"
		"ldmxcsr %1\n\t"
		: : "m" (other), "m" (mxcsr) : "xmm3", "xmm14");
	away_point("in a handler, with other registers");
	signals++;
}

int main(void)
{
	uint64_t in[2], out[2], high[2];
	uint32_t before = 0x3f80, after, usual = 0x1f80;
	pid_t pid = getpid();
	int n = 0;

	signal(SIGUSR1, handler);
	while (away_again()) {
		away_fill(in, sizeof(in), n);
		/* kill(2) by hand, so that nothing touches the registers meanwhile. */
		asm volatile("ldmxcsr %[before]\n\t"
			"movdqu %[in], %%xmm3\n\t"
			"movdqu %[in], %%xmm14\n\t"
			"mov $62, %%eax\n\t"
			"syscall\n\t"
			"movdqu %%xmm3, %[out]\n\t"
			"movdqu %%xmm14, %[high]\n\t"
			"stmxcsr %[after]\n\t"
			"ldmxcsr %[usual]\n\t"
			: [out] "=m" (out), [high] "=m" (high), [after] "=m" (after)
			: [in] "m" (in), [before] "m" (before), [usual] "m" (usual),
			  "D" ((long)pid), "S" ((long)SIGUSR1)
			: "rax", "rcx", "r11", "xmm3", "xmm14", "memory");
		CHECK_EQ(signals, ++n);
		CHECK_MEM(out, in, sizeof(in));
		CHECK_MEM(high, in, sizeof(in));
		CHECK_EQ(after & ~0x3f, before & ~0x3f);
	}
	return away_pass();
}
