# SPDX-License-Identifier: MIT
"""What another policy would have done, on the history of a real outage and of a real regional fault."""
import json

from lab import check, equal, wait_for, write
from test_faults import System


def rehearse(system, monitor, policy=None, *more):
    lab = system.lab
    options = ["--policy", write(lab.file("policy.yml"), policy)] if policy else []
    done = lab.cli(system.coordinator, "rehearse", "-o", "json", "--from", "1h", *options, *more, monitor)
    equal(done.returncode, 0, f"exit status; {done.stderr}")
    return json.loads(done.stdout)["alerts"]


def test_rehearse(lab):
    """Under the policy in force the replay finds the alerts that really were; a longer alert.after finds none; a quorum of one
    would have raised what one probe alone saw. What cannot be rehearsed is refused, with its place in the file."""
    system = System(lab, "replay").start().settle()
    c, page = system.coordinator, system.monitors[0]
    system.site.down()
    for monitor in system.monitors:
        lab.wait_state(c, monitor, "down")
    system.site.up()
    for monitor in system.monitors:
        lab.wait_state(c, monitor, "up")
    real = [a for a in c.alerts(kind="down") if a["monitor"]["name"] == "page 0"]
    equal(len(real), 1, "real alerts of page 0")
    # results are stored a moment after they voted
    wait_for(lambda: [a["closed_at"] for a in rehearse(system, "page 0")] and rehearse(system, "page 0")[-1]["closed_at"],
             "the stored end of the outage")

    again = rehearse(system, "page 0")
    equal([(a["kind"], a["really"]) for a in again], [("down", real[0]["case"])], "alerts under the policy in force")
    equal(again[0]["reason"]["code"], "tcp.refused", "its reason")
    check(again[0]["rounds"] == 2, "confirmed by the rounds that were run then")
    equal(rehearse(system, "page 0", "alert: {after: 10m}\n"), [], "alerts that last for ten minutes")
    one = rehearse(system, page, "quorum: {down: 1, up: 1, rounds: 0}\n")
    check("down" in [a["kind"] for a in one] and one[0]["rounds"] == 0, f"one seat, no rounds: {one}")

    refused = lab.cli(c, "rehearse", "--policy", write(lab.file("wrong.yml"), "alert: {after: 1m}\nexpect: {status: [200]}\n"), "page 0")
    equal(refused.returncode, 2, "exit status of a policy that asks for what probes judged")
    check("wrong.yml:2:" in refused.stderr and "failures" in refused.stderr, refused.stderr)
    refused = lab.cli(c, "rehearse", "--policy", write(lab.file("wrong.yml"), "quorum:\n  seats: many\n"), "page 0")
    check(refused.returncode == 2 and "wrong.yml:2:" in refused.stderr and "seats" in refused.stderr, refused.stderr)
    refused = lab.cli(c, "rehearse", "--from", "yesterday", "page 0")
    check(refused.returncode == 2 and "'yesterday'" in refused.stderr, refused.stderr)
    table = lab.cli(c, "rehearse", "page 0").stdout
    check("WOULD OPEN" in table and real[0]["case"] in table, table)
    print("    " + table.replace("\n", "\n    "))


test_rehearse.seconds = 12
