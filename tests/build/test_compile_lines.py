# SPDX-License-Identifier: GPL-2.0-only
"""Nothing is compiled for a newer processor: what the builds recorded of their commands."""

import re

import pytest

# Flags that name a processor or an instruction set of later than the first x86-64.
NEWER = re.compile(
    r"(?<!\S)-m(?:arch=|cpu=|tune=(?!generic\b)|avx|sse3|ssse3|sse4|fma|bmi|tbm|lzcnt|popcnt|movbe|"
    r"aes|vaes|pclmul|vpclmul|gfni|sha|f16c|adx|rdrnd|rdseed|rdpid|xsave|cx16|sahf|fsgsbase|prfchw|"
    r"clwb|clflushopt|waitpkg|amx|apx)\S*")

# Upstream's 16-bit code of the boot loader and of CPU start-up, which runs before long mode.
REAL_MODE = ("arch/x86/boot/", "arch/x86/realmode/rm/")


@pytest.mark.parametrize("line, found", [
    ("gcc -O2 -march=native -c a.c", ["-march=native"]),
    ("gcc -mcpu=native -mavx512f a.c", ["-mcpu=native", "-mavx512f"]),
    ("gcc -mtune=haswell a.c", ["-mtune=haswell"]),
    ("gcc -msse4.2 -mpopcnt a.c", ["-msse4.2", "-mpopcnt"]),
    ("gcc -mtune=generic -mno-avx -mno-sse -m64 -mcmodel=kernel -msse -msse2 -I/x-march=y a.c", []),
])
def test_checker(line, found):
    assert NEWER.findall(line) == found


def problems(folder, allowed=()):
    """(number of commands, [(file, flag)]) of all *.cmd files below a folder."""
    commands, found = 0, []
    for path in folder.rglob("*.cmd"):
        name = str(path.relative_to(folder))
        for line in path.read_text(errors="replace").splitlines():
            # The kernel's files go on with lists of headers.
            if not re.search(r"(?<!\S)-c(?!\S)|(?<!\S)-o(?!\S)", line):
                continue
            commands += 1
            for flag in NEWER.findall(line):
                if not (flag == "-march=i386" and name.startswith(tuple(allowed))):
                    found.append((name, flag))
    return commands, found


def test_our_programs(build):
    for folder, at_least in (("userland", 20), ("ci", 5)):
        commands, found = problems(build / folder)
        assert commands >= at_least, f"only {commands} commands below {build / folder}"
        assert not found


def test_no_object_without_its_command(build):
    objects = [p for folder in ("userland", "ci") for p in (build / folder).rglob("*.o")]
    assert objects
    assert not [str(p) for p in objects if not p.with_name(p.name + ".cmd").exists()]


def test_log_of_compile_commands(build):
    """userland/compile-commands.log has every object of ours in it."""
    log = (build / "userland" / "compile-commands.log").read_text()
    assert not NEWER.findall(log)
    for path in (build / "userland" / "obj" / "userland").rglob("*.o"):
        assert f"-o {path.relative_to(build.parent)} " in log or f"-o {path} " in log


def test_kernel(build):
    built = [p for p in (build / "kernel" / "linux").glob("o-*") if (p / "vmlinux").exists()]
    assert built, "no kernel is built; run 'make kernel'"
    for folder in built:
        commands, found = problems(folder, REAL_MODE)
        assert commands > 1000, f"only {commands} commands below {folder}"
        assert not found, found[:20]
