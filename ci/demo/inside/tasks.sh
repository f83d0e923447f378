#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# tasks.sh FOLDER TILES WIDTH ROWS FILES
#
# Renders scene.pov in TILES stripes of ROWS lines each, and compresses the parts data1,
# data2 ... of the folder above, all at the same time.  FOLDER gets for each task its result, its
# PID, what it said, and in the end its status; and the time at the begin and the end of all.
set -eu

folder=$1 tiles=$2 width=$3 rows=$4 files=$5
mkdir -p "$folder"
cd "$folder"

now() { cut -d' ' -f1 /proc/uptime; }

# task NAME COMMAND...: in the background.
task() {
	name=$1
	shift
	{
		status=0
		sh -c 'echo $$ > "$0.pid"; exec "$@"' "$name" "$@" > "$name.out" 2> "$name.said" || status=$?
		echo $status > "$name.status"
	} &
}

# Of a task, by name.
threads() {
	if [ -s "$1.pid" ]; then
		read -r pid < "$1.pid"
		# One that has just ended has none.
		set -- "/proc/$pid/task"/*
		echo $#
	else
		echo 0
	fi
}

now > begin
for i in $(seq "$files"); do
	task "file$i" xz -T1 -4 -c "../data$i"
done
# POV-Ray gives up when its own threads take more than a few seconds to start, which they may where all
# is emulated: it stays until they are there.
for i in $(seq "$tiles"); do
	task "tile$i" "$(dirname "$0")/stay.sh" povray -D -GA +WT1 "+W$width" "+H$((tiles * rows))" \
		"+SR$(((i - 1) * rows + 1))" "+ER$((i * rows))" +FP "+Otile$i.ppm" +I../scene.pov
	until [ -e "tile$i.status" ] || [ "$(threads "tile$i")" -ge 5 ]; do
		sleep 0.2
	done
	[ -e "tile$i.status" ] || echo 0 > "/proc/$(cat "tile$i.pid")/lock"
done
wait
now > end.part
mv end.part end
