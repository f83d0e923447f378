// SPDX-License-Identifier: GPL-2.0-only
/* The sixteen AVX registers, all 256 bits, where the processor has them. */

#include "../away.h"

#include <cpuid.h>

/* The assembler repeats what is between, with \n for each of the numbers. */
#define EACH ".irp n," \
	"0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n\t"
#define END ".endr\n\t"

static bool offered(void)
{
	unsigned int a, b, c = 0, d, lo, hi;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_AVX))
		return false;
	asm volatile("xgetbv" : "=a" (lo), "=d" (hi) : "c" (0));
	return (lo & 6) == 6;
}

static void check(void *arg)
{
	uint64_t in[16][4], out[16][4], count = 200000;
	static uint64_t round;

	(void)arg;
	away_fill(in, sizeof(in), ++round);
	asm volatile(""
		EACH "vmovdqu \\n*32(%[in]), %%ymm\\n\n\t" END
		"1: dec %[count]\n\t"
		"jnz 1b\n\t"
		EACH "vmovdqu %%ymm\\n, \\n*32(%[out])\n\t" END
		"vzeroupper\n\t"
		: [count] "+r" (count)
		: [in] "r" (in), [out] "r" (out)
		: "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
		"xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
		"xmm14", "xmm15");
	CHECK_MEM(out, in, sizeof(in));
}

int main(void)
{
	if (!offered())
		away_skip("no AVX here");
	while (away_again())
		away_spin("in a loop of known AVX registers", check, NULL);
	return away_pass();
}
