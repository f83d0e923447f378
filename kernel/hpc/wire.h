/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that travels between two engines, and every limit of it.
 *
 * A link carries frames: a header with type and length, then that many bytes.
 * All integers are little endian.  The same frames, from HEAD to END, are the
 * image of a process: on a link when it moves, in a file when it is saved.
 *
 *   home                                  target
 *    HEAD PROCESS MM FILE* VMA* PAGES*
 *    ACTIONS THREAD REGS* END       --->   a fresh task unpacks
 *                                   <---   READY (or REFUSED, or the link ends)
 *    GO                             --->   the guest runs, the deputy serves:
 *
 *    deputy                                guest
 *                                   <---   CALL      a system call
 *    RESULT                         --->
 *                                   <---   FETCH     pages of a file of home
 *    PAGEDATA                       --->
 *                                   <---   MMAP      map a file of home
 *    MAPPED                         --->
 *                                   <---   ACTION    a signal handler changed
 *                                   <---   MASK      other signals are blocked
 *                                   <---   TIMES     CPU time, now and then
 *                                   <---   INTR      give up the call under way
 *                                   <---   WANTHOME  ask for a BRING
 *                                   <---   CLONE     a child; see family.c
 *    LISTEN                         --->             where its link is wanted
 *    CLONED                         --->             its number
 *    EXECED                         --->   the guest is gone, home runs another
 *                                          program
 *    SIGNAL                         --->             run a handler
 *    STOP, CONT                     --->             stand still, go on
 *    BRING                          --->             come home
 *                                   <---   HEAD ... END
 *    TAKEN (or REFUSED)             --->   the guest is gone (or goes on)
 *                                   <---   EXIT      the guest ended
 *
 * The guest half of a child begins its link with a TOKEN.  A process of several
 * threads has a link for each: behind END its home sends a LISTEN, and the target
 * comes with a TOKEN for each thread but the first before it says READY.  At a
 * homecoming each thread's THREAD to END goes over its own link.
 *
 * A guest has one question open at a time.  STOP, CONT, BRING and SIGNAL may
 * come at any moment, also before the answer.  No SIGNAL comes after a BRING:
 * what a guest packs after one is all there is.
 *
 * Receivers check every length, count and address before they use it; reserved
 * fields must be zero; an unknown frame ends the link.
 */
#ifndef _HPC_WIRE_H
#define _HPC_WIRE_H

#include <linux/build_bug.h>
#include <linux/sizes.h>
#include <linux/types.h>

#define HPC_WIRE_MAGIC		0x54524d54	/* "TMRT" */
#define HPC_WIRE_VERSION	3
#define HPC_WIRE_ARCH_X86_64	62		/* EM_X86_64 */

enum hpc_frame_type {
	/* the image, in this order */
	HPC_F_HEAD	= 0x01,
	HPC_F_PROCESS	= 0x02,
	HPC_F_MM	= 0x03,
	HPC_F_FILE	= 0x04,
	HPC_F_VMA	= 0x05,
	HPC_F_PAGES	= 0x06,
	HPC_F_ACTIONS	= 0x07,
	HPC_F_THREAD	= 0x08,
	HPC_F_REGS	= 0x09,
	HPC_F_SIGINFO	= 0x0a,
	HPC_F_END	= 0x0b,

	/* the transaction */
	HPC_F_READY	= 0x20,
	HPC_F_GO	= 0x21,
	HPC_F_REFUSED	= 0x22,
	HPC_F_TAKEN	= 0x23,

	/* guest to deputy */
	HPC_F_CALL	= 0x40,
	HPC_F_FETCH	= 0x41,
	HPC_F_MMAP	= 0x42,
	HPC_F_ACTION	= 0x43,
	HPC_F_INTR	= 0x44,
	HPC_F_EXIT	= 0x45,
	HPC_F_WANTHOME	= 0x46,
	HPC_F_MASK	= 0x47,
	HPC_F_CLONE	= 0x48,
	HPC_F_TOKEN	= 0x49,
	HPC_F_TIMES	= 0x4a,

	/* deputy to guest */
	HPC_F_RESULT	= 0x60,
	HPC_F_PAGEDATA	= 0x61,
	HPC_F_MAPPED	= 0x62,
	HPC_F_SIGNAL	= 0x63,
	HPC_F_STOP	= 0x64,
	HPC_F_CONT	= 0x65,
	HPC_F_BRING	= 0x66,
	HPC_F_LISTEN	= 0x67,
	HPC_F_CLONED	= 0x68,
	HPC_F_EXECED	= 0x69,
	HPC_F_PART	= 0x6a,
};

enum hpc_wire_limits {
	HPC_MAX_FILES		= 65535,	/* distinct mapped files */
	HPC_MAX_VMAS		= 1 << 20,
	HPC_MAX_RUN		= 256,		/* pages in one PAGES frame */
	HPC_MAX_FETCH		= 32,		/* pages in one FETCH */
	HPC_MAX_REGSET		= 64 * 1024,	/* bytes of one register set */
	HPC_MAX_REGSETS		= 16,
	HPC_MAX_THREADS		= 32768,
	HPC_MAX_SIGINFOS	= 1024,		/* signals pending in an image */
	HPC_MAX_RANGES		= 1100,		/* of one call: IOV_MAX and some */
};

#define HPC_MAX_CALL_IN		SZ_1G	/* bytes that go with one call */

struct hpc_frame {
	__le16	type;
	__le16	reserved;
	__le32	len;
};
static_assert(sizeof(struct hpc_frame) == 8);

/* --- the image ------------------------------------------------------------- */

struct hpc_wire_head {
	__le32	magic;
	__le16	version;
	__le16	arch;
	__le32	threads;	/* as many THREAD frames follow */
	__le32	page_shift;
	__le64	xfeatures;	/* register state the process may hold */
	__u8	build_id[20];	/* of the kernel: the vDSO must be the same */
	__le32	reserved;
};
static_assert(sizeof(struct hpc_wire_head) == 48);

struct hpc_wire_process {
	__le32	pid;		/* at home */
	__le32	personality;
	__le32	home;		/* node number */
	__le32	uid;		/* at home; for people to read only */
	__u8	boot_id[16];	/* of the home's kernel */
	__le64	rlim[16][2];	/* current, maximum */
	char	comm[16];
};
static_assert(sizeof(struct hpc_wire_process) == 304);

struct hpc_wire_mm {
	__le64	start_code, end_code, start_data, end_data;
	__le64	start_brk, brk, start_stack;
	__le64	arg_start, arg_end, env_start, env_end;
	__le64	mmap_base;
	__le64	vdso;		/* address of its code, 0: none */
	__le32	flags;		/* HPC_MM_* */
	__le32	membarrier;	/* registrations, see membarrier(2) */
};
static_assert(sizeof(struct hpc_wire_mm) == 112);

#define HPC_MM_TOPDOWN		0x1
#define HPC_MM_NO_THP		0x2

/* A file of home that is mapped; contents are fetched when touched. */
struct hpc_wire_file {
	__le32	id;		/* from 1 on */
	__le32	dev;
	__le64	ino;
	__le64	size;
	__le64	mtime;		/* ns; with ctime: same file, other contents */
	__le64	ctime;
};
static_assert(sizeof(struct hpc_wire_file) == 40);

struct hpc_wire_vma {
	__le64	start, end;
	__le64	pgoff;
	__le32	file;		/* 0: anonymous */
	__le32	flags;		/* HPC_VMA_* */
};
static_assert(sizeof(struct hpc_wire_vma) == 32);

#define HPC_VMA_READ		0x0001
#define HPC_VMA_WRITE		0x0002
#define HPC_VMA_EXEC		0x0004
#define HPC_VMA_GROWSDOWN	0x0008
#define HPC_VMA_NORESERVE	0x0010
#define HPC_VMA_DONTFORK	0x0020
#define HPC_VMA_WIPEONFORK	0x0040
#define HPC_VMA_DONTDUMP	0x0080
#define HPC_VMA_HUGE		0x0100
#define HPC_VMA_NOHUGE		0x0200
#define HPC_VMA_MERGEABLE	0x0400
#define HPC_VMA_SHARED		0x0800	/* read only, or it would not move */
#define HPC_VMA_FLAGS		0x0fff

/* @count pages follow, for @addr and on. */
struct hpc_wire_pages {
	__le64	addr;
	__le32	count;
	__le32	reserved;
};
static_assert(sizeof(struct hpc_wire_pages) == 16);

struct hpc_wire_action {
	__le64	handler, flags, restorer, mask;
};
static_assert(sizeof(struct hpc_wire_action) == 32);

struct hpc_wire_thread {
	__le32	tid;		/* at home */
	__le32	nice;
	__le64	blocked;
	__le64	altstack_sp, altstack_size;
	__le64	robust_list;
	__le64	clear_child_tid;
	__le64	rseq;
	__le32	rseq_len, rseq_sig;
	__le32	altstack_flags;
	__le32	restart_nr;	/* call that restart_syscall() goes on with */
	__le64	utime, stime, runtime;	/* so far, ns */
	__le64	clocks[3];	/* MONOTONIC, BOOTTIME, MONOTONIC_RAW as it has seen them, ns */
	/* FUTEX_WAIT that was interrupted: all zero if there is none */
	__le64	futex_addr, futex_time;
	__le32	futex_val, futex_flags, futex_bitset;
	__le32	reserved;
	char	comm[16];
};
static_assert(sizeof(struct hpc_wire_thread) == 168);

/* One register set of the core dump's; its bytes follow. */
struct hpc_wire_regs {
	__le32	note;		/* NT_* */
	__le32	reserved;
};
static_assert(sizeof(struct hpc_wire_regs) == 8);

/* A signal: kernel_siginfo as on the stack of a handler, 128 bytes. */
struct hpc_wire_siginfo {
	__u8	info[128];
	__le64	mask;		/* blocked while it is delivered, if MASK is set */
	__le32	flags;		/* HPC_SIG_* */
	__le32	reserved;
};
static_assert(sizeof(struct hpc_wire_siginfo) == 144);

#define HPC_SIG_MASK		0x1	/* call had its own mask, as sigsuspend() */
#define HPC_SIG_GROUP		0x2	/* sent to the process, not to the thread */
#define HPC_SIG_FORCE		0x4	/* may not be ignored or blocked: a fault */

/* --- the transaction ------------------------------------------------------- */

struct hpc_wire_refused {
	__le32	error;		/* errno, positive */
	__le32	reserved;
};
static_assert(sizeof(struct hpc_wire_refused) == 8);

/* --- guest and deputy ------------------------------------------------------ */

/* What the guest has used up so far; travels with whatever is sent home. */
struct hpc_wire_times {
	__le64	utime, stime, runtime;	/* ns */
};
static_assert(sizeof(struct hpc_wire_times) == 24);

struct hpc_wire_range {
	__le64	addr;
	__le32	len;
	__le32	kind;		/* HPC_RANGE_* */
};
static_assert(sizeof(struct hpc_wire_range) == 16);

#define HPC_RANGE_IN		0x1	/* bytes travel with the call */
#define HPC_RANGE_OUT		0x2	/* bytes come back if it succeeds */
#define HPC_RANGE_RET		0x4	/* with OUT: as many as the result says */
#define HPC_RANGE_ALWAYS	0x8	/* with OUT: even if it fails */
#define HPC_RANGE_KINDS		0xf

/* Then the ranges, then the bytes of all IN ranges in their order. */
struct hpc_wire_call {
	__le32	nr;
	__le32	ranges;
	__le64	arg[6];
	struct hpc_wire_times times;
};
static_assert(sizeof(struct hpc_wire_call) == 80);

/*
 * Then the bytes of the OUT ranges that @ret calls for, in their order, but for
 * those of the first that came before it, in PART frames: bytes and nothing else.
 */
struct hpc_wire_result {
	__le64	ret;
};
static_assert(sizeof(struct hpc_wire_result) == 8);

struct hpc_wire_fetch {
	__le32	file;
	__le32	count;		/* pages */
	__le64	index;		/* first page */
};
static_assert(sizeof(struct hpc_wire_fetch) == 16);

/* Then @count pages; what lies behind the end of the file is zero. */
struct hpc_wire_pagedata {
	__le32	count;
	__le32	error;		/* errno, positive; then no pages follow */
};
static_assert(sizeof(struct hpc_wire_pagedata) == 8);

struct hpc_wire_mmap {
	__le32	fd;
	__le32	prot;
	__le32	flags;
	__le32	reserved;
};
static_assert(sizeof(struct hpc_wire_mmap) == 16);

/* @error: errno; EXDEV means: come home and do it there. */
struct hpc_wire_mapped {
	__le32	error;
	__le32	reserved;
	struct hpc_wire_file file;
};
static_assert(sizeof(struct hpc_wire_mapped) == 48);

struct hpc_wire_sigaction {
	__le32	sig;
	__le32	reserved;
	struct hpc_wire_action action;
};
static_assert(sizeof(struct hpc_wire_sigaction) == 40);

struct hpc_wire_mask {
	__le64	blocked;
};
static_assert(sizeof(struct hpc_wire_mask) == 8);

struct hpc_wire_clone {
	__le64	flags;		/* CLONE_*: those that concern home */
	__le32	exit_signal;
	__le32	reserved;
};
static_assert(sizeof(struct hpc_wire_clone) == 16);

#define HPC_TOKEN_SIZE	16

/* The address is that of this link. */
struct hpc_wire_listen {
	__le32	error;		/* errno, positive; then nothing listens */
	__le16	port;
	__le16	reserved;
	__u8	token[HPC_TOKEN_SIZE];
};
static_assert(sizeof(struct hpc_wire_listen) == 24);

struct hpc_wire_token {
	__u8	token[HPC_TOKEN_SIZE];
	__le32	tid;		/* of the thread at home; 0: of a child */
	__le32	reserved;
};
static_assert(sizeof(struct hpc_wire_token) == 24);

struct hpc_wire_cloned {
	__le32	error;		/* errno, positive; then there is no child */
	__le32	pid;
};
static_assert(sizeof(struct hpc_wire_cloned) == 8);

struct hpc_wire_exit {
	__le32	code;		/* as wait4() reports it */
	__le32	process;	/* 0: of the thread alone */
	struct hpc_wire_times times;
};
static_assert(sizeof(struct hpc_wire_exit) == 32);

#endif /* _HPC_WIRE_H */
