# SPDX-License-Identifier: GPL-2.0-only
"""Copying files and folders to and from a node, over its agent."""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
from pathlib import Path

from .agent import Agent, local_mode
from .errors import ClusterError, CommandFailed

COPY_TIMEOUT = 600


def copy_to(agent: Agent, source: Path | str | bytes, target: str, mode: int | None = None) -> None:
    """Copies a file, or bytes, to the path `target` (into it, if that is a folder); or a
    folder's content to the folder `target`, which is made. Permissions come along."""
    if isinstance(source, bytes):
        agent.put(io.BytesIO(source), target, 0o644 if mode is None else mode, COPY_TIMEOUT)
        return
    source = Path(source)
    if not source.exists():
        raise ClusterError(f"'{source}' does not exist here")
    if source.is_dir():
        _copy_tree(agent, source, target)
        return
    if agent.run(["test", "-d", target]).status == 0:
        target = target.rstrip("/") + "/" + source.name
    with open(source, "rb") as stream:
        agent.put(stream, target, local_mode(source) if mode is None else mode, COPY_TIMEOUT)


def _copy_tree(agent: Agent, source: Path, target: str) -> None:
    with tempfile.TemporaryFile() as packed:
        with tarfile.open(fileobj=packed, mode="w") as tar:
            tar.add(source, arcname=".")
        packed.seek(0)
        result = agent.run(["sh", "-c", 'mkdir -p "$1" && tar -x -f - -C "$1"', "sh", target],
                           timeout=COPY_TIMEOUT, stdin=packed.read())
    if result.status:
        raise CommandFailed(f"{agent.name}: unpacking to '{target}': {result.stderr}")


def copy_from(agent: Agent, source: str, target: Path | str) -> None:
    """Copies a file of the node here; a target that exists is replaced when complete."""
    target = Path(target)
    if target.is_dir():
        target = target / os.path.basename(source)
    part = target.with_name(target.name + ".part")
    try:
        with open(part, "wb") as stream:
            agent.get(source, stream, COPY_TIMEOUT)
        part.replace(target)
    except OSError as error:
        raise ClusterError(f"cannot write '{target}': {error}") from error
    finally:
        part.unlink(missing_ok=True)


def read_file(agent: Agent, source: str) -> bytes:
    """Content of a file of the node."""
    stream = io.BytesIO()
    agent.get(source, stream, COPY_TIMEOUT)
    return stream.getvalue()
