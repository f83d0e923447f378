// SPDX-License-Identifier: GPL-2.0-only
/* Memory made read-only, unreadable and writable again: faults say so. */

#include "../away.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#define PAGE 4096UL

static sigjmp_buf back;
static volatile int code;
static void *volatile addr;

static void handler(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	code = info->si_code;
	addr = info->si_addr;
	siglongjmp(back, 1);
}

static void must_fault(volatile char *p, bool write, int want)
{
	code = 0;
	if (!sigsetjmp(back, 1)) {
		if (write)
			*p = 1;
		else
			(void)*p;
		FAIL("%s at %p did not fault", write ? "write" : "read", (void *)p);
	}
	CHECK_EQ(code, want);
	CHECK(addr == p);
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	char *p = PTR(mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	sigaction(SIGSEGV, &sa, NULL);
	away_fill(p, 4 * PAGE, 9);
	while (away_again()) {
		SYS(mprotect(p + PAGE, PAGE, PROT_READ));
		SYS(mprotect(p + 2 * PAGE, PAGE, PROT_NONE));
		away_point("with protections");
		CHECK_EQ(p[PAGE + 5], ((char *)&(uint64_t){ away_mix(9, PAGE) })[5]);
		must_fault(p + PAGE + 5, true, SEGV_ACCERR);
		must_fault(p + 2 * PAGE, false, SEGV_ACCERR);
		SYS(mprotect(p + PAGE, 2 * PAGE, PROT_READ | PROT_WRITE));
		CHECK_FILLED(p, 4 * PAGE, 9);
		SYS(mprotect(p + 3 * PAGE, PAGE, PROT_READ));
		must_fault(p + 3 * PAGE + 1, true, SEGV_ACCERR);
		away_point("changed after the move");
		must_fault(p + 3 * PAGE + 1, true, SEGV_ACCERR);
		SYS(mprotect(p + 3 * PAGE, PAGE, PROT_READ | PROT_WRITE));
		CHECK_FILLED(p, 4 * PAGE, 9);
	}
	return away_pass();
}
