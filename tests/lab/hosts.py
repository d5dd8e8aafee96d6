# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts as containers: made, kept, repaired and removed, so that each `up` ends in the same lab."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import docker
import yaml
from docker.errors import APIError, NotFound
from docker.models.containers import Container
from docker.models.networks import Network

from tests.lab import images, pki, ssh, thirdparty, wait
from tests.lab.archive import File, pack, unpack
from tests.lab.errors import LabError
from tests.lab.progress import say
from tests.lab.spec import CATALOGUE, DEMO, FIRST_FREE_OCTET, MEASURED, SUBNETS, VM_IMAGES, HostSpec, address
from tests.lab.state import ROOT, State, hold, is_held, locked, shared, write

LABEL = "gantry.lab"
LABEL_HOST = "gantry.lab.host"
LABEL_IMAGE = "gantry.lab.image"
LABEL_OWNER = "gantry.lab.owner"
LABEL_CHECKOUT = "gantry.lab.checkout"
AUTHORITY = "/usr/local/share/ca-certificates/lab.crt"
# Where the image's Python keeps what it has compiled of modules.
COMPILED = "/var/cache/gantry-lab-compiled"
ACME_AUTHORITY = "/usr/local/share/ca-certificates/lab-acme.crt"
STARTED_AT_ONCE = 4
# One exec in a host may install packages or restore a database; none is waited for longer.
API_TIMEOUT_S = 900


@dataclass(frozen=True)
class Host:
    """One running host of a lab."""

    name: str
    address: str
    container: Container
    shell: ssh.Shell | None = None

    def run(self, argv: list[str], *, user: str = "root", env: dict[str, str] | None = None) -> str:
        """Run `argv` in the host and return its standard output; any exit code but 0 is an error."""
        code, out, err = self.attempt(argv, user=user, env=env)
        if code != 0:
            raise LabError(f"{self.name}: {' '.join(argv)} ended with {code}: {(err or out).strip()[-2000:]}")
        return out

    def attempt(
        self, argv: list[str], *, user: str = "root", env: dict[str, str] | None = None
    ) -> tuple[int, str, str]:
        """Run `argv` in the host; return exit code, standard output and standard error.

        A VM is reached over SSH; a third party has none, and is asked through Docker.
        """
        if self.shell is not None:
            return self.shell.run(argv, user, env or {})
        done = self.container.exec_run(argv, user=user, environment=env, demux=True)
        code, (out, err) = cast("tuple[int, tuple[bytes | None, bytes | None]]", done)
        return code, (out or b"").decode(errors="replace"), (err or b"").decode(errors="replace")

    def read(self, path: str) -> bytes:
        """The content of the file at `path`; not below /run, which Docker cannot see."""
        try:
            chunks, _stat = self.container.get_archive(path)
        except NotFound:
            raise FileNotFoundError(f"{self.name}:{path}") from None
        return unpack(list(chunks))

    def write(self, path: str, content: bytes | str, *, mode: int = 0o644, uid: int = 0, gid: int = 0) -> None:
        """Write a file at `path`; not below /run, which Docker cannot see."""
        data = content.encode() if isinstance(content, str) else content
        self.container.put_archive("/", pack([File(path, data, mode, uid, gid)]))


@dataclass(frozen=True)
class Lab:
    """One lab: a network of its own, and everything on it that carries the label with its name."""

    name: str = DEMO
    subnet: str = ""
    checkout: Path = ROOT

    @property
    def state(self) -> State:
        """The lab's files."""
        return State.of(self.name, self.checkout)

    @cached_property
    def client(self) -> docker.DockerClient:
        """The Docker Engine of this machine."""
        try:
            return docker.from_env(timeout=API_TIMEOUT_S)
        except docker.errors.DockerException as error:
            raise LabError(f"the Docker Engine does not answer ({error}); run tests/lab/bootstrap") from error

    def address(self, name: str) -> str:
        """The address that host `name` has or would have."""
        return address(self._subnet, CATALOGUE[name].octet if name in CATALOGUE else self._free_octet(name))

    def up(
        self,
        names: Iterable[str] | None = None,
        *,
        image: str | None = None,
        volumes: dict[str, str] | None = None,
    ) -> dict[str, Host]:
        """Bring up the hosts `names` (all of the catalogue by default) and wait until each answers."""
        wanted = list(CATALOGUE) if names is None else list(names)
        specs = [self._spec(name, image, volumes) for name in wanted]
        # Images have a lock of their own: two labs may wait for the same one.
        tags = images.ensure(self.client, {spec.image for spec in specs})
        hosts: dict[str, Host] = {}
        with self._alone():
            self._refuse_foreign()
            hold(self.name)
            self._ensure_network()
            pki.ensure_authority(self.state)
            # Once and before the hosts start side by side, each of which is given it.
            ssh.ensure_key(self.state)
            with ThreadPoolExecutor(STARTED_AT_ONCE) as pool:
                # The third parties first: the hosts are to trust what the ACME server issues since its last start.
                for batch in ([one for one in specs if not one.is_vm], [one for one in specs if one.is_vm]):
                    started = list(pool.map(lambda spec: self._ensure_host(spec, tags[spec.image]), batch))
                    hosts.update((host.name, host) for host in started)
                list(pool.map(self._trust, self._running_vms()))
            self._write_inventory()
        return {name: hosts[name] for name in wanted}

    def host(self, name: str, image: str | None = None, volumes: dict[str, str] | None = None) -> Host:
        """The host `name`, brought up if it does not run; `image` and `volumes` where it is not the catalogue's."""
        return self.up([name], image=image, volumes=volumes)[name]

    def down(self, *, force: bool = False) -> None:
        """Remove the lab's containers, volumes, network and files, and nothing else.

        force: also a lab of another checkout, unless a process uses it.
        """
        with self._alone():
            self._refuse_foreign(leftovers=True, force=force)
            with ThreadPoolExecutor(STARTED_AT_ONCE) as pool:
                list(pool.map(self._remove, self._containers()))
            for volume in self.client.volumes.list(filters=self._mine):
                volume.remove()
            for network in self.client.networks.list(filters=self._mine):
                network.remove()
            self.state.remove()

    @staticmethod
    def _remove(container: Container) -> None:
        container.remove(force=True, v=True)
        say(container.labels[LABEL_HOST], "removed")

    def status(self) -> list[dict[str, str]]:
        """What runs: name, address, image and state of each host that was made."""
        found = []
        for container in self._containers():
            name = container.labels[LABEL_HOST]
            health = container.status
            if health == "running" and container.labels[LABEL_IMAGE] in VM_IMAGES:
                health = f"running, systemd {wait.systemd_state(container)}"
            found.append(
                {
                    "name": name,
                    "address": address(self._subnet, self._octet(container)),
                    "image": container.image.tags[0] if container.image and container.image.tags else "(removed)",
                    "state": health,
                }
            )
        return found

    def connection(self, name: str) -> dict[str, Any]:
        """The variables with which Ansible reaches host `name`."""
        return {
            "ansible_host": self.address(name),
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(self.state.key),
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={self.state.known_hosts} -o IdentitiesOnly=yes",
            "ansible_python_interpreter": "/usr/bin/python3",
        }

    @property
    def _subnet(self) -> str:
        if not self.subnet and self.name not in SUBNETS:
            raise LabError(
                f"lab '{self.name}' needs a subnet; give one, or a name such as gantry-test-0 to gantry-test-15"
            )
        return self.subnet or SUBNETS[self.name]

    def _alone(self) -> AbstractContextManager[None]:
        return locked(shared(f"{self.name}.lock"), f"another run works on lab {self.name}")

    @property
    def _mine(self) -> dict[str, str | list[str] | bool]:
        return {"label": f"{LABEL}={self.name}"}

    def _containers(self) -> list[Container]:
        found = self.client.containers.list(all=True, filters=self._mine, ignore_removed=True)
        return sorted(found, key=self._octet)

    @staticmethod
    def _octet(container: Container) -> int:
        return int(container.labels["gantry.lab.octet"])

    def _spec(self, name: str, image: str | None, volumes: dict[str, str] | None) -> HostSpec:
        spec = CATALOGUE.get(name)
        if spec is None:
            if image is None:
                raise LabError(f"host '{name}' is not in the lab's catalogue ({', '.join(CATALOGUE)}): give an image")
            spec = HostSpec(name, self._free_octet(name), image, volumes or {})
        return replace(spec, image=image or spec.image)

    def _free_octet(self, name: str) -> int:
        taken = {self._octet(container): container.labels[LABEL_HOST] for container in self._containers()}
        for octet, holder in taken.items():
            if holder == name:
                return octet
        return next(octet for octet in range(FIRST_FREE_OCTET, 250) if octet not in taken)

    @property
    def _labels(self) -> dict[str, str]:
        return {LABEL: self.name, LABEL_OWNER: self.state.identity(), LABEL_CHECKOUT: str(self.checkout)}

    def _refuse_foreign(self, *, leftovers: bool = False, force: bool = False) -> None:
        """Raise LabError for a lab of another checkout. leftovers: accept one whose checkout has lost its keys."""
        networks = [network.attrs["Labels"] or {} for network in self.client.networks.list(filters=self._mine)]
        for labels in (*(container.labels for container in self._containers()), *networks):
            owner = labels.get(LABEL_OWNER, self.state.identity())
            if owner == self.state.identity():
                continue
            checkout = labels.get(LABEL_CHECKOUT, "another checkout")
            if is_held(self.name):
                raise LabError(
                    f"lab {self.name} is in use by a run of {checkout}; wait for its end, or set GANTRY_TEST_LAB to "
                    "the name of another lab"
                )
            if not force and not (leftovers and State.of(self.name, Path(checkout)).recorded() != owner):
                raise LabError(
                    f"lab {self.name} belongs to {checkout}; remove it by `python -m tests.lab down --lab {self.name}` "
                    "there, or with --force here, or set GANTRY_TEST_LAB to the name of another lab"
                )

    def _ensure_network(self) -> Network:
        for network in self.client.networks.list(names=[f"^{self.name}$"]):
            seen = [pool["Subnet"] for pool in network.attrs["IPAM"]["Config"]]
            if seen != [self._subnet] or network.attrs["Labels"].get(LABEL) != self.name:
                raise LabError(f"network {self.name} exists with subnet {seen}, not as the lab makes it; remove it")
            return network
        pool = docker.types.IPAMConfig(pool_configs=[docker.types.IPAMPool(subnet=self._subnet)])
        try:
            return self.client.networks.create(self.name, driver="bridge", ipam=pool, labels=self._labels)
        except APIError as error:
            raise LabError(
                f"network {self.name} with subnet {self._subnet} could not be made: {error.explanation}"
            ) from error

    def _ensure_host(self, spec: HostSpec, full: str) -> Host:
        container = self._kept(spec)
        made = container is None
        if container is None:
            container = self._make(spec, full)
        if container.status == "paused":
            container.unpause()
        answered = container.status == "running"
        if not answered:
            container.start()
        host = self._host(spec.name, container, spec.is_vm)
        if host.shell is not None:
            if not answered:
                host.shell.forget()
            wait.for_vm(container, host.address, fresh=made)
        else:
            thirdparty.wait_and_prepare(spec.name, self.state, host.address)
        say(spec.name, f"{'made' if made else 'kept'}, answers at {host.address}")
        return host

    def _host(self, name: str, container: Container, is_vm: bool) -> Host:
        at = address(self._subnet, self._octet(container))
        return Host(name, at, container, ssh.Shell.of(self.state, name, at) if is_vm else None)

    def _running_vms(self) -> list[Host]:
        return [
            self._host(container.labels[LABEL_HOST], container, True)
            for container in self._containers()
            if container.labels[LABEL_IMAGE] in VM_IMAGES and container.status == "running"
        ]

    def _trust(self, host: Host) -> None:
        """Have a host trust the company's authority, and the ACME server's as hosts trust a public one."""
        stale = host.attempt(["test", "-e", "/etc/ssl/certs/lab.pem"])[0] != 0
        if self.state.acme_root.exists():
            root = self.state.acme_root.read_bytes()
            if host.attempt(["cat", ACME_AUTHORITY])[1].encode() != root:
                host.write(ACME_AUTHORITY, root)
                stale = True
        if stale:
            host.run(["update-ca-certificates"])

    def _kept(self, spec: HostSpec) -> Container | None:
        """The host's container, if there is one to go on with; one never started, or of another kind, is removed."""
        try:
            container = self.client.containers.get(f"{self.name}-{spec.name}")
        except NotFound:
            return None
        if container.labels.get(LABEL) != self.name:
            raise LabError(f"container {container.name} is in the way and not the lab's; rename or remove it")
        if container.status in ("created", "dead", "removing") or container.labels[LABEL_IMAGE] != spec.image:
            container.remove(force=True, v=True)
            return None
        return container

    def _make(self, spec: HostSpec, full: str) -> Container:
        binds = [f"{self._ensure_volume(name)}:{path}" for name, path in spec.volumes.items()]
        security = ["seccomp=unconfined", "apparmor=unconfined"]
        options: dict[str, Any] = {}
        command = None
        if spec.is_vm:
            binds.append("/sys/fs/cgroup:/sys/fs/cgroup:rw")
            if self.name not in MEASURED:
                binds.append(f"{self._ensure_volume('compiled')}:{COMPILED}")
            options = {
                "cap_add": ["SYS_ADMIN", "NET_ADMIN"],
                "tmpfs": {"/run": "", "/run/lock": ""},
                "cgroupns": "host",
            }
            command = ["/sbin/init", *self._legacy_cgroups]
        api = self.client.api
        host_config = api.create_host_config(binds=binds, security_opt=security, network_mode=self.name, **options)
        if spec.image == "box":
            # What `docker run --security-opt systempaths=unconfined` sends: an engine inside mounts its own /proc.
            host_config.update(MaskedPaths=[], ReadonlyPaths=[])
        endpoint = api.create_endpoint_config(
            ipv4_address=address(self._subnet, spec.octet), aliases=[spec.name, *spec.aliases]
        )
        made = api.create_container(
            full,
            command,
            name=f"{self.name}-{spec.name}",
            hostname=spec.name,
            environment=thirdparty.environment(spec.name, self._subnet),
            labels={
                **self._labels,
                LABEL_HOST: spec.name,
                LABEL_IMAGE: spec.image,
                "gantry.lab.octet": str(spec.octet),
            },
            host_config=host_config,
            # the published type of its argument is wrong
            networking_config=api.create_networking_config(cast("Any", {self.name: endpoint})),
        )
        container = self.client.containers.get(made["Id"])
        container.put_archive("/", pack(self._files(spec)))
        return container

    def _files(self, spec: HostSpec) -> list[File]:
        """What a host is given before its first start: keys and the company's authority, or its configuration."""
        if not spec.is_vm:
            return thirdparty.files(spec.name, self.state, address(self._subnet, spec.octet))
        private, public = ssh.ensure_host_key(self.state, spec.name)
        return [
            File("/etc/ssh/ssh_host_ed25519_key", private.encode(), 0o600),
            File("/etc/ssh/ssh_host_ed25519_key.pub", f"{public}\n".encode()),
            File("/root/.ssh/authorized_keys", f"{ssh.ensure_key(self.state)}\n".encode(), 0o600),
            File(AUTHORITY, self.state.ca.read_bytes()),
        ]

    @cached_property
    def _legacy_cgroups(self) -> list[str]:
        if str(self.client.info().get("CgroupVersion")) != "1":
            return []
        return ["systemd.unified_cgroup_hierarchy=0", "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"]

    def _ensure_volume(self, name: str) -> str:
        full = f"{self.name}-{name}"
        self.client.volumes.create(full, labels=self._labels)
        return full

    def _write_inventory(self) -> None:
        vms = [c.labels[LABEL_HOST] for c in self._containers() if c.labels[LABEL_IMAGE] in VM_IMAGES]
        document = {"all": {"hosts": {name: self.connection(name) for name in vms}}}
        ssh.write_known_hosts(self.state, {name: self.address(name) for name in vms})
        write(self.state.inventory, yaml.safe_dump(document, sort_keys=True), mode=0o600)
