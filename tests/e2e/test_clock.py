# SPDX-License-Identifier: MIT
"""Wall clocks that are wrong or jump, on the probe and on the coordinator; certificates that change, judged by such clocks."""
import base64
import calendar
import glob
import hashlib
import os
import re
import signal
import subprocess
import time

from lab import PEERS, REGIONS, check, equal, free_port, stays, wait_for, write
from peers import Nginx, Receiver, Site, server
from test_link import NOWHERE, dialler, votes_of, with_door


def faketime():
    """The library, among the peers."""
    found = glob.glob(os.path.join(os.path.dirname(PEERS), "root/usr/lib/*/faketime/libfaketimeMT.so.1"))
    check(found, "build/peers lacks libfaketime: run sh tests/peers.sh")
    return found[0]


class WallClock:
    """The wall clock of the programs started with .prefix, this far from the true one; their monotonic clock stays true."""

    def __init__(self, lab, name, offset_s=0):
        self.path = lab.file(name + ".offset")
        asan = lab.env["ASAN_OPTIONS"] + ":verify_asan_link_order=0"  # preloaded before the library it dead-locks at the start
        self.prefix = ["env", f"LD_PRELOAD={faketime()}", f"ASAN_OPTIONS={asan}", "FAKETIME_DONT_FAKE_MONOTONIC=1",
                       "FAKETIME_DISABLE_SHM=1", "FAKETIME_NO_CACHE=1", f"FAKETIME_TIMESTAMP_FILE={self.path}"]
        self.set(offset_s)

    def set(self, offset_s):
        """At once: the program reads the file whenever it asks for the time."""
        os.rename(write(self.path + ".new", f"{offset_s:+d}\n"), self.path)


class System:
    """Three probes over the door with clocks of their own; a shop that goes down, and what is always well."""

    def __init__(self, lab, probe_clocks, coordinator_clock=None):
        self.lab, self.receiver = lab, Receiver(lab)
        self.coordinator = with_door(lab, channels=[self.receiver.channel], prefix=coordinator_clock.prefix if coordinator_clock else ())
        self.shop, self.steady = Site(lab, "shop"), Site(lab, "steady")
        lab.regions(self.coordinator)
        self.probes = [dialler(lab, self.coordinator, f"{city}-1", region, prefix=clock.prefix if clock else ()).start()
                       for (city, region), clock in zip(REGIONS.items(), probe_clocks)]
        lab.wait_connected(self.coordinator, *self.probes, timeout=20)
        self.toggled = lab.monitor(self.coordinator, "shop", "http", self.shop.url)
        self.monitors = [lab.monitor(self.coordinator, "page", "http", self.steady.url),
                         lab.monitor(self.coordinator, "port", "tcp", f"127.0.0.1:{self.steady.port}")]
        for monitor in (self.toggled, *self.monitors):
            lab.wait_state(self.coordinator, monitor, "up")
        lab.wait_settled(self.coordinator)
        equal(self.coordinator.alerts(), [], "alerts before")

    def all_well(self):
        """Steady monitors are up, and nothing was ever said of them."""
        for monitor in self.monitors:
            equal(self.coordinator.state(monitor), "up", "a monitor's state")
        equal([a["kind"] for a in self.coordinator.alerts() if (a["monitor"] or {}).get("id") != self.toggled], [], "alerts of what is well")
        return True

    def all_count(self):
        """All three votes count on everything."""
        wait_for(lambda: self.all_well() and all(v["fate"] == "counted" for m in self.monitors for v in votes_of(self.coordinator, m).values()),
                 "all votes to count", 15)

    def outage(self):
        """Down and up again; the seconds until each was said."""
        out = []
        for act, type in ((self.shop.down, "alert.opened"), (self.shop.up, "alert.closed")):
            before, began = len(self.receiver.messages(type=type)), time.monotonic()
            act()
            wait_for(lambda: self.all_well() and len(self.receiver.messages(type=type)) > before, type, 15)
            out.append(round(time.monotonic() - began, 1))
        return out


def said_off(probe):
    """What the probe's log said last of the difference between the two clocks."""
    said = re.findall(r"agent.clock off=(\w+)", probe.text())
    return bool(said) and said[-1] == "true"


def test_clock_probe(lab):
    """Probes whose clocks are 300 s ahead, 300 s behind, or jump while they run: their votes count, an outage is seen in time, it is logged."""
    ahead, behind, jumpy = WallClock(lab, "ahead", 300), WallClock(lab, "behind", -300), WallClock(lab, "jumpy")
    system = System(lab, [ahead, behind, jumpy])
    for probe, offset in zip(system.probes, (-300, 300)):
        line = wait_for(lambda: [x for x in probe.text().splitlines() if "agent.clock off=true" in x], f"{probe.name} to say that its clock is off")
        check(abs(int(line[0].rsplit("offset_ms=", 1)[1]) - offset * 1000) < 5000, f"by how much: {line}")
    check("agent.clock" not in system.probes[2].text(), "a right clock is not complained about")
    system.all_count()
    times = [system.outage()]
    for jump in (300, -300, 0):
        mark = system.probes[2].text().count("probe.tilt kind=clock")
        jumpy.set(jump)
        wait_for(lambda: system.all_well() and system.probes[2].text().count("probe.tilt kind=clock") > mark, "the jump to be noticed", 5)
        system.all_count()
        times.append(system.outage())
    print(f"    seconds to DOWN and UP: {times}")
    equal([m.type for m in system.receiver.messages()], ["alert.opened", "alert.closed"] * 4, "all messages")


def test_clock_coordinator(lab):
    """A coordinator 300 s ahead that jumps to 300 s behind, and to the right time: nothing is said that is not so, an outage is seen in time."""
    clock = WallClock(lab, "coordinator", 300)
    system = System(lab, [None] * 3, clock)
    times = []
    for offset in (300, -300, 0):
        clock.set(offset)
        stays(system.all_well, "all is well", 2)
        system.all_count()
        times.append(system.outage())
        said = calendar.timegm(time.strptime(system.receiver.messages()[-1].alert["closed_at"][:19], "%Y-%m-%dT%H:%M:%S"))
        check(abs(said - time.time() - offset) < 5, f"the coordinator's clock is off by {said - time.time():.0f} s, meant were {offset} s")
        wait_for(lambda: all(said_off(p) == (offset != 0) for p in system.probes), "the probes to say whether the two clocks differ")
    print(f"    seconds to DOWN and UP: {times}")
    opened = system.receiver.messages(type="alert.opened")
    equal([m.type for m in system.receiver.messages()], ["alert.opened", "alert.closed"] * 3, "all messages")
    equal(len({m.alert["id"] for m in opened}), 3, "one alert per outage")


class Authority:
    """A CA that was made long ago, and what it issues for localhost."""

    def __init__(self, lab):
        self.lab, self.ca, self.key = lab, lab.file("ca.pem"), lab.file("ca.key")
        self.openssl("req", "-x509", *self.new_key(self.key), "-out", self.ca, "-days", "900", "-subj", "/CN=laboratory CA", at="-800d")

    def new_key(self, path):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path]

    def openssl(self, *argv, at="+0"):
        """Runs openssl when it is AT, from now."""
        done = subprocess.run(["openssl", *argv], env={**self.lab.env, "LD_PRELOAD": faketime(), "FAKETIME": at}, capture_output=True, timeout=20)
        check(done.returncode == 0, f"openssl {argv[0]}: {done.stderr.decode()}")
        return done.stdout

    def issue(self, name, at="+0", key=None):
        """A certificate for 30 days from AT on, of a key of its own, or of that of another: the door's configuration."""
        path = lambda end: self.lab.file(f"{name}.{end}")
        if not key:
            key = path("key")
            self.openssl("req", *self.new_key(key), "-out", path("csr"), "-subj", "/CN=localhost")
            os.chmod(key, 0o600)
        else:
            self.openssl("req", "-new", "-key", key, "-out", path("csr"), "-subj", "/CN=localhost")
        ext = write(path("ext"), "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n")
        self.openssl("x509", "-req", "-in", path("csr"), "-CA", self.ca, "-CAkey", self.key, "-CAcreateserial", "-out", path("crt"),
                     "-days", "30", "-extfile", ext, at=at)
        return {"certificate": path("crt"), "key": key}

    def pin(self, door):
        der = self.openssl("pkey", "-in", door["key"], "-pubout", "-outform", "DER")
        return "sha256//" + base64.b64encode(hashlib.sha256(der).digest()).decode()


class Trusting:
    """Three probes that trust a CA, or pinned keys, and one monitor that all of them see."""

    def __init__(self, lab, door, trust, clocks=(None, None, None)):
        self.lab, self.port = lab, free_port()
        self.coordinator = lab.coordinator(door={"listen": f"127.0.0.1:{self.port}", **door}).start()
        lab.regions(self.coordinator)
        self.probes = [lab.probe(self.coordinator, f"{city}-1", region, link=NOWHERE, prefix=clock.prefix if clock else (),
                                 coordinator={"addresses": [f"localhost:{self.port}"], **how}).start()
                       for (city, region), how, clock in zip(REGIONS.items(), trust, clocks)]
        self.monitor = lab.monitor(self.coordinator, "closed", "tcp", f"127.0.0.1:{free_port()}", expect={"port": "closed"})

    def shows(self, door):
        """The coordinator is given another certificate, for new connections."""
        self.coordinator.configure(door={"listen": f"127.0.0.1:{self.port}", **door})
        before = self.coordinator.text().count("config.reloaded")
        self.coordinator.signal(signal.SIGHUP)
        wait_for(lambda: self.coordinator.text().count("config.reloaded") > before, "SIGHUP to be obeyed")

    def restart(self):
        self.coordinator.kill()
        self.coordinator.start()

    def votes(self, *expected):
        """Until the probes whose votes count are EXPECTED, and no others'; the monitor is never down."""
        def now():
            check(self.coordinator.state(self.monitor) != "down", "a certificate makes a monitor down")
            return [p for p, v in votes_of(self.coordinator, self.monitor).items() if v["fate"] == "counted"]
        wait_for(lambda: sorted(now()) == sorted(p.name for p in expected) and self.coordinator.state(self.monitor) == "up", "the votes", 40)
        equal(self.coordinator.alerts(kind="down"), [], "alerts")


def test_certificate_changed(lab):
    """The operator's certificate is renewed: nobody is dropped. Another key or an expired date: who may not trust it says why; is back when it is right."""
    authority = Authority(lab)
    first, second = authority.issue("first"), authority.issue("second")
    expired = authority.issue("expired", at="-60d", key=first["key"])
    ca = {"ca": authority.ca}
    both, one = {"pin": [authority.pin(first), authority.pin(second)]}, {"pin": [authority.pin(first)]}
    system = Trusting(lab, first, [ca, both, one])
    by_ca, by_both, by_one = system.probes
    system.votes(by_ca, by_both, by_one)
    links = lambda: system.coordinator.status()["door"]["links"]
    sessions = system.coordinator.status()["link"]["sessions"]
    system.shows(second)
    stays(lambda: links() == 6 and system.coordinator.status()["link"]["sessions"] == sessions, "nobody is dropped by a new certificate", 2)
    system.restart()
    system.votes(by_ca, by_both)
    wait_for(lambda: "none of the pinned" in by_one.text(), "the probe that does not know the key to say so")
    check("none of the pinned" not in by_both.text() + by_ca.text(), "the others have nothing to say")
    system.shows(first)
    system.votes(by_ca, by_both, by_one)
    system.shows(expired)
    system.restart()
    system.votes(by_both, by_one)  # a pin looks at the key, not at dates
    wait_for(lambda: "certificate has expired" in by_ca.text(), "the probe that asks the CA to say that it has expired")
    system.shows(first)
    system.votes(by_ca, by_both, by_one)


def test_clock_certificate(lab):
    """A fresh certificate and probes whose clocks are 300 s off: pinned, the clock does not matter; by a CA the one behind says why, until it is right."""
    authority = Authority(lab)
    fresh = authority.issue("fresh")
    behind, pinned, ahead = (WallClock(lab, name, offset) for name, offset in (("behind", -300), ("pinned", -300), ("ahead", 300)))
    ca = {"ca": authority.ca}
    system = Trusting(lab, fresh, [ca, {"pin": [authority.pin(fresh)]}, ca], [behind, pinned, ahead])
    wait_for(lambda: "certificate is not yet valid" in system.probes[0].text(), "the probe whose clock is behind to say what it sees", 20)
    system.votes(*system.probes[1:])
    behind.set(0)
    system.votes(*system.probes)


def test_clock_dates(lab):
    """A probe that is ten days behind judges certificates by the coordinator's clock: a fresh one holds, of an expired one it cannot say."""
    authority = Authority(lab)
    fresh, expired = authority.issue("fresh", at="-1d"), authority.issue("expired", at="-35d")
    ports = [free_port(), free_port()]
    body = 'location / { return 200 "a shop"; }'
    Nginx(lab, "nginx", [server(f"127.0.0.1:{port}", body, (site["certificate"], site["key"])) for port, site in zip(ports, (fresh, expired))]).start(
        *(("127.0.0.1", port) for port in ports))
    coordinator = with_door(lab)
    lab.regions(coordinator)
    probe = dialler(lab, coordinator, "tokyo-1", "ap-northeast-1", prefix=WallClock(lab, "behind", -864000).prefix,
                    env={"SSL_CERT_FILE": authority.ca}).start()
    lab.wait_connected(coordinator, probe, timeout=20)
    wait_for(lambda: "agent.clock off=true" in probe.text(), "the probe to say that its clock is off")
    new, old = (lab.monitor(coordinator, name, "http", f"https://localhost:{port}/", interval="2s", timeout="2s", expect={"certificate_days": {}})
                for name, port in zip(("new", "old"), ports))
    lab.wait_state(coordinator, new, "up")
    vote = wait_for(lambda: next((v for v in votes_of(coordinator, old).values() if v["reason"]), None), "what it says of the expired one")
    equal((vote["verdict"], vote["reason"], vote["fate"]), ("none", "internal.clock", "excluded"), f"the vote on the expired one: {vote}")


test_clock_dates.seconds = 5
test_clock_probe.seconds = test_clock_coordinator.seconds = test_certificate_changed.seconds = 15
test_clock_certificate.seconds = 20
