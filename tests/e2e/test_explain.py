# SPDX-License-Identifier: MIT
"""What explain says of a monitor and of its alert, to operators and to customers, with real programs."""
import json

from lab import check, equal, wait_for
from peers import Receiver, Site

FAST = {"timeout": "100ms", "quorum": {"seats": 3, "rounds": 1}}


def test_explain(lab):
    """A monitor up, down and up again: what would change it; its alert is explained while open and, after a restart, once closed; a customer meets no probe."""
    receiver = Receiver(lab)
    coordinator = lab.coordinator(channels=[receiver.channel]).start()
    site = Site(lab, "shop")
    lab.trio(coordinator)
    shop = lab.monitor(coordinator, "shop", "http", site.url, **FAST)
    get = lambda path: coordinator.api.must("GET", f"/api/v1/{path}")
    probes = [p["name"] for p in get("probes")["items"]]

    def run(*argv):
        done = lab.cli(coordinator, "explain", *argv)
        equal(done.returncode, 0, f"explain {' '.join(argv)}: {done.stdout}{done.stderr}")
        return " ".join(done.stdout.split())

    def says(where, *parts):
        for part in parts:
            check(part in where, f"{part!r} in: {where}")

    lab.wait_state(coordinator, shop, "up")
    lab.wait_settled(coordinator)
    wait_for(lambda: [v["fate"] for v in coordinator.explain(shop)["votes"]] == ["counted"] * 3, "three votes")
    says(run("shop"), "2 seats saying down make it DOWN", "2 of the 3 up seats falling silent make it UNDETERMINED",
         "without any newer result it is UNDETERMINED in", "a turn counts once one more round of checks has said the same")
    site.down()
    case = receiver.wait("the alert", type="alert.opened").alert["case"]
    says(run(case), "It opened because it is DOWN:", "of 3 seats said down, 2 are needed, confirmed by a round of checks: ", probes[0],
         "(tcp.refused)", "down seats saying up make it UP", "When it opened:")
    site.up()
    receiver.wait("its close", type="alert.closed")
    coordinator.kill()
    coordinator.start()
    says(run(case.lower()), "closed, because it was over:", "of 3 seats said up, 2 are needed", "When it closed:")
    ja = run(case, "--audience", "customer", "--lang", "ja")
    says(ja, "a probe in ", "接続が拒否されました")
    seen = [ja, run("shop", "--audience", "customer")]
    seen += [json.dumps(get(f"{path}?audience=customer")) for path in (f"alerts/{case}", f"alerts/{case}/explain", f"monitors/{shop}/explain")]
    for text in seen:
        equal([name for name in probes if name in text], [], f"probes that a customer is shown in: {text}")


test_explain.seconds = 5
