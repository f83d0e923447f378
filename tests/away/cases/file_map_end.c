// SPDX-License-Identifier: GPL-2.0-only
/* Mapped beyond the end of a file: zeroes up to the end of the page, then SIGBUS. */

#include "../away.h"

#include <fcntl.h>
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

static void must_fail(volatile char *p)
{
	if (!sigsetjmp(back, 1)) {
		(void)*p;
		FAIL("reading beyond the end of the file worked");
	}
	CHECK_EQ(seen.si_signo, SIGBUS);
	CHECK_EQ(seen.si_code, BUS_ADRERR);
	CHECK(seen.si_addr == p);
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	char text[PAGE + 100], *p;
	size_t i;
	int fd;

	sigaction(SIGBUS, &sa, NULL);
	away_fill(text, sizeof(text), 4);
	fd = SYS(open("file", O_RDWR | O_CREAT, 0600));
	away_write(fd, text, sizeof(text));
	p = PTR(mmap(NULL, 4 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0));
	while (away_again()) {
		away_point("with more mapped than there is");
		CHECK_MEM(p, text, sizeof(text));
		for (i = sizeof(text); i < 2 * PAGE; i++)
			CHECK_EQ(p[i], 0);
		must_fail(p + 2 * PAGE);
		must_fail(p + 4 * PAGE - 1);
	}
	return away_pass();
}
