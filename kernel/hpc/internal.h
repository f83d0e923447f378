/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine's parts, in the order in which main.c starts them, and what each
 * shows the others.
 */
#ifndef _HPC_INTERNAL_H
#define _HPC_INTERNAL_H

#include <linux/hpc.h>
#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/signal_types.h>
#include <linux/timer_types.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/xarray.h>
#include <uapi/linux/hpc.h>

#include "wire.h"

struct hpc_arrival;
struct hpc_thread_image;
struct hpc_image_stats;
struct hpc_link;
struct proc_dir_entry;
struct pt_regs;
struct vm_area_struct;

/* --- load.c: how busy this node is ----------------------------------------- */

#define HPC_LOAD_PERIOD		(HZ / 4)

void hpc_load_start(void);
void hpc_load_stop(void);
/* Fills in the numbers (cpus to tmem) of @node with those of this moment. */
void hpc_load_fill(struct hpc_node *node);
u32 hpc_speed(void);
void hpc_speed_set(u32 speed);

#if IS_ENABLED(CONFIG_KUNIT)
/*
 * Of @seen runnable tasks, those that count, times 1000: @in_use processors of
 * @cpus, times 1000, were in use lately.
 */
u32 hpc_load_running(u32 seen, u32 in_use, u32 cpus);
/* Runnable tasks times 1000 to hpc_node.load. */
u32 hpc_load_normalise(u32 running_milli, u32 cpus, u32 speed);
#endif

/* --- nodes.c: the table of nodes ------------------------------------------- */

#if IS_ENABLED(CONFIG_KUNIT)
int hpc_node_check(const struct hpc_node *node);
#endif

int hpc_node_set(const struct hpc_node *node);
int hpc_node_get(u32 id, struct hpc_node *ret);
/* The node with the lowest number not below @id. */
int hpc_node_next(u32 id, struct hpc_node *ret);
int hpc_node_del(u32 id);
u32 hpc_self(void);
int hpc_self_set(u32 id);

/* --- admin.c: /proc/hpc/{admin,decay,info} --------------------------------- */

/**
 * struct hpc_wish - what a process declares of itself in /proc/hpc/decay
 * @job:	HPC_JOB_*
 * @decay:	HPC_DECAY_*
 * @interval:	seconds, of HPC_DECAY_OWN
 * @keep:	in 1/HPC_DECAY_ONE, likewise
 */
struct hpc_wish {
	u8	job;
	u8	decay;
	u16	interval;
	u16	keep;
};

int hpc_admin_init(struct proc_dir_entry *top);
/* Are guests to be refused? */
bool hpc_admin_blocks(void);
void hpc_admin_count(u32 event);
/* How statistics of a process with @wish decay. */
void hpc_wish_decay(const struct hpc_wish *wish, u32 *interval, u32 *keep);

#if IS_ENABLED(CONFIG_KUNIT)
int hpc_wish_parse(const char *text, struct hpc_wish *wish);
void hpc_wish_set(struct hpc_wish *wish, u8 job, u8 decay, bool on);
#endif

/* --- gather.c: the threads of a process move together ---------------------- */

/**
 * struct hpc_gather - where the threads of a process meet
 * @lock:	guards all but @wait
 * @wait:	those who are here
 * @round:	counts the meetings
 * @arrived:	at this one
 * @working:	all are here, and one of them works
 * @result:	of the last meeting
 */
struct hpc_gather {
	spinlock_t		lock;
	wait_queue_head_t	wait;
	unsigned int		round;
	unsigned int		arrived;
	bool			working;
	int			result;
};

struct hpc_task;

void hpc_gather_init(struct hpc_gather *g);
/*
 * Waits for all other threads of the current process.  The last to come does
 * @work, and its result is everybody's.  -EBUSY: not all came in time; -EINTR:
 * the process is being killed.
 */
int hpc_gather(struct hpc_task *hpc, long timeout,
	       int (*work)(struct hpc_task *hpc));
/* For @work: all of them, the first thread first.  kvfree() it.  -ENOMEM. */
int hpc_threads_get(struct hpc_task ***ret, unsigned int *n);
/* Sets a flag (HPC_T_*, or -1 for none) of all threads and kicks them. */
void hpc_kick_all(struct task_struct *task, int flag);

/**
 * struct hpc_request - a move that was asked for
 * @link:	to the other node, which waits for an image
 * @node:	its number
 */
struct hpc_request {
	struct hpc_link	*link;
	u32		node;
};

/* --- process.c: what the engine keeps for processes and threads ------------ */

/**
 * struct hpc_process - hangs off signal_struct::hpc, made when first needed
 * @locked:	/proc/PID/lock: the process stays where it is; inherited
 * @portable:	/proc/PID/portable: it uses no more of a processor than all have;
 *		inherited
 * @nmigs:	moves so far, /proc/PID/nmigs
 * @where:	node that computes it, 0 for this one
 * @home:	node it belongs to; of guests only
 * @home_pid:	its PID there
 * @boot_id:	of the home's kernel; of guests only
 * @files:	struct file by the number it has on the link, see pager.c
 * @remote:	folder in /proc/hpc/remote; of guests only
 * @calls:	system calls carried out for it while away
 * @pages:	pages of mapped files handed out while away
 * @image_bytes:	of the last image
 * @image_pages:	of the last image
 * @freeze_ns:	how long the last move took it
 * @request:	set by anybody with cmpxchg(), taken by a thread with xchg()
 * @bring:	it is to come home: threads that begin are told so, too
 * @guests:	threads of it that are guests
 * @tracers:	who is about to trace it; it does not leave meanwhile
 * @leaving:	about to: it may be away before @where says so
 * @refused:	homecomings for which there was no room
 * @gather:	where its threads meet
 * @lock:	guards the choice of numbers in @files, and a deputy's shadow
 * @homecoming:	memory that the other threads of a process at home take over
 * @verdict:	what became of unpacking it
 * @go:		1: its threads may run here; negative: they may not
 * @moved:	when that was, CLOCK_MONOTONIC in ns
 * @wish:	what it declares of itself; inherited
 * @cleared:	when it wished that what was observed be forgotten, as @moved
 *
 * Set once with cmpxchg() and freed with the signal_struct, so whoever holds a
 * reference on a task of the process may read it.  Only the process's own
 * thread touches @files.
 */
struct hpc_process {
	bool		locked;
	bool		portable;
	u32		nmigs;
	u32		where;
	u32		home;
	u32		home_pid;
	u8		boot_id[16];
	struct xarray	files;
	struct proc_dir_entry *remote;
	u64		calls;
	u64		pages;
	u64		image_bytes;
	u64		image_pages;
	u64		freeze_ns;
	struct hpc_request *request;
	bool		bring;
	atomic_t	guests;
	atomic_t	tracers;
	bool		leaving;
	unsigned int	refused;
	struct hpc_gather gather;
	struct mutex	lock;
	struct mm_struct *homecoming;
	int		verdict;
	int		go;
	u64		moved;
	struct hpc_wish	wish;
	u64		cleared;
};

enum hpc_role {
	HPC_HOME,	/* runs where it belongs */
	HPC_DEPUTY,	/* its user mode is on another node */
	HPC_ARRIVING,	/* has its memory, gets its registers next */
	HPC_GUEST,	/* belongs to another node */
	HPC_BORN_DEPUTY, /* child of a deputy, not yet run */
	HPC_BORN_GUEST,	/* child of a guest, not yet run */
};

/* hpc_task.flags */
enum {
	HPC_T_BRING,		/* is to come home */
	HPC_T_BROUGHT,		/* deputy: BRING is sent; guest: it came */
	HPC_T_ASKED,		/* guest: WANTHOME is sent */
	HPC_T_STOPPED,		/* guest: stands still; deputy: it was told to */
	HPC_T_INTR_SENT,	/* guest: the call under way was told to end */
	HPC_T_HOLD,		/* deputy: signals wait for the guest's next call */
	HPC_T_REPORT,		/* guest: home is to hear of its CPU time */
};

/**
 * struct hpc_times - CPU time used, in ns
 * @utime:	in user mode
 * @stime:	in the kernel
 * @runtime:	together, as the scheduler counts
 */
struct hpc_times {
	u64	utime;
	u64	stime;
	u64	runtime;
};

/**
 * struct hpc_birth - while a deputy or a guest makes its half of a child
 * @role:	of the child
 * @pid:	of the child at home
 * @link:	of the child
 * @image:	of a thread that arrives, and is not born
 * @blocked:	its signal mask
 * @cred:	the parent's, put aside while it has the right to choose a number
 */
struct hpc_birth {
	enum hpc_role		role;
	pid_t			pid;
	struct hpc_link		*link;
	struct hpc_thread_image	*image;
	sigset_t		blocked;
	const struct cred	*cred;
};

/**
 * struct hpc_task - hangs off task_struct::hpc, made when first needed
 * @role:	changed by the thread itself only
 * @flags:	HPC_T_*, set by anybody
 * @link:	to the other half; the thread's own
 * @arrival:	while HPC_ARRIVING: of the thread that unpacked the process
 * @image:	while HPC_ARRIVING: of the thread
 * @saved:	what it consists of, while the process is packed
 * @restart_nr:	call that restart_syscall() would go on with, 0: none
 * @forwarded:	signals a deputy has sent on, to tell whether one was
 * @fatal:	signal that a guest is to die of at home
 * @reported:	of the guest's CPU time, what the deputy has been told
 * @ranges:	room for the memory of a call that uses much, see ranges.h
 * @told:	guest: blocked signals, as home knows them
 * @wait:	call with a time limit that was interrupted, see waits.c; nr 0: none
 * @birth:	while it clones itself
 * @task:	whose it is
 * @retry:	kicks @task when it could not move just now
 * @vdso_busy:	how often it has been kicked so in a row
 * @report:	guest: when to tell of CPU time, should it make no calls
 */
struct hpc_task {
	enum hpc_role		role;
	unsigned long		flags;
	struct hpc_link		*link;
	struct hpc_arrival	*arrival;
	struct hpc_thread_image	*image;
	struct hpc_link		*saved;
	u32			restart_nr;
	unsigned int		forwarded;
	struct kernel_siginfo	fatal;
	struct hpc_times	reported;
	struct hpc_wire_range	*ranges;
	u64			told;
	struct {
		u32		nr;
		unsigned long	arg[6];
		ktime_t		until;
	} wait;
	struct hpc_birth	*birth;
	struct task_struct	*task;
	struct timer_list	retry;
	unsigned int		vdso_busy;
	struct timer_list	report;
};

/* The process's state; NULL while it has none, which means all zero. */
static inline struct hpc_process *hpc_process(const struct task_struct *task)
{
	return READ_ONCE(task->signal->hpc);
}

static inline enum hpc_role hpc_role(const struct task_struct *task)
{
	struct hpc_task *hpc = READ_ONCE(task->hpc);

	return hpc ? READ_ONCE(hpc->role) : HPC_HOME;
}

/* As above, but makes it.  NULL: no memory. */
struct hpc_process *hpc_process_get(struct task_struct *task);
struct hpc_task *hpc_task_get(struct task_struct *task);

/* What the last move of the current process came to; it began at @since. */
void hpc_process_moved(const struct hpc_image_stats *stats, u64 since);
/* Is it portable, as far as that can be known here?  Sleeps. */
bool hpc_process_portable(struct task_struct *task);
/* Fills in all but @size and @pid. */
void hpc_process_info(struct task_struct *task, struct hpc_info *info);

/* Has the current task an interrupted call on its hands, undecided yet? */
bool hpc_interrupted(void);
/* Remembers which call that is; before a pack. */
void hpc_interrupted_note(struct hpc_task *hpc);

/*
 * Is the current thread in the middle of a function of the vDSO?  It may have
 * read half of what is on a page that is another one elsewhere.  If so it is
 * kicked again in a moment.
 */
bool hpc_vdso_busy(struct hpc_task *hpc);

/*
 * Gets @task, wherever it is, out of user mode or an interruptible sleep and
 * into hpc_exit_to_user(), or out of the system call it serves as a deputy; also
 * a deputy that is stopped.
 */
void hpc_kick(struct task_struct *task);

/* Random, of this boot of the kernel. */
extern u8 hpc_boot_id[16];

/* --- times.c: CPU time goes with the process ------------------------------- */

void hpc_times_get(struct hpc_times *t);
void hpc_times_set(const struct hpc_times *t);
/* Adds what lies between @before and @now to the current thread's. */
void hpc_times_add(const struct hpc_times *before, const struct hpc_times *now);
void hpc_clocks_get(__le64 clocks[3]);
void hpc_clocks_await(const __le64 seen[3]);

/* --- signals.c ------------------------------------------------------------- */

void hpc_action_save(const struct sigaction *sa, struct hpc_wire_action *w);
void hpc_action_load(struct sigaction *sa, const struct hpc_wire_action *w);
void hpc_siginfo_save(const struct kernel_siginfo *info, u32 flags,
		      struct hpc_wire_siginfo *w);
/* -EPROTO: no signal. */
int hpc_siginfo_load(const struct hpc_wire_siginfo *w,
		     struct kernel_siginfo *info);
void hpc_siginfo_raise(const struct hpc_wire_siginfo *w);
/* Those of the thread, or those of the whole process. */
int hpc_signals_pack(struct hpc_link *link, bool process);

enum hpc_signal_kind {
	HPC_SIGNAL_NONE,
	HPC_SIGNAL_ANY,		/* a handler, or death without a core */
	HPC_SIGNAL_STOP,	/* the process is to stop */
	HPC_SIGNAL_CORE,	/* it is to die with a core, at home */
};

/* What get_signal() would find for the current task; takes nothing. */
enum hpc_signal_kind hpc_signal_peek(void);

/* --- waits.c: calls with a time limit -------------------------------------- */

/*
 * Carries out call @nr with the arguments in @regs.  If it is the one that was
 * interrupted last, hpc->wait, only for the rest of its time.
 */
long hpc_wait_call(struct hpc_task *hpc, struct pt_regs *regs, unsigned int nr);
/* A process has come home, perhaps in the middle of such a call. */
void hpc_wait_home(struct hpc_task *hpc);
/* The first system call at home after that.  true: it is done. */
bool hpc_wait_enter(struct hpc_task *hpc, struct pt_regs *regs, long nr);

/* --- memory.c: the address space of the current task ----------------------- */

/* Makes @mm, whose reference it takes over, the current task's.  -EINTR. */
int hpc_mm_switch(struct mm_struct *mm);
bool hpc_vma_is_vdso(struct vm_area_struct *vma);
/* A deputy keeps what others see of its memory and drops the rest. */
int hpc_shadow_begin(void);
/*
 * Makes @addr to @addr + @len of a deputy's memory readable and writable.  The
 * shadow is the process's: one thread at a time changes it.
 */
int hpc_shadow_prepare(unsigned long addr, unsigned long len);
void hpc_shadow_drop(unsigned long addr, unsigned long len);

/* --- deputy.c: the half that stays ----------------------------------------- */

/*
 * The current task's other half runs behind hpc->link from now on.  Returns when
 * the process is home again; does not return if it ends.
 */
void hpc_deputy_run(struct hpc_task *hpc);

/* Deals with whatever makes signal_pending() true.  May not return. */
int hpc_deputy_signals(struct hpc_task *hpc);

/* --- family.c: children of those who are away ------------------------------ */

int hpc_family_init(void);
/* The fork hook, for a child of a process that is away.  -ENOMEM or 0. */
int hpc_family_fork(struct task_struct *child, struct hpc_birth *birth);
/* The current process, arriving, gets another thread.  Its number, or an error. */
pid_t hpc_family_thread(struct hpc_task *hpc, struct hpc_thread_image *image);
/* The first thing such a child does. */
void hpc_born(struct hpc_task *hpc);
/* CLONE has come, with a body of @len bytes. */
int hpc_serve_clone(struct hpc_task *hpc, u32 len);

/* --- migrate.c: the moves themselves --------------------------------------- */

/* HPC_IOC_RECEIVE: the current task becomes the process that @fd brings. */
int hpc_receive(int fd);
/* HPC_IOC_SEND: asks @task to move over @fd to @node. */
int hpc_send(struct task_struct *task, int fd, u32 node);
/*
 * As hpc_gather(), with the image of each thread kept for @work, which sends
 * those of @all.
 */
int hpc_gather_packed(struct hpc_task *hpc, long timeout,
		      int (*work)(struct hpc_task *hpc));
int hpc_send_saved(struct hpc_link *link, struct hpc_task **all, unsigned int n);
/* Frees what a thread that ends holds of a move. */
void hpc_task_release(struct hpc_task *hpc);
/* HPC_IOC_BRING: asks for the homecoming of @task, a deputy or a guest. */
int hpc_bring(struct task_struct *task);

/* --- pager.c: files of home that are mapped -------------------------------- */

int hpc_pager_init(void);
/* Guest: a file of home exists from now on.  */
int hpc_pager_add(const struct hpc_wire_file *w);
void hpc_file_describe(u32 id, struct file *file, struct hpc_wire_file *w);
/* The number of @file, which it gets if it has none (@is_new). */
int hpc_file_id(struct file *file, u32 *id, bool *is_new);
/* With a reference; NULL: none has that number. */
struct file *hpc_file_get(u32 id);
void hpc_files_clear(struct hpc_process *hpc);
/* Home: reads @n (at most HPC_MAX_FETCH) pages; zeroes behind the end. */
int hpc_file_read(u32 id, u64 index, struct page **pages, unsigned int n);

/* --- cantmove.c: what keeps a process at home ------------------------------ */

enum hpc_stay {
	HPC_STAY_SYSTEM,	/* kernel thread or init */
	HPC_STAY_USER_LOCK,	/* its owner said so in /proc/PID/lock */
	HPC_STAY_TRACED,	/* a debugger holds it */
	HPC_STAY_RT_SCHED,	/* real-time or deadline class */
	HPC_STAY_SECCOMP,	/* its system calls are filtered here */
	HPC_STAY_PRIV_INST,	/* has rights to I/O ports */
	HPC_STAY_IO_URING,	/* shares rings with this kernel */
	HPC_STAY_AIO,		/* likewise, the older way */
	HPC_STAY_THREADS,	/* others live on after its first thread */
	HPC_STAY_CLONE_VM,	/* shares its memory with another process */
	HPC_STAY_SHARED_MEM,	/* writable memory shared with others */
	HPC_STAY_MMAP_DEV,	/* maps a device */
	HPC_STAY_MEM_LOCK,	/* locked memory */
	HPC_STAY_HUGETLB,
	HPC_STAY_USERFAULTFD,
	HPC_STAY_I386,		/* its system calls are those of another table */
	HPC_STAY_COUNT
};

/* All that holds at this moment, a bit for each; 0: it may move.  Sleeps. */
unsigned long hpc_cantmove(struct task_struct *task);
const char *hpc_stay_word(enum hpc_stay reason);

/* --- proc.c: /proc/hpc ----------------------------------------------------- */

int hpc_proc_init(void);
/* The folder of one node, filled with its files.  NULL: no memory. */
struct proc_dir_entry *hpc_proc_node_add(u32 id);
void hpc_proc_node_del(struct proc_dir_entry *dir);

/* The folder in /proc/hpc/remote of a guest that begins or ends. */
void hpc_remote_add(struct task_struct *task);
void hpc_remote_del(struct task_struct *task);

/* --- events.c: what is told to whoever reads /dev/hpc ---------------------- */

struct hpc_reader;
struct poll_table_struct;

/* @pid as the initial name space has it.  Sleeps not; may be dropped. */
void hpc_event(u32 type, pid_t pid, u32 node, int error);
ssize_t hpc_reader_read(struct file *file, char __user *buf, size_t count);
__poll_t hpc_reader_poll(struct file *file, struct poll_table_struct *wait);
void hpc_reader_release(struct file *file);

/* --- control.c: /dev/hpc --------------------------------------------------- */

int hpc_control_init(void);

#endif /* _HPC_INTERNAL_H */
