# SPDX-License-Identifier: GPL-2.0-only
"""README and docs name only what exists, and what has to be on a page is on it."""

import re
from itertools import groupby
from pathlib import Path

import pytest

import commands
from commands import DEBIAN, FOLDERS, PAGES, TOP, code_of, first_word, is_ours, simple_commands


def page(name):
    return (TOP / "docs" / name).read_text()


def blocks_of_commands(path):
    """Those that begin with something that can be typed."""
    pieces = [code for code in code_of(path) if code.block]
    for _, block in groupby(pieces, key=lambda code: code.block):
        block = list(block)
        first = first_word(block[0].text)
        # A column of explanations is no comment: that is a list of files.
        if (is_ours(first) or first in DEBIAN) and not re.search(r"\S {3,}[^# ]", block[0].text):
            yield from block


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_command_in_a_block_exists(build, path):
    bad = []
    for code in blocks_of_commands(path):
        for words in simple_commands(code.text):
            if is_ours(words[0]):
                why = commands.wrong(build, words)
            else:
                why = "" if words[0] in DEBIAN else f"what is '{words[0]}'?"
            bad += [f"{code}: {why}"] if why else []
    assert not bad, "\n".join(bad)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_command_in_a_line_exists(build, path):
    bad = []
    for code in code_of(path):
        if code.block or not is_ours(first_word(code.text)):
            continue
        for words in simple_commands(code.text.translate(str.maketrans("[]{}", "    "))):
            why = commands.wrong(build, words) if is_ours(words[0]) else ""
            bad += [f"{code}: {why}"] if why else []
    assert not bad, "\n".join(bad)


def test_the_cluster_command_has_what_its_page_says(build):
    rows = re.findall(r"^\| (`.*?`) \|", page("cluster.md").split("## Commands")[1].split("\n## ")[0], re.M)
    assert len(rows) > 10
    for text in re.findall(r"`([^`]+)`", "\n".join(rows)):
        words = re.sub(r"[\[\]]|\\\|", " ", text).split()
        assert not commands.wrong(build, ["ci/cluster", *words]), text


@pytest.mark.parametrize("line", [
    "make nosuch", "make iso NOSUCH=1", "migrate --nosuch 1 2", "mosctl nosuch", "mosctl --nosuch list", "setpe -q",
    "ci/cluster nosuch", "ci/cluster up --nosuch", "mosrun --nosuch true", "runhome -q true", "omdiscd --nosuch",
    "tessera-serve --nosuch", "tests/nosuch", "mtop --nosuch",
])
def test_what_does_not_exist_is_found(build, line):
    assert commands.wrong(build, line.split())


@pytest.mark.parametrize("line", [
    "make", "make iso CLUSTER=lab", "make -j16", "migrate -t 5 PID home", "mosctl -t 20 leave", "mosctl -stay",
    "setpe -off", "ci/cluster sh node1 ls --color", "mosrun -3 ls --color", "mosrun -j1-4,7 true", "runon 3 true",
])
def test_what_exists_is_not(build, line):
    assert not commands.wrong(build, line.split())


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_files_and_links_exist(build, path):
    text = path.read_text()
    bad = [link for link in re.findall(r"\]\(([^)#:]+)", text) if not (path.parent / link).exists()]
    for code in code_of(path):
        name = code.text.rstrip("/")
        if code.block or not name.startswith(tuple(f"{folder}/" for folder in FOLDERS)) or \
                re.search(r"[A-Z]{2,}|[ {}]", name):
            continue
        # Hooks are described by the kernel's own names.
        if not any(list(place.glob(name)) for place in (TOP, Path(build) / "kernel/linux")):
            bad.append(str(code))
    assert not bad, "\n".join(bad)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_constants_and_manuals_exist(path):
    headers = [*TOP.glob("kernel/hpc/*.h"), *TOP.glob("kernel/include/uapi/linux/*.h"), *TOP.glob("userland/*/*.h"),
               *TOP.glob("autodiscovery/*.h")]
    known = set(re.findall(r"\b(?:HPC|HPCD|DISC|AGENT)_[A-Z0-9_]+\b", "\n".join(h.read_text() for h in headers)))
    used = {text for code in code_of(path) if not code.block
            for text in re.findall(r"\b(?:HPC|HPCD|DISC|AGENT)_[A-Z0-9_]+\b", code.text)}
    assert used <= known
    for name, section in re.findall(r"\b([a-z][\w.-]+)\((\d)\)", path.read_text()):
        if is_ours(name) or name == "openmosix.map":
            assert list((TOP / "userland").glob(f"*/{name}.{section}")), f"{name}({section})"


def test_every_page_is_linked():
    readme = (TOP / "README.md").read_text()
    assert [path.name for path in PAGES[1:] if f"(docs/{path.name})" not in readme] == []


# --- README: the first page, and for many the only one --------------------------------------------


def commands_of_readme():
    for code in blocks_of_commands(TOP / "README.md"):
        yield from simple_commands(code.text)


def test_two_commands_come_first():
    first = [" ".join(words) for words in commands_of_readme()][:2]
    assert first == ["make demo", "make test"]


def test_make_lists_what_readme_makes():
    listed = set(re.findall(r"^  ([a-z][a-z-]*) ", commands.output("make", "help"), re.M))
    made = {words[1] for words in commands_of_readme() if words[0] == "make"}
    assert made and made <= listed


def test_programs_of_readme_help():
    programs = {words[0] for words in commands_of_readme() if words[0].startswith("ci/")}
    assert programs
    for program in programs | {"ci/demo/run"}:
        assert re.match("usage: " + program, commands.output(TOP / program, "--help")), program


def test_the_picture_is_what_mosmon_draws():
    pieces = [code for code in code_of(TOP / "README.md") if code.block]
    blocks = [[code.text for code in block] for _, block in groupby(pieces, key=lambda code: code.block)]
    block = next(block for block in blocks if block[0].startswith("Tessera  node "))
    sources = "".join(path.read_text() for path in (TOP / "userland/tools").glob("*.c"))
    titles = re.findall(r'\[SHOW_\w+\] = "(.*)"', sources)
    assert block[2] in titles
    assert block[-1].removesuffix("  q quit") in re.sub(r'"\s*"', "", sources)


# --- pages that are to be complete -------------------------------------------------------------


def test_every_reason_to_stay_is_explained():
    source = (TOP / "kernel/hpc/cantmove.c").read_text()
    words = set(re.findall(r'\[HPC_STAY_\w+\]\s*= "(\w+)"', source))
    section = page("what-cannot-move.md").split("## Kept at home")[1].split("\nA process moves")[0]
    assert words and words == set(re.findall(r"^\| `(\w+)`", section, re.M))
    meanings = set(re.findall(r'{ "(\w+)",', (TOP / "userland/libhpc/process.c").read_text()))
    assert words <= meanings


def test_every_call_that_goes_home_is_named():
    table = (TOP / "kernel/hpc/calls.h").read_text()
    lines = {name: kind for kind, name in re.findall(r"^(\w+)\(sys_(\w+)", table, re.M)}
    section = page("what-cannot-move.md").split("## Comes home for a call")[1].split("\nThe same happens")[0]
    cells = " ".join(row.split("|")[2] for row in section.split("\n") if row.startswith("| "))
    named = set(re.findall(r"`(\w+)`", cells))
    home = {name for name, kind in lines.items() if kind == "H"}
    assert home and home - named == set()
    # Others on the list go home in part, and say when.
    assert named - home == {"mmap", "clone"}


def test_every_figure_is_explained():
    figures = set(re.findall(r'^@figure\("(\w+)"', (TOP / "tests/bench/bench.py").read_text(), re.M))
    assert figures and figures == set(re.findall(r"^\| `(\w+)` \|", page("performance.md"), re.M))
