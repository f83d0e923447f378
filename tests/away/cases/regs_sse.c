// SPDX-License-Identifier: GPL-2.0-only
/* The sixteen SSE registers and MXCSR keep their values while the program spins. */

#include "../away.h"

struct sse {
	uint64_t xmm[16][2];
	uint32_t mxcsr;
};

/* The assembler repeats what is between, with \n for each of the numbers. */
#define EACH ".irp n," \
	"0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n\t"
#define END ".endr\n\t"

static void spin(struct sse *out, const struct sse *in)
{
	uint64_t count = 200000;
	uint32_t usual;

	asm volatile("stmxcsr %0" : "=m" (usual));
	asm volatile("ldmxcsr 256(%[in])\n\t"
		EACH "movdqu \\n*16(%[in]), %%xmm\\n\n\t" END
		"1: dec %[count]\n\t"
		"jnz 1b\n\t"
		EACH "movdqu %%xmm\\n, \\n*16(%[out])\n\t" END
		"stmxcsr 256(%[out])\n\t"
		: [count] "+r" (count)
		: [in] "r" (in), [out] "r" (out)
		: "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
		"xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
		"xmm14", "xmm15");
	asm volatile("ldmxcsr %0" : : "m" (usual));
}

static void check(void *arg)
{
	/* Rounding down, flush to zero, zero, up, with different flags set. */
	static const uint32_t mxcsr[] = { 0x3f80, 0x9fbf, 0x7f81, 0x5fa4 };
	static uint64_t round;
	struct sse in = {}, out = {};

	(void)arg;
	round++;
	away_fill(in.xmm, sizeof(in.xmm), round);
	in.mxcsr = mxcsr[round % 4];
	spin(&out, &in);
	CHECK_MEM(out.xmm, in.xmm, sizeof(in.xmm));
	CHECK_EQ(out.mxcsr, in.mxcsr);
}

int main(void)
{
	while (away_again())
		away_spin("in a loop of known SSE registers", check, NULL);
	return away_pass();
}
