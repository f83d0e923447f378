// SPDX-License-Identifier: GPL-2.0-only
/* All general registers and flags keep their values while the program spins. */

#include "../away.h"

#define FLAGS 0x8d5		/* overflow, sign, zero, auxiliary, parity, carry */
#define DIRECTION 0x400
#define ROUNDS 200000

struct regs {
	uint64_t r[15];		/* all but rsp, in the order of the asm below */
	uint64_t flags;
	uint64_t rsp_before, rsp_after;
	uint64_t count;
};

/*
 * rcx counts, with instructions that leave the flags alone; rsp is compared;
 * the others hold values that nothing else does.
 */
static void spin(struct regs *out, const struct regs *in)
{
	static struct regs *to;
	static const struct regs *from;

	to = out;
	from = in;
	asm volatile("push %%rbp\n\t"
		"push %%rbx\n\t"
		"mov %[from], %%r15\n\t"
		"mov %[to], %%r14\n\t"
		"mov %%rsp, 128(%%r14)\n\t"
		"pushq 120(%%r15)\n\t"
		"mov 0(%%r15), %%rax\n\t"
		"mov 8(%%r15), %%rbx\n\t"
		"mov 144(%%r15), %%rcx\n\t"
		"mov 24(%%r15), %%rdx\n\t"
		"mov 32(%%r15), %%rsi\n\t"
		"mov 40(%%r15), %%rdi\n\t"
		"mov 48(%%r15), %%rbp\n\t"
		"mov 56(%%r15), %%r8\n\t"
		"mov 64(%%r15), %%r9\n\t"
		"mov 72(%%r15), %%r10\n\t"
		"mov 80(%%r15), %%r11\n\t"
		"mov 88(%%r15), %%r12\n\t"
		"mov 96(%%r15), %%r13\n\t"
		"mov 104(%%r15), %%r14\n\t"
		"mov 112(%%r15), %%r15\n\t"
		"popfq\n"
		"1:\n\t"
		"lea -1(%%rcx), %%rcx\n\t"
		"jrcxz 2f\n\t"
		"jmp 1b\n"
		"2:\n\t"
		"pushfq\n\t"
		"push %%r15\n\t"
		"mov %[to], %%r15\n\t"
		"mov %%rax, 0(%%r15)\n\t"
		"mov %%rbx, 8(%%r15)\n\t"
		"mov %%rcx, 16(%%r15)\n\t"
		"mov %%rdx, 24(%%r15)\n\t"
		"mov %%rsi, 32(%%r15)\n\t"
		"mov %%rdi, 40(%%r15)\n\t"
		"mov %%rbp, 48(%%r15)\n\t"
		"mov %%r8, 56(%%r15)\n\t"
		"mov %%r9, 64(%%r15)\n\t"
		"mov %%r10, 72(%%r15)\n\t"
		"mov %%r11, 80(%%r15)\n\t"
		"mov %%r12, 88(%%r15)\n\t"
		"mov %%r13, 96(%%r15)\n\t"
		"mov %%r14, 104(%%r15)\n\t"
		"popq 112(%%r15)\n\t"
		"popq 120(%%r15)\n\t"
		"mov %%rsp, 136(%%r15)\n\t"
		"cld\n\t"
		"pop %%rbx\n\t"
		"pop %%rbp\n\t"
		: [to] "+m" (to), [from] "+m" (from)
		: : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11",
		"r12", "r13", "r14", "r15", "cc", "memory");
}

static void check(void *arg)
{
	static uint64_t round;
	struct regs in = { .count = ROUNDS }, out = {};
	int i;

	(void)arg;
	round++;
	for (i = 0; i < 15; i++)
		in.r[i] = away_mix(round, i);
	in.flags = (round & 1 ? FLAGS : 0) | (round & 2 ? DIRECTION : 0) | 0x202;
	spin(&out, &in);
	for (i = 0; i < 15; i++)
		CHECK_EQ(out.r[i], i == 2 ? 0 : in.r[i]);
	CHECK_EQ(out.flags & (FLAGS | DIRECTION), in.flags & (FLAGS | DIRECTION));
	CHECK_EQ(out.rsp_after, out.rsp_before);
}

int main(void)
{
	while (away_again())
		away_spin("in a loop of known registers", check, NULL);
	return away_pass();
}
