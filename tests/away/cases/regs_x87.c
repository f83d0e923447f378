// SPDX-License-Identifier: GPL-2.0-only
/* The x87 stack of 80-bit numbers, its control and status words. */

#include "../away.h"

struct x87 {
	unsigned char st[8][10];
	uint16_t control, status;
};

static void spin(struct x87 *out, const long double *in, uint16_t control)
{
	uint64_t count = 200000;

	/* 0 at the bottom of the stack, 7 at its top. */
	asm volatile("fninit\n\t"
		"fldcw %[control]\n\t"
		"fldt 0(%[in])\n\t"
		"fldt 16(%[in])\n\t"
		"fldt 32(%[in])\n\t"
		"fldt 48(%[in])\n\t"
		"fldt 64(%[in])\n\t"
		"fldt 80(%[in])\n\t"
		"fldt 96(%[in])\n\t"
		"fldt 112(%[in])\n\t"
		"fcomi %%st(1), %%st(0)\n\t"
		"1: dec %[count]\n\t"
		"jnz 1b\n\t"
		"fnstcw 80(%[out])\n\t"
		"fnstsw 82(%[out])\n\t"
		"fstpt 70(%[out])\n\t"
		"fstpt 60(%[out])\n\t"
		"fstpt 50(%[out])\n\t"
		"fstpt 40(%[out])\n\t"
		"fstpt 30(%[out])\n\t"
		"fstpt 20(%[out])\n\t"
		"fstpt 10(%[out])\n\t"
		"fstpt 0(%[out])\n\t"
		"fninit\n\t"
		: [count] "+r" (count)
		: [in] "r" (in), [out] "r" (out), [control] "m" (control)
		: "cc", "memory", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)",
		"st(6)", "st(7)");
}

static void check(void *arg)
{
	/* Precision 64, 53 and 24 bits, each with another rounding. */
	static const uint16_t control[] = { 0x037f, 0x067f, 0x0c7f, 0x0b7f };
	static uint64_t round;
	struct x87 out = {};
	long double in[8];
	int i;

	(void)arg;
	round++;
	for (i = 0; i < 8; i++)
		in[i] = (long double)(int64_t)away_mix(round, i) / 3.0L;
	spin(&out, in, control[round % 4]);
	for (i = 0; i < 8; i++)
		CHECK_MEM(out.st[i], &in[i], 10);
	CHECK_EQ(out.control, control[round % 4] | 0x40);
	/* Eight pushes: the top is where it began. */
	CHECK_EQ((out.status >> 11) & 7, 0);
}

int main(void)
{
	while (away_again())
		away_spin("in a loop of known x87 registers", check, NULL);
	return away_pass();
}
