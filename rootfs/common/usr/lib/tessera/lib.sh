# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# What the boot scripts share: where to speak to a person, and the boot
# parameters.  TESSERA_RUN is another folder only in tests.

: "${TESSERA_RUN:=/run/tessera}"

# Every terminal a person may sit at: those the kernel logs to, the first
# screen, and the first serial port if the machine really has it.
find_consoles() {
	{
		tr ' ' '\n' < /sys/class/tty/console/active | sed 's/^tty0$/tty1/'
		[ ! -c /dev/tty1 ] || echo tty1
		read -r type < /sys/class/tty/ttyS0/type && [ "$type" != 0 ] && echo ttyS0
	} 2>/dev/null | grep . | sort -u | while read -r tty; do
		[ -c "/dev/$tty" ] || continue
		# A serial port that is no console waits for a carrier when opened.
		stty -F "/dev/$tty" clocal 2>/dev/null || :
		echo "$tty"
	done
}

# Copies its input to every console.
to_consoles() {
	if [ -s "$TESSERA_RUN/consoles" ]; then
		text=$(cat)
		while read -r tty; do
			printf '\r\n%s\n' "$text" 2>/dev/null > "/dev/$tty" || :
		done < "$TESSERA_RUN/consoles"
	else
		cat >&2
	fi
}

say() { printf 'tessera: %s\n' "$*" | to_consoles; }

# A line that also stays in the banner, for whoever comes to the console later.
complain() {
	say "$*"
	printf '%s\n' "$*" 2>/dev/null >> "$TESSERA_RUN/complaints" || :
}

# Sets TESSERA_ROOT, _NODE, _IP, _GATEWAY, _HOSTNAME, _BOOTIF, _CLUSTER, _DISCOVERY, _SSHKEY,
# _TORAM, _PERSISTENCE, _SERVE; reads the kernel's command line itself where no initramfs of ours did.
load_params() {
	if [ ! -e "$TESSERA_RUN/params" ]; then
		mkdir -p "$TESSERA_RUN"
		/usr/lib/tessera/params /proc/cmdline > "$TESSERA_RUN/params"
	fi
	. "$TESSERA_RUN/params"
}
