# SPDX-License-Identifier: GPL-2.0-only
"""Programs as Debian ships them give the same results, bit for bit, when all their processes
are sent from node to node five times a second.

Each is run twice in a folder of its own: left alone, and with tests/vm/programs/mover.sh.
What it prints, and the files it leaves, are compared. SEED=N in the environment repeats a run.
A data base that has to stay does, among processes that move.
And the shells among them control jobs on other nodes as they do at home.
"""

import hashlib
import os
import random
import re
from contextlib import contextmanager

import pytest

from moving import prepare
from tessera.artifacts import TOP
from tessera.timing import scale

MOVES, RUNS = 3, 10
SEED = int(os.environ.get("SEED") or random.randrange(1 << 15))

SCENE = """global_settings { assumed_gamma 1 }
camera { location <0, 2, -6> look_at 0 }
light_source { <-9, 9, -9> rgb 1 }
plane { y, -1 pigment { checker rgb 1, rgb 0.3 } finish { reflection 0.3 } }
#declare N = 0;
#while (N < 12)
  sphere { <N / 3 - 2, sin(N), cos(N)>, 0.4 pigment { rgb <N / 12, 0.5, 1 - N / 12> }
           finish { phong 0.8 reflection 0.2 } }
  #declare N = N + 1;
#end
"""

THREADS = """import hashlib, threading, queue
todo, done = queue.Queue(), []
def work():
    while (n := todo.get()) is not None:
        h = hashlib.sha256(str(n).encode())
        for _ in range(400):
            h = hashlib.sha256(h.digest())
        done.append((n, h.hexdigest()))
threads = [threading.Thread(target=work) for _ in range(4)]
for t in threads: t.start()
for n in range(400): todo.put(n)
for t in threads: todo.put(None)
for t in threads: t.join()
for line in sorted(done): print(*line)
"""

POOL = """import multiprocessing
def f(n):
    return sum(i * i % 7 for i in range(n * 200))
if __name__ == "__main__":
    with multiprocessing.Pool(3) as pool:
        print(pool.map(f, range(60)))
"""

JSON = """import json, random, re, zlib
r = random.Random(5)
data = [{"n": i, "x": r.random(), "s": "".join(r.choices("abcdef ", k=40))} for i in range(12000)]
text = json.dumps(data)
print(len(text), zlib.crc32(text.encode()), sum(d["x"] for d in json.loads(text)))
print(len(re.findall(r"a+b", text)))
open("out.json", "w").write(text)
"""

PERL = r"""my (%n, $s); $s = 7;
for (1 .. 200000) { $s = ($s * 16807) % 2147483647; $n{$s % 5000} .= chr(97 + $s % 26) }
print "$_ ", length $n{$_}, " ", substr($n{$_}, 0, 5), "\n" for sort { $a <=> $b } keys %n;
"""

SQL = """create table t(a integer primary key, b text, c real);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 40000)
insert into t select i, hex(i * 7919), i * 0.5 from n;
create index tb on t(b);
update t set c = c * 2 where b like '%A%';
delete from t where a % 3 = 0;
select count(*), sum(c), max(b) from t;
select b, count(*) from t group by substr(b, 1, 2) order by 1 limit 20;
"""

# Declared by hand: the headers would bring a Fortran compiler along.
RING = r"""#include <stdio.h>
extern char ompi_mpi_comm_world[], ompi_mpi_unsigned[], ompi_mpi_op_sum[];
#define WORLD ompi_mpi_comm_world
#define U ompi_mpi_unsigned
int MPI_Init(int *, char ***), MPI_Finalize(void), MPI_Comm_rank(void *, int *), MPI_Comm_size(void *, int *);
int MPI_Sendrecv(const void *, int, void *, int, int, void *, int, void *, int, int, void *, void *);
int MPI_Allreduce(const void *, void *, int, void *, void *, void *);
int MPI_Alltoall(const void *, int, void *, void *, int, void *, void *);
int MPI_Gather(const void *, int, void *, void *, int, void *, int, void *);
int main(void)
{
	unsigned s, got, sum, mine[4], theirs[4];
	int me, of, i, k;
	char name[] = "done.0";
	FILE *f;

	if (MPI_Init(0, 0) || MPI_Comm_rank(WORLD, &me) || MPI_Comm_size(WORLD, &of) || of != 4)
		return 1;
	s = me + 1;
	for (i = 0; i < 24; i++) {
		for (k = 0; k < 3000000; k++)
			s = s * 1664525 + 1013904223;
		if (MPI_Sendrecv(&s, 1, U, (me + 1) % 4, 7, &got, 1, U, (me + 3) % 4, 7, WORLD, 0))
			return 2;
		s = s * 33 + got;
		if (i % 4)
			continue;
		for (k = 0; k < 4; k++)
			mine[k] = s * (k + 2 * me + 3);
		if (MPI_Allreduce(&s, &sum, 1, U, ompi_mpi_op_sum, WORLD) ||
		    MPI_Alltoall(mine, 1, U, theirs, 1, U, WORLD))
			return 3;
		for (k = 0; k < 4; k++)
			s = s * 31 + (theirs[k] ^ sum);
	}
	if (MPI_Gather(&s, 1, U, theirs, 1, U, 0, WORLD))
		return 4;
	name[5] += me;
	f = fopen(name, "w");
	for (k = 0; !me && k < 4; k++)
		fprintf(f, "%u %u\n", k, theirs[k]);
	return fclose(f) || MPI_Finalize();
}
"""

# So that its processes share no memory, neither for their messages nor with their daemon.  Its status
# does not count: who has said goodbye to the daemon waits two seconds for the answer and then ends, and
# on a slow host, moved meanwhile, that is not enough.
MPIRUN = ("OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 PMIX_MCA_gds=hash"
          " mpirun --oversubscribe -n 4 --mca pml ob1 --mca btl tcp,self --mca btl_tcp_if_include lo")

# A C project of 4 files, made by a shell.
PROJECT = r"""for n in $(seq 4); do
  { echo '#include <stdio.h>'; for i in $(seq 12); do
      echo "int f_${n}_$i(int x) { for (int k = 0; k < $i; k++) x = x * 31 + k % $n; return x; }"; done; } > f$n.c
done
{ echo '#include <stdio.h>'; for n in $(seq 4); do echo "int f_${n}_12(int);"; done
  echo 'int main(void) { unsigned s = 0;'
  for n in $(seq 4); do echo "s += f_${n}_12($n);"; done
  echo 'printf("%u\n", s); return 0; }'; } > main.c
printf 'program: main.o %s\n\tgcc -o $@ $^\n%%.o: %%.c\n\tgcc -O1 -c -o $@ $<\n' \
  "$(seq -s ' ' -f 'f%g.o' 4)" > Makefile
"""

# name: (what is made ready, the command)
PROGRAMS = {
    "xz, four threads": ("head -c 700000 /tmp/data > data", "xz -T4 --block-size=256KiB -k -c data > out.xz; xz -dc out.xz | sha256sum"),
    "bzip2": ("cp /tmp/data .", "bzip2 -k data && bzip2 -dc data.bz2 | sha256sum"),
    "zstd": ("cp /tmp/data .", "zstd -q -15 data -o data.zst && zstd -dqc data.zst | sha256sum"),
    "python3": ("cat > p.py", "python3 p.py", JSON),
    "python3 with threads": ("cat > p.py", "python3 p.py", THREADS),
    "python3 with processes": ("cat > p.py", "python3 p.py", POOL),
    "Open MPI, four processes": ("cat > p.c && gcc -O1 -o program p.c -l:libmpi.so.40", f"{MPIRUN} ./program; cat done.0 done.1 done.2 done.3", RING),
    "perl": ("cat > p.pl", "perl p.pl", PERL),
    "bc": ("true", "echo 'scale=900; 4*a(1); e(1); for (i = 0; i < 300; i++) s += i ^ 20; s' | bc -l"),
    "sqlite3": ("cat > s.sql", "sqlite3 data.db < s.sql && sqlite3 data.db .dump | sha256sum && rm data.db", SQL),
    "openssl": ("cp /tmp/data .", "openssl enc -aes-256-cbc -pbkdf2 -iter 20000 -nosalt -k secret -in data -out data.enc"
                                  " && openssl dgst -sha512 data.enc && openssl enc -d -aes-256-cbc -pbkdf2"
                                  " -iter 20000 -nosalt -k secret -in data.enc | cmp - data && echo the same"),
    "povray": ("cat > s.pov", "povray -D -GA +WT2 +W96 +H72 +FP +Os.ppm s.pov 2>/dev/null;"
               # Without the comments: they tell the time.
               " grep -av '^#' s.ppm | sha256sum; rm s.ppm", SCENE),
    "make -j4": (PROJECT, "make -s -j4 && ./program"),
    "pipelines of bash": ("cp /tmp/data .",
                          "seq 1500 | tac | while read n; do echo $((n * 7 % 1000)); done | sort -n | uniq -c | head -n 50;"
                          " od -An -v -tx1 data | tr -d ' \\n' | fold -w 64 | sort | tee sorted | sha256sum; wc sorted;"
                          " for i in 1 2 3; do (sleep 0.3; echo $i > done$i) & done; wait; cat done*"),
}


@pytest.fixture(scope="module")
def cluster(make_module_cluster):
    cluster = make_module_cluster([{"root": "debian", "memory": 1536}, {}, {}], dhcp=True)
    prepare(*cluster.nodes)
    home = cluster.nodes[0]
    for name in ("mover.sh", "jobs.py"):
        home.copy_to(TOP / "tests" / "vm" / "programs" / name, f"/tmp/{name}", 0o755)
    # Neither all the same nor all random.
    home.succeed("cat /usr/bin/perl /usr/lib/x86_64-linux-gnu/libc.so.6 | head -c 1500000 > /tmp/data")
    return cluster


def run(home, folder, ready, command, text):
    """(exit status, what it printed, sums of its files, what was said beside)"""
    home.succeed(f"rm -rf {folder} && mkdir {folder}")
    home.copy_to(text.encode(), f"{folder}/.text")
    home.copy_to(ready.encode(), f"{folder}/.ready")
    home.succeed(f"cd {folder} && bash .ready < .text")
    done = home.execute(f"cd {folder} && {command} > /tmp/printed 2> /tmp/beside", timeout=240)
    files = home.succeed(f"cd {folder} && find . -type f ! -name '.*' | sort | xargs sha256sum")
    return (done.status, home.succeed("cat /tmp/printed"), files), home.succeed("cat /tmp/beside")


@pytest.mark.parametrize("program", PROGRAMS)
def test_moved_all_the_time(home, program):
    ready, command, text = (*PROGRAMS[program], "")[:3]
    home.copy_to(command.encode(), "/tmp/command")
    alone, _ = run(home, "/tmp/work", ready, "bash /tmp/command", text)
    assert alone[0] == 0, alone
    moves = 0
    for seed in range(SEED, SEED + RUNS):  # a fast machine is soon done
        moved, beside = run(home, "/tmp/work", ready,
                            f"/tmp/mover.sh {seed} 'bash /tmp/command'", text)
        moves += int(re.search(r"^moves (\d+)$", beside, re.MULTILINE).group(1))
        print(f"SEED={seed}: {moves} moves so far")
        assert moved == alone, f"SEED={seed}\n{beside}"
        if moves >= MOVES:
            break
    assert moves >= MOVES


# --- PostgreSQL ---------------------------------------------------------------------------

PG = "/tmp/pg"
POSTGRES = f"su postgres -s /bin/sh -c 'PATH=$(echo /usr/lib/postgresql/*/bin):$PATH; cd {PG}; exec \"$@\"' -- sh"

# Two clients with transactions, and one that asks; all are moved.
CLIENTS = f"""cd {PG}; export PGHOST={PG} PGUSER=postgres
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
pgbench -n -c 2 -t 100 >/dev/null & bench=$!
for n in $(seq 12); do
  psql -At -c "select count(*), sum(i), md5(string_agg((i * $n)::text, ',')) from generate_series(1, 20000) i"
done
wait $bench || exit
psql -At -c 'select count(*) from pgbench_history' \
  -c 'select (select sum(abalance) from pgbench_accounts) = (select sum(delta) from pgbench_history)'
"""


@contextmanager
def postgres(home):
    """A server with pgbench's tables; a function that finds its processes."""
    home.succeed(f"install -d -o postgres {PG}")
    home.succeed(f"{POSTGRES} initdb -D data --no-sync -A trust -E UTF8 --locale C", timeout=180)
    home.succeed(f"{POSTGRES} pg_ctl -D data -w -t 120 -o '-k {PG} -h \"\"' -l log start", timeout=180)
    try:
        home.succeed(f"{POSTGRES} pgbench -h {PG} -i -q -s 1", timeout=180)
        # Others come and go.
        yield lambda: home.succeed(f"head -n 1 {PG}/data/postmaster.pid; "
                                   "pgrep -f '^postgres: (checkpointer|background writer|walwriter)'").split()
    finally:
        home.execute(f"{POSTGRES} pg_ctl -D data -m immediate stop; rm -rf {PG}", timeout=60)


def test_postgresql_is_left_alone_among_processes_that_move(home):
    """Its processes share memory and stay, and cantmove says so; its clients are moved all the time."""
    with postgres(home) as servers:
        before = servers()
        home.copy_to(CLIENTS.encode(), "/tmp/command")
        done = home.execute(f"/tmp/mover.sh {SEED} 'bash /tmp/command' 2>/tmp/beside", timeout=240)
        beside = home.succeed("cat /tmp/beside")
        assert done.status == 0, beside
        sums = [hashlib.md5(",".join(str(i * n) for i in range(1, 20001)).encode()).hexdigest() for n in range(1, 13)]
        assert done.stdout.split() == [*(f"20000|200010000|{s}" for s in sums), "200", "t"]
        # They are short: how often depends on the host.
        assert int(re.search(r"^moves (\d+)$", beside, re.MULTILINE).group(1)) >= 1
        assert len(before) == 4 and before == servers()
        for pid in before:
            assert "shared_mem" in home.succeed(f"cat /proc/{pid}/cantmove").split()
            assert home.succeed(f"cat /proc/{pid}/where /proc/{pid}/nmigs").split() == ["0", "0"]
        refused = home.execute(f"migrate {before[0]} 2 2>&1", timeout=60)
        assert refused.status == 1 and "shared_mem" in refused.stdout
        # Nobody had to tell it anything, and it complained of nothing.
        assert not re.search("PANIC|FATAL|ERROR", home.succeed(f"cat {PG}/log"))


# --- shells -------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash --norc --noediting -i", "dash -i"])
def test_job_control(home, shell):
    print(home.succeed(f"LIMIT={30 * scale():g} /tmp/jobs.py {shell} 2>&1", timeout=240))
