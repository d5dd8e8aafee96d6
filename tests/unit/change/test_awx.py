# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX says of a job is read by HTTPS, and counts where two people launched and approved it.

The answers have the form of AWX 24: fields of jobs, workflow jobs, their nodes, approvals and schedules.
"""

from __future__ import annotations

import http.server
import ipaddress
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_identity import Identities, identities_from
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_approval import Approval
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_awx import (
    approval_from,
    approvals_in,
    authors_in,
    judge,
    launched_from,
    use_name,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.read_awx import Awx
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    GantryError,
    InputError,
    RefusedError,
    StateError,
    UnreachableError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_https import Https
from tests.unit.change.people import NOW

DAY = timedelta(days=1)
KNOWN = identities_from(
    [
        {"name": "mara", "awx_users": ["mara.keller"], "may": ["request", "approve"]},
        {"name": "tom", "awx_users": ["t.baker"], "may": ["approve"]},
        {"name": "ines", "awx_users": ["ines"], "may": ["approve"]},
        {"name": "otto", "awx_users": ["otto"], "may": ["request"]},
    ]
)
MARA = KNOWN.listed[0]


def user(number: int, name: str) -> dict[str, Any]:
    return {"id": number, "username": name, "first_name": "", "last_name": ""}


def job(number: int, kind: str, workflow: int, launcher: tuple[str, int, str], **fields: Any) -> dict[str, Any]:
    """A job or a workflow job."""
    source = {"id": workflow, "name": "Patch, approved", "description": "", "status": "running", "failed": False}
    what, launcher_id, name = launcher
    return {
        "id": number,
        "type": kind,
        "url": f"/api/v2/{kind}s/{number}/",
        "related": {"created_by": "/api/v2/users/7/"},
        "summary_fields": {
            "created_by": user(7, "mara.keller"),
            **({"source_workflow_job": source} if workflow else {}),
        },
        "name": "patch",
        "launch_type": "workflow" if workflow else "manual",
        "status": "running",
        "failed": False,
        "started": "2026-11-30T11:30:00.123456Z",
        "finished": None,
        "launched_by": {"id": launcher_id, "name": name, "type": what, "url": f"/api/v2/{what}s/{launcher_id}/"},
        **fields,
    }


def approval(number: int, workflow: int, by: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": number,
        "type": "workflow_approval",
        "summary_fields": {
            "source_workflow_job": {"id": workflow, "name": "Patch, approved"},
            "created_by": user(7, "mara.keller"),
            **({"approved_or_denied_by": user(9, by)} if by else {}),
        },
        "name": "change board",
        "launch_type": "workflow",
        "status": "successful",
        "failed": False,
        "started": "2026-11-30T10:00:00.000000Z",
        "finished": "2026-11-30T11:00:00.500000Z",
        "can_approve_or_deny": False,
        "approval_expiration": None,
        "timed_out": False,
        **fields,
    }


def nodes(*jobs: str) -> dict[str, Any]:
    related = [{"job": one} if one else {} for one in jobs]
    results = [{"id": place, "type": "workflow_job_node", "related": one} for place, one in enumerate(related)]
    return {"count": len(jobs), "next": None, "previous": None, "results": results}


RECORDED = {
    "/api/v2/jobs/41/": job(41, "job", 40, ("workflow_job", 40, "Patch, approved")),
    "/api/v2/workflow_jobs/40/": job(40, "workflow_job", 0, ("user", 7, "mara.keller")),
    "/api/v2/workflow_jobs/40/workflow_nodes/?page_size=200": nodes(
        "/api/v2/workflow_approvals/39/", "/api/v2/jobs/41/", ""
    ),
    "/api/v2/workflow_approvals/39/": approval(39, 40, "t.baker"),
}


@dataclass
class Server:
    """An AWX that plays recorded answers by HTTPS."""

    url: str
    ca: str
    answers: dict[str, Any] = field(default_factory=lambda: deepcopy(RECORDED))
    asked: list[tuple[str, str]] = field(default_factory=list)
    act: Callable[[http.server.BaseHTTPRequestHandler], bool] = lambda _handler: False

    def awx(self, **options: Any) -> Awx:
        named = {"name": "AWX", "option": "awx", "seconds": 10.0, "ca_cert": self.ca}
        return Awx(Https(self.url, headers={"Authorization": "Bearer s3cret"}, **{**named, **options}))


def _handler(server: Server) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append((self.path, self.headers.get("Authorization", "")))
            if server.act(self):
                return
            found = server.answers.get(self.path)
            body = json.dumps(found if found is not None else {"detail": "Not found."}).encode()
            self.send_response(200 if found is not None else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_given: Any) -> None:
            """Nothing."""

    return Handler


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, which is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "awx")])
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    directory = tmp_path_factory.mktemp("awx")
    certificate, private = directory / "cert.pem", directory / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return certificate, private


@pytest.fixture
def server(pair: tuple[Path, Path]) -> Iterator[Server]:
    """The AWX, while a test runs."""
    certificate, private = pair
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private)
    served = Server("", str(certificate))
    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(served))
    listener.socket = context.wrap_socket(listener.socket, server_side=True)
    served.url = f"https://127.0.0.1:{listener.server_address[1]}"
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield served
    listener.shutdown()
    listener.server_close()
    thread.join()


def judged(server: Server, identities: Identities = KNOWN, by: str = "mara") -> tuple[Approval, ...]:
    requester = next(one for one in identities.listed if one.name == by)
    return judge(server.awx().run(41), identities, requester, DAY, NOW)


def test_an_approval_by_someone_else_counts(server: Server) -> None:
    (one,) = judged(server)
    assert (one.by, one.how, one.time.isoformat()) == ("tom", "awx", "2026-11-30T11:00:00.500000+00:00")
    assert one.as_facts()["workflow_job"] == 40
    assert one.as_facts()["user"] == "t.baker"
    assert use_name(server.awx().run(41), "d" * 64) == f"awx-40-{'d' * 64}"
    assert {token for _path, token in server.asked} == {"Bearer s3cret"}


def _approved_by(name: str, **fields: Any) -> Callable[[dict[str, Any]], None]:
    return lambda answers: answers.update({"/api/v2/workflow_approvals/39/": approval(39, 40, name, **fields)})


def _launched_by(kind: str, number: int, name: str) -> Callable[[dict[str, Any]], None]:
    launched = job(40, "workflow_job", 0, (kind, number, name))
    return lambda answers: answers.update({"/api/v2/workflow_jobs/40/": launched})


def _job(**fields: Any) -> Callable[[dict[str, Any]], None]:
    return lambda answers: answers["/api/v2/jobs/41/"].update(fields)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        # awx#10610: AWX lets the user who launched a workflow approve it
        (_approved_by("mara.keller"), "mara cannot approve an own change"),
        (_approved_by("otto"), "otto may not approve a change"),
        (_approved_by("admin"), "the AWX user 'admin' belongs to no identity"),
        (_approved_by("T.Baker"), "one of tom looks like it"),
        (_approved_by("t.baker", status="failed", failed=True), "was denied by t.baker"),
        (_approved_by("", status="failed", timed_out=True), "has timed out"),
        (_approved_by("", status="pending", finished=None), "was not answered before the job began"),
        (_approved_by("t.baker", finished="2026-11-30T11:31:00Z"), "was not answered before the job began"),
        (_approved_by("t.baker", finished="2026-11-29T11:00:00Z"), "is 1 day 1 h old and holds for 1 day"),
        (_launched_by("user", 9, "t.baker"), "says that tom asks for job 41, and the change is mara's"),
        (_launched_by("user", 9, "nobody"), "the AWX user 'nobody' belongs to no identity"),
        (_launched_by("webhook", 0, "github"), "was launched by webhook github, so that it is not known who asks"),
        (_job(status="successful"), "says that job 41 is successful; an approval is for one that runs"),
        (_job(launched_by={}, summary_fields={}), "was launched by no user that it names"),
        (
            lambda answers: answers.update({"/api/v2/workflow_jobs/40/workflow_nodes/?page_size=200": nodes("")}),
            "has no approval node; put an approval node before the job",
        ),
    ],
)
def test_another_one_does_not_count(server: Server, change: Callable[[dict[str, Any]], None], words: str) -> None:
    change(server.answers)
    with pytest.raises(RefusedError) as refused:
        judged(server)
    assert words in str(refused.value)


def test_a_job_without_a_workflow_is_not_approved(server: Server) -> None:
    server.answers["/api/v2/jobs/41/"] = job(41, "job", 0, ("user", 7, "mara.keller"))
    with pytest.raises(RefusedError, match=r"the workflow of job 41 in AWX at https://.* has no approval node"):
        judged(server)


def test_two_nodes_are_two_approvals_and_a_later_one_is_left_out(server: Server) -> None:
    paths = [f"/api/v2/workflow_approvals/{number}/" for number in (37, 38, 39)]
    server.answers["/api/v2/workflow_jobs/40/workflow_nodes/?page_size=200"] = nodes(*paths)
    server.answers[paths[0]] = approval(37, 40, "ines")
    server.answers[paths[1]] = approval(38, 40, "", status="pending", finished=None)
    assert sorted(one.by for one in judged(server)) == ["ines", "tom"]


def test_a_workflow_in_a_workflow_is_approved_by_the_outer_one(server: Server) -> None:
    inner, outer = "/api/v2/workflow_jobs/40/", "/api/v2/workflow_jobs/30/"
    server.answers |= {
        inner: job(40, "workflow_job", 30, ("workflow_job", 30, "Night")),
        f"{inner}workflow_nodes/?page_size=200": nodes("/api/v2/jobs/41/"),
        outer: job(30, "workflow_job", 0, ("user", 7, "mara.keller")),
        f"{outer}workflow_nodes/?page_size=200": nodes("/api/v2/workflow_approvals/39/", inner),
        "/api/v2/workflow_approvals/39/": approval(39, 30, "t.baker"),
    }
    assert [one.by for one in judged(server)] == ["tom"]
    server.answers[outer] = job(30, "workflow_job", 30, ("workflow_job", 30, "itself"))
    with pytest.raises(StateError, match="more than 5 workflows deep"):
        judged(server)


def test_a_schedule_is_of_those_who_wrote_it(server: Server) -> None:
    _launched_by("schedule", 5, "nightly")(server.answers)
    schedule = {"id": 5, "summary_fields": {"created_by": user(7, "mara.keller"), "modified_by": user(9, "t.baker")}}
    server.answers["/api/v2/schedules/5/"] = schedule
    with pytest.raises(RefusedError, match="tom cannot approve an own change"):
        judged(server)
    _approved_by("ines")(server.answers)
    assert [one.by for one in judged(server)] == ["ines"]
    server.answers["/api/v2/schedules/5/"] = {"id": 5, "summary_fields": {}}
    with pytest.raises(StateError, match="does not say who wrote the schedule"):
        judged(server)


def test_what_is_not_there_or_may_not_be_read_is_named(server: Server) -> None:
    del server.answers["/api/v2/workflow_approvals/39/"]
    with pytest.raises(StateError, match="/api/v2/workflow_approvals/39/ is not there, or the token may not read it"):
        judged(server)


def answer(code: int, body: bytes = b"", **headers: str) -> Callable[[http.server.BaseHTTPRequestHandler], bool]:
    def act(handler: http.server.BaseHTTPRequestHandler) -> bool:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)
        return True

    return act


@pytest.mark.parametrize(
    ("act", "error", "words"),
    [
        (answer(401), UnreachableError, "refused the token (401)"),
        (answer(403), UnreachableError, "refused the token (403)"),
        (answer(502), StateError, "answered with the status 502"),
        (answer(302, Location="https://127.0.0.1:1/"), StateError, "answered with the status 302"),
        (answer(200, b"<html>"), StateError, "is damaged or forged"),
        (answer(200, b"[]"), StateError, "is no JSON object"),
        (answer(200, b"{}"), StateError, "does not answer as AWX does"),
        (answer(200, b'{"id": "x", "status": [], "summary_fields": {}}'), StateError, "does not answer as AWX does"),
        (answer(200, b" " * 5_000_000), StateError, "answered with more than 4194304 bytes"),
        (answer(200, b"{", Content_Length="100"), UnreachableError, "did not answer"),
    ],
)
def test_an_answer_that_is_none_is_one_sentence(
    server: Server, act: Callable[[http.server.BaseHTTPRequestHandler], bool], error: type[GantryError], words: str
) -> None:
    server.act = act
    with pytest.raises(error) as refused:
        judged(server)
    assert words in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_a_server_that_sends_a_byte_at_a_time_ends_at_the_deadline(server: Server) -> None:
    ended = threading.Event()

    def act(handler: http.server.BaseHTTPRequestHandler) -> bool:
        answer(200)(handler)
        for _turn in range(100):
            handler.wfile.write(b" ")
            if ended.wait(0.05):
                break
        return True

    server.act = act
    with pytest.raises(UnreachableError, match=r"its answer did not end within 0\.5 s"):
        server.awx(seconds=0.5).run(41)
    ended.set()


def test_a_certificate_of_another_authority_or_name_is_refused(server: Server) -> None:
    with pytest.raises(UnreachableError, match=r"did not answer .*CERTIFICATE_VERIFY_FAILED"):
        server.awx(ca_cert="").run(41)
    server.url = server.url.replace("127.0.0.1", "localhost")
    with pytest.raises(UnreachableError, match=r"did not answer .*certificate"):
        server.awx().run(41)
    assert server.asked == []


@pytest.mark.parametrize(
    "url", ["http://awx", "awx.example.com", "https://", "https://u:p@awx", "https://awx/?a=b", "file:///etc/passwd"]
)
def test_an_address_without_tls_is_refused(url: str) -> None:
    with pytest.raises(InputError, match=r"awx\.url: "):
        Https(url, "AWX", "awx", 1.0)


def test_a_file_of_authorities_that_is_none_is_named(server: Server, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"awx\.ca_cert: .* is no file of authorities"):
        server.awx(ca_cert=str(tmp_path / "none.pem")).run(41)
    assert "s3cret" not in repr(server.awx())


@pytest.mark.parametrize("damaged", [{}, {"id": 1}, {"id": -1, "summary_fields": {}}, {"id": 1, "summary_fields": []}])
def test_other_forms_are_refused(damaged: dict[str, Any]) -> None:
    for read in (launched_from, approval_from, approvals_in, authors_in):
        with pytest.raises(StateError):
            read(damaged, "AWX")


def test_only_links_to_approvals_count() -> None:
    links = ["/api/v2/workflow_approvals/7/", "/api/v2/jobs/8/", "x/workflow_approvals/9/../", "/workflow_approvals/a/"]
    assert approvals_in(nodes(*links), "AWX") == [7]
    with pytest.raises(StateError, match="more nodes than were asked for"):
        approvals_in({**nodes(), "next": "/api/v2/?page=2"}, "AWX")


def test_an_approval_of_tomorrow_is_none(server: Server) -> None:
    run = server.awx().run(41)
    job_ = replace(run.job, started=NOW + DAY)
    one = replace(run.approvals[0], finished=NOW + DAY / 2)
    with pytest.raises(RefusedError, match="is of a time that is still to come"):
        judge(replace(run, job=job_, approvals=(one,)), KNOWN, MARA, DAY, NOW)
