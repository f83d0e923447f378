# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2154
#
# Hands the machine over to the Debian root: a squashfs on a device, on the
# boot medium or from a server, below an overlay in RAM, so that nothing is
# written to any device unless persistence was asked for.  Each step says why
# it failed; then the node starts in RAM instead and the reason stays in its
# banner.  Where the squashfs comes from is medium.sh's business; it leaves
# the file or device in $squashfs.

. /usr/lib/tessera/medium.sh
. /usr/lib/tessera/persistence.sh

base=/run/tessera/base changes=/run/tessera/changes newroot=/newroot units=/run/systemd/system
upper=$changes/upper work=$changes/work

no_start() { complain "tessera.root=$TESSERA_ROOT: $*"; }

# A squashfs's header says how long it is: most damage is a copy that ended early.
explain_bad_squashfs() {
	magic=$(dd if="$squashfs" bs=4 count=1 2>/dev/null)
	if [ "$magic" != hsqs ]; then
		no_start "there is no squashfs on it; write build/rootfs/debian.squashfs to it, or name another device"
		return
	fi
	need=$(dd if="$squashfs" bs=8 skip=5 count=1 2>/dev/null | od -An -t u8 | tr -d ' ')
	have=$(size_of "$squashfs")
	if [ "$have" -lt "$need" ]; then
		no_start "the squashfs is cut off: $(mib "$have") ($have bytes) of $(mib "$need") ($need bytes); copy it again"
	else
		no_start "the squashfs is damaged (see the kernel's messages: dmesg); copy it again"
	fi
}

mount_base() {
	mkdir -p "$base" "$changes" "$newroot"
	options=ro
	[ -b "$squashfs" ] || options=ro,loop
	mount -t squashfs -o $options "$squashfs" "$base" 2>/dev/null && return 0
	explain_bad_squashfs
	return 1
}

mount_overlay() {
	mount -t tmpfs -o nosuid,nodev,mode=0755,size=80% tmpfs "$changes" && mkdir "$upper" "$work" || return 1
	[ -z "$TESSERA_PERSISTENCE" ] || persist_root
	if ! mount -t overlay -o "lowerdir=$base,upperdir=$upper,workdir=$work" overlay "$newroot"; then
		no_start "the overlay in RAM cannot be mounted (see dmesg)"
		return 1
	fi
	[ -z "$TESSERA_PERSISTENCE" ] || persist_folders
}

# Reads what the first moments of Debian need: a read error here is still a
# message, later it is a panic.
check_root() {
	# As a link it may be absolute, which leads elsewhere from here.
	if [ ! -x "$newroot/sbin/init" ] && [ ! -L "$newroot/sbin/init" ]; then
		no_start "the squashfs has no /sbin/init, so it is no Debian root"
		return 1
	fi
	if ! find "$newroot/usr/lib/systemd" "$newroot"/usr/lib/*-linux-gnu -maxdepth 2 -type f \
		\( -name systemd -o -name systemd-executor -o -name 'libsystemd-*.so' -o -name libc.so.6 \) \
		-exec cat {} + > /dev/null 2>&1; then
		explain_bad_squashfs
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

bring_key() {
	[ -e /etc/tessera/cluster.key ] && [ ! -e "$newroot/etc/tessera/cluster.key" ] || return 0
	mkdir -p "$newroot/etc/tessera"
	cp -p /etc/tessera/cluster.key "$newroot/etc/tessera/cluster.key"
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

# A daemon that the root has as a package has its unit there as well.
want_daemon() {	# NAME
	[ -x "/usr/sbin/$1" ] || return 0
	if [ ! -e "$newroot/usr/lib/systemd/system/$1.service" ]; then
		mkdir -p "$units"
		cp "/usr/lib/tessera/$1.service" "$units/"
		want_unit multi-user.target "$1.service"
	else
		want_unit multi-user.target "$1.service" "/usr/lib/systemd/system/$1.service"
	fi
}

want_daemons() {
	want_daemon hpcd
	[ "$TESSERA_DISCOVERY" = off ] || want_daemon omdiscd
	if [ -n "$TESSERA_SERVE" ] && [ -e "$newroot/usr/lib/systemd/system/tessera-serve.service" ]; then
		want_unit multi-user.target tessera-serve.service /usr/lib/systemd/system/tessera-serve.service
	elif [ -n "$TESSERA_SERVE" ]; then
		complain "tessera.serve: this Debian root has no tessera-serve; start the live flavour"
	fi
}

equip_root() {
	cp /etc/tessera-release "$newroot/etc/tessera-release"
	kernel_modules=/lib/modules/$(uname -r)
	if [ -d "$kernel_modules" ] && [ ! -d "$newroot$kernel_modules" ]; then
		mkdir -p "$newroot/lib/modules"
		cp -a "$kernel_modules" "$newroot/lib/modules/"
	fi
	bring_programs
	bring_key
	mount_api_filesystems
	want_consoles
	want_daemons
	want_agent
}

undo_hand_over() {
	umount "$newroot" "$changes" "$base" 2>/dev/null
	leave_medium
	complain "starting the node in RAM instead"
}

hand_over() {
	if ! { find_squashfs "$1" && mount_base && mount_overlay && check_root; }; then
		undo_hand_over
		return 1
	fi
	equip_root
	say "root is $root_is, starting Debian"
	for dir in dev proc sys run; do
		mount --move /$dir "$newroot/$dir"
	done
	# A dumb terminal is not asked for its size, which takes time to not answer.
	export TERM=dumb
	exec switch_root "$newroot" /sbin/init
}
