// SPDX-License-Identifier: GPL-2.0-only
// sources: userland/tools/proclist.c userland/libhpc/proc.c userland/libhpc/process.c
/* The processes of mps, mtop and mosmon: from a /proc of files, in every order, as text. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tools/proclist.h"

static char proc[32];

static void __attribute__((format(printf, 2, 3)))
put(const char *name, const char *format, ...)
{
	char path[128];
	va_list ap;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", proc, name);
	f = fopen(path, "w");
	assert_non_null(f);
	va_start(ap, format);
	vfprintf(f, format, ap);
	va_end(ap);
	fclose(f);
}

static void put_process(pid_t pid, unsigned long hundredths, unsigned int rss, unsigned int node)
{
	unsigned long ticks = hundredths * sysconf(_SC_CLK_TCK) / 100;
	char name[96];

	snprintf(name, sizeof(name), "%s/%d", proc, pid);
	mkdir(name, 0755);
	snprintf(name, sizeof(name), "%d/stat", pid);
	put(name, "%d (a) b) R 1 1 1 0 -1 0 0 0 0 0 %lu 0 0 0 20 0 1 0 0 1000 %u 0\n", pid, ticks,
	    rss);
	snprintf(name, sizeof(name), "%d/where", pid);
	put(name, "%u\n", node);
	snprintf(name, sizeof(name), "%d/cmdline", pid);
	put(name, "prog%c-x\tz", 0);
}

static void put_machine(double uptime)
{
	put("uptime", "%.2f 1.00\n", uptime);
	put("loadavg", "1.50 0.75 0.30 2/99 1234\n");
	put("meminfo", "MemTotal:  2048000 kB\nMemFree:  1 kB\nMemAvailable:  1024000 kB\n");
}

static int make_proc(void **state)
{
	(void)state;
	strcpy(proc, "/tmp/proclist.XXXXXX");
	if (!mkdtemp(proc))
		return -1;
	setenv("TESSERA_PROC", proc, 1);
	put_machine(100);
	put_process(1, 100, 1024, 0);
	put_process(20, 5000, 256, 7);
	put_process(3, 5000, 2048, 2);
	return 0;
}

static int remove_proc(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", proc);
	return system(command);
}

static void assert_order(struct proc_list *list, enum proc_sort by, pid_t a, pid_t b, pid_t c)
{
	proc_list_sort(list, by);
	assert_int_equal(list->n, 3);
	assert_int_equal(list->row[0].stat.pid, a);
	assert_int_equal(list->row[1].stat.pid, b);
	assert_int_equal(list->row[2].stat.pid, c);
}

static void every_order(void **state)
{
	struct proc_list list = { 0 };

	(void)state;
	assert_int_equal(proc_list_read(&list), 0);
	assert_order(&list, PROC_BY_MEMORY, 3, 1, 20);
	assert_order(&list, PROC_BY_NODE, 20, 3, 1);
	/* Equal ones by number. */
	assert_order(&list, PROC_BY_TIME, 3, 20, 1);
	assert_order(&list, PROC_BY_CPU, 3, 20, 1);
	assert_order(&list, PROC_BY_PID, 1, 3, 20);
	proc_list_free(&list);
	proc_list_sort(&list, PROC_BY_CPU);
}

static void time_in_use_since_the_look_before(void **state)
{
	struct proc_list list = { 0 };

	(void)state;
	assert_int_equal(proc_list_read(&list), 0);
	assert_float_equal(list.row[0].cpu, 1, 0.01);
	assert_float_equal(list.row[2].cpu, 50, 0.01);
	put_machine(104);
	put_process(1, 500, 1024, 0);
	proc_list_sort(&list, PROC_BY_NODE);
	assert_int_equal(proc_list_read(&list), 0);
	assert_float_equal(list.row[0].cpu, 100, 0.01);
	assert_float_equal(list.row[2].cpu, 0, 0.01);
	proc_list_free(&list);
}

static void who_comes_and_goes(void **state)
{
	struct proc_list list = { 0 };
	char path[96];

	(void)state;
	assert_int_equal(proc_list_read(&list), 0);
	snprintf(path, sizeof(path), "%s/3/stat", proc);
	assert_int_equal(unlink(path), 0);
	put_process(200, 1, 1, 0);
	put_process(201, 1, 1, 0);
	assert_int_equal(proc_list_read(&list), 0);
	assert_int_equal(list.n, 4);
	assert_int_equal(list.row[1].stat.pid, 20);
	assert_int_equal(list.row[2].stat.pid, 200);
	proc_list_free(&list);
}

static void rows_as_text(void **state)
{
	struct proc_list list = { 0 };
	struct proc_row *row;
	char text[16];

	(void)state;
	assert_int_equal(proc_list_read(&list), 0);
	row = &list.row[2];
	assert_string_equal(row->command, "prog -x z");
	assert_string_equal(row->stat.comm, "a) b");
	proc_node_text(row, text);
	assert_string_equal(text, "7");
	row->home = 9;
	proc_node_text(row, text);
	assert_string_equal(text, "<9");
	proc_time_text(row, text);
	assert_string_equal(text, "0:00:50");
	row->stat.utime = 3661UL * sysconf(_SC_CLK_TCK);
	proc_time_text(row, text);
	assert_string_equal(text, "1:01:01");
	row->stat.tty = 0;
	proc_tty_text(row, text);
	assert_string_equal(text, "?");
	row->stat.tty = makedev(136, 5);
	proc_tty_text(row, text);
	assert_string_equal(text, "pts/5");
	row->stat.tty = makedev(4, 64);
	proc_tty_text(row, text);
	assert_string_equal(text, "ttyS0");
	assert_float_equal(proc_memory_percent(&list, &list.row[0]),
			   proc_rss_kib(&list.row[0]) * 100.0 / 2048000, 0.001);
	proc_list_free(&list);
}

static void assert_machine(const struct proc_list *list, const char *expected)
{
	char text[160];

	proc_machine_text(list, text, sizeof(text));
	assert_string_equal(text, expected);
}

static void the_machine_as_text(void **state)
{
	struct proc_list list = { 0 };

	(void)state;
	assert_int_equal(proc_list_read(&list), 0);
	assert_machine(&list, "up 0:01, load 1.50 0.75 0.30, memory 1000 of 2000 MiB");
	list.uptime = 86400 + 3600 * 2;
	assert_machine(&list, "up 1 day 2:00, load 1.50 0.75 0.30, memory 1000 of 2000 MiB");
	put_machine(86400 * 30 + 59);
	put("loadavg", "nothing\n");
	assert_int_equal(proc_list_read(&list), 0);
	assert_machine(&list, "up 30 days 0:00, load unknown, memory 1000 of 2000 MiB");
	proc_list_free(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_order, make_proc, remove_proc),
		cmocka_unit_test_setup_teardown(time_in_use_since_the_look_before, make_proc,
						remove_proc),
		cmocka_unit_test_setup_teardown(who_comes_and_goes, make_proc, remove_proc),
		cmocka_unit_test_setup_teardown(rows_as_text, make_proc, remove_proc),
		cmocka_unit_test_setup_teardown(the_machine_as_text, make_proc, remove_proc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
