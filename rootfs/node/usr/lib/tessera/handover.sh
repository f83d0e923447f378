# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Hands the machine over to the Debian root: a squashfs on a block device,
# below an overlay in RAM, so that nothing is ever written to the device.
# Each step says why it failed; then the node starts in RAM instead and the
# reason stays in its banner.

medium=/run/tessera/medium changes=/run/tessera/changes newroot=/newroot
device_deadline=20	# seconds; slow disks and USB sticks need some

block_devices() {
	for device in /sys/class/block/*; do
		case ${device##*/} in '*' | loop* | ram* | zram*) ;; *) printf '%s ' "${device##*/}" ;; esac
	done
}

wait_device() {
	tries=$((device_deadline * 10))
	until [ -b "$1" ]; do
		if [ $((tries -= 1)) -le 0 ]; then
			seen=$(block_devices)
			complain "tessera.root=$1: no such block device after $device_deadline s; this machine has: ${seen:-none}"
			return 1
		fi
		sleep 0.1
	done
}

mib() { echo "$(($1 / 1048576)) MiB"; }

# A squashfs's header says how long it is: most damage is a copy that ended early.
explain_bad_squashfs() {
	magic=$(dd if="$1" bs=4 count=1 2>/dev/null)
	if [ "$magic" != hsqs ]; then
		complain "tessera.root=$1: there is no squashfs on it; write build/rootfs/debian.squashfs to it, or name another device"
		return
	fi
	need=$(dd if="$1" bs=8 skip=5 count=1 2>/dev/null | od -An -t u8 | tr -d ' ')
	have=$(blockdev --getsize64 "$1")
	if [ "$have" -lt "$need" ]; then
		complain "tessera.root=$1: the squashfs is cut off: $(mib "$have") ($have bytes) of $(mib "$need") ($need bytes); copy it again"
	else
		complain "tessera.root=$1: the squashfs is damaged (see the kernel's messages: dmesg); copy it again"
	fi
}

mount_overlay() {
	mkdir -p "$medium" "$changes" "$newroot"
	if ! mount -t squashfs -o ro "$1" "$medium" 2>/dev/null; then
		explain_bad_squashfs "$1"
		return 1
	fi
	mount -t tmpfs -o nosuid,nodev,mode=0755,size=80% tmpfs "$changes" &&
		mkdir "$changes/upper" "$changes/work" &&
		mount -t overlay -o "lowerdir=$medium,upperdir=$changes/upper,workdir=$changes/work" overlay "$newroot" &&
		return 0
	complain "tessera.root=$1: the overlay in RAM cannot be mounted (see dmesg)"
	return 1
}

# Reads what the first moments of Debian need: a read error here is still a
# message, later it is a panic.
check_root() {
	if [ ! -x "$newroot/sbin/init" ]; then
		complain "tessera.root=$1: the squashfs has no /sbin/init, so it is no Debian root"
		return 1
	fi
	if ! cat "$newroot/sbin/init" "$newroot"/lib/x86_64-linux-gnu/libc.so.6 \
		"$newroot"/lib/systemd/*.so > /dev/null 2>&1; then
		explain_bad_squashfs "$1"
		return 1
	fi
}

leave_ram_notes() {
	cp /etc/tessera-release "$newroot/etc/tessera-release"
	kernel_modules=/lib/modules/$(uname -r)
	if [ -d "$kernel_modules" ] && [ ! -d "$newroot$kernel_modules" ]; then
		mkdir -p "$newroot/lib/modules"
		cp -a "$kernel_modules" "$newroot/lib/modules/"
	fi
	. /usr/lib/tessera/agent-port.sh
	[ -x /usr/bin/tessera-agent ] && wait_agent_port || return 0
	cp /usr/bin/tessera-agent /run/tessera/tessera-agent
	units=/run/systemd/system
	mkdir -p $units/sysinit.target.wants
	cp /usr/lib/tessera/tessera-agent.service $units/
	ln -s ../tessera-agent.service $units/sysinit.target.wants/
}

undo_hand_over() {
	umount "$newroot" "$changes" "$medium" 2>/dev/null
	complain "starting the node in RAM instead"
}

hand_over() {
	if ! { wait_device "$1" && mount_overlay "$1" && check_root "$1"; }; then
		undo_hand_over
		return 1
	fi
	leave_ram_notes
	say "root is $1, starting Debian"
	for dir in dev proc sys run; do
		mount --move /$dir "$newroot/$dir"
	done
	exec switch_root "$newroot" /sbin/init
}
