# SPDX-License-Identifier: MIT
"""Runs playbooks of the collection in this tree, and reads what came of them."""
import json
import os
import re
import shutil
import subprocess

from lab import ROOT, Failure, Skip, read, write


def environment(lab, **more):
    if not shutil.which("ansible-playbook"):
        raise Skip("needs ansible-core")
    collections = subprocess.run(["sh", os.path.join(ROOT, "tests/ansible.sh"), "--collections"], capture_output=True, text=True,
                                 check=True).stdout.strip()
    return {**lab.env, "ANSIBLE_COLLECTIONS_PATH": collections, "ANSIBLE_COLLECTIONS_PATHS": collections, "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_NOCOWS": "1", "PYTHONDONTWRITEBYTECODE": "1",
            "ANSIBLE_LOCAL_TEMP": lab.file("ansible"), "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3", **more}


def local(lab, tasks, *options, **variables):
    """Runs TASKS (module name and its options, or dicts) on this machine, each even after a failure: their results."""
    book = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": variables, "tasks": [
        {"name": str(i), "ignore_errors": True, **({t[0]: t[1]} if isinstance(t, tuple) else t)} for i, t in enumerate(tasks)]}]
    path = write(lab.file("book.yml"), json.dumps(book), 0o600)
    callbacks = os.path.join(ROOT, "tests/e2e/callbacks")
    env = environment(lab, ANSIBLE_STDOUT_CALLBACK="results", ANSIBLE_CALLBACK_PLUGINS=callbacks)
    done = subprocess.run(["ansible-playbook", path, *options], env=env, capture_output=True, text=True, timeout=100, cwd=lab.dir)
    try:
        return json.loads(done.stdout[done.stdout.index("[{"):])
    except ValueError:
        raise Failure(f"ansible-playbook: {done.stdout[-2000:]}{done.stderr[-2000:]}") from None


class Recap:
    """A playbook's run: its exit status, what it said, and host -> {"ok": 3, "changed": 0, ...}."""

    def __init__(self, code, text):
        self.code, self.text = code, text
        recap = text.rpartition("PLAY RECAP")[2]
        self.hosts = {m[0]: {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", m[1])}
                      for m in re.findall(r"^(\S+) +: (.*)$", recap, re.M)}

    def sum(self, what):
        return sum(h[what] for h in self.hosts.values())


def installed(lab):
    """As environment(), but with the collection where `ansible-galaxy collection install` puts it."""
    env = environment(lab)
    del env["ANSIBLE_COLLECTIONS_PATH"], env["ANSIBLE_COLLECTIONS_PATHS"]
    if not os.path.exists(lab.file(".ansible/collections")):
        done = subprocess.run(["ansible-galaxy", "collection", "install", "./ansible"], capture_output=True, text=True, env=env, cwd=ROOT)
        if done.returncode:
            raise Failure(f"ansible-galaxy: {done.stdout}{done.stderr}")
    return env


def playbook(lab, folder, name, *options, log=None, timeout=300):
    """`ansible-playbook quorate.quorate.NAME` in FOLDER, as a user runs it; its output is kept in a log of the laboratory, where
    secrets are looked for at the end."""
    argv = ["ansible-playbook", f"quorate.quorate.{name}", *options]
    path = lab.file("log", f"ansible-{log or name}.log")
    with open(path, "w") as out:
        done = subprocess.run(argv, env=installed(lab), stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=timeout, cwd=folder)
    return Recap(done.returncode, read(path))
