# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Packages in the Debian root: the mirrors, apt's settings, installing.  For
# scripts that set $OUT, $log and $cache and have sourced chroot.sh.

# Settings of the build host's apt that a mirror, proxy or snapshot may need.
host_apt_settings() {
	apt-config dump | grep -E '^Acquire::(Check-|Retries|ForceIPv|https?::(Proxy|Timeout))' || :
	echo 'APT::Keep-Downloaded-Packages "true";'
}

forbid_daemons() {	# ROOT
	printf '#!/bin/sh\nexit 101\n' > "$1/usr/sbin/policy-rc.d"
	chmod 0755 "$1/usr/sbin/policy-rc.d"
}

write_sources() {	# ROOT SUITE MIRROR SECURITY_MIRROR COMPONENTS
	rm -f "$1/etc/apt/sources.list"
	cat > "$1/etc/apt/sources.list.d/debian.sources" <<END
Types: deb
URIs: $3
Suites: $2 $2-updates
Components: $5
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: $4
Suites: $2-security
Components: $5
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
}

list_packages() { sed 's/#.*//' "$@" | xargs -rn1 | sort -u; }

apt_install() {	# ROOT PACKAGE...
	local root=$1
	shift
	step "installing $# packages and what they depend on"
	{
		run_chroot "$root" apt-get update -q &&
		run_chroot "$root" apt-get dist-upgrade -q -y --no-install-recommends &&
		run_chroot "$root" apt-get install -q -y --no-install-recommends "$@"
	} >> "$log" 2>&1 </dev/null ||
		{ tail -n 20 "$log" >&2; die "installing packages failed; above is the end of '$log'"; }
}

# Leaves nothing of the build host in ROOT.
install_packages() {	# ROOT PACKAGE...
	local root=$1
	host_apt_settings > "$root/etc/apt/apt.conf.d/00build-host"
	cp -L /etc/resolv.conf "$root/etc/resolv.conf"
	forbid_daemons "$root"
	mount_chroot "$root"
	mount --bind "$cache" "$root/var/cache/apt/archives"
	apt_install "$@"
	umount "$root/var/cache/apt/archives"
	umount_chroot "$root"
	rm "$root/etc/apt/apt.conf.d/00build-host" "$root/usr/sbin/policy-rc.d" "$root/etc/resolv.conf"
}
