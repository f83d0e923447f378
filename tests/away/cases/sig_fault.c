// SPDX-License-Identifier: GPL-2.0-only
/* Faults of the program's own: SIGSEGV, SIGFPE, SIGILL, SIGTRAP with address and code. */

#include "../away.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

static sigjmp_buf back;
static siginfo_t seen;
static volatile uint64_t ip;
static volatile bool mend;
static char *page;

static void handler(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	(void)sig;
	seen = *info;
	ip = u->uc_mcontext.gregs[REG_RIP];
	if (mend) {
		/* The instruction is made again, and works now. */
		mprotect(page, 4096, PROT_READ | PROT_WRITE);
		return;
	}
	siglongjmp(back, 1);
}

static volatile int zero;

int main(void)
{
	static const int faults[] = { SIGSEGV, SIGFPE, SIGILL, SIGTRAP };
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	size_t i;

	for (i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		sigaction(faults[i], &sa, NULL);
	page = PTR(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	while (away_again()) {
		away_point("before faults");
		mend = false;
		if (!sigsetjmp(back, 1))
			*(volatile char *)0x123456 = 1;
		CHECK_EQ(seen.si_signo, SIGSEGV);
		CHECK_EQ(seen.si_code, SEGV_MAPERR);
		CHECK(seen.si_addr == (void *)0x123456);
		/* No address at all: a general protection fault. */
		if (!sigsetjmp(back, 1))
			*(volatile char *)0x8000000000000000 = 1;
		CHECK_EQ(seen.si_signo, SIGSEGV);
		CHECK_EQ(seen.si_code, SI_KERNEL);
		if (!sigsetjmp(back, 1))
			zero = 5 / zero;
		CHECK_EQ(seen.si_signo, SIGFPE);
		CHECK_EQ(seen.si_code, FPE_INTDIV);
		CHECK_EQ((uint64_t)seen.si_addr, ip);
		if (!sigsetjmp(back, 1))
			asm volatile("ud2");
		CHECK_EQ(seen.si_signo, SIGILL);
		CHECK_EQ(seen.si_code, ILL_ILLOPN);
		CHECK_EQ((uint64_t)seen.si_addr, ip);
		if (!sigsetjmp(back, 1))
			asm volatile("int3");
		CHECK_EQ(seen.si_signo, SIGTRAP);

		SYS(mprotect(page, 4096, PROT_READ));
		away_point("before a fault that is mended");
		mend = true;
		*(volatile char *)page = 7;
		asm volatile("" : : : "memory");
		CHECK_EQ(seen.si_code, SEGV_ACCERR);
		CHECK(seen.si_addr == page);
		CHECK_EQ(*page, 7);
	}
	return away_pass();
}
