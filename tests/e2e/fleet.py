# SPDX-License-Identifier: MIT
"""What a newcomer has before the first `ansible-playbook`: bare hosts, packages, a folder with inventory, monitors and a vault.

The controller is 10.77.0.1, and with it the shop (nginx), the office's proxy (squid) and the receiver of webhooks. The host of the
office reaches nothing else than those.
"""
import json
import os
import re
import shutil
import subprocess
import threading
import time
from urllib.parse import quote

from hosts import HOSTS, Host, ssh_keys
from lab import ROOT, Api, Failure, check, read, wait_for, write
from peers import Network, Nginx, Receiver, Squid, run, server
from playbook import environment, playbook

HERE = "10.77.0.1"
PROXY_PASSWORD = "open-sesame-27"
MONITORS = """
defaults: {interval: 2s, timeout: 1s, quorum: {seats: 3, rounds: 2, gap: 500ms}}
monitors:
  - name: shop
    http: http://10.77.0.1/
    request: {headers: {Authorization: "Bearer known-to-the-shop-alone"}}
    expect: {body_contains: welcome}
  - name: no telnet
    tcp: 10.77.0.1:23
    expect: {port: closed}
  - name: way out
    ping: 10.77.0.1
"""



class Fleet:
    def __init__(self, lab):
        self.lab, self.folder, self.packages = lab, lab.file("fleet"), lab.file("packages")
        self.network = Network(lab)
        run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.hosts = {name: Host(lab, self.network, name) for name in ("coordinator", "tokyo-1", "frankfurt-1", "office-1")}
        self.coordinator, self.probes = self.hosts["coordinator"], list(self.hosts.values())[1:]
        for host in self.hosts.values():
            host.start()
        self.receiver = Receiver(lab, address=HERE)
        self.squid = Squid(lab, [443], "office", lab.secret(PROXY_PASSWORD)).start()
        self.shop = Nginx(lab, "shop", [server(f"{HERE}:80", 'location / { return 200 "welcome to the shop\\n"; }')]).start((HERE, 80))
        self.wall_office()
        self.write_folder()
        for host in self.hosts.values():
            host.wait_booted()
        self.api = Api(socket_path=None)

    def wall_office(self):
        """Its own network, where the shop and the proxy are; what came in may be answered; nothing else."""
        for rule in ("oif lo accept", "ct state established,related accept", f"ip daddr {HERE} accept", "counter reject"):
            self.hosts["office-1"].site.firewall(rule)

    # ---- the folder that a user has
    def write_folder(self):
        shutil.copytree(os.path.join(ROOT, "ansible/example"), self.folder)
        built = os.path.join(ROOT, "build/deb")
        os.makedirs(self.packages)
        machine = run("dpkg", "--print-architecture").strip()
        for name in ("quorate", "quorate-probe", "quorate-coordinator"):
            found = [f for f in os.listdir(built) if re.fullmatch(rf"{name}_[^_]+_{machine}\.deb", f)] if os.path.isdir(built) else []
            check(len(found) == 1, f"one package of {name} in build/deb, and not {found}: make deb")
            shutil.copy(os.path.join(built, found[0]), self.packages)
        self.lab.secret("known-to-the-shop-alone")
        write(os.path.join(self.folder, "monitors.yml"), MONITORS)
        write(os.path.join(self.folder, "inventory.yml"), json.dumps(self.inventory(), indent=1))
        self.write_vault()

    def inventory(self):
        user, known = ssh_keys(self.lab)

        def group(name, **variables):
            return {"hosts": {name: {"ansible_host": self.hosts[name].address}}, "vars": variables}
        channel = {"name": "ops", "webhook": self.receiver.url, "secret": "{{ vault_webhook_secret }}"}
        return {"all": {"vars": {
            "ansible_user": "admin", "ansible_ssh_private_key_file": user, "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={known} -o StrictHostKeyChecking=yes",
            "quorate_packages": self.packages, "quorate_packages_cache": os.path.join(HOSTS, "cache"),
        }, "children": {
            "quorate_coordinator": group("coordinator", quorate_coordinator_addresses=[f"{self.coordinator.address}:443"],
                                         quorate_coordinator_monitors=["monitors.yml"], quorate_coordinator_channels=[channel]),
            "quorate_probes": {"vars": {
                "quorate_probe_allow_addresses": ["10.77.0.0/16"],
                "quorate_probe_settings": {"min_interval": "1s", "per_destination": 100},
            }, "children": {
                "tokyo": group("tokyo-1", quorate_probe_region="tokyo", quorate_probe_provider="east",
                               quorate_probe_egress=["10.77.0.0/16"]),
                "frankfurt": group("frankfurt-1", quorate_probe_region="frankfurt",
                                   quorate_probe_url=f"https://{self.coordinator.address}"),
                "office": group("office-1", quorate_probe_region="office", quorate_probe_proxy=f"http://office@{HERE}:{self.squid.port}",
                                quorate_probe_proxy_password="{{ vault_proxy_password }}"),
            }}, "quorate_cli": {"hosts": {}}}}}

    def write_vault(self):
        folder = os.path.join(self.folder, "group_vars/all")
        os.makedirs(folder)
        secrets = {"vault_webhook_secret": self.receiver.secret, "vault_proxy_password": PROXY_PASSWORD}
        vault = write(os.path.join(folder, "vault.yml"), json.dumps(secrets), 0o600)
        self.vault_password = write(self.lab.file("vault-password"), self.lab.secret("of the vault, 31") + "\n", 0o600)
        done = subprocess.run(["ansible-vault", "encrypt", "--vault-password-file", self.vault_password, vault], capture_output=True, text=True,
                              env=environment(self.lab))
        check(done.returncode == 0, done.stderr)

    def play(self, name, *options, **more):
        return playbook(self.lab, self.folder, name, "--vault-password-file", self.vault_password, *options, **more)

    def play_and(self, name, when, what, **more):
        """Plays NAME, and calls WHAT once its output has WHEN in it: (recap, seconds from there to its end)."""
        path = self.lab.file("log", f"ansible-{more['log']}.log")
        called = []

        def meddle():
            wait_for(lambda: os.path.exists(path) and when in read(path), when, 60)
            what()
            called.append(time.monotonic())
        thread = threading.Thread(target=meddle)
        thread.start()
        recap = self.play(name, **more)
        thread.join()
        check(called, f"the play never said {when!r}")
        return recap, time.monotonic() - called[0]

    # ---- the system that came of it
    def connect(self):
        """Talks to the coordinator over its socket, as root on its host would."""
        root = f"/proc/{self.coordinator.leader()}/root"
        self.api.key = self.lab.secret(read(root + "/var/lib/quorate-coordinator/admin.key").strip())
        self.api.socket_path = root + "/run/quorate-coordinator/api.sock"
        return self

    def states(self):
        """name -> state of every monitor; None while the coordinator does not answer."""
        try:
            return {m["name"]: m["state"] for m in self.api.items("/api/v1/monitors")}
        except OSError:
            return None

    def standing(self, name):
        return self.api.must("GET", f"/api/v1/probes/{name}")["standing"]

    def wait_states(self, state, timeout=60):
        try:
            wait_for(lambda: set((self.states() or {"": None}).values()) == {state} or None, f"all monitors to be {state}", timeout)
        except Failure as e:
            explained = [self.api.must("GET", f"/api/v1/monitors/{quote(m)}/explain") for m, s in (self.states() or {}).items() if s != state]
            raise Failure(f"{e}\n{json.dumps(explained, indent=1)}") from None

    def results(self, monitor):
        return self.api.must("GET", f"/api/v1/monitors/{quote(monitor)}/results?limit=500")["items"]

    def secrets_here(self):
        """Files on the controller with a join string in them; the hosts' own are left out."""
        return run("sh", "-c", f"grep -rlE 'quorate-join-1:|qj_[0-9a-f]{{16}}' --exclude-dir=hosts {self.lab.dir} || true").split()

    def squid_log(self):
        return read(self.squid.access_log)

    def watch(self):
        return Watch(self).start()

    def check_no_repeats(self):
        """No check of any monitor was reported twice: one result of a probe per start."""
        for name in self.states():
            results = self.results(name)
            keys = [(r["probe"], r["started_at"]) for r in results]
            check(len(keys) > 30 and len(keys) == len(set(keys)), f"{name}: {len(keys)} results, {len(set(keys))} checks")

    def raise_version(self, more):
        """The same packages once more, as a newer version."""
        for file in os.listdir(self.packages):
            path, tree = os.path.join(self.packages, file), self.lab.file("repack")
            run("dpkg-deb", "-R", path, tree)
            control = os.path.join(tree, "DEBIAN/control")
            with open(control) as f:
                text = re.sub(r"(?m)^Version: (.*)$", rf"Version: \1{more}", f.read())
            write(control, text)
            run("dpkg-deb", "--root-owner-group", "-b", tree, self.packages)
            shutil.rmtree(tree)
            os.unlink(path)


class Watch:
    """Looks at every monitor's state all the time: the states seen, and how long not all of them were up."""

    def __init__(self, fleet):
        self.fleet, self.states, self.looks, self.ended = fleet, set(), 0, False
        self.pending_s = self.silent_s = 0.0
        self.thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self.thread.start()
        return self

    def _run(self):
        last = time.monotonic()
        while not self.ended:
            states, now = self.fleet.states(), time.monotonic()
            if states is None:
                self.silent_s += now - last
            else:
                self.looks += 1
                self.states |= set(states.values())
                self.pending_s += now - last if "pending" in states.values() else 0
            last = now
            time.sleep(0.05)

    def stop(self):
        self.ended = True
        self.thread.join()
        return self
