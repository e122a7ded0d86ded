# SPDX-License-Identifier: MIT
"""What a verdict leads to, with real programs: whose alert waits for whose, and what is told again; a kill -9 between."""
from lab import check, equal, wait_for
from peers import Receiver, Site

FAST = {"timeout": "100ms", "quorum": {"seats": 3, "rounds": 1}}


def test_parents(lab):
    """What is behind a router that is down opens no alert, also over kill -9; reminders come; when the router is back, what is still down does."""
    receiver = Receiver(lab)
    coordinator = lab.coordinator(channels=[receiver.channel]).start()
    sites = {name: Site(lab, name) for name in ("router", "shop", "page")}
    lab.trio(coordinator)
    router = lab.monitor(coordinator, "router", "http", sites["router"].url, alert={"remind": "10s"}, **FAST)
    shop = lab.monitor(coordinator, "shop", "http", sites["shop"].url, parents=["router"], **FAST)
    page = lab.monitor(coordinator, "page", "http", sites["page"].url, parents=["shop"], **FAST)
    for monitor in (router, shop, page):
        lab.wait_state(coordinator, monitor, "up")
    lab.wait_settled(coordinator)
    opened = lambda: [m.alert["monitor"]["name"] for m in receiver.messages(type="alert.opened")]

    for site in sites.values():
        site.down()
    case = receiver.wait("the router's alert", 30, type="alert.opened").alert["case"]
    for monitor in (shop, page):
        lab.wait_state(coordinator, monitor, "down")
    held = coordinator.explain(page)["held_back"]
    equal((held["by"], held["case"]), ("router", case), f"what holds the grandchild back: {held}")
    check("parent router is down since" in lab.cli(coordinator, "explain", "shop").stdout, "explain in words")
    show = lambda: coordinator.api.must("GET", f"/api/v1/alerts/{case}")
    wait_for(lambda: sorted(show().get("holds_back", [])) == ["page", "shop"] or None, f"what the alert holds back: {show()}")

    coordinator.kill()
    coordinator.check_integrity()
    coordinator.start()
    lab.wait_settled(coordinator)
    receiver.wait("a reminder of the router's alert", 20, type="alert.reminder")
    check(show()["reminders"] >= 1, "reminders are counted")
    equal(opened(), ["router"], "alerts opened so far")

    sites["page"].up()
    lab.wait_state(coordinator, page, "up")
    sites["router"].up()
    receiver.wait("the router's close", 30, type="alert.closed")
    wait_for(lambda: opened() == ["router", "shop"] or None, f"the shop's own alert: {opened()}", 20)
    equal(coordinator.explain(shop)["held_back"], None, "what holds the shop back now")
    sites["shop"].up()
    lab.wait_state(coordinator, shop, "up")
    equal(opened(), ["router", "shop"], "all alerts")
    equal(receiver.problems, [], "signatures")


test_parents.seconds = 30
