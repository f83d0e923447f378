// SPDX-License-Identifier: GPL-2.0-only
/* What hpcd observes of processes, on a /proc of files. */
// sources: userland/hpcd/processes.c userland/libhpc/proc.c userland/libhpc/process.c
// wrap: hpc_info
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hpcd/processes.h"

static char proc[64];
static struct hpc_info known;

int __wrap_hpc_info(int fd, pid_t pid, struct hpc_info *ret_info);

int __wrap_hpc_info(int fd, pid_t pid, struct hpc_info *ret_info)
{
	(void)fd;
	*ret_info = known;
	ret_info->pid = pid;
	return 0;
}

/* --- a machine ------------------------------------------------------------------------ */

static void put(pid_t pid, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%d", proc, pid);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/%d/%s", proc, pid, name);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void put_stat(pid_t pid, const char *comm, char state, int tty, unsigned int flags,
		     unsigned long ticks, unsigned long pages)
{
	char text[256];

	snprintf(text, sizeof(text), "%d (%s) %c 1 %d %d %d -1 %u 0 0 0 0 %lu 0 0 0 20 0 1 0 77 1000000 "
		 "%lu 0 0\n", pid, comm, state, pid, pid, tty, flags, ticks, pages);
	put(pid, "stat", text);
}

static int begin(void **state)
{
	(void)state;
	strcpy(proc, "/tmp/test-processes.XXXXXX");
	if (!mkdtemp(proc))
		return -1;
	setenv("TESSERA_PROC", proc, 1);
	known = (struct hpc_info) { .decay_interval = 1, .decay_keep = 926 };
	return 0;
}

static int end(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s/[0-9]*", proc);
	if (system(command))
		return -1;
	/* Nobody is left, so that the next test begins with nothing. */
	hpcd_processes_look(-1, 1, 500);
	return rmdir(proc);
}

static bool describe(pid_t pid, int64_t now, struct balance_process *ret_process)
{
	const struct hpcd_process *p = hpcd_process_find(pid);

	assert_non_null(p);
	return hpcd_process_describe(p, now, HPC_SPEED_STANDARD, ret_process);
}

/* --- averages -------------------------------------------------------------------------- */

static bool near(double a, double b)
{
	return fabs(a - b) < 0.001;
}

static void averages(void **state)
{
	struct hpcd_average a = { 0 };
	int i;

	(void)state;
	assert_true(hpcd_average(&a) == 0);
	hpcd_average_add(&a, 0.7, 250, 1, 926);
	assert_true(near(hpcd_average(&a), 0.7));
	for (i = 0; i < 100; i++)
		hpcd_average_add(&a, 0.2, 1000, 1, 926);
	assert_true(near(hpcd_average(&a), 0.2));
	/* What never decays counts for as long as it lasted. */
	a = (struct hpcd_average) { 0 };
	hpcd_average_add(&a, 1, 3000, 1, 1000);
	hpcd_average_add(&a, 0, 1000, 1, 1000);
	assert_true(near(hpcd_average(&a), 0.75));
	/* Nothing kept: only the last. */
	hpcd_average_add(&a, 0.5, 1000, 1, 0);
	assert_true(near(hpcd_average(&a), 0.5));
}

/* --- who stays -------------------------------------------------------------------------- */

static bool belongs(const char *comm, pid_t pid, pid_t session, int tty)
{
	struct hpc_stat stat = { .pid = pid, .session = session, .tty = tty };

	snprintf(stat.comm, sizeof(stat.comm), "%s", comm);
	return hpcd_process_belongs_here(&stat);
}

static void who_belongs_here(void **state)
{
	(void)state;
	assert_true(belongs("init", 1, 1, 0));
	assert_true(belongs("hpcd", 80, 80, 0));
	assert_true(belongs("systemd-journald", 90, 90, 0));
	assert_true(belongs("bash", 500, 500, 1025));
	assert_true(belongs("vim", 510, 500, 1025));
	/* A loop in a shell, a job of nobody's terminal, and a program called like an editor. */
	assert_false(belongs("bash", 520, 500, 1025));
	assert_false(belongs("sh", 600, 600, 0));
	assert_false(belongs("vim", 610, 610, 0));
	assert_false(belongs("cc1", 530, 500, 1025));
}

/* --- looking ------------------------------------------------------------------------------ */

static void one_that_computes(void **state)
{
	struct balance_process p;

	(void)state;
	put_stat(300, "a (b) c", 'R', 0, 0, 4, 100);
	put(300, "statm", "1000 100 40 0 0 0 0\n");
	put(300, "io", "rchar: 1\nwchar: 1\nsyscr: 100\nsyscw: 100\n");
	hpcd_processes_look(-1, 10000, 500);
	assert_int_equal(hpcd_processes_count(), 1);
	assert_true(describe(300, 10000, &p));
	assert_int_equal(p.demand, 1000);
	/* It may be over in a moment. */
	assert_false(p.may_move);
	put_stat(300, "a (b) c", 'R', 0, 0, 54, 100);
	put(300, "io", "rchar: 1\nwchar: 1\nsyscr: 150\nsyscw: 150\n");
	hpcd_processes_look(-1, 11000, 500);
	assert_true(describe(300, 11000, &p));
	assert_true(p.may_move);
	assert_int_equal(p.cpu_ms, 540);
	assert_int_equal(p.rss, 60 * sysconf(_SC_PAGESIZE));
	/* 100 calls in half a second of processor time. */
	assert_in_range(p.talk, 199, 201);
	assert_true(p.since_ms == BALANCE_NEVER);
}

static void those_that_do_not_count(void **state)
{
	struct balance_process p;

	(void)state;
	put_stat(2, "kthreadd", 'S', 0, 0x00200000, 1000, 0);
	put_stat(301, "sleeper", 'S', 0, 0, 0, 100);
	put_stat(302, "zombie", 'Z', 0, 0, 0, 0);
	hpcd_processes_look(-1, 10000, 500);
	assert_int_equal(hpcd_processes_count(), 2);
	assert_false(describe(2, 10000, &p));
	assert_false(describe(301, 10000, &p));
	assert_null(hpcd_process_find(302));
}

static void declared_and_locked(void **state)
{
	struct balance_process p;

	(void)state;
	known.job = HPC_JOB_CPU;
	known.cantmove = 2;
	put_stat(303, "job", 'R', 0, 0, 100, 100);
	hpcd_processes_look(-1, 10000, 500);
	assert_true(describe(303, 10000, &p));
	assert_int_equal(p.job, BALANCE_JOB_CPU);
	assert_false(p.may_move);
}

static void there_and_back(void **state)
{
	struct balance_process p;

	(void)state;
	put_stat(304, "traveller", 'R', 0, 0, 100, 100);
	hpcd_processes_look(-1, 10000, 1000);
	known.role = HPC_ROLE_AWAY;
	known.node = 5;
	known.calls = 1000;
	put_stat(304, "traveller", 'S', 0, 0, 100, 100);
	put(304, "wchan", "hpc_link_wait");
	hpcd_process_find(304)->leaving = 20000;
	hpcd_process_moved(304, 5, 11000);
	assert_int_equal(hpcd_processes_away(), 1);
	hpcd_processes_look(-1, 11000, 1000);
	assert_true(describe(304, 13000, &p));
	assert_true(p.away);
	assert_int_equal(p.node, 5);
	assert_int_equal(p.since_ms, 2000);
	assert_int_equal(p.moves, 1);
	assert_int_equal(p.demand, 1000);
	/* 500 calls a second of 1 ms each: half of its time. */
	known.calls = 1500;
	hpcd_processes_look(-1, 12000, 1000);
	assert_true(describe(304, 13000, &p));
	assert_in_range(p.talk, 999, 1001);
	/* Home again, it is remembered. */
	known.role = HPC_ROLE_HOME;
	known.node = 0;
	/* By a person: that does not count. */
	hpcd_process_moved(304, 0, 14000);
	put_stat(304, "traveller", 'R', 0, 0, 100, 100);
	hpcd_processes_look(-1, 14100, 1000);
	assert_true(describe(304, 14100, &p));
	assert_false(p.away);
	assert_in_range(p.talk, 990, 1001);
	assert_int_equal(p.moves, 1);
	assert_int_equal(p.since_ms, 100);
	/* Only the last minute counts. */
	assert_true(describe(304, 72000, &p));
	assert_int_equal(p.moves, 0);
}

static void refused_and_left_alone(void **state)
{
	struct balance_process p;

	(void)state;
	put_stat(305, "job", 'R', 0, 0, 100, 100);
	hpcd_processes_look(-1, 10000, 500);
	hpcd_process_stayed(hpcd_process_find(305), 10000);
	assert_true(describe(305, 19000, &p));
	assert_false(p.may_move);
	assert_true(describe(305, 20000, &p));
	assert_true(p.may_move);
	/* Longer after each time. */
	hpcd_process_stayed(hpcd_process_find(305), 20000);
	assert_true(describe(305, 39000, &p));
	assert_false(p.may_move);
}

static void same_number_other_process(void **state)
{
	struct balance_process p;

	(void)state;
	put_stat(306, "old", 'R', 0, 0, 500, 100);
	hpcd_processes_look(-1, 10000, 500);
	hpcd_process_stayed(hpcd_process_find(306), 10000);
	put(306, "stat", "306 (new) R 1 306 306 0 -1 0 0 0 0 0 20 0 0 0 20 0 1 0 99 1000 100 0 0\n");
	hpcd_processes_look(-1, 11000, 500);
	assert_true(describe(306, 11000, &p));
	assert_true(p.may_move);
	assert_int_equal(p.cpu_ms, 200);
}

static void guests_are_known(void **state)
{
	struct balance_process p;

	(void)state;
	known.role = HPC_ROLE_GUEST;
	known.node = 9;
	put_stat(307, "init", 'R', 0, 0, 100, 100);
	hpcd_process_guest(307, 9);
	hpcd_processes_look(-1, 10000, 500);
	assert_true(describe(307, 10000, &p));
	assert_true(p.guest);
	assert_int_equal(p.node, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(averages),
		cmocka_unit_test(who_belongs_here),
		cmocka_unit_test_setup_teardown(one_that_computes, begin, end),
		cmocka_unit_test_setup_teardown(those_that_do_not_count, begin, end),
		cmocka_unit_test_setup_teardown(declared_and_locked, begin, end),
		cmocka_unit_test_setup_teardown(there_and_back, begin, end),
		cmocka_unit_test_setup_teardown(refused_and_left_alone, begin, end),
		cmocka_unit_test_setup_teardown(same_number_other_process, begin, end),
		cmocka_unit_test_setup_teardown(guests_are_known, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
