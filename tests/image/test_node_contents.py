# SPDX-License-Identifier: GPL-2.0-only
"""What is in the node image, and that it is all a node needs and nothing it must not have."""

import os
import re
import stat
import subprocess

LIBRARIES = "usr/lib/x86_64-linux-gnu"


def listed(path):
    lines = (line.split("#")[0].split() for line in path.read_text().splitlines())
    return [line for line in lines if line]


def elf_files(initramfs):
    return [entry for entry in initramfs.values()
            if entry.is_file and entry.data.startswith(b"\x7fELF")]


def test_it_has_an_init_and_a_console(initramfs):
    assert initramfs["init"].permissions == 0o755
    console = initramfs["dev/console"]
    assert stat.S_ISCHR(console.mode) and console.device == (5, 1)


def test_every_listed_program_is_in_it(initramfs, top):
    for name, folder, *links in listed(top / "image/node/programs.list"):
        program = initramfs[f"{folder.lstrip('/')}/{name}"]
        assert program.permissions == 0o755 and program.data.startswith(b"\x7fELF")
        for link in links:
            further = initramfs[f"{folder.lstrip('/')}/{link}"]
            assert further.is_link and further.data == name.encode()


def test_terminals_are_described(initramfs):
    # What the screen and serial lines are, what people come from by ssh, and what they work in.
    for term in ("linux", "vt100", "vt220", "xterm", "xterm-256color", "tmux", "tmux-256color",
                 "screen", "screen-256color"):
        entry = initramfs[f"usr/share/terminfo/{term[0]}/{term}"]
        # The name comes first, behind the magic number and five lengths.
        assert entry.is_file and entry.data[12:].startswith(term.encode())


def test_nobody_gains_rights_by_a_file_in_it(initramfs):
    odd = {name: oct(entry.permissions) for name, entry in initramfs.items()
           if entry.permissions & 0o7000 or entry.permissions & 0o022 and not entry.is_link}
    assert odd == {"tmp": "0o1777"}


def test_everything_belongs_to_root_and_has_one_time(initramfs):
    assert {entry.owner for entry in initramfs.values()} == {(0, 0)}
    assert len({entry.time for entry in initramfs.values()}) == 1


def test_names_are_sorted_and_parents_come_first(initramfs):
    names = [name for name in initramfs if name != "dev/console"]
    assert names == sorted(names)
    seen = set()
    for name in initramfs:
        parent = os.path.dirname(name)
        assert not parent or parent in seen, f"{name} comes before its folder"
        seen.add(name)


def test_no_path_of_the_build_machine_is_in_it(initramfs, top):
    tell_tale = str(top).encode()
    assert [name for name, entry in initramfs.items() if tell_tale in entry.data] == []


def test_links_lead_somewhere(initramfs):
    def resolve(name):
        target = initramfs[name].data.decode()
        path = os.path.normpath(os.path.join("/" + os.path.dirname(name), target)).lstrip("/")
        # bin, sbin, lib and lib64 are links themselves
        first, _, rest = path.partition("/")
        if first in initramfs and initramfs[first].is_link:
            path = f"{initramfs[first].data.decode()}/{rest}"
        return path
    broken = [name for name, entry in initramfs.items()
              if entry.is_link and resolve(name) not in initramfs]
    assert broken == []


def test_every_library_that_is_asked_for_is_in_it(initramfs, tmp_path):
    missing = set()
    for entry in elf_files(initramfs):
        file = tmp_path / "elf"
        file.write_bytes(entry.data)
        headers = subprocess.run(["objdump", "-p", file], check=True, text=True,
                                 stdout=subprocess.PIPE).stdout
        for library in re.findall(r"NEEDED\s+(\S+)", headers):
            if f"{LIBRARIES}/{library}" not in initramfs:
                missing.add((entry.name, library))
        for loader in re.findall(rb"/lib64/(ld-[\w.-]+)", entry.data):
            assert f"usr/lib64/{loader.decode()}" in initramfs
    assert missing == set()


def test_commands_of_our_scripts_exist(initramfs, top):
    """Every busybox applet or program the boot scripts call, by the list below, which
    a review keeps: a missing one would only show on the path that needs it."""
    used = """awk blockdev cat cp cut dd dhcpcd find grep hostname ip ln ls mkdir modprobe mount
              od printf ps ping readlink sed sh sleep sort stty switch_root tr uevent umount uname
              xargs init poweroff reboot""".split()
    have = {os.path.basename(name) for name in initramfs if re.match(r"usr/s?bin/", name)}
    builtin = {"printf"}
    assert set(used) - have - builtin == set()


def test_it_says_which_version_it_is(initramfs):
    text = initramfs["etc/tessera-release"].data.decode()
    assert re.fullmatch(r"TESSERA_VERSION=[\w.+-]+\n", text) and "unknown" not in text
    packages = initramfs["etc/tessera-packages"].data.decode()
    assert {"busybox-static", "dhcpcd-base"} <= {line.split()[0] for line in packages.splitlines()}


def test_the_network_client_has_its_user(initramfs):
    users = initramfs["etc/passwd"].data.decode()
    assert re.search(r"^dhcpcd:x:\d+:\d+:[^:]*:/usr/lib/dhcpcd:/bin/false$", users, re.M)
    assert "usr/lib/dhcpcd/dhcpcd-hooks/90-tessera" in initramfs
