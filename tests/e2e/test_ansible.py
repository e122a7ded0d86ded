# SPDX-License-Identifier: MIT
"""The collection on real hosts, from bare machines to nothing left: `make e2e-ansible`."""
import os
import time

from fleet import Fleet
from lab import check, equal, wait_for

PENDING_MAX_S = 5  # after the coordinator's restart, until its probes are back and have said what they saw last


def stage_check_mode_first(fleet):
    """check mode on bare hosts says what would be done and changes nothing"""
    fleet.before = {name: (host.files(), host.accounts()) for name, host in fleet.hosts.items()}
    recap = fleet.play("site", "--check", "--diff", log="first-check")
    equal((recap.code, recap.sum("failed")), (0, 0), recap.text[-3000:])
    for name, host in fleet.hosts.items():
        equal(host.accounts() ^ fleet.before[name][1], set(), f"users and packages of {name} that differ")


def stage_deploy(fleet):
    """one run makes a coordinator and three probes of four bare hosts"""
    recap = fleet.play("site", "-vvv", log="deploy")
    equal((recap.code, recap.sum("failed"), recap.sum("unreachable")), (0, 0, 0), recap.text[-3000:])


    check("quorate-join-1" not in recap.text, "a join string is in the output")
    fleet.connect().wait_states("up")
    log = fleet.squid_log()
    check("CONNECT 10.77.1.2:443" in log, f"the office's probe did not come by its proxy: {log}")
    wall = fleet.hosts["tokyo-1"].sh("systemctl show -p IPAddressDeny -p IPAddressAllow --value quorate-probe").split()
    equal(set(wall), {"127.0.0.0/8", "::1/128", "10.77.0.0/16", "::/0", "0.0.0.0/0"}, "the wall round tokyo's unit")
    equal(fleet.secrets_here(), [], "join strings that stayed on the controller")
    check("10.77.4.2" not in fleet.hosts["coordinator"].sh("ss -Htn"), "the office is connected without its proxy")


def stage_again(fleet):
    """a second run changes nothing; check mode says so, too"""
    for log, options in (("again", ()), ("again-check", ("--check", "--diff"))):
        recap = fleet.play("site", *options, log=log)
        equal((recap.code, recap.sum("failed"), recap.sum("changed")), (0, 0, 0), recap.text[-3000:])


def stage_outage(fleet):
    """a stopped site raises exactly one alert, and its return closes it"""
    fleet.shop.stop()
    opened = fleet.receiver.wait("the alert", timeout=60, type="alert.opened", kind="down")
    equal(opened.alert["monitor"]["name"], "shop", "whose alert")
    fleet.shop.start()
    fleet.receiver.wait("its end", timeout=60, type="alert.closed", kind="down")
    fleet.wait_states("up")
    equal([(d.type, d.alert["kind"], d.alert["case"]) for d in fleet.receiver.messages()],
          [(t, "down", opened.alert["case"]) for t in ("alert.opened", "alert.closed")], "all messages")
    equal(fleet.receiver.problems, [], "signatures")


def stage_cut_off(fleet):
    """a host that cannot be reached, or is cut off in the middle of a play, fails in seconds; the others go on"""
    tokyo, frankfurt = fleet.hosts["tokyo-1"].site, fleet.hosts["frankfurt-1"].site
    tokyo.firewall("drop")
    began = time.monotonic()
    recap = fleet.play("probes", log="cut-off")
    print(f"             cut off before: {time.monotonic() - began:.0f} s in all")
    equal({n: (h["unreachable"], h["failed"]) for n, h in recap.hosts.items()},
          {"tokyo-1": (1, 0), "frankfurt-1": (0, 0), "office-1": (0, 0)}, recap.text[-3000:])
    check("[tokyo-1]: UNREACHABLE!" in recap.text and "tokyo-1                    : ok=0" in recap.text, f"no clear message: {recap.text}")
    tokyo.heal()
    recap, seconds = fleet.play_and("probes", "Compare with what", lambda: frankfurt.firewall("drop"), log="cut-off-within")
    frankfurt.heal()
    print(f"             cut off within: done {seconds:.0f} s later")
    equal({n: (h["unreachable"], h["failed"]) for n, h in recap.hosts.items()},
          {"tokyo-1": (0, 0), "frankfurt-1": (1, 0), "office-1": (0, 0)}, recap.text[-3000:])
    check(seconds < 60, f"it took {seconds:.0f} s")
    fleet.wait_states("up")


def stage_upgrade(fleet):
    """upgrade.yml during traffic: every monitor stays determined, no check is reported twice, nothing is raised"""
    fleet.raise_version("+1")
    said = len(fleet.receiver.messages())
    watch = fleet.watch()
    recap = fleet.play("upgrade")
    seen = watch.stop()
    equal((recap.code, recap.sum("failed"), recap.sum("unreachable")), (0, 0, 0), recap.text[-3000:])
    for host in fleet.hosts.values():
        versions = set(host.sh("dpkg-query -W -f '${Version}\\n' 'quorate*' | grep .").split())
        equal(versions, {"0.1.0+1"}, f"versions on {host.name}")
    started = sorted(int(h.sh("systemctl show -p ActiveEnterTimestampMonotonic --value quorate-probe")) / 1e6 for h in fleet.probes)
    check(started[0] + 1 < started[1] and started[1] + 1 < started[2], f"the regions were not upgraded one after the other: {started}")
    # A coordinator that has just started knows nothing until the probes are back, and says so: "pending".
    equal(seen.states - {"up", "pending"}, set(), f"states seen in {seen.looks} looks")
    check(seen.looks > 50 and seen.pending_s < PENDING_MAX_S, f"{seen.looks} looks, {seen.pending_s:.1f} s pending")
    print(f"             {seen.looks} looks; the coordinator's restart: {seen.silent_s:.1f} s without an answer, {seen.pending_s:.1f} s pending")
    equal([repr(d) for d in fleet.receiver.messages()[said:]], [], "messages during the upgrade")
    check("state.db" in fleet.coordinator.sh("ls /var/lib/quorate-coordinator/before-upgrade"), "no backup before the upgrade")
    fleet.check_no_repeats()
    recap = fleet.play("upgrade", log="upgrade-again")
    equal((recap.code, recap.sum("failed"), recap.sum("changed")), (0, 0, 0), recap.text[-3000:])


def stage_watchdog(fleet):
    """a killed and a hung probe come back by themselves"""
    for signal, name in (("KILL", "tokyo-1"), ("STOP", "office-1")):
        host, began = fleet.hosts[name], time.monotonic()
        before = host.pid("quorate-probe")
        host.sh(f"kill -{signal} {before}")
        wait_for(lambda: host.pid("quorate-probe") not in (0, before), f"{name} to be started again after SIG{signal}", 60)
        wait_for(lambda: fleet.standing(name) == "voting", f"{name} to vote", 30)
        print(f"             SIG{signal}: it votes again after {time.monotonic() - began:.0f} s")
    fleet.wait_states("up")


def stage_remove(fleet):
    """remove.yml leaves nothing behind"""
    recap = fleet.play("remove", log="remove-unasked")
    check(recap.code != 0 and "quorate_remove=true" in recap.text, f"it removed without being asked: {recap.text}")
    recap = fleet.play("remove", "-e", "quorate_remove=true")
    equal((recap.code, recap.sum("failed"), recap.sum("unreachable")), (0, 0, 0), recap.text[-3000:])
    for name, host in fleet.hosts.items():
        files, accounts = fleet.before[name]
        equal(host.accounts() ^ accounts, set(), f"users and packages of {name} that differ")
        equal(sorted(host.files() ^ files), [], f"files of {name} that differ")
        equal(host.sh("systemctl list-unit-files --no-legend 'quorate*'; ls -d /run/quorate* 2>/dev/null", ok=False), "", "units")
    recap = fleet.play("remove", "-e", "quorate_remove=true", "-e", "quorate_probe_coordinator=", log="remove-again")
    equal((recap.code, recap.sum("failed"), recap.sum("changed")), (0, 0, 0), recap.text[-3000:])


def test_ansible(lab):
    """Bare Debian hosts become a coordinator and probes in three regions, serve, are upgraded, and are bare again."""
    began = time.monotonic()
    fleet = Fleet(lab)
    print(f"    {time.monotonic() - began:6.1f} s  four bare hosts, a shop, a proxy, a receiver of webhooks")
    wanted = os.environ.get("STAGES", "").split()
    for name, stage in list(globals().items()):
        if name.startswith("stage_") and (not wanted or name[6:] in wanted or name == "stage_check_mode_first"):
            began = time.monotonic()
            stage(fleet)
            print(f"    {time.monotonic() - began:6.1f} s  {stage.__doc__}", flush=True)


test_ansible.long = 900
test_ansible.apart = True
