// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads move with their process: each has its registers, stack, local storage,
 * number, name, mask and signals; locks and conditions go on between them.
 */

#include "../away.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define N 4

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static uint64_t turns;
static bool stop;
static volatile sig_atomic_t hits[N];
static pid_t tids[N];
static __thread int own;
static __thread uint64_t mine;

static void on_usr1(int sig)
{
	(void)sig;
	hits[own]++;
}

static pid_t tid(void)
{
	return syscall(SYS_gettid);
}

static void check_self(const char *name)
{
	char now[16];
	sigset_t mask;

	CHECK_EQ(tid(), tids[own]);
	SYS(prctl(PR_GET_NAME, now));
	CHECK_STR(now, name);
	SYS(pthread_sigmask(SIG_BLOCK, NULL, &mask));
	CHECK_EQ(sigismember(&mask, SIGUSR2), own & 1);
}

/* In turn, each after the one before it, with work of its own in between. */
static void *work(void *arg)
{
	uint64_t x = 1;
	sigset_t mask;
	char name[16];
	int i;

	own = (int)(intptr_t)arg;
	tids[own] = tid();
	snprintf(name, sizeof(name), "worker %d", own);
	SYS(prctl(PR_SET_NAME, name));
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR2);
	if (own & 1)
		pthread_sigmask(SIG_BLOCK, &mask, NULL);
	pthread_mutex_lock(&lock);
	while (!stop) {
		if (turns % N != (uint64_t)own) {
			pthread_cond_wait(&changed, &lock);
			continue;
		}
		turns++;
		mine++;
		pthread_cond_broadcast(&changed);
		pthread_mutex_unlock(&lock);
		for (i = 0; i < 20000; i++)
			x = away_mix(x, i);
		check_self(name);
		pthread_mutex_lock(&lock);
	}
	pthread_mutex_unlock(&lock);
	return (void *)(uintptr_t)mine;
}

static uint64_t turns_now(void)
{
	uint64_t n;

	pthread_mutex_lock(&lock);
	n = turns;
	pthread_mutex_unlock(&lock);
	return n;
}

/* All go on: two rounds more. */
static void check_going(void)
{
	uint64_t until = turns_now() + 2 * N;

	while (turns_now() < until)
		usleep(1000);
}

static void *brief(void *arg)
{
	mine++;
	*(pid_t *)arg = tid();
	return (void *)(uintptr_t)mine;
}

static void check_another(void)
{
	pthread_t t;
	pid_t seen = 0;
	void *ret;
	int i;

	for (i = 0; i < 3; i++) {
		CHECK_EQ(pthread_create(&t, NULL, brief, &seen), 0);
		CHECK_EQ(pthread_join(t, &ret), 0);
		/* Local storage begins anew with each thread. */
		CHECK_EQ((uintptr_t)ret, 1);
		CHECK(seen > 0 && seen != getpid());
	}
}

/* A signal for one thread reaches that one. */
static void check_signals(pthread_t *t)
{
	int i, before;

	for (i = 0; i < N; i++) {
		before = hits[i];
		CHECK_EQ(pthread_kill(t[i], SIGUSR1), 0);
		while (hits[i] == before)
			usleep(1000);
	}
}

int main(void)
{
	uint64_t sum = 0;
	pthread_t t[N];
	void *ret;
	intptr_t i;

	own = -1;
	signal(SIGUSR1, on_usr1);
	for (i = 0; i < N; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, work, (void *)i), 0);
	while (away_again()) {
		away_point("with threads at work");
		check_going();
		check_another();
		check_signals(t);
		CHECK_EQ(mine, 0);
	}
	pthread_mutex_lock(&lock);
	stop = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	for (i = 0; i < N; i++) {
		CHECK_EQ(pthread_join(t[i], &ret), 0);
		sum += (uintptr_t)ret;
	}
	CHECK_EQ(sum, turns);
	return away_pass();
}
