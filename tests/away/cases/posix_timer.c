// SPDX-License-Identifier: GPL-2.0-only
/* POSIX timers: value and code of their signals, time left, overruns. */

#include "../away.h"

#include <signal.h>

static volatile sig_atomic_t signals;
static volatile sig_atomic_t expirations;
static siginfo_t seen;

static void handler(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	seen = *info;
	signals++;
	expirations += 1 + info->si_overrun;
}

static void wait_signals(int n)
{
	int64_t limit = away_now(CLOCK_MONOTONIC) + 20 * SECOND;

	while (signals < n)
		if (away_now(CLOCK_MONOTONIC) > limit)
			FAIL("%d signals of %d after 20 s", signals, n);
}

int main(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL };
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	struct itimerspec t = {}, left;
	sigset_t mask;
	timer_t timer;
	int64_t began, took;

	event.sigev_signo = SIGRTMIN;
	event.sigev_value.sival_ptr = &timer;
	sigaction(SIGRTMIN, &sa, NULL);
	sigemptyset(&mask);
	sigaddset(&mask, SIGRTMIN);
	while (away_again()) {
		signals = 0;
		SYS(timer_create(CLOCK_MONOTONIC, &event, &timer));
		t.it_value = (struct timespec) { 0, 300 * MS };
		t.it_interval = (struct timespec) { 0, 50 * MS };
		began = away_now(CLOCK_MONOTONIC);
		SYS(timer_settime(timer, 0, &t, NULL));
		away_spin("with a timer running", NULL, NULL);
		wait_signals(3);
		took = away_now(CLOCK_MONOTONIC) - began;
		CHECK_IN(took, 400 * MS - SKEW, 20 * SECOND);
		CHECK_EQ(seen.si_code, SI_TIMER);
		CHECK(seen.si_value.sival_ptr == &timer);
		CHECK_EQ(seen.si_signo, SIGRTMIN);
		SYS(timer_gettime(timer, &left));
		CHECK_EQ(left.it_interval.tv_nsec, 50 * MS);
		CHECK_IN(left.it_value.tv_nsec, 0, 50 * MS);
		/* Held back, they are counted: eight at least, and soon few more come. */
		SYS(sigprocmask(SIG_BLOCK, &mask, NULL));
		SYS(nanosleep(&(struct timespec) { 0, 420 * MS }, NULL));
		expirations = 0;
		SYS(sigprocmask(SIG_UNBLOCK, &mask, NULL));
		began = away_now(CLOCK_MONOTONIC);
		while (expirations < 7)
			CHECK_IN(away_now(CLOCK_MONOTONIC) - began, 0, 200 * MS);
		SYS(timer_delete(timer));
		CHECK_ERRNO(timer_gettime(timer, &left), EINVAL);
	}
	return away_pass();
}
