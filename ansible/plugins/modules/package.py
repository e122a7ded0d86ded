#!/usr/bin/python
# SPDX-License-Identifier: MIT
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: package
short_description: Installs quorate's packages from files, and removes them with what came along
version_added: 1.0.0
description:
  - Installs packages and their dependencies from a bundle in one go, or brings them to another version.
  - What comes along as a dependency is marked as such and written down in C(/var/lib/quorate-packages), so that removing
    takes away what was installed for quorate and nobody else needs, and nothing else.
author:
  - the quorate authors
options:
  state:
    description:
      - Whether the packages should be there.
    type: str
    choices: [present, absent]
    default: present
  packages:
    description:
      - The packages, as C(NAME=VERSION); to be absent, C(NAME) will do.
    type: list
    elements: str
    required: true
  bundle:
    description:
      - A tar file, on the host, with the packages' files, and those of their dependencies if they are brought along.
    type: path
  offline:
    description:
      - Whether what is in I(bundle) is all there is, so that no package repository is asked.
    type: bool
    default: true
  proxy:
    description:
      - HTTP proxy on the way to package repositories, when they are asked.
    type: str
attributes: {}
notes:
  - Supports check mode and diff.
"""

EXAMPLES = r"""
- name: Install the probe with what was copied beside it
  quorate.quorate.package:
    packages: [quorate-probe=0.1.0]
    bundle: /tmp/bundle.tar

- name: Remove the probe and what was installed for it
  quorate.quorate.package:
    packages: [quorate-probe]
    state: absent
"""

RETURN = r"""
removed:
  description: Which packages were removed.
  returned: state is absent
  type: list
  elements: str
"""

import os
import tarfile
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.quorate.quorate.plugins.module_utils.deb import DebError, apt_get, last_words, parts_of, simulated

RECORD = "/var/lib/quorate-packages"
OURS = ("quorate", "quorate-probe", "quorate-coordinator")
APT = ["DPkg::Lock::Timeout=120", "Dpkg::Options::=--force-confold", "APT::Install-Recommends=0"]
NO_SOURCES = ["Dir::Etc::sourcelist=/dev/null", "Dir::Etc::sourceparts=/dev/null"]


def installed(module):
    """name -> version of what is installed, and of what left configuration behind ("")."""
    rc, out, err = module.run_command(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Abbrev} ${Version}\n"], check_rc=True)
    rows = [line.split() for line in out.splitlines()]
    return dict((row[0], row[2] if row[1].startswith("ii") else "") for row in rows if len(row) == 3 and row[1][1] != "n")


def read_record():
    try:
        with open(RECORD) as f:
            return set(f.read().split())
    except OSError:
        return set()


def write_record(names):
    if not names:
        if os.path.exists(RECORD):
            os.unlink(RECORD)
        return
    with open(RECORD + ".new", "w") as f:
        f.write("".join(n + "\n" for n in sorted(names)))
    os.rename(RECORD + ".new", RECORD)


def versions(packages, have):
    return dict((p.partition("=")[0], have.get(p.partition("=")[0]) or "none") for p in packages)


def unpack(bundle, folder):
    """The paths of its files; names that are no plain ones are refused."""
    with tarfile.open(bundle) as tar:
        members = [m for m in tar.getmembers() if m.isreg() and parts_of(m.name) and "/" not in m.name]
        tar.extractall(folder, members)
        return [os.path.join(folder, m.name) for m in members]


def install(module, files, offline, proxy):
    environment = {"http_proxy": proxy, "https_proxy": proxy} if proxy else {}
    options = APT + (NO_SOURCES if offline else [])
    rc, said = apt_get(module, options, ["install"] + files, environment)
    if rc and not offline:  # perhaps the lists are old, or were never fetched
        apt_get(module, APT, ["update"], environment)
        rc, said = apt_get(module, options, ["install"] + files, environment)
    if rc:
        raise DebError("cannot install %s: %s" % (", ".join(os.path.basename(f) for f in files), last_words(said)))


def present(module, packages):
    before = installed(module)
    wanted = dict(p.partition("=")[::2] for p in packages)
    diff = dict(before=versions(packages, before), after=wanted)
    if diff["before"] == wanted:
        return dict(changed=False, diff=diff)
    if not module.check_mode:
        with tempfile.TemporaryDirectory(prefix="quorate-") as folder:
            os.chmod(folder, 0o755)  # apt reads it as another user
            files = unpack(module.params["bundle"], folder)
            install(module, files, module.params["offline"], module.params["proxy"])
        along = set(name for name, version in installed(module).items() if version and not before.get(name)) - set(wanted)
        if along:
            module.run_command(["apt-mark", "auto"] + sorted(along), check_rc=True)
        write_record(read_record() | along)
    return dict(changed=True, diff=diff)


def orphans(module, record):
    """Which packages of RECORD nothing depends on any more; they were not there before, so that a recommendation is no reason."""
    lean = ["APT::AutoRemove::RecommendsImportant=0", "APT::AutoRemove::SuggestsImportant=0"]
    rc, said = apt_get(module, NO_SOURCES + lean, ["-s", "autoremove"])
    return sorted(set(name for name, version in simulated(said, "Remv") + simulated(said, "Purg")) & record) if rc == 0 else []


def purge(module, names):
    rc, said = apt_get(module, APT + NO_SOURCES, ["purge"] + names)
    if rc:
        raise DebError("cannot remove %s: %s" % (", ".join(names), last_words(said)))


def absent(module, packages):
    before, record = installed(module), read_record()
    names = [name for name in versions(packages, {}) if name in before]
    diff = dict(before=versions(packages, before), after=versions(packages, {}))
    if not names or module.check_mode:
        return dict(changed=bool(names), removed=names, diff=diff)
    purge(module, names)
    left = orphans(module, record)
    if left:
        purge(module, left)
    ours_left = any(before.get(name) for name in OURS if name not in names)
    write_record(record - set(left) if ours_left else set())
    return dict(changed=True, removed=names + left, diff=diff)


def main():
    spec = dict(
        state=dict(type="str", choices=["present", "absent"], default="present"),
        packages=dict(type="list", elements="str", required=True),
        bundle=dict(type="path"),
        offline=dict(type="bool", default=True),
        proxy=dict(type="str", no_log=True),
    )
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    try:
        module.exit_json(**(present if module.params["state"] == "present" else absent)(module, module.params["packages"]))
    except DebError as e:
        module.fail_json(msg=str(e))
    except (OSError, tarfile.TarError) as e:
        module.fail_json(msg="the packages that were brought along: %s" % e)


if __name__ == "__main__":
    main()
