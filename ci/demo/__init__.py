# SPDX-License-Identifier: GPL-2.0-only
"""make demo: a cluster that does real work, loses a node and gets another.

    main.py     the command, and the process that owns the cluster
    rooms.py    what is switched on: plain nodes, or a live node that boots the others
    work.py     the tasks, where they are, and whether their results are the same
    story.py    what happens, in its order
    screen.py   what is said and shown, and kept in build/demo
    inside/     what runs in the first node
"""
