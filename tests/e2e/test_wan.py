# SPDX-License-Identifier: MIT
"""Bad roads between probes and coordinator: slow, lossy, black-holed, rejecting; what is lost on them never becomes a verdict."""
import socket
import subprocess
import time

from lab import REGIONS, check, equal, free_port, wait_for
from peers import Network, Receiver, Site, in_namespace
from test_link import dialler, votes_of, with_door
from uml import Router
from wan import Wan

HERE = "10.77.0.1"


def seconds_since(began):
    return time.monotonic() - began


def connect_ms(site, host, port):
    """How long the kernel takes to connect from SITE to the port: one round trip."""
    def connect():
        began = time.monotonic()
        socket.create_connection((host, port), timeout=30).close()
        return (time.monotonic() - began) * 1000
    return in_namespace(site.holder.pid, connect)


class Far:
    """Three probes, each at the far end of the road that ROAD(self) makes; an outage from its begin to its end. AWAY: the coordinator
    has a site of its own, .center."""

    counted_min = 1.0

    def __init__(self, lab, road, away=False):
        self.lab, self.network = lab, Network(lab)
        self.sites = {city: self.network.site(city) for city in REGIONS}
        self.center = self.network.site("center") if away else None
        self.coordinator = with_door(lab, at=self.center)
        self.host, self.port = self.center.address if away else HERE, self.coordinator.door_port
        self.shop, self.steady = Site(lab, "shop", HERE), Site(lab, "steady", HERE)
        lab.regions(self.coordinator)
        self.road = road(self)
        self.round_trips = [connect_ms(self.sites["tokyo"], self.host, self.port) for _ in range(5)]
        began = time.monotonic()
        self.probes = [dialler(lab, self.coordinator, f"{city}-1", REGIONS[city], host=self.host, prefix=site.prefix).start()
                       for city, site in self.sites.items()]
        lab.wait_connected(self.coordinator, *self.probes, timeout=60)
        self.connected_s = seconds_since(began)
        monitor = lambda *what, **more: lab.monitor(self.coordinator, *what, interval="2s", **more)
        self.toggled = monitor("shop", "http", self.shop.url)
        self.monitors = [monitor(f"page {i}", "http", f"{self.steady.url}{i}") for i in range(3)]
        self.monitors.append(monitor("closed", "tcp", f"{HERE}:{free_port()}", expect={"port": "closed"}))
        for monitor in (self.toggled, *self.monitors):
            lab.wait_state(self.coordinator, monitor, "up", 60)
        lab.wait_settled(self.coordinator)
        counted = lambda m: len(votes_of(self.coordinator, m)) == 3 and {v["fate"] for v in votes_of(self.coordinator, m).values()} == {"counted"}
        wait_for(lambda: all(counted(m) for m in self.monitors), "all votes to count", 20)
        self.ages, self.fates, self.states = [], {}, {}

    def look(self):
        """All votes are noted; those monitors are up."""
        for monitor in self.monitors:
            explained = self.coordinator.explain(monitor)
            state = self.coordinator.state(monitor)
            self.states[state] = self.states.get(state, 0) + 1
            for vote in explained["votes"]:
                self.fates[vote["fate"]] = self.fates.get(vote["fate"], 0) + 1
                self.ages.append(vote["age_ms"] if vote["age_ms"] is not None else 10**9)
        equal([a["kind"] for a in self.coordinator.alerts() if (a["monitor"] or {}).get("id") != self.toggled], [], "alerts of what is well")

    def watch(self, seconds):
        began = time.monotonic()
        while seconds_since(began) < seconds:
            self.look()
            time.sleep(0.1)

    def outage(self, n):
        """Down and up again: the seconds until each was said."""
        out = []
        said = lambda state: len(self.coordinator.alerts(kind="down", state=state))
        for act, open, closed in ((self.shop.down, 1, n), (self.shop.up, 0, n + 1)):
            began = time.monotonic()
            act()
            wait_for(lambda: self.look() or (said("open"), said("closed")) == (open, closed), "the alert's begin or end", 30)
            out.append(seconds_since(began))
        return out

    def run(self, seconds, outages):
        """All is well but for OUTAGES. The slowest verdict of those, and the age that 99 % of all votes did not reach, in seconds."""
        self.watch(seconds)
        times = [self.outage(n) for n in range(outages)]
        self.ages.sort()
        p99 = self.ages[len(self.ages) * 99 // 100]
        print(f"    round trip {min(self.round_trips):.0f} to {max(self.round_trips):.0f} ms, {self.road}, connected after {self.connected_s:.1f} s; "
              f"seconds to DOWN and UP {[tuple(round(t, 1) for t in pair) for pair in times]}; ages of {len(self.ages)} votes: median "
              f"{self.ages[len(self.ages) // 2]}, 99 % {p99}, worst {self.ages[-1]} ms; fates {self.fates}, states {self.states}")
        equal([(a["kind"], a["state"]) for a in self.coordinator.alerts()], [("down", "closed")] * outages, "all alerts")
        equal(set(self.states), {"up"}, "states of what is well")
        counted = self.fates["counted"] / sum(self.fates.values())
        check(counted >= self.counted_min, f"{counted:.2%} of the votes counted")
        return max(max(pair) for pair in times), p99 / 1000


def wan(**how):
    """The road in user space."""
    return lambda far: Wan(far.lab, far.sites.values(), far.port, **how)


def slow(lab, seconds, outages):
    far = Far(lab, wan(delay_ms=300))
    verdict, age = far.run(seconds, outages)
    check(600 <= min(far.round_trips) < 700, f"a round trip of 600 ms: {far.round_trips}")
    check(verdict < 8, f"a verdict took {verdict:.1f} s")  # the interval, two rounds and their deadlines
    check(age < 4, f"a vote is {age:.1f} s old")  # the interval, a report under way, and ours


def test_link_slow(lab):
    """300 ms each way: links come up, all votes count, an outage is told and closed in time, nothing else is."""
    slow(lab, 5, 2)


def test_link_slow_long(lab):
    """The same for five minutes and ten outages."""
    slow(lab, 300, 10)


def lossy(lab, seconds, outages):
    far = Far(lab, wan(delay_ms=10, loss=0.2))
    far.counted_min = 0.99  # TCP sends a packet again after 0.2, 0.4, … 3.2 s: one in some thousand takes longer than a vote lasts
    verdict, age = far.run(seconds, outages)
    share = far.road.lost / (far.road.lost + far.road.passed)
    check(0.12 < share < 0.28, f"{share:.0%} of the packets are lost")
    check(verdict < 15, f"a verdict took {verdict:.1f} s")
    check(age < 8, f"a vote is {age:.1f} s old")  # it counts for interval + timeout + 5 s


def test_link_lossy(lab):
    """Every fifth packet is lost, in both directions: the same holds, a little slower."""
    lossy(lab, 5, 2)


def test_link_lossy_long(lab):
    """The same for five minutes and ten outages."""
    lossy(lab, 300, 10)


def netem(lab, how, counted_min):
    """The same with the kernel's own netem, on a router with a kernel of its own: the slowest verdict."""
    far = Far(lab, lambda far: Router(lab, far.center, far.sites.values(), how), away=True)
    far.counted_min = counted_min
    verdict, age = far.run(120, 5)
    check(age < 8, f"a vote is {age:.1f} s old")
    check(verdict < 15, f"a verdict took {verdict:.1f} s")
    return far


def test_link_netem_slow_long(lab):
    """netem, 300 ms each way with 50 ms of jitter, which changes the packets' order: links come up, all votes count, verdicts in time."""
    far = netem(lab, "delay 300ms 50ms 25%", 1.0)
    check(min(far.round_trips) > 400, f"round trips of about 600 ms: {far.round_trips}")


def test_link_netem_lossy_long(lab):
    """netem, 20 % lost each way, in bursts: the same, a little slower."""
    netem(lab, "delay 10ms loss 20% 25%", 0.99)


for test in (test_link_netem_slow_long, test_link_netem_lossy_long):
    test.seconds, test.long = 200, 400


class Cut:
    """What is done to a site's packets to the door, and what undoes it."""

    def __init__(self, site, port):
        self.site, self.port = site, port

    def rule(self, hook, verdict):
        port = f"tcp {'dport' if hook == 'output' else 'sport'} {self.port}"
        self.site.run("nft", f"add table inet cut; add chain inet cut {hook} {{ type filter hook {hook} priority 0; }}; "
                      f"add rule inet cut {hook} {port} {verdict}")

    def rejected(self):
        self.rule("output", "reject with icmpx type admin-prohibited")

    def reset(self):
        self.rule("output", "reject with tcp reset")

    def black_holed(self):
        self.site.run("ip", "route", "add", "blackhole", HERE)

    def unplugged(self):
        self.site.unplug()

    def heal(self):
        self.site.heal()
        self.site.plug()
        for route in ("blackhole " + HERE, f"default via 10.77.{self.site.wire[1:]}.1"):
            subprocess.run([*self.site.prefix, "ip", "route", "del" if route[0] == "b" else "replace", *route.split()], capture_output=True)


def test_link_refused(lab):
    """A firewall that rejects or resets, a black-hole route, a wire pulled out: votes become absent, never up or down; all are back after the heal."""
    network, coordinator = Network(lab), with_door(lab)
    faults = ("rejected", "reset", "black_holed", "unplugged")
    names = ["one", "two", *faults]
    lab.regions(coordinator, [n.replace("_", "-") for n in names])
    sites = {name: network.site(name) for name in faults}
    probes = {name: dialler(lab, coordinator, name.replace("_", "-") + "-1", name.replace("_", "-"), host=HERE,
                            prefix=sites[name].prefix if name in sites else ()).start() for name in names}
    lab.wait_connected(coordinator, *probes.values(), timeout=30)
    monitor = lab.monitor(coordinator, "closed", "tcp", f"127.0.0.1:{free_port()}", expect={"port": "closed"},
                          quorum={"seats": 6, "rounds": 2, "gap": "500ms"})
    lab.wait_state(coordinator, monitor, "up")
    lab.wait_settled(coordinator)
    wait_for(lambda: [v["verdict"] for v in votes_of(coordinator, monitor).values()] == ["up"] * 6, "six votes")
    cuts = {name: Cut(site, coordinator.door_port) for name, site in sites.items()}
    for name, cut in cuts.items():
        getattr(cut, name)()

    def gone():
        equal(coordinator.state(monitor), "up", "the monitor that two of six still see")
        votes = votes_of(coordinator, monitor)
        return all(votes[probes[name].name]["fate"] in ("absent", "stale") for name in faults)

    wait_for(gone, "the votes of the cut probes to be absent", 40)
    wait_for(lambda: all("old=spliced" in probes[name].text() for name in faults), "the probes to notice", 35)
    equal([v["verdict"] for v in votes_of(coordinator, monitor).values()].count("down"), 0, "votes that say down")
    for cut in cuts.values():
        cut.heal()
    wait_for(lambda: all(v["fate"] == "counted" and v["verdict"] == "up" for v in votes_of(coordinator, monitor).values()),
             "all votes after the heal", 70)
    equal(coordinator.alerts(kind="down"), [], "alerts")


def test_link_half_open(lab):
    """Either end dies while its last packets are lost: the other learns of it at the first word, or is replaced; nobody waits for a time-out."""
    network, receiver = Network(lab), Receiver(lab)
    coordinator = with_door(lab, channels=[receiver.channel])
    lab.regions(coordinator)
    sites = {city: network.site(city) for city in REGIONS}
    probes = {city: dialler(lab, coordinator, f"{city}-1", region, host=HERE, prefix=sites[city].prefix).start() for city, region in REGIONS.items()}
    lab.wait_connected(coordinator, *probes.values(), timeout=20)
    monitor = lab.monitor(coordinator, "closed", "tcp", f"127.0.0.1:{free_port()}", expect={"port": "closed"})
    counted = lambda: [v["fate"] for v in votes_of(coordinator, monitor).values()] == ["counted"] * 3
    wait_for(counted, "all votes", 15)
    links = lambda: coordinator.status()["door"]["links"]
    cut, victim = Cut(sites["tokyo"], coordinator.door_port), probes["tokyo"]

    # the probe is gone without a word: for the coordinator its connections stand
    cut.rule("output", "drop")
    victim.kill()
    equal(links(), 6, "the links as the coordinator sees them")
    cut.heal()
    began = time.monotonic()
    victim.start()
    wait_for(lambda: victim.text().count("new=spliced") >= 4, "the new probe's streams in place of the old ones", 5)
    wait_for(counted, "its vote", 10)
    in_place = seconds_since(began)

    # the coordinator is gone without a word: for the probe its connections stand
    cut.rule("input", "drop")
    cut.rule("output", "drop")
    lost = victim.text().count("old=spliced")
    coordinator.kill()
    coordinator.start()
    equal(victim.text().count("old=spliced"), lost, "connections that the probe has given up")
    cut.heal()
    began = time.monotonic()
    wait_for(lambda: victim.text().count("old=spliced") >= lost + 1, "the probe to learn of it", 20)
    wait_for(counted, "all votes", 40)
    print(f"    a new probe votes after {in_place:.1f} s, one that met a new coordinator after {seconds_since(began):.1f} s")
    equal(coordinator.alerts(), [], "alerts")
    equal(receiver.messages(), [], "messages")


test_link_slow_long.long = test_link_lossy_long.long = 700
test_link_slow_long.seconds = test_link_lossy_long.seconds = 400
test_link_refused.seconds = 40
test_link_half_open.seconds = 30
test_link_slow.seconds = test_link_lossy.seconds = 40
