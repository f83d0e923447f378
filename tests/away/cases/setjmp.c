// SPDX-License-Identifier: GPL-2.0-only
/* longjmp and siglongjmp to a place from before a move, with the mask of then. */

#include "../away.h"

#include <setjmp.h>
#include <signal.h>

static jmp_buf plain;
static sigjmp_buf with_mask;
static volatile int depth;
static volatile bool jump = true;

static void __attribute__((noinline)) deeper(int n)
{
	volatile char room[512];

	room[0] = n;
	depth = n;
	if (n < 20) {
		deeper(n + 1);
		CHECK_EQ(room[0], n);
		return;
	}
	away_point("deep below setjmp");
	if (jump)
		longjmp(plain, 77);
}

static void handler(int sig)
{
	(void)sig;
	away_point("in a handler, before siglongjmp");
	siglongjmp(with_mask, 5);
}

int main(void)
{
	volatile int local;
	sigset_t now;

	signal(SIGUSR1, handler);
	while (away_again()) {
		local = 1234;
		switch (setjmp(plain)) {
		case 0:
			local = 4321;
			deeper(1);
			FAIL("came back from deeper");
		case 77:
			break;
		default:
			FAIL("another value from longjmp");
		}
		CHECK_EQ(local, 4321);
		CHECK_EQ(depth, 20);
		if (!sigsetjmp(with_mask, 1)) {
			raise(SIGUSR1);
			FAIL("came back from raise");
		}
		sigprocmask(SIG_BLOCK, NULL, &now);
		CHECK(!sigismember(&now, SIGUSR1));
	}
	return away_pass();
}
