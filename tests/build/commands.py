# SPDX-License-Identifier: GPL-2.0-only
"""The commands in README and docs: where they are, and whether there is such a thing.

Checked is what stands in blocks of commands, and code in a line that begins with a program of
ours. An option exists if the program's --help or its manual page has it.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
PAGES = [TOP / "README.md", *sorted((TOP / "docs").glob("*.md"))]

FOLDERS = ("autodiscovery", "ci", "config", "docs", "hooks", "image", "kernel", "patches", "rootfs", "tests", "userland")

WRAPPERS = {"runhome", "runon", "nomig", "cpujob", "iojob", "nodecay", "slowdecay", "fastdecay"}
TOOLS = {"hpcd", "migrate", "mosctl", "mosmon", "mosrun", "mps", "mtop", "omdiscd", "setpe", "showmap"}
SERVE = "userland/serve/tessera-serve"
# Debian's, as they stand in blocks of commands.
DEBIAN = set("""apt awk cat cd chrt dd dmesg do done echo export for grep kill lsblk mkfs.ext4 mount mpirun povray
                quilt seq time umount wireshark""".split())
SHELL = {"sudo", "do", "then", "exec", "time"}


@dataclass
class Code:
    """A piece of code, and where it stands."""
    page: str
    line: int
    text: str
    block: int = 0  # number of the block it belongs to, 0: in a line

    def __str__(self):
        return f"{self.page}:{self.line}: {self.text}"


def code_of(path: Path):
    """Every piece of code in a page of Markdown."""
    name, block, before, fenced, found = path.name, 0, "", False, []
    for number, line in enumerate(path.read_text().split("\n"), 1):
        if line.startswith("```"):
            fenced = not fenced
            block += fenced
        elif fenced or line.startswith("    "):
            # An indented block begins after an empty line.
            block += not fenced and not before.strip()
            found.append(Code(name, number, line.strip(), block))
        else:
            found += [Code(name, number, text.replace("\\|", "|")) for text in re.findall(r"`([^`]+)`", line)]
        before = line if line.strip() or not before.startswith("    ") else before
    return found


def simple_commands(text: str):
    """The words of each command of a line of shell."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|()<>")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set(";&|()"):
            yield from [words] if words else []
            words = []
        elif words or (word not in SHELL and not re.fullmatch(r"\w+=.*", word)):
            words.append(word)


def first_word(text: str) -> str:
    try:
        return next((words[0] for words in simple_commands(text)), "")
    except ValueError:
        return ""


def is_ours(word: str) -> bool:
    return word in TOOLS | WRAPPERS | {"make", "ci/cluster", "tessera-serve", SERVE} or \
        word.startswith(("build/tests/", "tests/"))


def output(*command) -> str:
    done = subprocess.run([str(word) for word in command], cwd=TOP, stdin=subprocess.DEVNULL, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    return done.stdout


@lru_cache(None)
def help_of(build: Path, *command: str) -> str:
    """--help, and the manual page without its marks."""
    name = command[0]
    text = output(build / "userland" / name if name in TOOLS else TOP / name, *command[1:], "--help")
    for page in [*(TOP / "userland/man").glob(f"{name}.[1-9]"), *(TOP / "userland/serve").glob(f"{Path(name).name}.8")]:
        text += re.sub(r"\\f[BIPR]|^\.\w+ ?|\"", "", page.read_text().replace("\\-", "-"), flags=re.M)
    return text


@lru_cache(None)
def make_targets() -> set[str]:
    found, real = set(), True
    for line in output("make", "-pRrq", ":").split("\n"):
        match = re.match(r"([A-Za-z][\w-]*):(?!=)", line)
        if match and real:
            found.add(match[1])
        real = line != "# Not a target:"
    return found


@lru_cache(None)
def make_variables() -> set[str]:
    files = [TOP / "Makefile", *(path for folder in FOLDERS for path in (TOP / folder).rglob("*.mk"))]
    return set(re.findall(r"\b([A-Z][A-Z0-9_]+)\b", "\n".join(path.read_text() for path in files)))


def wrong_make(words: list[str]) -> str:
    for word in words:
        name, equals, _ = word.partition("=")
        if equals and name not in make_variables():
            return f"make knows no variable {name}"
        # A word of capitals stands for something.
        if not equals and not word.startswith("-") and not word.isupper() and word not in make_targets():
            return f"make has no target {word}"
    return ""


def wrong_options(words: list[str], text: str) -> str:
    known = set(re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", text))
    for word in words:
        word = word.partition("=")[0]
        if not re.match(r"--?\w", word) or word in known:
            continue
        if re.fullmatch(r"-\d+", word) and "-NODE" in known:
            continue
        # -j1-4: the value may follow at once.
        if re.fullmatch(r"-[A-Za-z]\d[\d,-]*", word) and word[:2] in known:
            continue
        return f"there is no option {word}"
    return ""


def wrong_subcommand(words: list[str], text: str, form: str) -> str:
    name = next((word for word in words if re.fullmatch(r"[a-z]\w*", word)), None)
    return f"there is no {name}" if name and not re.search(form.format(name), text, re.M) else ""


def wrong(build: Path, words: list[str]) -> str:
    """What is wrong with a command of ours, in a few words; '' if nothing is."""
    name, words = words[0], words[1:]
    if name == "make":
        return wrong_make(words)
    if name.startswith(("build/tests/", "tests/")):
        return "" if (TOP / name.replace("build/", f"{build}/", 1)).exists() else "there is no such file"
    if name == "ci/cluster":
        wrong_one = wrong_subcommand(words[:1], help_of(build, name), r"^    {}\b")
        return wrong_one or (wrong_options(words[1:] if words[0] != "sh" else [], help_of(build, name, words[0]))
                             if words and not words[0].startswith("-") else wrong_options(words, help_of(build, name)))
    if name in WRAPPERS | {"mosrun"}:
        # What follows the program is the program's.
        end = next((i for i, word in enumerate(words) if not word.startswith("-")), len(words))
        return wrong_options(words[:end], help_of(build, "mosrun"))
    text = help_of(build, SERVE if name == "tessera-serve" else name)
    if name == "mosctl":
        words = re.sub(r"(-t|--timeout) \S+ ", "", " ".join(words) + " ").split()
        return wrong_options(words, text) or wrong_subcommand(words, text, r"^  {}\b")
    return wrong_options(words, text)
