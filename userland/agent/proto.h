/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The protocol between a driver of emulated nodes and the agent in the node.
 *
 * It runs over one byte stream, the virtio-serial port "org.tessera.agent".
 * Both sides send frames: a header of 16 bytes, then `length` bytes of payload.
 * All numbers are little endian.
 *
 *	0  u32 magic	AGENT_MAGIC
 *	4  u16 type	enum agent_type
 *	6  u16 zero
 *	8  u32 session	chosen by the host, not 0; 0 is the connection itself
 *	12 u32 length	at most AGENT_PAYLOAD_MAX
 *
 * Joining the stream.  A virtio port has no connections of its own: either end
 * may find the rest of a frame that was meant for its predecessor.  So a host
 * that opens the port sends AGENT_SYNC_BYTES zero bytes, which end whatever
 * frame was cut short, then HELLO with a fresh nonce; and it throws away what
 * it receives until it sees HELLO with that nonce.  The agent answers HELLO
 * with the same nonce and its own version.  HELLO ends all earlier sessions:
 * their processes are killed.
 *
 * Sessions.  RUN, PUT and GET open one; EXIT, always the last frame of a
 * session, closes it.  CLOSE gives it up: the agent kills the process group and
 * forgets the session, and no EXIT follows.  Frames for a session that does not
 * exist (any more) are ignored.
 *
 *	RUN	u32 timeout in ms (0: none), u16 flags, u16 rows, u16 columns,
 *		u16 number of arguments, u16 number of NAME=VALUE, u16 zero,
 *		then that many strings and one for the working directory (may be
 *		empty), each ending in NUL.  The process leads a new session.
 *	PUT	u32 mode, path with NUL.  The content follows as DATA, then EOF.
 *	GET	path with NUL.  The content comes as STDOUT.
 *	DATA	bytes for standard input, or of the file
 *	EOF	end of those
 *	SIGNAL	u32 signal, sent to the process group
 *	WINSIZE	u16 rows, u16 columns
 *	STARTED	u32 process id
 *	STDOUT, STDERR	bytes; a pty has STDOUT only
 *	WINDOW	u32 bytes that were consumed
 *	EXIT	u32 enum agent_exit, s32 value, then a text for people
 *
 * EXIT comes when the process has ended and what was in its pipes then has been
 * sent; descendants that keep the pipes open do not delay it.
 *
 * Flow control.  Each session may have AGENT_WINDOW bytes of DATA, and the same
 * of STDOUT and STDERR together, on their way; WINDOW gives back what was
 * consumed.  So one session that nobody reads never stops the others.
 */
#ifndef TESSERA_AGENT_PROTO_H
#define TESSERA_AGENT_PROTO_H

#define AGENT_PORT_NAME		"org.tessera.agent"
#define AGENT_VERSION		1u
#define AGENT_MAGIC		0x47415354u	/* "TSAG" */
#define AGENT_HEADER_SIZE	16u
#define AGENT_PAYLOAD_MAX	65536u
#define AGENT_WINDOW		262144u
#define AGENT_SYNC_BYTES	(AGENT_HEADER_SIZE + AGENT_PAYLOAD_MAX)
#define AGENT_NONCE_SIZE	16u
#define AGENT_HELLO_SIZE	(4u + AGENT_NONCE_SIZE)
#define AGENT_RUN_HEAD_SIZE	16u
#define AGENT_STRINGS_MAX	512u

enum agent_type {
	AGENT_HELLO = 1,
	AGENT_RUN,
	AGENT_PUT,
	AGENT_GET,
	AGENT_DATA,
	AGENT_EOF,
	AGENT_SIGNAL,
	AGENT_WINSIZE,
	AGENT_CLOSE,
	AGENT_WINDOW_ADD,
	AGENT_STARTED,
	AGENT_STDOUT,
	AGENT_STDERR,
	AGENT_EXIT,
	AGENT_TYPE_END,
};

enum agent_run_flag {
	AGENT_RUN_PTY = 1,	/* a terminal of rows x columns for 0, 1 and 2 */
	AGENT_RUN_FLAGS = AGENT_RUN_PTY,
};

enum agent_exit {
	AGENT_EXITED = 0,	/* value: exit status; 0 for PUT and GET */
	AGENT_KILLED,		/* value: signal */
	AGENT_TIMED_OUT,	/* killed because RUN's timeout had passed */
	AGENT_FAILED,		/* value: errno; nothing ran, or the copy failed */
};

#endif
