# SPDX-License-Identifier: MIT
"""What people do with alerts and monitors, with real programs, a real receiver and a kill -9 between."""
from lab import check, equal, wait_for
from peers import Receiver, Site

FAST = {"timeout": "100ms", "quorum": {"seats": 3, "rounds": 1}}


def types(receiver, alert):
    return [m.type for m in receiver.messages(id=alert["id"])]


def test_alert_people(lab):
    """Acknowledge, comment, close by hand, reopen: told once, kept over kill -9; what was closed opens again after it was up once."""
    receiver = Receiver(lab)
    coordinator = lab.coordinator(channels=[receiver.channel]).start()
    names = ("kept", "quiet", "still", "back")
    sites = {name: Site(lab, name) for name in names}
    lab.trio(coordinator)
    ids = {name: lab.monitor(coordinator, name, "http", sites[name].url, **FAST) for name in names}

    def run(*argv, status=0):
        done = lab.cli(coordinator, *argv)
        equal(done.returncode, status, f"quorate {' '.join(argv)}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def alert_of(name, count=1):
        wait_for(lambda: len([m for m in receiver.messages(type="alert.opened") if m.alert["monitor"]["id"] == ids[name]]) >= count or None,
                 f"alert {count} of {name}")
        return [m for m in receiver.messages(type="alert.opened") if m.alert["monitor"]["id"] == ids[name]][-1].alert

    show = lambda alert: coordinator.api.must("GET", f"/api/v1/alerts/{alert['case']}")
    for name in names:
        lab.wait_state(coordinator, ids[name], "up")
    lab.wait_settled(coordinator)
    for site in sites.values():
        site.down()
    kept, quiet, still, back = (alert_of(name) for name in names)

    check("by first admin" in run("alert", "ack", kept["case"].lower(), "--comment", "on it"), "who acknowledged it")
    run("alert", "ack", kept["case"])
    run("alert", "comment", kept["case"], "it is the switch")
    for alert in (quiet, still, back):
        run("alert", "close", alert["case"])
    sites["back"].up()
    lab.wait_state(coordinator, ids["back"], "up")
    check("it is over" in run("alert", "reopen", back["case"], status=1), "why it cannot be reopened")
    sites["back"].down()
    check(alert_of("back", 2)["case"] != back["case"], "a case of its own")
    equal(show(quiet)["state"], "closed", "what was closed by hand and is still down")

    coordinator.kill()
    coordinator.check_integrity()
    coordinator.start()
    found = show(kept)
    equal((found["state"], found["acknowledged_by"], [c["text"] for c in found["comments"]]),
          ("acknowledged", "first admin", ["on it", "it is the switch"]), "the acknowledged alert after the crash")
    equal(coordinator.explain(ids["quiet"])["closed_by_hand"], [quiet["case"]], "explain, of the one closed by hand")
    run("alert", "reopen", quiet["case"])
    equal((show(quiet)["state"], show(quiet)["closed_at"]), ("open", None), "it is open again")
    wait_for(lambda: types(receiver, quiet) == ["alert.opened", "alert.closed", "alert.opened"] or None, f"messages: {types(receiver, quiet)}")
    equal(types(receiver, kept), ["alert.opened", "alert.acknowledged", "alert.changed"], "each act told once")

    lab.wait_settled(coordinator)
    sites["kept"].up()
    closed = receiver.wait("the quorum's close", type="alert.closed", id=kept["id"]).alert
    equal((closed["acknowledged_by"], closed["closed_by"]), ("first admin", None), "who did what")
    equal(types(receiver, still), ["alert.opened", "alert.closed"], "closed by hand, still down, after the hold")
    equal([a["case"] for a in coordinator.alerts(state="open") if a["monitor"]["id"] == ids["still"]], [], "its open alerts")
    sites["still"].up()
    lab.wait_state(coordinator, ids["still"], "up")
    sites["still"].down()
    check(alert_of("still", 2)["case"] != still["case"], "down again after it was up: an alert")
    equal(types(receiver, still), ["alert.opened", "alert.closed"], "the old case stays closed")
    equal(receiver.problems, [], "signatures")


test_alert_people.seconds = 14


def test_monitor_pause(lab):
    """A paused monitor is asked by nobody, its alert closes, and the pause ends by itself after a kill -9; then the quorum speaks again."""
    receiver = Receiver(lab)
    coordinator = lab.coordinator(channels=[receiver.channel]).start()
    site, other = Site(lab, "paused"), Site(lab, "other")
    lab.trio(coordinator)
    shop = lab.monitor(coordinator, "shop", "http", site.url, **FAST)
    page = lab.monitor(coordinator, "page", "http", other.url, **FAST)
    for monitor in (shop, page):
        lab.wait_state(coordinator, monitor, "up")
    lab.wait_settled(coordinator)
    site.down()
    first = receiver.wait("the alert", type="alert.opened").alert

    def run(*argv):
        done = lab.cli(coordinator, *argv)
        equal(done.returncode, 0, f"quorate {' '.join(argv)}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    check("is paused until " in run("monitor", "pause", "shop", "--for", "8s", "--reason", "rack 7"), "what it says")
    closed = receiver.wait("the close", type="alert.closed", id=first["id"]).alert
    equal(closed["closed_because"], "the monitor was paused", "why it closed")
    equal(coordinator.state(shop), "paused", "its state")
    explained = " ".join(run("explain", "shop").split())  # without the lines that it is wrapped into
    check("PAUSED by first admin until" in explained and "Reason: rack 7" in explained, f"explain: {explained}")
    check("paused, ends in" in run("monitor", "list"), "the list")
    check("1 paused" in run("status"), "the status")
    pause = lambda: coordinator.api.must("GET", f"/api/v1/monitors/{shop}").get("pause")
    before = pause()

    coordinator.kill()
    coordinator.check_integrity()
    coordinator.start()
    equal((coordinator.state(shop), pause()), ("paused", before), "the pause after the crash")
    second = receiver.wait("an alert after the pause", type="alert.opened", count=2).alert
    check(second["case"] != first["case"] and second["opened_at"] >= before["until"], "a case of its own, after the pause")
    settled = before["at"][:17] + f"{float(before['at'][17:-1]) + 1:06.3f}Z"  # what was on its way when it began has ended
    during = lambda monitor: [r for r in coordinator.api.items(f"/api/v1/monitors/{monitor}/results?limit=500")
                              if settled < r["started_at"] < before["until"]]
    equal((during(shop), len(during(page)) > 3), ([], True), "results during the pause, of it and of the monitor beside it")
    run("monitor", "pause", "shop")
    check("checked again" in run("monitor", "resume", "shop"), "resumed by hand")
    equal(receiver.problems, [], "signatures")


test_monitor_pause.seconds = 15
