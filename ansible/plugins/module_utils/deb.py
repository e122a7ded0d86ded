# SPDX-License-Identifier: MIT
"""Debian packages as files: what their names say, and running apt."""
from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import re
from urllib.parse import unquote


class DebError(Exception):
    """A sentence for people."""


def parts_of(path):
    """(name, version, architecture) of NAME_VERSION_ARCHITECTURE.deb; None when it is called otherwise."""
    found = re.match(r"([a-z0-9][a-z0-9+.-]+)_([^_]+)_([a-z0-9-]+)\.deb$", os.path.basename(path))
    return (found.group(1), unquote(found.group(2)), found.group(3)) if found else None


def last_words(text, n=3):
    """What a program said in the end, on one line."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("W:")]
    errors = [line for line in lines if line.startswith("E:")] or lines
    return " / ".join(errors[-n:]) or "it said nothing"


def apt_get(module, options, arguments, environment=None):
    """(exit status, what it said)."""
    argv = ["apt-get", "-q", "-y", "-o", "Dpkg::Use-Pty=0"] + [x for o in options for x in ("-o", o)] + list(arguments)
    environment = dict(environment or {}, DEBIAN_FRONTEND="noninteractive", LC_ALL="C")
    rc, out, err = module.run_command(argv, environ_update=environment)
    return rc, out + err


def simulated(text, verb):
    """Names and versions of the `Inst NAME (VERSION …` or `Remv NAME …` lines of a simulation, in its order."""
    pattern = r"^%s (\S+?)(?::\S+)? (?:\[[^\]]*\] ?)?(?:\((\S+) )?" % verb
    return re.findall(pattern, text, re.M)
