#!/usr/bin/python
# SPDX-License-Identifier: MIT
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: package_offer
short_description: Finds the packages for a host, and what they depend on, on the controller
version_added: 1.0.0
description:
  - Names the files of quorate's packages for a host's architecture in a folder of the controller.
  - With I(status) it also downloads, with the controller's apt, whatever the host lacks for them, so that the host can
    install them without reaching any package repository. Nothing is installed on the controller, and root is not needed.
author:
  - the quorate authors
options:
  folder:
    description:
      - Folder with the packages, as C(make deb) leaves them.
    type: path
    required: true
  names:
    description:
      - Names of the packages.
    type: list
    elements: str
    required: true
  architecture:
    description:
      - The host's architecture, as C(dpkg --print-architecture) says it.
    type: str
    required: true
  status:
    description:
      - A copy of the host's C(/var/lib/dpkg/status). Without it, dependencies are left alone.
    type: path
  distribution:
    description:
      - The host's distribution, C(Debian) or C(Ubuntu).
    type: str
    default: Debian
  release:
    description:
      - The host's release by its code name, for example C(bookworm).
    type: str
    default: bookworm
  sources:
    description:
      - Lines for C(sources.list) that dependencies come from. Without them, the controller's own; needed when the host has another
        release than the controller.
    type: list
    elements: str
    default: []
  bundle:
    description:
      - A tar file to write, with all of I(files) in it.
    type: path
  cache:
    description:
      - Folder on the controller for downloads.
    type: path
    default: ~/.cache/quorate-ansible
attributes: {}
"""

EXAMPLES = r"""
- name: Find the probe's package
  quorate.quorate.package_offer:
    folder: build/deb
    names: [quorate-probe]
    architecture: arm64
  delegate_to: localhost
"""

RETURN = r"""
packages:
  description: The packages asked for, as C(NAME=VERSION).
  returned: success
  type: list
  elements: str
files:
  description: Paths of all files to install, dependencies first.
  returned: success
  type: list
  elements: str
"""

import fcntl
import getpass
import glob
import os
import re
import tarfile
import time
from urllib.parse import quote

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.quorate.quorate.plugins.module_utils.deb import DebError, apt_get, last_words, parts_of, simulated

LISTS_FRESH_S = 3600


def version_key(version):
    """Newer versions are greater, for the versions that we give ourselves."""
    return [(int(n), text) for text, n in re.findall(r"([^0-9]*)([0-9]+)", version)]


def find(folder, name, architecture):
    """(NAME=VERSION, path) of the newest."""
    fitting = [(p, path) for path in glob.glob(os.path.join(folder, name + "_*.deb"))
               for p in [parts_of(path)] if p and p[0] == name and p[2] in (architecture, "all")]
    if not fitting:
        there = sorted(os.path.basename(p) for p in glob.glob(os.path.join(folder, "quorate*.deb")) if "-dbgsym_" not in p)
        raise DebError("%s has no %s for %s; it has: %s. 'make deb' builds it, and quorate_packages says where the packages are"
                       % (folder, name, architecture, ", ".join(there) or "no package at all"))
    parts, path = max(fitting, key=lambda found: version_key(found[0][1]))
    return name + "=" + parts[1], os.path.abspath(path)


def own_release():
    """The controller's release by its code name."""
    try:
        with open("/etc/os-release") as f:
            return re.search(r'^VERSION_CODENAME="?([a-z]+)', f.read(), re.M).group(1)
    except (OSError, AttributeError):
        return None


def source_lines(params):
    """None: the controller's own."""
    if params["sources"]:
        return params["sources"]
    if params["release"] == own_release():
        return None
    raise DebError("the controller has no packages for %s %s: say where they come from with quorate_packages_sources, "
                   "lines as in the host's /etc/apt/sources.list" % (params["distribution"], params["release"]))


class Apt:
    """An apt of its own: lists and archives per release and architecture under the cache, the host's status."""

    def __init__(self, module):
        p = module.params
        self.module, self.root = module, os.path.join(os.path.expanduser(p["cache"]), "%s-%s" % (p["release"], p["architecture"]))
        self.lists, self.archives = os.path.join(self.root, "lists"), os.path.join(self.root, "archives")
        for folder in (self.lists, self.archives):
            os.makedirs(os.path.join(folder, "partial"), exist_ok=True)
        self.options = [
            "Dir::State=" + self.root, "Dir::State::lists=" + self.lists, "Dir::State::status=" + os.path.abspath(p["status"]),
            "Dir::Cache=" + self.root, "Dir::Cache::archives=" + self.archives, "Dir::Cache::pkgcache=", "Dir::Cache::srcpkgcache=",
            "Dir::Etc::preferencesparts=-", "Dir::Etc::preferences=/dev/null", "APT::Architecture=" + p["architecture"],
            "APT::Architectures::=" + p["architecture"], "APT::Sandbox::User=" + getpass.getuser(), "Debug::NoLocking=1",
            "APT::Install-Recommends=0", "APT::Keep-Downloaded-Packages=1",
        ]
        lines = source_lines(p)
        if lines is not None:
            path = os.path.join(self.root, "sources.list")
            with open(path, "w") as f:
                f.write("\n".join(lines) + "\n")
            self.options += ["Dir::Etc::sourcelist=" + path, "Dir::Etc::sourceparts=-"]

    def run(self, *arguments):
        return apt_get(self.module, self.options, arguments)

    def update(self, force=False):
        stamp = os.path.join(self.root, "updated")
        if not force and os.path.exists(stamp) and time.time() - os.path.getmtime(stamp) < LISTS_FRESH_S:
            return
        rc, said = self.run("-o", "APT::Update::Error-Mode=any", "update")
        if rc and not force and os.path.exists(stamp):
            return  # perhaps the old ones will do, and what they name was downloaded before
        if rc:
            raise DebError("the controller cannot fetch the package lists for %s: %s" % (os.path.basename(self.root), last_words(said)))
        with open(stamp, "w"):
            pass

    def _try(self, paths):
        rc, said = self.run("-s", "install", *paths)
        if rc:
            return rc, said
        fetched, why = self.run("--download-only", "install", *paths)
        return (fetched, why) if fetched else (0, said)

    def download(self, paths):
        """Fetches what the host lacks for the packages at PATHS; its files, in the order of installation."""
        self.update()
        rc, said = self._try(paths)
        if rc:
            self.update(force=True)
            rc, said = self._try(paths)
        if rc:
            raise DebError("the controller cannot provide what the packages need: " + last_words(said))
        names = [parts_of(path)[0] for path in paths]
        return [self.file(name, version) for name, version in simulated(said, "Inst") if name not in names]

    def file(self, name, version):
        for path in glob.glob(os.path.join(self.archives, "%s_%s_*.deb" % (name, quote(version, safe="+~").replace("%3A", "%3a")))):
            return path
        raise DebError("apt did not download %s %s to %s" % (name, version, self.archives))


def locked(module, function):
    """One after the other: the hosts of a play share the cache."""
    folder = os.path.expanduser(module.params["cache"])
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return function()


def pack(files, path):
    with tarfile.open(path, "w") as tar:
        for file in files:
            tar.add(file, arcname=os.path.basename(file))


def main():
    spec = dict(
        folder=dict(type="path", required=True),
        names=dict(type="list", elements="str", required=True),
        architecture=dict(type="str", required=True),
        status=dict(type="path"),
        distribution=dict(type="str", default="Debian"),
        release=dict(type="str", default="bookworm"),
        sources=dict(type="list", elements="str", default=[]),
        bundle=dict(type="path"),
        cache=dict(type="path", default="~/.cache/quorate-ansible"),
    )
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    try:
        found = [find(module.params["folder"], n, module.params["architecture"]) for n in module.params["names"]]
        packages, files = [p for p, path in found], [path for p, path in found]
        if module.params["status"]:
            if not module.get_bin_path("apt-get"):
                raise DebError("the controller has no apt-get to fetch dependencies with; let the hosts fetch them themselves "
                               "(quorate_packages_dependencies: target)")
            files = locked(module, lambda: Apt(module).download(files)) + files
        if module.params["bundle"]:
            pack(files, module.params["bundle"])
        module.exit_json(changed=False, packages=packages, files=files)
    except DebError as e:
        module.fail_json(msg=str(e))
    except OSError as e:
        module.fail_json(msg="%s: %s" % (e.filename, e.strerror))


if __name__ == "__main__":
    main()
