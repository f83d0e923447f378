// SPDX-License-Identifier: GPL-2.0-only
/* What keeps a process at home keeps it there, with its word in cantmove; and no longer. */

#include "../away.h"

#include <fcntl.h>
#include <linux/aio_abi.h>
#include <sched.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define PAGE 4096

int main(void)
{
	int fd = SYS(open("file", O_RDWR | O_CREAT, 0600));
	struct sched_param param = { .sched_priority = 1 };
	aio_context_t aio = 0;
	void *p;

	if (geteuid())
		away_skip("not the superuser");
	SYS(ftruncate(fd, PAGE));
	p = PTR(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	away_stays("shared_mem");
	SYS(munmap(p, PAGE));
	p = PTR(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	if (!mlock(p, PAGE)) {
		away_stays("mem_lock");
		SYS(munlock(p, PAGE));
	}
	SYS(munmap(p, PAGE));
	if (!sched_setscheduler(0, SCHED_FIFO, &param)) {
		away_stays("rt_sched");
		param.sched_priority = 0;
		SYS(sched_setscheduler(0, SCHED_OTHER, &param));
	}
	if (!syscall(SYS_io_setup, 1, &aio)) {
		away_stays("aio");
		SYS(syscall(SYS_io_destroy, aio));
	}
	if (!ioperm(0x80, 1, 1)) {
		away_stays("priv_inst");
		SYS(ioperm(0x80, 1, 0));
	}
	return away_pass();
}
