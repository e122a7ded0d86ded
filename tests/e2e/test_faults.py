# SPDX-License-Identifier: MIT
"""Probes that vanish, hang, are cut off or lie must not change a verdict by themselves, and must not stay unnoticed."""
import re
import time

from lab import check, equal, stays, wait_for
from peers import Network, Receiver, Relay, Site


class System:
    """A coordinator of its own with three probes, a site and three monitors of it, settled and UP."""

    def __init__(self, lab, name, link_of=None, address="127.0.0.1", **conf):
        self.lab, self.name = lab, name
        self.receiver = Receiver(lab, name)
        self.site = Site(lab, name + "-site", address)
        self.coordinator = lab.coordinator(name=name, channels=[self.receiver.channel], **conf).start()
        self.link_of = link_of or (lambda city: None)

    def start(self, prefix_of=lambda city: ()):
        lab, c = self.lab, self.coordinator
        lab.regions(c)
        self.probes = []
        for city, region in (("tokyo", "ap-northeast-1"), ("frankfurt", "eu-central-1"), ("virginia", "us-east-1")):
            self.probes.append(lab.probe(c, f"{city}-{self.name}", region, link=self.link_of(city), prefix=prefix_of(city)).start())
        lab.wait_connected(c, *self.probes)
        host = self.site.where
        self.monitors = [lab.monitor(c, f"page {i}", "http", self.site.url + str(i)) for i in range(2)]
        self.monitors.append(lab.monitor(c, "port", "tcp", f"{host[0]}:{host[1]}"))
        return self

    def settle(self):
        for monitor in self.monitors:
            self.lab.wait_state(self.coordinator, monitor, "up")
        self.lab.wait_settled(self.coordinator)
        equal(self.coordinator.alerts(), [], f"{self.name}: alerts before the fault")
        return self

    def relays(self, site=None):
        """Two relays to the coordinator's link; what a probe is configured with."""
        self.wires = [Relay(self.lab, self.coordinator.report_port, site), Relay(self.lab, self.coordinator.orders_port, site)]
        return {"report": self.wires[0].url, "orders": self.wires[1].url}

    def verdicts_stand(self):
        for monitor in self.monitors:
            equal(self.coordinator.state(monitor), "up", f"{self.name}: a monitor's state")
        equal([a for a in self.coordinator.alerts() if a["kind"] in ("down", "undetermined")], [], f"{self.name}: false alerts")

    def said_once(self, kinds, timeout):
        """Exactly one alert, of one of KINDS."""
        wait_for(lambda: self.coordinator.alerts(), f"{self.name}: an alert that says so", timeout)
        alerts = self.coordinator.alerts()
        check(len(alerts) == 1 and alerts[0]["kind"] in kinds, f"{self.name}: {[(a['kind'], a.get('probe'), a['severity']) for a in alerts]}")
        return alerts[0]


def ipc(lab, name):
    return {"link": {"report": f"ipc://{lab.file(name + '.report')}", "orders": f"ipc://{lab.file(name + '.orders')}"}}


def one_of_three(lab, seconds):
    systems = {name: System(lab, name) for name in ("killed", "frozen", "cut")}
    cut = systems["cut"]
    cut.link_of = lambda city: cut.relays() if city == "virginia" else None
    for system in systems.values():
        system.start()
    for system in systems.values():
        system.settle()
    systems["killed"].probes[2].kill()
    systems["frozen"].probes[2].freeze()
    for wire in cut.wires:
        wire.cut()
    began = time.monotonic()
    while time.monotonic() - began < 40 and not all(s.coordinator.alerts() for s in systems.values()):
        for system in systems.values():
            system.verdicts_stand()
        time.sleep(0.2)
    for name, system in systems.items():
        alert = system.said_once(("probe",), 5)
        equal((alert["probe"]["name"] if isinstance(alert["probe"], dict) else alert["probe"], alert["monitor"]), (system.probes[2].name, None),
              f"{name}: what the alert is about")
    stays(lambda: [s.verdicts_stand() for s in systems.values()], "verdicts", seconds)
    for system in systems.values():
        system.said_once(("probe",), 1)
    systems["killed"].probes[2].start()
    systems["frozen"].probes[2].thaw()
    for wire in cut.wires:
        wire.heal()
    for name, system in systems.items():
        closed = system.receiver.wait("the close", 40, type="alert.closed")
        equal(closed.alert["kind"], "probe", f"{name}: what is closed")
        system.verdicts_stand()
        equal([m.type for m in system.receiver.messages()], ["alert.opened", "alert.closed"], f"{name}: all messages")


def test_one_of_three(lab):
    """One of three probes killed, SIGSTOPped or cut off: verdicts stand, one probe alert, closed when it is back."""
    one_of_three(lab, 3)


def test_one_of_three_long(lab):
    """The same for ten minutes."""
    one_of_three(lab, 600)


def lying(lab, seconds):
    network = Network(lab)
    osaka = network.site("virginia")
    began = time.monotonic()
    system = System(lab, "lying", address="10.77.0.1", **ipc(lab, "lying"))
    system.start(lambda city: osaka.prefix if city == "virginia" else ()).settle()
    wait_for(lambda: time.monotonic() - began > 31, "the court of probes to sit, 30 s after the coordinator's start", 32)
    osaka.firewall("ip daddr 10.77.0.1 meta l4proto tcp reject with tcp reset")
    alert = system.said_once(("probe", "regional"), 30)
    check("virginia" in str(alert) or "us-east-1" in str(alert), f"the alert names the liar: {alert}")
    stays(lambda: [system.verdicts_stand()], "verdicts", seconds)
    system.said_once(("probe", "regional"), 1)
    osaka.heal()
    system.receiver.wait("the close", 40, type="alert.closed")
    equal([m.type for m in system.receiver.messages()], ["alert.opened", "alert.closed"], "all messages")


def test_lying(lab):
    """A probe whose every check fails (its own firewall): verdicts stand, exactly one alert names it."""
    lying(lab, 5)


def test_lying_long(lab):
    """The same for ten minutes."""
    lying(lab, 600)


def two_cut(lab, seconds):
    system = System(lab, "two")
    wires = []

    def link(city):
        if city == "tokyo":
            return None
        given = system.relays()
        wires.extend(system.wires)
        return given

    system.link_of = link
    system.start().settle()
    for wire in wires:
        wire.cut()
    for monitor in system.monitors:
        lab.wait_state(system.coordinator, monitor, "undetermined", 30)
    unknown = lambda: [a for a in system.coordinator.alerts() if a["severity"] == "unknown"]
    began = time.monotonic()
    while time.monotonic() - began < seconds and not unknown():
        equal(system.coordinator.alerts(kind="down"), [], "DOWN without a quorum")
        time.sleep(0.2)
    return system, unknown


def test_two_of_three_cut(lab):
    """Two of three cut off: undetermined, never DOWN; both probes' alerts open, and nothing else."""
    system, _ = two_cut(lab, 0)
    wait_for(lambda: len(system.coordinator.alerts(kind="probe")) == 2, "an alert for each lost probe", 45)
    equal(system.coordinator.alerts(kind="down"), [], "DOWN without a quorum")
    for monitor in system.monitors:
        equal(system.coordinator.state(monitor), "undetermined", "a monitor that one of three sees")


def test_two_of_three_cut_long(lab):
    """Two of three cut off for long: an alert of severity unknown says that nobody knows."""
    system, unknown = two_cut(lab, 200)
    check(unknown(), f"no alert of severity unknown: {system.coordinator.alerts()}")
    stays(lambda: not system.coordinator.alerts(kind="down"), "no DOWN", 60)


def test_nonsense(lab):
    """Garbage on the link's ports, and a probe with a wrong token: refused and counted, nobody else notices."""
    import socket
    system = System(lab, "nonsense").start().settle()
    c = system.coordinator
    bad = system.lab.probe(c, "mallory-1", "us-east-1")
    with open(bad.token_file, "w") as f:
        f.write("qpt_" + "A" * 44 + "\n")
    bad.start()
    greeting = b"\0SP\0\0\x30\0\0"
    for port in (c.report_port, c.orders_port):
        for data in (b"GET / HTTP/1.0\r\n\r\n", b"\xff" * 100, greeting + b"\0" * 7 + b"\x20" + b"{" * 32, greeting + b"\xff" * 8,
                     greeting + b"\0" * 7 + b"\x0c" + b"\x80\0\0\1" + b'{"type"}', greeting + b"\0" * 7 + b"\x06" + b"\x80\0\0\1[]"):
            with socket.create_connection(("127.0.0.1", port)) as s:
                s.sendall(data)
    wait_for(lambda: "unauthorized" in bad.text() or "token" in bad.text(), "the probe to say that its token was refused", 10)
    stays(lambda: [system.verdicts_stand()], "verdicts", 3)
    equal([p["standing"] for p in c.api.items("/api/v1/probes") if p["name"] == "mallory-1"], ["never-seen"], "a probe with a wrong token")


for test, seconds, long in ((test_one_of_three, 75, 0), (test_one_of_three_long, 700, 900), (test_lying, 40, 0), (test_lying_long, 650, 900),
                            (test_two_of_three_cut, 70, 0), (test_two_of_three_cut_long, 290, 400), (test_nonsense, 25, 0)):
    test.seconds = seconds
    if long:
        test.long = long


def test_mass_outage(lab):
    """Sixty monitors of one site go down at once: the first are confirmed by bursts, then the site's budget is used up and
    scheduled checks decide; so many at once are looked at once more. Each is told once, each recovery too."""
    system = System(lab, "mass").start()
    system.monitors += [lab.monitor(system.coordinator, f"crowd {i}", "http", f"{system.site.url}crowd/{i}") for i in range(57)]
    system.settle()
    metric = lambda name: int(re.search(rf"^{name} (\d+)", system.coordinator.api.get("/metrics").body.decode(), re.M)[1])
    system.site.down()
    told = lambda kind: {d.alert["monitor"]["name"] for d in system.receiver.messages(type=kind, **{"kind": "down"})}
    held_by = lambda: {h["why"] for m in system.monitors for h in system.coordinator.explain(m)["holding"]}
    wait_for(lambda: "mass_flip" in held_by() or None, "explain, of what is looked at once more", 20)
    wait_for(lambda: len(told("alert.opened")) == 60 or None, "an alert of every monitor", 40)
    check("budget" in held_by(), "explain, of a burst that could not be afforded")
    denied, bursts = metric("quorate_bursts_denied_total"), metric("quorate_bursts_total")
    check(denied > 0, "bursts that no budget was left for")
    check(0 < bursts < 60, f"some confirmed by bursts: {bursts} ordered, {denied} denied")
    rounds = [a["quorum"]["rounds"] for a in system.coordinator.alerts(kind="down")]
    held = [a["held_ms"] for a in system.coordinator.alerts(kind="down")]
    check(max(held) >= 5000 and max(held) <= 61000, f"held back, and looked at once more: {sorted(held)}")
    check(2 in rounds and 0 in rounds, f"confirmed by two rounds, and by scheduled checks: {sorted(rounds)}")
    system.site.up()
    wait_for(lambda: len(told("alert.closed")) == 60 or None, "the end of every alert", 60)
    equal(len(system.coordinator.alerts(kind="down")), 60, "down alerts in all")


test_mass_outage.seconds = 20
