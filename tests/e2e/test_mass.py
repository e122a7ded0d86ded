# SPDX-License-Identifier: MIT
"""A mass flip told to people and to programs, with real programs, two real receivers and a kill -9 between hold and message."""
from lab import check, equal, wait_for
from peers import Receiver, Site

N = 30


def test_mass_grouped(lab):
    """Thirty monitors flip at once: the channel for people gets one message that names them, the other each alert; a kill -9
    before the message is sent loses none and repeats none; their return is told as one, too."""
    programs, people = Receiver(lab, "programs"), Receiver(lab, "people")
    channels = [programs.channel, {**people.channel, "mass_flips": "grouped"}]
    coordinator = lab.coordinator(channels=channels).start()
    site = Site(lab, "mass")
    lab.trio(coordinator)
    names = {f"shop {i}" for i in range(N)}
    monitors = [lab.monitor(coordinator, name, "http", f"{site.url}{name[5:]}", organization="acme") for name in sorted(names)]
    for monitor in monitors:
        lab.wait_state(coordinator, monitor, "up", timeout=30)
    lab.wait_settled(coordinator)

    def singles(receiver, end):
        return [d for d in receiver.messages(type=f"alert.{end}") if d.alert["kind"] == "down"]

    def held(receiver, end):
        return [d for d in singles(receiver, end) if "mass_flip" in d.json]

    def told_to_people(end):
        """Which monitor was told of how often, in whatever message."""
        listed = [a["monitor"]["name"] for d in people.messages(type=f"alerts.{end}") for a in d.json["data"]["alerts"]]
        return sorted(listed + [d.alert["monitor"]["name"] for d in singles(people, end)])

    site.down()
    wait_for(lambda: len(held(programs, "opened")) >= 20 or None, "what the mass flip held back, for programs", 40)
    coordinator.kill()
    equal(people.messages(type="alerts.opened"), [], "what people were told before the crash")
    coordinator.check_integrity()
    coordinator.start()
    wait_for(lambda: len(told_to_people("opened")) >= N or None, "every opened alert to be told to people", 60)
    groups = people.messages(type="alerts.opened")
    data = groups[0].json["data"]
    check(data["count"] >= 20 and data["more"] == 0, f"the first message: {data['count']} alerts, {data['more']} more")
    equal(data["organization"], "acme", "its organization")
    check(5000 <= data["held_ms"] <= 61000, f"held for {data['held_ms']} ms")
    check(all(f"{a['monitor']['name']} ({a['case']})" in data["text"] for a in data["alerts"]), data["text"])
    check({d.json["mass_flip"]["id"] for d in held(programs, "opened")} >= {data["mass_flip"]["id"]}, "the flip's id, for programs")
    check(len(groups) <= 2, f"{len(groups)} messages for people")
    equal(told_to_people("opened"), sorted(names), "each told once")

    lab.wait_settled(coordinator)
    site.up()
    wait_for(lambda: len(told_to_people("closed")) >= N or None, "every closed alert to be told to people", 60)
    equal(told_to_people("closed"), sorted(names), "each end told once")
    groups = people.messages(type="alerts.closed")
    check(1 <= len(groups) <= 2 and "are up again" in groups[0].json["data"]["text"], f"{len(groups)} messages about the end")
    for end in ("opened", "closed"):
        equal(sorted(d.alert["monitor"]["name"] for d in singles(programs, end)), sorted(names), f"each {end}, for programs")
    equal((programs.problems, people.problems), ([], []), "what the receivers complain about")


test_mass_grouped.seconds = 40
