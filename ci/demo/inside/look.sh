#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# look.sh FOLDER: where the tasks of tasks.sh are, the nodes, and the engine's counters;
# behind them what the first screen shows.  Asked often, so it starts few programs.
set -eu

cd "$1"
for file in *.pid; do
	name=${file%.pid}
	[ -e "$file" ] || continue
	where="done"
	if [ ! -e "$name.status" ]; then
		read -r pid < "$file" || pid=none
		read -r where 2>/dev/null < "/proc/$pid/where" || where="done"
	fi
	echo "task $name $where"
done
while read -r name value; do
	echo "info $name $value"
done < /proc/hpc/info
mosctl --json list | tr -d '\n'
echo
[ ! -r /dev/vcs1 ] || cat /dev/vcs1
