# SPDX-License-Identifier: MIT
"""What waits on a probe's disk: nothing is lost when the link is cut or the probe killed, and nothing is stored twice."""
import calendar
import glob
import json
import os
import random
import sqlite3
import struct
import subprocess
import time
import zlib

from lab import Skip, check, equal, stays, wait_for
from peers import Relay, Site

CITIES = {"tokyo": "ap-northeast-1", "frankfurt": "eu-central-1", "virginia": "us-east-1"}


def ended_ms(result):
    """When a result's check ended, by the probe's wall clock."""
    started = result["started_at"]
    whole = time.strptime(started[:19], "%Y-%m-%dT%H:%M:%S")
    return (calendar.timegm(whole) * 1000 + int(started[20:23]) + result.get("duration_ms", 0))


def stored(coordinator):
    """{(probe and boot in hex): {sequence: result}} of results.db, which must not have a check twice."""
    path = next(p for p in coordinator.databases() if p.endswith("results.db"))
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
    try:
        rows = db.execute("SELECT hex(i.key), r.sequence, r.late, r.document FROM result r JOIN ident i ON i.id = r.source").fetchall()
    finally:
        db.close()
    out, checks = {}, set()
    for source, sequence, late, document in rows:
        result = json.loads(document)
        result["late"] = late
        once = (source[:32], result["monitor"], result["started_at"], result.get("round", 0), result.get("assignment"))
        check(once not in checks, f"a check that is stored twice: {once}, sequence {sequence} of {source}")
        checks.add(once)
        out.setdefault(source, {})[sequence] = result
    return out


def unbroken(source, results):
    missing = set(range(1, max(results) + 1)) - set(results)
    check(not missing, f"{len(missing)} results of {source} are lost: {sorted(missing)[:10]} of {max(results)}")


def spool_files(probe):
    return sorted(glob.glob(os.path.join(probe.dir, "spool", "*.spool")))


def spooled(probe):
    """{(boot in hex): {sequence: result}} of the records that wait on the disk of a probe that does not run."""
    out = {}
    for path in spool_files(probe):
        with open(path, "rb") as f:
            data = f.read()
        at = data.index(b"\n") + 1
        while len(data) - at > 9:
            size, crc, state = struct.unpack_from("<IIc", data, at)
            text = data[at + 9:at + 9 + size]
            if len(text) < size:
                break
            equal(zlib.crc32(data[at:at + 4] + text), crc, "CRC-32 of a record")
            result = json.loads(text)
            if state != b"x":
                out.setdefault(result["boot"].replace("-", "").upper(), {})[result["sequence"]] = result
            at += 9 + size
    return out


class Wired:
    """A probe with a wire of its own to the coordinator's link."""

    def __init__(self, lab, coordinator, city, region, **conf):
        self.wires = [Relay(lab, coordinator.report_port), Relay(lab, coordinator.orders_port)]
        link = {"report": self.wires[0].url, "orders": self.wires[1].url}
        self.probe = lab.probe(coordinator, city + "-1", region, link=link, **conf).start()

    def cut(self):
        for wire in self.wires:
            wire.cut()

    def heal(self):
        for wire in self.wires:
            wire.heal()


def system(lab, cities, monitors, **conf):
    coordinator = lab.coordinator().start()
    site = Site(lab)
    lab.regions(coordinator)
    wired = [Wired(lab, coordinator, city, CITIES[city], **conf) for city in cities]
    lab.wait_connected(coordinator, *(w.probe for w in wired))
    for n in range(monitors):
        lab.monitor(coordinator, f"port {n}", "tcp", f"127.0.0.1:{site.port}", quorum={"seats": len(cities), "rounds": 1})
    return coordinator, wired


def facts(coordinator):
    return {p["name"]: p for p in coordinator.api.items("/api/v1/probes")}


def oldest_vote_ms(coordinator, monitor):
    """How old the newest vote of the slowest probe is."""
    ages = [v["age_ms"] for v in coordinator.explain(monitor)["votes"]]
    return max(10 ** 9 if age is None else age for age in ages)


def spool_cut(lab, monitors, seconds, results_max):
    coordinator, wired = system(lab, CITIES, monitors, results_max=results_max)
    ids = [m["id"] for m in coordinator.api.items("/api/v1/monitors")]
    for monitor in ids:
        lab.wait_state(coordinator, monitor, "up")
    for w in wired:
        w.cut()
    cut_at = time.time()
    wait_for(lambda: time.time() - cut_at > seconds, "the end of the cut", seconds + 5)
    for w in wired:
        files = spool_files(w.probe)
        check(files, f"{w.probe.name} wrote nothing to its disk")
        equal({oct(os.stat(p).st_mode & 0o7777) for p in files}, {"0o600"}, "modes of the files")
        equal(oct(os.stat(os.path.dirname(files[0])).st_mode & 0o7777), "0o700", "mode of the folder")
    for w in wired:
        w.heal()
    healed_at, fresh_at, worst, seen = time.time(), None, 0, 0
    while True:
        state = facts(coordinator)
        waiting = sum(state[w.probe.name]["spooled"] for w in wired)
        age = oldest_vote_ms(coordinator, ids[0])
        if fresh_at is None and age < 2000:
            fresh_at = time.time()
        elif fresh_at is not None:
            worst = max(worst, age)
            seen += waiting > 0
            if waiting < monitors and not any(spool_files(w.probe) for w in wired):
                break
        check(time.time() - healed_at < 60, f"not drained within a minute: {waiting} wait")
        time.sleep(0.05)
    drained = time.time() - healed_at
    results = stored(coordinator)
    late = sum(r["late"] for source in results.values() for r in source.values())
    print(f"    cut {seconds} s: {sum(map(len, results.values()))} results, {late} late; fresh votes after {fresh_at - healed_at:.1f} s, "
          f"drained after {drained:.1f} s ({seen} looks), oldest vote meanwhile {worst} ms")
    check(worst < 2000, f"a vote was {worst} ms old while the spool was drained")
    equal(len(results), len(wired), "sources of results")
    for source, of in results.items():
        unbroken(source, of)
        during = [r for r in of.values() if cut_at * 1000 < ended_ms(r) < healed_at * 1000]
        check(len(during) > monitors * seconds / 2, f"only {len(during)} results of the {seconds} s of the cut")
    equal([p["held_back_ms"] for p in facts(coordinator).values()], [0] * len(wired), "held back by the limits' defaults, in ms")
    equal([p["dropped"] for p in facts(coordinator).values()], [0] * len(wired), "dropped results")


def test_spool_cut(lab):
    """Three probes cut off for 20 s: no result is lost, none stored twice, the spool drains, votes stay fresh."""
    spool_cut(lab, 20, 20, 100)


def test_spool_cut_long(lab):
    """Ten minutes at 10,000 results a minute: drained within a minute, votes under 2 s of age meanwhile."""
    spool_cut(lab, 56, 600, 1000)


def probe_kill_9(lab, rounds):
    seed = int(os.environ.get("SEED", random.randrange(10 ** 6)))
    print(f"    SEED={seed}")
    dice = random.Random(seed)
    coordinator, (wired,) = system(lab, ["tokyo"], 20, results_max=100)
    probe = wired.probe
    known, worst = {}, 0
    for n in range(rounds):
        what = f"round {n} (seed {seed})"
        wait_for(lambda: any(len(r) > 20 for s, r in stored(coordinator).items() if s[32:] not in known), f"{what}: traffic", 30)
        if n % 2:
            wired.cut()
        time.sleep(dice.uniform(0, 3) + n % 2)  # a random instant is the point
        killed_ms = time.time() * 1000
        probe.kill()
        for boot, results in spooled(probe).items():
            known.setdefault(boot, {}).update(results)
        for source, results in stored(coordinator).items():
            known.setdefault(source[32:], {}).update(results)
        newest = max(ended_ms(r) for results in known.values() for r in results.values())
        worst = max(worst, killed_ms - newest)
        check(killed_ms - newest < 1000 + 250, f"{what}: {killed_ms - newest:.0f} ms of results are lost")
        for boot, results in known.items():
            unbroken(boot, results)
        if n % 2:
            wired.heal()
        probe.start()
    equal(len(known), rounds, f"boots (seed {seed})")
    wait_for(lambda: len(stored(coordinator)) > rounds and facts(coordinator)[probe.name]["spooled"] == 0, "the spool to be empty", 30)
    have = {source[32:]: results for source, results in stored(coordinator).items()}
    for boot, results in known.items():
        missing = set(results) - set(have.get(boot, {}))
        check(not missing, f"{len(missing)} results of boot {boot} did not arrive: {sorted(missing)[:10]} (seed {seed})")
    late = sum(r["late"] for results in have.values() for r in results.values())
    check(late or rounds < 2, "nothing came from an earlier boot")
    print(f"    {rounds} kills: {sum(map(len, have.values()))} results, {late} late, at most the last {worst:.0f} ms lost")


def test_probe_kill_9(lab):
    """kill -9 of a probe with the link up and cut: only the last second of what was not stored is lost, nothing is stored twice."""
    probe_kill_9(lab, 5)


def test_probe_kill_9_long(lab):
    """Two hundred of them."""
    probe_kill_9(lab, 200)


def test_probe_disk_full(lab):
    """A probe's disk is full: votes go on, what waits is kept in memory and what does not fit is counted; with room the disk is used again."""
    if os.environ.get("QUORATE_LAB_NAMESPACES") != "1":
        raise Skip("needs a mount namespace")
    folder, results_max = lab.file("tokyo-1"), 300
    os.makedirs(folder, mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", folder], check=True)
    lab.closers.append(lambda: subprocess.run(["umount", "-l", folder]))
    coordinator, (wired,) = system(lab, ["tokyo"], 20, results_max=results_max)
    probe, ids = wired.probe, [m["id"] for m in coordinator.api.items("/api/v1/monitors")]
    fact = lambda name: facts(coordinator)[probe.name][name]
    for monitor in ids:
        lab.wait_state(coordinator, monitor, "up")
    hog = os.path.join(folder, "hog")

    def fill():
        with open(hog, "ab", buffering=0) as f:
            try:
                while True:
                    f.write(b"x" * 4096)
            except OSError:
                pass

    def cut(seconds):
        """The link is away for so long; back, until nothing waits any more."""
        wired.cut()
        began = time.monotonic()
        wait_for(lambda: time.monotonic() - began >= seconds, "the end of the cut", seconds + 5, asserts=False)
        files = spool_files(probe)
        wired.heal()
        wait_for(lambda: fact("standing") == "voting" and oldest_vote_ms(coordinator, ids[0]) < 2000, "fresh votes", 30)
        wait_for(lambda: fact("spooled") < 2 * len(ids), "the end of what waited", 30)
        return files

    fill()
    equal(fact("spool_error"), None, "a full disk that nobody has needed yet")
    equal(cut(8), [], "files on a full disk")
    check("No space left on device" in wait_for(lambda: fact("spool_error"), "the coordinator to be told", 10), "why")
    equal(probe.text().count("spool.failed"), 1, "how often the probe's log says so")
    (source, results), = stored(coordinator).items()
    upto = max(results) + len(ids)  # sent after the cut; what waited comes behind it

    def missing(upto):
        """The numbers up to that one, or the newest if that is later, that the store does not have."""
        numbers = set(stored(coordinator)[source])
        return sorted(set(range(1, max(upto, *numbers))) - numbers)

    wait_for(lambda: not missing(upto), "all results of 8 s, which fit in memory", 20)
    equal(fact("dropped"), 0, "dropped results")
    stays(lambda: oldest_vote_ms(coordinator, ids[0]) < 2000, "votes go on with a full disk", 3)

    cut(25)
    dropped = wait_for(lambda: fact("dropped"), "25 s do not fit in memory", 10)
    upto += 25 * len(ids)
    wait_for(lambda: len(missing(upto)) == dropped, f"no other results to be missing than the {dropped} that were counted", 20)
    gap = missing(upto)
    equal(gap, list(range(gap[0], gap[0] + dropped)), "the oldest of the cut")

    os.unlink(hog)
    wait_for(lambda: fact("spool_error") is None, "the probe to find by itself that there is room", 20)
    check("spool.works" in probe.text(), "its log says so")
    check(cut(10), "the disk is used again")
    equal(fact("dropped"), dropped, "nothing more is lost")
    wait_for(lambda: missing(upto + 10 * len(ids)) == gap, "nothing else to be missing", 20)
    print(f"    {len(stored(coordinator)[source])} results stored, {dropped} dropped and counted")
    for monitor in ids:
        lab.wait_state(coordinator, monitor, "up")


for test, seconds, long in ((test_probe_disk_full, 55, 0), (test_spool_cut, 45, 0), (test_spool_cut_long, 720, 1000), (test_probe_kill_9, 40, 0),
                            (test_probe_kill_9_long, 1200, 2400)):
    test.seconds = seconds
    if long:
        test.long = long
