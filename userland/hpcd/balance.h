/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The balancer: which processes should compute elsewhere.
 *
 * A function of its arguments: what is known of the nodes, and of the processes
 * that belong here or compute here, gives at most a few moves.  Each node decides
 * for its own processes, wherever they are, and sends guests home only when it
 * runs out of memory.
 *
 * For each process two times are compared: how long it will take where it is, and
 * how long elsewhere.  A process is expected to compute once more as long as it has
 * so far.  With k runnable processes on c processors of speed s each gets
 * s * min(1, c / k); a process that is away pays a round trip for each call to its
 * home; a move costs the time its memory takes.
 *
 * That all do not do the same at once: among nodes that are nearly as good as the
 * best, chance decides; and of the processes on a node that got too many, each
 * leaves with the probability that leaves the right number there.
 */
#ifndef TESSERA_HPCD_BALANCE_H
#define TESSERA_HPCD_BALANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BALANCE_NEVER	UINT64_MAX

/* Memory of a node that is left free when others' processes are sent there. */
#define BALANCE_MEM_RESERVE	(32ULL << 20)

/**
 * struct balance_node - one line of the node table
 * @id:		number
 * @usable:	takes guests
 * @unfit:	cannot run what was started here, unless it is portable
 * @leaving:	it said goodbye
 * @cpus:	processors
 * @speed:	of one, HPC_SPEED_STANDARD is 1
 * @load:	as in the node table
 * @coming:	processes on their way there that @load does not show yet, in 1/1000
 * @mem:	bytes that could be had there
 * @tmem:	bytes in all; 0: nothing is known of it but where it is
 */
struct balance_node {
	uint32_t id;
	bool usable;
	bool unfit;
	bool leaving;
	uint32_t cpus;
	uint32_t speed;
	uint32_t load;
	uint32_t coming;
	uint64_t mem;
	uint64_t tmem;
};

enum balance_job { BALANCE_JOB_UNKNOWN, BALANCE_JOB_CPU, BALANCE_JOB_IO };

/**
 * struct balance_process - a process that computes here or belongs here
 * @pid:	here
 * @node:	where it computes; of a guest, where it belongs
 * @guest:	it belongs to @node
 * @away:	it belongs here and computes on @node
 * @portable:	any processor can run it
 * @may_move:	nothing holds it: no lock, no reason of the engine's, no person at it
 * @job:	what it declared
 * @demand:	how much of a processor it would use, in 1/1000
 * @talk:	calls to its home, now or once it is away, for each second of
 *		processor time
 * @rss:	bytes that have to move
 * @cpu_ms:	processor time so far, of the standard processor
 * @since_ms:	time since the last move, BALANCE_NEVER
 * @moves:	of the last minute
 */
struct balance_process {
	pid_t pid;
	uint32_t node;
	bool guest;
	bool away;
	bool portable;
	bool may_move;
	enum balance_job job;
	uint32_t demand;
	uint32_t talk;
	uint64_t rss;
	uint64_t cpu_ms;
	uint64_t since_ms;
	uint32_t moves;
};

/**
 * struct balance_input - what is known
 * @self:	own node number
 * @stay:	nothing leaves by itself
 * @lstay:	own processes do not
 * @rtt_us:	a call from another node to its home
 * @bytes_per_ms: memory that moves
 * @move_ms:	what a move costs besides
 * @nodes:	all of them, this one too
 * @processes:	those that compute here or belong here
 */
struct balance_input {
	uint32_t self;
	bool stay;
	bool lstay;
	uint32_t rtt_us;
	uint32_t bytes_per_ms;
	uint32_t move_ms;
	const struct balance_node *nodes;
	size_t n_nodes;
	const struct balance_process *processes;
	size_t n_processes;
};

enum balance_reason {
	BALANCE_LOAD,		/* it will be done sooner there */
	BALANCE_TALK,		/* it talks to home more than it computes */
	BALANCE_MEMORY,		/* this node runs out of memory */
	BALANCE_LEAVING,	/* its node leaves the cluster */
};

/* @node 0: home. */
struct balance_move {
	pid_t pid;
	uint32_t node;
	enum balance_reason reason;
};

/* Room that is used again each time; {} to begin with. */
struct balance_room {
	struct balance_target *targets;
	struct balance_wish *wishes;
	double *mine;
	size_t n_targets, max_targets, max_wishes;
};

/*
 * Fills in at most @max of @moves and returns how many; -ENOMEM.  @random is the
 * state of the dice, any number but 0.
 */
int balance_decide(const struct balance_input *in, struct balance_room *room, uint64_t *random,
		   struct balance_move *moves, size_t max);
/*
 * Where @pid would be done soonest, whatever speaks against moving it: a node's
 * number, @in->self for home.  -ESRCH: it is not among @in->processes.
 */
int balance_place(const struct balance_input *in, struct balance_room *room, uint64_t *random,
		  pid_t pid);
void balance_room_free(struct balance_room *room);

/* Is so little memory left on @node that something has to leave? */
bool balance_presses(const struct balance_node *node);

const char *balance_reason_text(enum balance_reason reason);

#endif
