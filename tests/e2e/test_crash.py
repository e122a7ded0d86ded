# SPDX-License-Identifier: MIT
"""kill -9, full disks, receivers that are away: nothing acknowledged is lost, nothing is invented."""
import os
import random
import sqlite3
import subprocess
import time

from lab import Skip, check, equal, stays, wait_for
from peers import Receiver, Site, Stream


def kill_rounds(lab, rounds):
    seed = int(os.environ.get("SEED") or random.randrange(10**6))
    print(f"    seed {seed}")
    dice = random.Random(seed)
    receiver = Receiver(lab)
    coordinator = lab.coordinator(channels=[receiver.channel]).start()
    sites = [Site(lab, f"site-{i}") for i in range(2)]
    probes = lab.trio(coordinator)
    steady = Site(lab, "steady")
    toggled = [lab.monitor(coordinator, f"shop {i}", "http", site.url) for i, site in enumerate(sites)]
    others = [lab.monitor(coordinator, f"page {i}", "http", steady.url + str(i)) for i in range(10)]
    for monitor in (*toggled, *others):
        lab.wait_state(coordinator, monitor, "up")
    lab.wait_settled(coordinator)
    registered = {m["id"]: m["name"] for m in coordinator.api.items("/api/v1/monitors")}
    equal(len(registered), 12, "monitors registered")

    expected = {monitor: [] for monitor in toggled}  # the transitions that really happened
    for n in range(rounds):
        for monitor, site in zip(toggled, sites):
            down = len(expected[monitor]) % 2 == 0
            site.down() if down else site.up()
            expected[monitor].append("alert.opened" if down else "alert.closed")
        wait_for_instant(dice.uniform(0, 3.5))
        coordinator.kill()
        coordinator.check_integrity()
        wait_for_instant(dice.uniform(0, 0.5))
        coordinator.start()
        got = {m["id"]: m["name"] for m in coordinator.api.items("/api/v1/monitors")}
        equal(got, registered, f"round {n}: monitors after the crash")
        for monitor in toggled:
            wait_for(lambda: len(of(receiver, monitor)) >= len(expected[monitor]), f"round {n} (seed {seed}): {expected[monitor][-1]} of "
                     f"{registered[monitor]}, seen {of(receiver, monitor)}", 40)
    for probe in probes:
        check(probe.alive(), f"{probe.name} runs")
    equal({d.alert["monitor"]["id"] for d in receiver.messages()} - set(toggled), set(), f"alerts about monitors that were always up (seed {seed})")
    for monitor in toggled:
        messages = [d for d in receiver.messages() if d.alert["monitor"]["id"] == monitor]
        equal([d.type for d in messages], expected[monitor], f"all transitions of {registered[monitor]} (seed {seed})")
        ids = [d.alert["id"] for d in messages]
        equal(len(set(ids)), (len(ids) + 1) // 2, "one alert per outage")
        equal(ids[0::2][:len(ids[1::2])], ids[1::2], "each close is of the alert before it")
    equal(receiver.problems, [], "signatures")
    state = "down" if rounds % 2 else "up"
    for monitor in toggled:
        lab.wait_state(coordinator, monitor, state)
    no_result_is_missing(coordinator, probes)


def no_result_is_missing(coordinator, probes):
    """Each probe numbered its results from 1: what was acknowledged before a crash is there, what was not came again."""
    spooled = lambda: [p["spooled"] for p in coordinator.api.items("/api/v1/probes")]
    wait_for(lambda: spooled() == [0] * len(probes), "the probes' spools to drain", 20)
    for probe in probes:
        equal(probe.stop(), 0, f"{probe.name} ends")
    equal(coordinator.stop(), 0, "the coordinator ends")
    path = next(p for p in coordinator.databases() if p.endswith("results.db"))
    db = sqlite3.connect(path)
    rows = db.execute("SELECT COUNT(*), MIN(sequence), MAX(sequence) FROM result GROUP BY source").fetchall()
    db.close()
    equal(len(rows), len(probes), "sources of results")
    for count, first, last in rows:
        equal((first, count), (1, last), "the first sequence, and as many results as the last one says")


def of(receiver, monitor):
    return [d for d in receiver.messages() if (d.alert.get("monitor") or {}).get("id") == monitor]


def wait_for_instant(seconds):
    """A random instant is the point of the test; nothing is waited for here."""
    time.sleep(seconds)


def test_kill_9(lab):
    """Five kill -9 of the coordinator at random instants: every transition delivered once, none invented, databases whole."""
    kill_rounds(lab, 5)


def test_kill_9_long(lab):
    """Fifty of them."""
    kill_rounds(lab, 50)


def test_receiver_away(lab):
    """A webhook that failed before a kill -9 arrives after it, with the same id."""
    receiver = Receiver(lab)
    receiver.answer = 503
    site = Site(lab)
    coordinator = lab.coordinator(channels=[receiver.channel]).start()
    lab.trio(coordinator)
    monitor = lab.monitor(coordinator, "shop", "http", site.url)
    lab.wait_state(coordinator, monitor, "up")
    lab.wait_settled(coordinator)
    site.down()
    wait_for(lambda: receiver.deliveries, "a first attempt", 15)
    first = receiver.deliveries[0]
    alert = coordinator.alerts()[0]
    receiver.stop()
    coordinator.kill()
    coordinator.check_integrity()
    coordinator.start()
    equal([(a["id"], a["state"], a["case"]) for a in coordinator.alerts()], [(alert["id"], "open", alert["case"])], "the open alert after the crash")
    receiver.answer = 200
    receiver.start()
    message = receiver.wait("the webhook", 40)
    equal((message.id, message.alert["id"], message.type), (first.id, alert["id"], "alert.opened"), "what arrives later")
    equal(message.body, first.body, "its body")
    site.up()
    receiver.wait("the close", 40, type="alert.closed")
    equal([m.type for m in receiver.messages()], ["alert.opened", "alert.closed"], "all messages, each once")


def small_disk(lab, megabytes):
    """A coordinator's state folder on a disk of its own."""
    if os.environ.get("QUORATE_LAB_NAMESPACES") != "1":
        raise Skip("needs a mount namespace")
    folder = lab.file("coordinator")
    os.makedirs(folder, mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", folder], check=True)
    lab.closers.append(lambda: subprocess.run(["umount", "-l", folder]))
    return folder


def readiness(coordinator):
    return coordinator.api.must("GET", "/readyz", key=None)["status"]


def fill(path):
    with open(path, "ab", buffering=0) as f:
        try:
            while True:
                f.write(b"x" * 4096)
        except OSError:
            pass


def leave_free(folder, percent):
    """Makes or cuts a file so that this share of the disk is left."""
    path = os.path.join(folder, "hog")
    disk = os.statvfs(folder)
    size = os.path.getsize(path) if os.path.exists(path) else 0
    size += (disk.f_bavail - disk.f_blocks * percent // 100) * disk.f_frsize
    with open(path, "ab") as f:
        f.truncate(min(size, os.path.getsize(path)))
        os.posix_fallocate(f.fileno(), 0, size)


def test_disk_full(lab):
    """With a full disk verdicts, webhooks and the stream go on and the operator is told; with room again all is stored."""
    folder = small_disk(lab, 16)
    receiver = Receiver(lab)
    site = Site(lab)
    coordinator = lab.coordinator(channels=[receiver.channel]).start()
    lab.trio(coordinator)
    monitor = lab.monitor(coordinator, "shop", "http", site.url)
    lab.wait_state(coordinator, monitor, "up")
    lab.wait_settled(coordinator)
    stream = Stream(coordinator)
    equal(readiness(coordinator), "ok", "/readyz with room")
    reserve = os.path.join(folder, "store", "reserve")
    wait_for(lambda: os.path.exists(reserve), "the reserve")
    equal(os.path.getsize(reserve), 4 << 20, "what is kept back")

    hog = os.path.join(folder, "hog")
    fill(hog)
    region = lambda name: coordinator.api.call("POST", "/api/v1/regions", {"name": name}).status
    for n in range(3000):  # the reserve is used up by state only, and lasts a while
        status = region(f"nowhere-{n}")
        if status != 201:
            break
        if not os.path.exists(reserve):
            fill(hog)
    check(n > 0, "the first change was written in the room of the reserve")
    equal(status, 503, "registering with a full disk")
    wait_for(lambda: readiness(coordinator) == "degraded: store" or None, "/readyz to say that the disk is full", 20)
    check("full" in str(coordinator.status()["store"]), f"status says why: {coordinator.status()}")
    stream.wait("the news", lambda e: e[1] == "coordinator.degraded" and e[2]["data"]["store"] == "state", 5)
    site.down()
    opened = receiver.wait("the alert in spite of the full disk", 20, type="alert.opened")
    stream.wait("the alert", lambda e: e[2]["data"].get("id") == opened.alert["id"], 5)
    equal(coordinator.state(monitor), "down", "the verdict")

    os.unlink(hog)
    wait_for(lambda: readiness(coordinator) == "ok" or None, "/readyz to be well again", 20)
    wait_for(lambda: coordinator.alerts(state="open"), "the alert in the store", 10)
    wait_for(lambda: os.path.exists(reserve), "the reserve to be made again", 15)
    coordinator.kill()
    coordinator.check_integrity()
    coordinator.start()
    equal([a["id"] for a in coordinator.alerts()], [opened.alert["id"]], "alerts in the store")
    site.up()
    closed = receiver.wait("the close", 40, type="alert.closed")
    equal(closed.alert["id"], opened.alert["id"], "what is closed")
    equal([m.type for m in receiver.messages() if m.type.startswith("alert")], ["alert.opened", "alert.closed"], "all messages, each once")
    stays(lambda: not receiver.problems, "signatures", 0.1)


def test_disk_ladder(lab):
    """A disk that fills up: a warning below 15 % free, then the oldest results go, below 3 % none are written and votes count on."""
    folder = small_disk(lab, 64)
    receiver = Receiver(lab)
    site = Site(lab)
    coordinator = lab.coordinator(channels=[receiver.channel]).start()
    lab.trio(coordinator)
    monitor = lab.monitor(coordinator, "shop", "http", site.url)
    lab.wait_state(coordinator, monitor, "up")
    lab.wait_settled(coordinator)
    stream = Stream(coordinator)
    results = lambda: coordinator.api.items(f"/api/v1/monitors/{monitor}/results")
    first = wait_for(results, "results")[-1]["started_at"]

    def wait_warning(words):
        what = lambda: words in (coordinator.status()["store"]["disk_problem"] or "") or None
        wait_for(what, f"status to say '{words}'", 10)
        stream.wait(words, lambda e: e[1] == "coordinator.degraded" and words in e[2]["data"]["detail"], 5)

    leave_free(folder, 12)
    wait_warning("make room")
    equal(readiness(coordinator), "ok", "/readyz while nothing is lost")
    check(results()[-1]["started_at"] == first, "nothing was removed yet")

    leave_free(folder, 5)
    wait_warning("the oldest results are being removed")
    wait_for(lambda: first not in [r["started_at"] for r in results()] or None, "the oldest result to go", 10)
    equal(readiness(coordinator), "ok", "/readyz while results are written")

    leave_free(folder, 2)
    wait_warning("results are not written")
    wait_for(lambda: readiness(coordinator) == "degraded: store" or None, "/readyz to say so", 15)
    equal(coordinator.api.call("POST", "/api/v1/regions", {"name": "nowhere-1"}).status, 201, "registering at 2 %")
    site.down()
    opened = receiver.wait("the alert", 30, type="alert.opened")
    check(opened.alert["started_at"] not in [r["started_at"] for r in results()], "the results behind it are not stored")
    check(coordinator.alerts(state="open"), "the alert is")

    os.unlink(os.path.join(folder, "hog"))
    stream.wait("the all-clear", lambda e: e[1] == "coordinator.recovered" and e[2]["data"]["store"] == "disk", 15)
    wait_for(lambda: readiness(coordinator) == "ok" or None, "/readyz to be well again", 15)
    wait_for(lambda: any(r["verdict"] == "down" for r in results()) or None, "what the probes kept meanwhile", 30)
    equal([m.type for m in receiver.messages() if m.type.startswith("alert")], ["alert.opened"], "all alerts")


for test, seconds, long in ((test_kill_9, 80, 0), (test_kill_9_long, 700, 1500), (test_receiver_away, 35, 0), (test_disk_full, 45, 0), (test_disk_ladder, 60, 0)):
    test.seconds = seconds
    if long:
        test.long = long
