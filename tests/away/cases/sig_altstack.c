// SPDX-License-Identifier: GPL-2.0-only
/* Handlers on a stack of their own: used, told, and not to be changed from there. */

#include "../away.h"

#include <signal.h>
#include <stdlib.h>

#define SIZE 65536

static char *stack;
static volatile sig_atomic_t signals;

static void handler(int sig)
{
	char here[4000];
	stack_t now;

	(void)sig;
	CHECK(here > stack && here < stack + SIZE);
	away_fill(here, sizeof(here), signals);
	SYS(sigaltstack(NULL, &now));
	CHECK_EQ(now.ss_flags, SS_ONSTACK);
	CHECK(now.ss_sp == stack);
	now.ss_flags = 0;
	CHECK_ERRNO(sigaltstack(&now, NULL), EPERM);
	away_point("in a handler on its own stack");
	CHECK_FILLED(here, sizeof(here), signals);
	signals++;
}

int main(void)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = SA_ONSTACK };
	stack_t alt = { .ss_size = SIZE }, now;
	int n = 0;

	alt.ss_sp = stack = PTR(malloc(SIZE));
	sigaction(SIGUSR1, &sa, NULL);
	SYS(sigaltstack(&alt, NULL));
	while (away_again()) {
		raise(SIGUSR1);
		CHECK_EQ(signals, ++n);
		SYS(sigaltstack(NULL, &now));
		CHECK_EQ(now.ss_flags, 0);
		CHECK_EQ(now.ss_size, SIZE);
		away_point("out of it");
		CHECK_ERRNO(sigaltstack(&(stack_t) { .ss_sp = stack, .ss_size = 10 }, NULL), ENOMEM);
		SYS(sigaltstack(&(stack_t) { .ss_flags = SS_DISABLE }, NULL));
		SYS(sigaltstack(NULL, &now));
		CHECK_EQ(now.ss_flags, SS_DISABLE);
		SYS(sigaltstack(&alt, NULL));
	}
	return away_pass();
}
