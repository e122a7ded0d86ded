# SPDX-License-Identifier: MIT
"""Maintenance windows, with real programs, a real receiver and a kill -9 in the middle of a window."""
import json

from lab import check, equal, wait_for
from peers import Receiver, Site

FAST = {"timeout": "100ms", "quorum": {"seats": 3, "rounds": 1}}


def test_maintenance(lab):
    """What begins in a window and lasts is told at its end, what ends inside is nobody's, what was open before closes inside; over kill -9."""
    receiver = Receiver(lab)
    coordinator = lab.coordinator(channels=[receiver.channel]).start()
    names = ("before", "inside", "beyond", "timed")
    sites = {name: Site(lab, name) for name in names}
    lab.trio(coordinator)
    ids = {name: lab.monitor(coordinator, name, "http", sites[name].url, **FAST,
                             labels={} if name == "timed" else {"team": "web"}) for name in names}

    def run(*argv, status=0):
        done = lab.cli(coordinator, *argv)
        equal(done.returncode, status, f"quorate {' '.join(argv)}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def told(name, kind):
        return [m.alert for m in receiver.messages(type=kind) if m.alert["monitor"]["id"] == ids[name]]

    def finds(name):
        found = coordinator.explain(ids[name])
        return found["state"], (found["maintenance"] or {}).get("finds")

    for name in names:
        lab.wait_state(coordinator, ids[name], "up")
    lab.wait_settled(coordinator)
    sites["before"].down()
    wait_for(lambda: told("before", "alert.opened") or None, "the alert before the window")

    started = json.loads(run("-o", "json", "maintenance", "start", "--label", "team=web", "--for", "1h", "--reason", "new rack"))
    equal((started["covers"], started["on"]), (3, True), "the window")
    check("It covers 1 monitor" in run("maintenance", "start", "timed", "--for", "20s"), "what start says")
    for name in ("inside", "beyond", "timed"):
        sites[name].down()
    for name in ("inside", "beyond", "timed"):
        wait_for(lambda: finds(name) == ("maintenance", "down") or None, f"{name}: {finds(name)}", timeout=20)
    equal(coordinator.status()["monitors"]["maintenance"], 4, "monitors in maintenance")
    check("new rack" in run("explain", "beyond") and "maintenance, ends in" in run("monitor", "list"), "explain and list tell it")

    told_customers = lab.cli(coordinator, "explain", "beyond", "--audience", "customer").stdout
    check("when its maintenance ends" in told_customers and "new rack" not in told_customers, f"a customer's explain: {told_customers}")

    coordinator.kill()
    coordinator.check_integrity()
    coordinator.start()
    equal(finds("beyond")[0], "maintenance", "beyond after the crash")
    lab.wait_settled(coordinator)
    sites["before"].up()
    sites["inside"].up()
    wait_for(lambda: told("before", "alert.closed") or None, "what was open before closes inside", timeout=20)
    wait_for(lambda: finds("inside") == ("maintenance", "up") or None, f"inside: {finds('inside')}", timeout=20)
    opened = wait_for(lambda: told("timed", "alert.opened") or None, "what is wrong at the end of a window", timeout=40)
    timed = [m for m in coordinator.api.items("/api/v1/maintenances") if m["monitors" if "monitors" in m else "id"] == ["timed"]][0]
    check(opened[0]["opened_at"] >= timed["to"], f"opened at {opened[0]['opened_at']}, the window ended at {timed['to']}")
    equal((timed["on"], timed["window"]), (False, None), "the window that is over")

    equal(told("beyond", "alert.opened"), [], "alerts of what broke in the window that goes on")
    check("409" not in run("maintenance", "end", started["id"]), "ended early")
    wait_for(lambda: told("beyond", "alert.opened") or None, "what lasts beyond the end", timeout=20)
    lab.wait_state(coordinator, ids["inside"], "up")
    equal((told("inside", "alert.opened"), len(told("before", "alert.opened")), len(told("beyond", "alert.opened"))), ([], 1, 1), "alerts")
    check("it is over already" in run("maintenance", "end", started["id"], status=1), "it ends once")

    again = run("maintenance", "add", "timed", "--every", "monday,last-friday", "--at", "02:00", "--zone", "Asia/Tokyo", "--for", "2h").split()[0]
    check("monday, last-friday at 02:00 Asia/Tokyo for 2h" in run("maintenance", "list"), "the list")
    run("maintenance", "remove", again)
    check("did you mean timed" in run("maintenance", "start", "tmed", "--for", "1h", status=1), "a name that is none")
    check("Asia/Tokyo" in run("maintenance", "add", "timed", "--every", "day", "--at", "02:00", "--zone", "Tokyo", "--for", "1h", status=1), "a zone that is none")

    own = lab.secret(coordinator.api.must("POST", "/api/v1/keys", {"name": "acme editor", "role": "editor", "organization": "acme"})["secret"])
    ask = lambda method, path, body=None: coordinator.api.call(method, f"/api/v1/maintenances{path}", body, key=own)
    equal(ask("GET", "").json["items"], [], "what another organization sees")
    equal(ask("GET", f"/{started['id']}").status, 404, "one of another organization")
    equal(ask("POST", "", {"monitors": ["timed"], "for": "1h"}).status, 422, "a monitor of another organization")
    equal(ask("POST", "", {"organization": "default", "for": "1h"}).status, 422, "another organization")
    made = ask("POST", "", {"organization": "acme", "for": "1h"})
    equal((made.status, made.json["covers"], len(ask("GET", "").json["items"])), (201, 0, 1), "its own")
    equal(coordinator.state(ids["timed"]), "down", "a monitor of another organization meanwhile")
    equal(receiver.problems, [], "signatures")


test_maintenance.seconds = 45
