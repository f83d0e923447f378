// SPDX-License-Identifier: GPL-2.0-only
/* The thirty-two AVX-512 registers and the mask registers, where the processor has them. */

#include "../away.h"

#include <cpuid.h>

#define LOAD(n) "vmovdqu64 " #n "*64(%[in]), %%zmm" #n "\n\t"
#define SAVE(n) "vmovdqu64 %%zmm" #n ", " #n "*64(%[out])\n\t"
#define ALL(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) \
	X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15) \
	X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23) \
	X(24) X(25) X(26) X(27) X(28) X(29) X(30) X(31)
#define LOADK(n) "kmovw 2048+" #n "*2(%[in]), %%k" #n "\n\t"
#define SAVEK(n) "kmovw %%k" #n ", 2048+" #n "*2(%[out])\n\t"
#define ALLK(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)

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
	asm volatile(
		ALL(LOAD)
		ALLK(LOADK)
		"1: dec %[count]\n\t"
		"jnz 1b\n\t"
		ALL(SAVE)
		ALLK(SAVEK)
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
