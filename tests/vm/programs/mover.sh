#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# mover.sh SEED COMMAND: runs a command in a session of its own and, as long as it
# lasts, sends each process of that session somewhere five times a second: to node
# 2, node 3 or home.  Standard error's last line: how many moves there were.
set -u

RANDOM=$1
places=(2 3 home)
declare -A moved

setsid bash -c "$2" &
session=$!
while kill -0 "$session" 2>/dev/null; do
	mapfile -t pids < <(ps -o pid= -s "$session" | tr -d ' ')
	for pid in "${pids[@]}"; do
		echo "${places[RANDOM % 3]}" > "/proc/$pid/goto"
		read -r "moved[$pid]" < "/proc/$pid/nmigs"
	done 2>/dev/null
	sleep 0.2
done
wait "$session"
status=$?
sum=0
for n in "${moved[@]}"; do
	sum=$((sum + n))
done
echo "moves $sum" >&2
exit "$status"
