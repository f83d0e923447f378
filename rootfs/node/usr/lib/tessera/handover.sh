# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Hands the machine over to the Debian root: a squashfs on a block device,
# below an overlay in RAM, so that nothing is ever written to the device.
# Each step says why it failed; then the node starts in RAM instead and the
# reason stays in its banner.

medium=/run/tessera/medium changes=/run/tessera/changes newroot=/newroot units=/run/systemd/system
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
	# As a link it may be absolute, which leads elsewhere from here.
	if [ ! -x "$newroot/sbin/init" ] && [ ! -L "$newroot/sbin/init" ]; then
		complain "tessera.root=$1: the squashfs has no /sbin/init, so it is no Debian root"
		return 1
	fi
	if ! find "$newroot/usr/lib/systemd" "$newroot"/usr/lib/*-linux-gnu -maxdepth 2 -type f \
		\( -name systemd -o -name systemd-executor -o -name 'libsystemd-*.so' -o -name libc.so.6 \) \
		-exec cat {} + > /dev/null 2>&1; then
		explain_bad_squashfs "$1"
		return 1
	fi
}

# Mounted here it costs a system call, in Debian a unit and a program each.
mount_api_filesystems() {
	mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs "$newroot/tmp"
	mkdir -p /dev/mqueue /run/lock
	chmod 1777 /run/lock
	mount -t mqueue -o nosuid,nodev,noexec mqueue /dev/mqueue
	mount -t debugfs -o nosuid,nodev,noexec,mode=0700 debugfs /sys/kernel/debug 2>/dev/null
}

want_unit() {	# TARGET UNIT [UNIT_FILE]
	mkdir -p "$units/$1.wants"
	ln -s "${3:-../$2}" "$units/$1.wants/$2"
}

# Our programs are those of this kernel; what Debian has installed itself stays.
bring_programs() {
	while read -r program; do
		[ -e "$newroot$program" ] || cp "$program" "$newroot$program"
	done < /etc/tessera-programs
}

want_consoles() {
	while read -r tty; do
		want_unit multi-user.target "tessera-console@$tty.service" /etc/systemd/system/tessera-console@.service
	done < /run/tessera/consoles
}

want_agent() {
	. /usr/lib/tessera/agent-port.sh
	[ -x /usr/bin/tessera-agent ] && wait_agent_port || return 0
	cp /usr/bin/tessera-agent /run/tessera/tessera-agent
	cp /usr/lib/tessera/tessera-agent.service "$units/"
	want_unit sysinit.target tessera-agent.service
}

want_hpcd() {
	[ -x /usr/sbin/hpcd ] || return 0
	want_unit multi-user.target hpcd.service
	cp /usr/lib/tessera/hpcd.service "$units/"
}

equip_root() {
	cp /etc/tessera-release "$newroot/etc/tessera-release"
	kernel_modules=/lib/modules/$(uname -r)
	if [ -d "$kernel_modules" ] && [ ! -d "$newroot$kernel_modules" ]; then
		mkdir -p "$newroot/lib/modules"
		cp -a "$kernel_modules" "$newroot/lib/modules/"
	fi
	bring_programs
	mount_api_filesystems
	want_consoles
	want_hpcd
	want_agent
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
	equip_root
	say "root is $1, starting Debian"
	for dir in dev proc sys run; do
		mount --move /$dir "$newroot/$dir"
	done
	# A dumb terminal is not asked for its size, which takes time to not answer.
	export TERM=dumb
	exec switch_root "$newroot" /sbin/init
}
