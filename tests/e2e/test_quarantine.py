# SPDX-License-Identifier: MIT
"""Quarantine by the real rule: a probe whose network is ill contradicts everybody else, about the targets of several organizations."""
from lab import check, equal, wait_for
from peers import Network, Taker, run
from test_clock import WallClock
from test_link import NOWHERE, standing, to_door, votes_of, with_door

HOMES = ("earth", "venus", "pluto", "moon")
ALLOW = ["10.77.0.0/16", "10.78.0.0/16"]


class Court:
    """Five regions for five seats. mars has two probes: mars-1 is behind a wire, and votes on all of .monitors (name -> id)."""

    def __init__(self, lab):
        self.lab, self.clock, network = lab, WallClock(lab, "coordinator", -360), Network(lab)
        self.coordinator, self.hosts = with_door(lab, prefix=self.clock.prefix), Taker(lab, "0.0.0.0")  # every address of this machine
        self.mars, self.monitors = network.site("mars"), {}
        lab.regions(self.coordinator, [*HOMES, "mars"])
        probes = [lab.probe(self.coordinator, f"{home}-1", home, allow=ALLOW) for home in HOMES]
        probes.append(lab.probe(self.coordinator, "mars-2", "mars", allow=ALLOW))
        probes.append(lab.probe(self.coordinator, "mars-1", "mars", link=NOWHERE, prefix=self.mars.prefix, allow=ALLOW,
                                coordinator=to_door(self.coordinator, "10.77.0.1")))
        for p in probes:
            p.start()
        lab.wait_connected(self.coordinator, *probes, timeout=20)

    def add(self, name, organization, network, seats=5):
        """A monitor of a target in a network of its own; again, until mars-1 is one of its voters."""
        address = f"10.78.{network}.1"
        run("ip", "address", "add", f"{address}/32", "dev", "lo")
        while True:
            id = self.lab.monitor(self.coordinator, name, "tcp", f"{address}:{self.hosts.port}", organization=organization,
                                  quorum={"seats": seats, "rounds": 1, "gap": "500ms"})
            if "mars-1" in votes_of(self.coordinator, id):
                self.monitors[name] = id
                return
            self.coordinator.api.must("DELETE", f"/api/v1/monitors/{id}")

    def lose(self, networks):
        """mars-1 does not reach these any more."""
        self.mars.firewall("ip daddr { " + ", ".join(f"10.78.{n}.0/24" for n in networks) + " } meta l4proto tcp reject with tcp reset")

    def fate(self, name):
        """Of mars-1's vote: (verdict, fate, why)."""
        v = votes_of(self.coordinator, self.monitors[name]).get("mars-1")
        return v and (v["verdict"], v["fate"], v.get("why"))

    def fates(self, *names):
        return {self.fate(n) for n in names}

    def said(self, *argv):
        """What `quorate` prints, on one line: long ones are folded."""
        done = self.lab.cli(self.coordinator, *argv)
        equal(done.returncode, 0, f"quorate {' '.join(argv)}: {done.stderr}")
        return " ".join(done.stdout.split())


COUNTED, SET_ASIDE = ("down", "counted", None), ("down", "excluded", "quarantine")
REPLACED = ("down", "excluded", "quarantine, and another has its seat")


def test_quarantine(lab):
    """A probe that contradicts one organization's targets is set aside for that one, of three for all, and for none of three seats; one
    probe alert; it heals, and counts again; after a restart a liar is still set aside, and after five minutes its seat is another's."""
    court = Court(lab)
    coordinator, own = court.coordinator, ("acme-1", "acme-2", "acme-3", "acme-4")
    for i, name in enumerate(own):
        court.add(name, "acme", i + 1)
    court.add("globex", "globex", 5)
    court.add("initech", "initech", 6)
    court.add("three seats", "initech", 7, seats=3)
    everything = tuple(court.monitors)

    def alerts(**match):
        return coordinator.alerts(kind="probe", **match)

    def margin():
        m = coordinator.status()["margin"]
        return m["one"], m["more"]

    def told():
        return [a["reason"]["text"] for a in alerts(state="open")]

    wait_for(lambda: court.fates(*everything) == {("up", "counted", None)}, "all to be well", 20)

    wait_for(lambda: margin() == (1, 6), "monitors to bear one loss, and more")
    court.lose([1, 2, 3, 4])
    wait_for(lambda: court.fates(*own) == {SET_ASIDE}, "acme to set it aside", 60)
    equal(court.fates("globex", "initech", "three seats"), {("up", "counted", None)}, "the votes on what others have")
    equal(standing(coordinator, "mars-1"), "voting", "the standing of one that most believe")
    wait_for(lambda: any("votes do not count for monitors of acme until it agrees again" in t for t in told()), f"its alert: {told()}")

    court.lose([5, 6, 7])
    wait_for(lambda: court.fates(*own, "globex", "initech") == {SET_ASIDE}, "all to set it aside", 30)
    equal(court.fate("three seats"), COUNTED, "of three seats none is set aside")
    equal({coordinator.state(m) for m in court.monitors.values()}, {"up"}, "the states")
    equal(standing(coordinator, "mars-1"), "quarantined", "its standing")
    wait_for(lambda: any("contradicts the quorum on 7 of its 7 monitors; its votes do not count until" in t for t in told()), f"its alert: {told()}")
    equal([(a["kind"], a["severity"]) for a in coordinator.alerts(state="open")], [("probe", "warning")], "all that is open")
    others = [a for a in coordinator.alerts() if a["kind"] != "probe"]
    equal({(a["kind"], a["severity"]) for a in others} - {("regional", "warning")}, set(), "what it raised before it was set aside")
    check("excluded: quarantine" in court.said("explain", "globex") and
          "mars-1 (mars) contradicts the quorum: its votes do not count until it agrees again" in court.said("explain", "globex"),
          f"quorate explain: {court.said('explain', 'globex')}")
    check("its votes count here all the same: fewer than four seats can spare nobody" in court.said("explain", "three seats"), "explain of three seats")
    wait_for(lambda: margin() == (7, 0), "all monitors to bear one more loss")
    page = court.said("status")
    check("5 voting, 1 quarantined" in page and "margin 0 monitors tolerate no further loss" in page, f"quorate status: {page}")
    check("mars-1 mars all quarantined" in court.said("probe", "list"), f"quorate probe list: {court.said('probe', 'list')}")

    court.mars.heal()
    wait_for(lambda: court.fates(*everything) == {("up", "counted", None)}, "it to count again", 30)
    wait_for(lambda: not alerts(state="open") and standing(coordinator, "mars-1") == "voting", "its alert to close")
    equal(len(alerts()), 1, "probe alerts in all")

    court.lose(range(1, 8))
    wait_for(lambda: standing(coordinator, "mars-1") == "quarantined" and told(), "it to lie again", 30)
    case = alerts(state="open")[0]["case"]
    coordinator.kill()
    court.clock.set(0)  # six minutes on the wall: that is how long its sentence has lasted
    coordinator.start()
    equal(standing(coordinator, "mars-1"), "quarantined", "its standing after the restart")
    wait_for(lambda: court.fates(*own, "globex", "initech") == {REPLACED}, "its seats to be another's", 20)
    for name in (*own, "globex", "initech"):
        wait_for(lambda: votes_of(coordinator, court.monitors[name])["mars-2"]["fate"] == "counted", f"mars-2 to vote on {name}", 20)
    wait_for(lambda: margin() == (1, 6), "the margin to be what it was")
    wait_for(lambda: court.fate("three seats") == COUNTED, "its vote where there are three seats")
    check("and another has its seat meanwhile" in court.said("explain", "initech"), "explain tells of the seat")
    equal([a["case"] for a in alerts(state="open")], [case], "the open alert")
    equal([a["kind"] for a in coordinator.alerts() if a["id"] not in [o["id"] for o in others]], ["probe", "probe"], "all other alerts")


test_quarantine.seconds = 60
