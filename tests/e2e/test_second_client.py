# SPDX-License-Identifier: MIT
"""proto/README.md is enough to write a probe from: three that are nothing else form a quorum."""
import os
import signal
import socket

from lab import REGIONS, ROOT, Child, check, equal, wait_for, write
from test_join import add, door_coordinator


class SecondClient(Child):
    """A probe in Python; it joins anew at each start."""

    ends = (-signal.SIGTERM,)

    def __init__(self, lab, name, line):
        super().__init__(lab, name, ["/usr/bin/python3", os.path.join(ROOT, "tests/e2e/second_client.py"), "127.0.0.0/8"])
        self.line = write(lab.file(name + ".join"), line, 0o600)

    def start(self):
        with open(self.line) as line:
            return super().start(stdin=line)


def test_second_client(lab):
    """Probes written from the protocol's page alone join, vote up, outlive the coordinator, raise the alert, and are cut when removed."""
    c = door_coordinator(lab)
    lab.regions(c)
    target = socket.create_server(("127.0.0.1", 0), backlog=1000)
    where = target.getsockname()
    m = lab.monitor(c, "shop", "tcp", f"127.0.0.1:{where[1]}")
    probes = [SecondClient(lab, city, add(lab, c, city, region)).start() for city, region in REGIONS.items()]
    lab.wait_connected(c, *probes)
    lab.wait_state(c, m, "up")
    c.kill()
    c.start()
    wait_for(lambda: c.status()["link"]["sessions"] == 3, "the sessions after the coordinator's restart", 15)
    wait_for(lambda: [v["fate"] for v in c.explain(m)["votes"]] == ["counted"] * 3, "three votes", 10)
    lab.wait_settled(c)
    equal(c.state(m), "up", "the state after the restart")
    equal(c.alerts(), [], "alerts while all is well")

    target.close()
    alert = wait_for(lambda: c.alerts(kind="down", state="open"), "the alert", 15)[0]
    equal(alert["reason"]["code"], "tcp.refused", "its reason")
    votes = {v["probe"]: (v["verdict"], v["reason"], v["fate"]) for v in alert["votes"]}
    equal(votes, {city: ("down", "tcp.refused", "counted") for city in REGIONS}, "its votes")
    with socket.create_server(where, backlog=1000):
        wait_for(lambda: c.alerts(kind="down", state="closed"), "its end", 15)

    check(not any("Traceback" in p.text() for p in probes), "a client failed: " + "".join(p.text()[-2000:] for p in probes))
    before = c.status()["link"]
    check(before["invalid_messages"] == 0, f"messages that the coordinator could not read: {before}")
    equal(lab.cli(c, "probe", "remove", "tokyo").returncode, 0, "probe remove")
    wait_for(lambda: c.status()["door"]["links"] == 4, "its connections to end", 1)
    wait_for(lambda: "unauthorized" in probes[0].text(), "it to be told why", 5)
    check([v for v in c.explain(m)["votes"] if v["probe"] == "tokyo" and v["fate"] == "counted"] == [], "its vote counts still")


test_second_client.seconds = 10
