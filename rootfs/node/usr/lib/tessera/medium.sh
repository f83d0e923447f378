# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2034
#
# Where the Debian root comes from: find_squashfs sets $squashfs to a device or
# a file and $root_is to words for people.  Devices are only read, and of a
# device that is not the boot medium no more than a few bytes.

medium=/run/tessera/medium ram=/run/tessera/image
device_deadline=20	# seconds; slow disks and USB sticks need some
server_deadline=90	# seconds; a switch may keep a port shut for 50
room=160		# MiB that Debian needs beside its image

block_devices() {
	for device in /sys/class/block/*; do
		case ${device##*/} in '*' | loop* | ram* | zram*) ;; *) printf '%s ' "${device##*/}" ;; esac
	done
}

size_of() { if [ -b "$1" ]; then blockdev --getsize64 "$1"; else stat -c %s "$1"; fi; }
mib() { echo "$(($1 / 1048576)) MiB"; }
memory() { awk -v what="$1:" '$1 == what { print int($2 / 1024) }' /proc/meminfo; }

find_squashfs() {	# what tessera.root= says, checked
	root_is=$1
	case $1 in
	live)    find_medium && leave_for_ram ;;
	http:*)  fetch_squashfs "$1" ;;
	*)       wait_device "$1" && squashfs=$1 && leave_for_ram ;;
	esac
}

wait_device() {
	tries=$((device_deadline * 10))
	until [ -b "$1" ]; do
		if [ $((tries -= 1)) -le 0 ]; then
			seen=$(block_devices)
			no_start "no such block device after $device_deadline s; this machine has: ${seen:-none}"
			return 1
		fi
		sleep 0.1
	done
}

# --- the boot medium -----------------------------------------------------------

bytes_at() { dd if="$1" bs=1 skip="$2" count="$3" 2>/dev/null; }

# Says which file system a device may have; anything else is not ours.
kind_of() {
	if [ "$(bytes_at "$1" 32769 5)" = CD001 ]; then
		echo iso9660
	elif [ "$(bytes_at "$1" 82 5)" = FAT32 ] || [ "$(bytes_at "$1" 54 4)" = FAT1 ]; then
		echo vfat
	fi
}

is_cut_off() {	# DEVICE: an ISO file system longer than its device
	iso_size=$(($(bytes_at "$1" 32848 4 | od -An -t u4) * 2048))
	device_size=$(size_of "$1")
	[ "$device_size" -lt "$iso_size" ]
}

# A medium of another version has another kernel: its modules would not fit.
is_ours() {	# DEVICE
	[ -e "$medium/tessera/live.squashfs" ] || return 1
	. /etc/tessera-release
	found=$(sed -n 's/^TESSERA_VERSION=//p' "$medium/tessera/release" 2>/dev/null)
	[ "$found" = "$TESSERA_VERSION" ] || {
		others="$others $1 (Tessera $found)"
		return 1
	}
}

try_medium() {	# NAME
	kind=$(kind_of "/dev/$1")
	[ -n "$kind" ] || return 1
	mount -t "$kind" -o ro "/dev/$1" "$medium" 2>/dev/null || return 1
	if is_ours "$1"; then
		if [ "$kind" = iso9660 ] && is_cut_off "/dev/$1"; then
			umount "$medium"
			no_start "the boot medium $1 is cut off: $(mib "$device_size") of $(mib "$iso_size"); write the ISO image to it again, all of it"
			return 2
		fi
		return 0
	fi
	umount "$medium"
	return 1
}

find_medium() {
	mkdir -p "$medium"
	tries=$((device_deadline * 2))
	while :; do
		others=
		for name in $(block_devices); do
			try_medium "$name"
			case $? in
			0)	squashfs=$medium/tessera/live.squashfs root_is="the boot medium, $name"
				return 0 ;;
			2)	return 1 ;;
			esac
		done
		[ $((tries -= 1)) -gt 0 ] || break
		sleep 0.5
	done
	seen=$(block_devices)
	no_start "no boot medium of this version after $device_deadline s; this machine has: ${seen:-no disk, drive or stick}${others:+; of another version:$others}"
	return 1
}

leave_medium() { ! grep -q " $medium " /proc/mounts || umount "$medium"; }

# --- RAM -------------------------------------------------------------------------

enough_memory() {	# BYTES WHAT-THEN
	need=$(($1 / 1048576 + room)) have=$(memory MemAvailable)
	[ "$have" -ge "$need" ] && return 0
	complain "Debian in RAM needs $need MiB of free memory ($(mib "$1") for its image, $room MiB to work in); this machine has $have MiB free of $(memory MemTotal) MiB; $2"
	return 1
}

mount_ram() {	# BYTES
	mkdir -p "$ram"
	mount -t tmpfs -o "nosuid,nodev,mode=0755,size=$(($1 + 1048576))" tmpfs "$ram"
}

# toram: the medium can be taken out as soon as Debian runs.
leave_for_ram() {
	[ -n "$TESSERA_TORAM" ] || return 0
	size=$(size_of "$squashfs")
	enough_memory "$size" "starting from $root_is" || return 0
	say "copying $(mib "$size") from $root_is to RAM"
	mount_ram "$size"
	if ! cat "$squashfs" > "$ram/live.squashfs" 2>/dev/null; then
		umount "$ram"
		complain "toram: $root_is cannot be read to its end (see dmesg); starting from it as it is"
		return 0
	fi
	leave_medium
	squashfs=$ram/live.squashfs root_is="a copy in RAM of $root_is"
}

# --- a server ----------------------------------------------------------------------

# All cards ask at once; who has an address first is who the server is asked through.
start_network() {
	/usr/lib/tessera/network &
	network_pid=$!
}

# Debian starts it again, with the same client identifier: the same lease.  A dhcpcd
# that is told to end while its hook runs does not always do so.
stop_network() {
	kill "$network_pid" 2>/dev/null
	tries=30
	while [ -e "/proc/$network_pid/exe" ] && [ $((tries -= 1)) -gt 0 ]; do sleep 0.1; done
	[ $tries -gt 0 ] || killall -q -KILL dhcpcd
	wait "$network_pid" 2>/dev/null
}

my_addresses() { ip -4 -o addr show 2>/dev/null | awk '$2 != "lo" { printf "%s %s ", $2, $4 }'; }

wait_server() {	# URL
	tries=$((server_deadline / 3))
	until timeout 5 wget -q -O /run/tessera/image.sum "$1.sum" 2>/dev/null; do
		tries=$((tries - 1))
		if [ $tries -le 0 ]; then
			addresses=$(my_addresses)
			no_start "the server does not answer (asked for $server_deadline s); addresses here: ${addresses:-none: is a cable in, and is there a DHCP server?}"
			return 1
		fi
		[ $((tries % 5)) -ne 0 ] || say "waiting for $1; addresses here: $(my_addresses)"
		sleep 1
	done
}

fetched() { size_of "$ram/live.squashfs" 2>/dev/null || echo 0; }

# As much as comes until nothing has come for 10 s: not every busybox lets wget see to that.
fetch_some() {	# URL
	wget -q -c -O "$ram/live.squashfs" "$1" 2>/dev/null &
	still=0 last=$(fetched)
	while [ -e /proc/$!/exe ] && [ $still -lt 10 ]; do
		sleep 1
		now=$(fetched)
		if [ "$now" -gt "$last" ]; then still=0 last=$now; else still=$((still + 1)); fi
	done
	kill $! 2>/dev/null
	wait $! 2>/dev/null
}

# Goes on where a transfer broke off, as long as there is progress now and then.
download() {	# URL BYTES
	idle=0
	while [ "$(fetched)" -lt "$2" ]; do
		before=$(fetched)
		fetch_some "$1"
		after=$(fetched)
		[ "$after" -lt "$2" ] || return 0
		if [ "$after" -gt "$before" ]; then idle=0; else idle=$((idle + 1)); fi
		if [ $idle -ge 5 ]; then
			no_start "the server stopped sending after $(mib "$after") of $(mib "$2"); is the machine that serves still on, and connected?"
			return 1
		fi
		say "the server stopped sending after $(mib "$after") of $(mib "$2"); asking again"
		sleep 3
	done
}

fetch_squashfs() {	# URL; URL.sum has "BYTES SHA256"
	start_network
	get_squashfs "$1"
	got=$?
	stop_network
	return $got
}

get_squashfs() {
	wait_server "$1" || return 1
	read -r size sum < /run/tessera/image.sum
	case $size$sum in
	'' | *[!0-9a-f]*) no_start "$1.sum does not say size and SHA-256; serve it as 'make pxe' made it"; return 1 ;;
	esac
	enough_memory "$size" "start it from a medium, or as a compute node" || return 1
	mount_ram "$size" || return 1
	say "fetching $(mib "$size") from $1"
	if download "$1" "$size"; then
		if [ "$(sha256sum < "$ram/live.squashfs" | cut -d' ' -f1)" = "$sum" ]; then
			squashfs=$ram/live.squashfs root_is="a copy in RAM of $1"
			return 0
		fi
		no_start "what came is not what the server meant to send (SHA-256 differs); try again"
	fi
	umount "$ram"
	return 1
}
