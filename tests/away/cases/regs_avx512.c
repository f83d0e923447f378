// SPDX-License-Identifier: GPL-2.0-only
/* The thirty-two AVX-512 registers and the mask registers, where the processor has them. */

#include "../away.h"

#include <cpuid.h>

/* The assembler repeats what is between, with \n for each of the numbers. */
#define EACH ".irp n," \
	"0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15," \
	"16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n\t"
#define END ".endr\n\t"
#define EACH_MASK ".irp n,0,1,2,3,4,5,6,7\n\t"

struct state {
	uint64_t zmm[32][8];
	uint16_t k[8];
};

static bool offered(void)
{
	unsigned int a, b, c = 0, d, lo, hi;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
		return false;
	asm volatile("xgetbv" : "=a" (lo), "=d" (hi) : "c" (0));
	if ((lo & 0xe6) != 0xe6)
		return false;
	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_AVX512F);
}

static void check(void *arg)
{
	uint64_t count = 200000;
	struct state in, out;
	static uint64_t round;

	(void)arg;
	away_fill(&in, sizeof(in), ++round);
	/* The compiler knows no clobbers for the upper ones, nor does it use them. */
	asm volatile(""
		EACH "vmovdqu64 \\n*64(%[in]), %%zmm\\n\n\t" END
		EACH_MASK "kmovw 2048+\\n*2(%[in]), %%k\\n\n\t" END
		"1: dec %[count]\n\t"
		"jnz 1b\n\t"
		EACH "vmovdqu64 %%zmm\\n, \\n*64(%[out])\n\t" END
		EACH_MASK "kmovw %%k\\n, 2048+\\n*2(%[out])\n\t" END
		"vzeroupper\n\t"
		: [count] "+r" (count)
		: [in] "r" (&in), [out] "r" (&out)
		: "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
		"xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
		"xmm14", "xmm15");
	CHECK_MEM(&out, &in, sizeof(in));
}

int main(void)
{
	if (!offered())
		away_skip("no AVX-512 here");
	while (away_again())
		away_spin("in a loop of known AVX-512 registers", check, NULL);
	return away_pass();
}
