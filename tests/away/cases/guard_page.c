// SPDX-License-Identifier: GPL-2.0-only
/* A guard page stops what runs into it; unmapped memory is told from forbidden. */

#include "../away.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#define PAGE 4096UL

static sigjmp_buf back;
static siginfo_t seen;

static void handler(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	seen = *info;
	siglongjmp(back, 1);
}

static void __attribute__((noinline)) walk(volatile char *at)
{
	for (;; at++)
		*at = 1;
}

static void __attribute__((noinline)) run_into(char *p, char *limit, int code)
{
	if (!sigsetjmp(back, 1))
		walk(p);
	CHECK_EQ(seen.si_signo, SIGSEGV);
	CHECK_EQ(seen.si_code, code);
	CHECK(seen.si_addr == limit);
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	char *p = PTR(mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	sigaction(SIGSEGV, &sa, NULL);
	SYS(mprotect(p + PAGE, PAGE, PROT_NONE));
	SYS(munmap(p + 3 * PAGE, PAGE));
	while (away_again()) {
		away_point("with a guard page and a hole");
		run_into(p, p + PAGE, SEGV_ACCERR);
		run_into(p + 2 * PAGE + 100, p + 3 * PAGE, SEGV_MAPERR);
		run_into(NULL, NULL, SEGV_MAPERR);
	}
	return away_pass();
}
