# SPDX-License-Identifier: MIT
"""Backup, restore and check: on the running coordinator, onto a new machine, interrupted, damaged."""
import os
import shutil
import sqlite3
import stat
import subprocess

from lab import BUILD, REGIONS, check, equal, wait_for
from peers import Receiver, Site
from test_link import dialler, with_door

PROGRAM = os.path.join(BUILD, "quorate-coordinator")


def run(coordinator, command, *args, status=0):
    """One of the commands with the coordinator's configuration; what it prints."""
    found = subprocess.run([PROGRAM, command, "-c", coordinator.path, *args], capture_output=True, text=True, timeout=60)
    equal(found.returncode, status, f"{command} {args}: {found.stdout}{found.stderr}")
    return found.stdout if status == 0 else found.stderr


def events(folder):
    with sqlite3.connect(os.path.join(folder, "state.db")) as db:
        return db.execute("SELECT sequence, type FROM event ORDER BY sequence").fetchall()


def test_backup_restore(lab):
    """A backup of the running coordinator, restored on a new machine: probes are back without joining, the open alert is the same, and what comes next is new to every receiver."""
    receiver = Receiver(lab)
    site, other = Site(lab), Site(lab, "other")
    old = with_door(lab, channels=[receiver.channel])
    lab.regions(old)
    probes = [dialler(lab, old, f"{city}-1", region).start() for city, region in REGIONS.items()]
    lab.wait_connected(old, *probes)
    shop, page = lab.monitor(old, "shop", "http", site.url), lab.monitor(old, "page", "http", other.url)
    for monitor in (shop, page):
        lab.wait_state(old, monitor, "up")
    lab.wait_settled(old)
    site.down()
    opened = receiver.wait("the alert", 30, type="alert.opened")

    folder = lab.file("backup")
    said = run(old, "backup", folder)
    for words in ("3 regions", "3 probes, 2 monitors", "1 alerts (1 open)", "results since", "The link key and the secret key are inside"):
        check(words in said, f"'{words}' in {said}")
    equal(said, run(old, "check", folder), "what check says of it")
    check("whole" in run(old, "check"), "check of the running coordinator")
    equal(stat.S_IMODE(os.stat(folder).st_mode), 0o700, "the folder's mode")
    for name in os.listdir(folder):
        equal(stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode), 0o600, f"mode of {name}")
    check("is there already" in run(old, "backup", folder, status=1), "a backup is not overwritten")
    check("stop it first" in run(old, "restore", folder, status=1), "no restore under a running coordinator")
    equal([m.type for m in receiver.messages()], ["alert.opened"], "messages before the loss")
    other.down()
    receiver.wait("an alert that the backup does not know", 30, count=2, type="alert.opened")
    other.up()
    receiver.wait("its close", 30, type="alert.closed")
    old.kill()
    lost = {m.id for m in receiver.messages()}

    new = lab.coordinator(name="elsewhere", channels=[receiver.channel], door=old.conf["door"])
    equal(new.api.answers(), False, "the new one before its start")
    run(new, "restore", folder)
    shutil.copy(os.path.join(old.dir, "admin.key"), new.dir)
    new.start()
    lab.wait_connected(new, *probes, timeout=20)
    equal([(a["id"], a["state"]) for a in new.alerts()], [(opened.alert["id"], "open")], "alerts after the restore")
    lab.wait_settled(new)
    site.up()
    closed = receiver.wait("the close", 40, count=2, type="alert.closed")
    equal(closed.alert["id"], opened.alert["id"], "what is closed")
    check(closed.id not in lost, f"the id of a message that was sent before: {closed.id} in {lost}")
    equal(receiver.problems, [], "signatures")
    check("coordinator.restored" in [t for _, t in events(os.path.join(new.dir, "store"))], "the event of the restore")


def test_restore_interrupted(lab):
    """A restore that ends half-way keeps the coordinator from starting on half a state, and is finished by running it again; a damaged backup changes nothing."""
    coordinator = lab.coordinator().start()
    lab.regions(coordinator)
    folder, store = lab.file("backup"), os.path.join(coordinator.dir, "store")
    run(coordinator, "backup", folder)
    coordinator.api.must("POST", "/api/v1/regions", {"name": "later-1"})
    coordinator.stop()

    damaged = lab.file("damaged")
    shutil.copytree(folder, damaged)
    with open(os.path.join(damaged, "state.db"), "r+b") as f:
        f.seek(8192 + 100)
        f.write(b"\xff" * 4000)
    before = events(store)
    check("damaged" in run(coordinator, "check", damaged, status=1), "check of a damaged backup")
    run(coordinator, "restore", "--replace", damaged, status=1)
    check("--replace puts it aside" in run(coordinator, "restore", folder, status=1), "what is there is not overwritten unasked")
    equal(events(store), before, "the state after what was refused")

    swaps = 0
    no_ptrace = {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}  # LSan is a tracer, too
    for syscall in range(1, 40):  # killed at every rename of the restore, one after the other
        done = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=rename", "-e", f"inject=rename:signal=KILL:when={syscall}",
                               PROGRAM, "restore", "-c", coordinator.path, "--replace", folder], capture_output=True, text=True, timeout=60, env=no_ptrace)
        if done.returncode == 0:
            break
        check("before-restore is still there" not in done.stderr, done.stderr)
        swaps += 1
        failed = subprocess.run([PROGRAM, "-c", coordinator.path], capture_output=True, text=True, timeout=20)
        equal((failed.returncode, "run it again" in failed.stderr), (1, True), f"start after an interrupted restore: {failed.stderr}")
    equal(done.returncode, 0, f"the restore in the end: {done.stderr}")
    check(swaps >= 3, f"{swaps} interruptions")
    coordinator.start()
    equal({r["name"] for r in coordinator.api.items("/api/v1/regions")}, set(REGIONS.values()), "regions as in the backup")
    check(os.path.exists(os.path.join(store, "before-restore", "state.db")), "what was there is kept")


def test_backup_without_keys(lab):
    """A backup without keys holds no key and no configuration, says so, and is restored only beside the right key."""
    coordinator = lab.coordinator().start()
    lab.regions(coordinator)
    folder, store = lab.file("backup"), os.path.join(coordinator.dir, "store")
    said = run(coordinator, "backup", "--without-keys", "--without-results", folder)
    check("Neither the link key nor the secret key is inside" in said, said)
    equal(os.listdir(folder), ["state.db"], "what is inside")
    coordinator.stop()
    elsewhere = lab.coordinator(name="elsewhere")
    check("holds no state.key" in run(elsewhere, "restore", folder, status=1), "without a key")
    os.makedirs(os.path.join(elsewhere.dir, "store"), mode=0o700, exist_ok=True)
    with open(os.path.join(elsewhere.dir, "store", "state.key"), "wb") as f:
        f.write(os.urandom(32))
    check("is not the key of state.db" in run(elsewhere, "restore", folder, status=1), "beside another key")
    shutil.copy(os.path.join(store, "state.key"), os.path.join(elsewhere.dir, "store", "state.key"))
    run(elsewhere, "restore", folder)
    shutil.copy(os.path.join(coordinator.dir, "admin.key"), elsewhere.dir)
    elsewhere.start()
    equal({r["name"] for r in elsewhere.api.items("/api/v1/regions")}, set(REGIONS.values()), "regions")


for test, seconds in ((test_backup_restore, 40), (test_restore_interrupted, 10), (test_backup_without_keys, 5)):
    test.seconds = seconds
