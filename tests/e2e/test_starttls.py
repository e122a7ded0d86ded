# SPDX-License-Identifier: MIT
"""STARTTLS with the real servers of each protocol: Debian's, unpacked by tests/peers.sh, each beside one without TLS."""
import json
import os
import shutil
import signal
import subprocess

from lab import BUILD, ROOT, Child, Failure, Skip, check, equal, free_port, read, wait_for, write
from peers import certificates, port_open

SERVERS = os.path.join(ROOT, "build/peers-servers/root")
ACCOUNTS = ("Debian-exim", "dovecot", "dovenull")


class Server(Child):
    ends = (*Child.ends, -signal.SIGTERM)


class Servers:
    """Runs them in a mount namespace of their own, in which Debian's files lie where they were built for."""

    def __init__(self, lab):
        self.lab = lab
        self.ca, self.cert, self.key = certificates(lab)
        os.chmod(lab.dir, 0o755)
        if not os.path.isdir(SERVERS):
            raise Failure("build/peers-servers is missing: run sh tests/peers.sh servers")
        if read("/proc/self/uid_map").split() != ["0", "0", "4294967295"]:
            raise Skip("needs root: the servers change to accounts of their own")
        etc = lab.file("etc")
        os.makedirs(etc)
        for number, name in enumerate(ACCOUNTS, 9001):
            for file, line in (("passwd", f"{name}:x:{number}:{number}::/nonexistent:/usr/sbin/nologin\n"), ("group", f"{name}:x:{number}:\n")):
                path = os.path.join(etc, file)
                write(path, (read(path) if os.path.exists(path) else read("/etc/" + file)) + line)
        self.inside = write(lab.file("inside.sh"), (
            f"set -e\nmount -t overlay overlay -o lowerdir={SERVERS}/usr:/usr /usr\n"
            f"mount -t overlay overlay -o lowerdir={etc}:{SERVERS}/etc:/etc /etc\nexec \"$@\"\n"))

    def folder(self, name):
        path = self.lab.file(name)
        os.makedirs(path)
        return path

    def run(self, *argv):
        subprocess.run(["unshare", "-m", "sh", self.inside, *argv], check=True, capture_output=True)

    def start(self, name, port, *argv):
        child = Server(self.lab, name, ["unshare", "-m", "sh", self.inside, *argv]).start()
        wait_for(lambda: not child.alive() or port_open("127.0.0.1", port), f"{name} at port {port}", 30, asserts=False)
        check(child.alive(), f"{name} runs: {child.text()[-1000:]}")
        return port

    # ---- one function per server: with TLS or without; each returns {protocol: port}
    def exim(self, tls):
        port, name = free_port(), f"exim-{tls}"
        folder = self.folder(name)
        crypto = f"tls_advertise_hosts = *\ntls_certificate = {self.cert}\ntls_privatekey = {self.key}\n" if tls else "tls_advertise_hosts =\n"
        conf = write(os.path.join(folder, "conf"), (
            f"exim_user = root\nexim_group = root\nnever_users =\nkeep_environment =\nspool_directory = {folder}\nlog_file_path = {folder}/%slog\n"
            f"pid_file_path = {folder}/pid\ndaemon_smtp_ports = {port}\nlocal_interfaces = 127.0.0.1\nprimary_hostname = mail.example.test\n{crypto}"))
        return {"smtp": self.start(name, port, "/usr/sbin/exim4", "-C", conf, "-bdf")}

    def dovecot(self, tls):
        name, ports = f"dovecot-{tls}", {p: free_port() for p in ("imap", "pop3", "sieve", "lmtp")}
        folder = self.folder(name)
        listener = lambda service, p: f"service {service} {{\n  inet_listener {p} {{\n    port = {ports[p]}\n  }}\n}}\n"
        none = lambda service, p: f"service {service} {{\n  inet_listener {p} {{\n    port = 0\n  }}\n}}\n"
        conf = write(os.path.join(folder, "conf"), (
            f"base_dir = {folder}/run\nprotocols = imap pop3 lmtp sieve\nlog_path = {folder}/log\nlisten = 127.0.0.1\nssl = {'yes' if tls else 'no'}\n"
            f"ssl_cert = <{self.cert}\nssl_key = <{self.key}\npassdb {{\n  driver = static\n  args = password=x\n}}\n"
            f"userdb {{\n  driver = static\n  args = uid=nobody gid=nogroup home={folder}\n}}\n"
            + listener("imap-login", "imap") + none("imap-login", "imaps") + listener("pop3-login", "pop3") + none("pop3-login", "pop3s")
            + listener("managesieve-login", "sieve") + listener("lmtp", "lmtp")))
        self.start(name, ports["imap"], "/usr/sbin/dovecot", "-F", "-c", conf)
        return ports

    def vsftpd(self, tls):
        port, name = free_port(), f"vsftpd-{tls}"
        folder = self.folder(name)
        conf = write(os.path.join(folder, "conf"), (
            f"listen=YES\nlisten_address=127.0.0.1\nlisten_port={port}\nbackground=NO\nanonymous_enable=YES\nssl_enable={'YES' if tls else 'NO'}\n"
            f"rsa_cert_file={self.cert}\nrsa_private_key_file={self.key}\nsecure_chroot_dir={folder}\nseccomp_sandbox=NO\nnopriv_user=nobody\n"
            f"ftp_username=nobody\n"))
        return {"ftp": self.start(name, port, "/usr/sbin/vsftpd", conf)}

    def prosody(self, tls):
        name, client, other = f"prosody-{tls}", free_port(), free_port()
        folder = self.folder(name)
        crypto = f'ssl = {{ certificate = "{self.cert}"; key = "{self.key}" }}\n' if tls else ""
        modules = '"tls"; "saslauth"; "s2s"' if tls else '"saslauth"; "s2s"'
        conf = write(os.path.join(folder, "conf.lua"), (
            f'run_as_root = true\npidfile = "{folder}/pid"\ndata_path = "{folder}"\ninterfaces = {{ "127.0.0.1" }}\nc2s_ports = {{ {client} }}\n'
            f's2s_ports = {{ {other} }}\nmodules_enabled = {{ {modules} }}\nc2s_require_encryption = {"true" if tls else "false"}\n'
            f's2s_require_encryption = {"true" if tls else "false"}\nlog = "{folder}/log"\n{crypto}VirtualHost "localhost"\n{crypto}'))
        self.start(name, client, "/usr/bin/lua5.4", "/usr/bin/prosody", "-F", "--config", conf)
        return {"xmpp": client, "xmpp-server": other}

    def slapd(self, tls):
        port, name = free_port(), f"slapd-{tls}"
        folder = self.folder(name)
        crypto = f"TLSCertificateFile {self.cert}\nTLSCertificateKeyFile {self.key}\n" if tls else ""
        conf = write(os.path.join(folder, "conf"), (
            f"include /etc/ldap/schema/core.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb.la\npidfile {folder}/pid\n{crypto}"
            f"database mdb\nsuffix \"dc=example,dc=test\"\ndirectory {folder}\n"))
        return {"ldap": self.start(name, port, "/usr/sbin/slapd", "-f", conf, "-h", f"ldap://127.0.0.1:{port}", "-d", "0")}

    def postgres(self, tls):
        port, name = free_port(), f"postgres-{tls}"
        folder = self.folder(name)
        key = shutil.copy(self.key, os.path.join(folder, "server.key"))
        for path, mode in ((folder, 0o755), (key, 0o600)):
            os.chmod(path, mode)
            shutil.chown(path, "nobody")
        nobody = ("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups")
        program = "/usr/lib/postgresql/15/bin/"
        self.run(*nobody, program + "initdb", "-D", folder + "/data", "-A", "trust", "--no-sync")
        return {"postgres": self.start(name, port, *nobody, program + "postgres", "-D", folder + "/data", "-p", str(port), "-h", "127.0.0.1",
                                       "-k", folder, "-c", f"ssl={'on' if tls else 'off'}", "-c", f"ssl_cert_file={self.cert}", "-c", f"ssl_key_file={key}")}

    def mariadb(self, tls):
        port, name = free_port(), f"mariadb-{tls}"
        folder = self.folder(name)
        os.makedirs(folder + "/data")
        crypto = (f"--ssl-cert={self.cert}", f"--ssl-key={self.key}") if tls else ("--skip-ssl",)
        return {"mysql": self.start(name, port, "/usr/sbin/mariadbd", "--no-defaults", f"--datadir={folder}/data", f"--port={port}",
                                    "--bind-address=127.0.0.1", f"--socket={folder}/socket", "--skip-grant-tables", "--skip-networking=0",
                                    "--user=root", "--innodb-log-file-size=4M", *crypto)}

    ALL = (exim, dovecot, vsftpd, prosody, slapd, postgres, mariadb)


def test_starttls(lab):
    """Eleven protocols' real servers change to TLS and show their certificate; those without TLS refuse, and say so."""
    servers = Servers(lab)
    conf = write(lab.file("probe.yml"), json.dumps({"state_dir": lab.dir, "per_destination": 1000, "allow": ["127.0.0.0/8"]}))
    run = lambda *words: json.loads(subprocess.run(
        [os.path.join(BUILD, "quorate-probe"), "check", "-c", conf, "-o", "ndjson", *words], env={**lab.env, "SSL_CERT_FILE": servers.ca},
        capture_output=True, text=True, timeout=30).stdout)
    seen = set()
    for make in Servers.ALL:
        for tls in (True, False):
            for protocol, port in make(servers, tls).items():
                seen.add(protocol)
                found = run("tls", f"localhost:{port}", "--starttls", protocol)
                if tls:
                    equal((found["verdict"], found["reason"]), ("up", "ok"), f"{protocol}: {found}")
                    check("localhost" in found["certificate"]["names"], f"{protocol}: {found['certificate']}")
                else:
                    # prosody has nothing to offer to other servers then, and ends the stream with an error
                    reason = "tls.starttls_unexpected" if protocol == "xmpp-server" else "tls.starttls_refused"
                    equal(found["reason"], reason, f"{protocol} without TLS: {found}")
    equal(len(seen), 11, "protocols")


test_starttls.long = 90
