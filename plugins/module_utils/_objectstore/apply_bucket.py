# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bucket: the only place that talks to S3, and where its errors become sentences."""

from __future__ import annotations

import functools
import os
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from io import BytesIO
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    InputError,
    LibraryError,
    StateError,
    UnreachableError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import (
    WHOLE_BYTES,
    Readable,
    Retention,
    Settings,
    Stored,
    joined,
)

try:
    import boto3
    from boto3.exceptions import Boto3Error
    from boto3.s3.transfer import TransferConfig
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, SSLError
except ImportError:
    BOTO3_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    BOTO3_IMPORT_ERROR = None

WORKERS = 8
UPLOADERS = 4
DELETE_BATCH = 1000
CONFLICT_S = 10
# So often in a row, a body may be cut off without a byte of progress.
BODY_ATTEMPTS = 5
# S3 takes at most this many parts, and none below 5 MiB but the last
MAX_PARTS = 9000
PART_BYTES = 8 * 1024 * 1024
PIECE_BYTES = 1024 * 1024
_SYSTEM_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
_REFUSED = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied", "403", "Forbidden", "RequestTimeTooSkewed")
# What a server says that is overloaded or being repaired, and every answer with a status from 500 on.
_BUSY, _SERVER_ERROR, _NOT_IMPLEMENTED = ("SlowDown", "RequestTimeout", "Throttling"), 500, 501
_PAST_END = ("InvalidRange", "416")
_EXISTS = ("PreconditionFailed", "412")
# An object without a lock, and a bucket whose objects cannot have one.
_UNLOCKED = ("NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError", "InvalidRequest")
_ABSENT = ("NoSuchKey", "404", "NoSuchLifecycleConfiguration", "NotFound")


class Bucket:
    """The objects of one bucket. Every method raises UnreachableError or StateError with one sentence."""

    readers = WORKERS

    def __init__(self, settings: Settings, client: Any) -> None:
        self.settings = settings
        self._client = client

    @property
    def where(self) -> str:
        """The store as an error sentence names it."""
        return self.settings.where

    def now(self) -> datetime:
        """The time by the server's clock, which also dates its objects."""
        with self._said("be asked for its time"):
            answer = self._client.list_objects_v2(Bucket=self.settings.bucket, MaxKeys=1, Prefix=self.settings.prefix)
        date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        return parsedate_to_datetime(date) if date else datetime.now(timezone.utc)

    def objects(self, prefix: str) -> dict[str, Stored]:
        """Every object below `prefix`, by key."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.settings.bucket, Prefix=prefix)
        found: dict[str, Stored] = {}
        with self._said(f"list {prefix}"):
            for page in pages:
                for item in page.get("Contents", []):
                    found[item["Key"]] = Stored(item["Size"], item["LastModified"])
        return found

    def get(self, key: str) -> bytes | None:
        """The bytes of an object, None when there is none."""
        with self._said(f"read {key}"):
            try:
                body = self._client.get_object(Bucket=self.settings.bucket, Key=key)["Body"]
                pieces = iter(functools.partial(body.read, PIECE_BYTES), b"")
                return joined(pieces, WHOLE_BYTES, f"{key} in the {self.where}")
            except ClientError as error:
                if _code(error) in _ABSENT:
                    return None
                raise

    def several(self, keys: Sequence[str]) -> Iterator[bytes | None]:
        """The bytes of objects, in the order of their keys, by some requests at a time."""
        with ThreadPoolExecutor(WORKERS) as pool:
            yield from pool.map(self.get, keys)

    def put(self, key: str, data: bytes) -> None:
        """Write one object in one request."""
        with self._said(f"write {key}"):
            self._client.put_object(Bucket=self.settings.bucket, Key=key, Body=data)

    def create(self, key: str, data: bytes) -> bool:
        """Write an object that does not exist yet; False where it exists. A server may ignore that: see apply_log."""

        def written() -> bool | None:
            with self._said(f"write {key}"):
                try:
                    self._client.put_object(Bucket=self.settings.bucket, Key=key, Body=data, IfNoneMatch="*")
                except ClientError as error:
                    # S3 asks for a repetition where another request for the key was on its way
                    if _code(error) == "ConditionalRequestConflict":
                        return None
                    if _code(error) in _EXISTS:
                        return False
                    raise
            return True

        return Deadline(CONFLICT_S).wait(written, f"an answer of the {self.where} to a conditional request")

    def names(self, prefix: str, limit: int) -> list[str]:
        """The first `limit` keys that begin with `prefix`, in their order."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self.settings.bucket,
            Prefix=prefix,
            PaginationConfig={"MaxItems": limit, "PageSize": min(limit, 1000)},
        )
        with self._said(f"list {prefix}"):
            return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def upload(self, key: str, stream: Readable, expected_bytes: int) -> None:
        """Write one object from a stream in parts; an exception from the stream's read() leaves no object behind.

        expected_bytes: a rough size, so that the parts suffice.
        """
        part = max(PART_BYTES, expected_bytes * 2 // MAX_PARTS)
        transfer = TransferConfig(multipart_threshold=part, multipart_chunksize=part, max_concurrency=UPLOADERS)
        # the library holds ten parts by default, whatever the number of those that send them
        transfer.max_in_memory_upload_chunks = UPLOADERS
        with self._said(f"write {key}"):
            self._client.upload_fileobj(stream, self.settings.bucket, key, Config=transfer)

    def pieces(self, key: str, size: int, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes of an object in pieces of at most `size`, from `offset` on, `length` of them or all.

        A body that is cut off is asked for again from there, a few times without progress at most.
        """
        done, cuts, etag = 0, 0, ""
        while length is None or done < length:
            try:
                body, etag = self._body(key, offset + done, None if length is None else length - done, etag)
                while piece := body.read(size):
                    done, cuts = done + len(piece), 0
                    yield piece
                return
            except (BotoCoreError, OSError) as error:
                cuts += 1
                if cuts == BODY_ATTEMPTS:
                    raise UnreachableError(
                        f"the {self.where} stopped sending {key} after {done} bytes, {cuts} times: "
                        f"{self.settings.hide(str(error))}; see the network and the S3 server, and run again"
                    ) from error

    def _body(self, key: str, offset: int, length: int | None, etag: str) -> tuple[Any, str]:
        """The body of an object from `offset` on, and the mark of its content. etag: what that was before."""
        if not offset and length is None and not etag:
            options: dict[str, str] = {}
        else:
            end = "" if length is None else offset + length - 1
            options = {"Range": f"bytes={offset}-{end}", **({"IfMatch": etag} if etag else {})}
        with self._said(f"read {key}"):
            try:
                answer = self._client.get_object(Bucket=self.settings.bucket, Key=key, **options)
            except ClientError as error:
                # nothing is behind the last byte
                if _code(error) in _PAST_END and etag:
                    return BytesIO(), etag
                raise
        return answer["Body"], answer["ETag"]

    def delete(self, keys: Iterable[str]) -> int:
        """Remove objects; the number that went."""
        listed = list(keys)
        for start in range(0, len(listed), DELETE_BATCH):
            batch = [{"Key": key} for key in listed[start : start + DELETE_BATCH]]
            with self._said("remove objects"):
                answer = self._client.delete_objects(
                    Bucket=self.settings.bucket, Delete={"Objects": batch, "Quiet": True}
                )
            for refused in answer.get("Errors", []):
                raise StateError(f"{self.settings.where} did not remove {refused['Key']}: {refused['Code']}")
        return len(listed)

    def versioning(self) -> bool:
        """Whether the bucket keeps old versions of its objects."""
        with self._said("show whether it keeps versions"):
            answer = self._client.get_bucket_versioning(Bucket=self.settings.bucket)
        return answer.get("Status") == "Enabled"

    def set_versioning(self, enabled: bool) -> None:
        """Have the bucket keep old versions, or stop."""
        with self._said("change its versioning"):
            self._client.put_bucket_versioning(
                Bucket=self.settings.bucket,
                VersioningConfiguration={"Status": "Enabled" if enabled else "Suspended"},
            )

    def region(self) -> str | None:
        """Where the server says that the bucket lies, None where it does not say."""
        with self._said("say in which region it lies"):
            where: str | None = self._client.get_bucket_location(Bucket=self.settings.bucket).get("LocationConstraint")
        # Amazon says nothing for its first region
        return where or (None if self.settings.endpoint_url else "us-east-1")

    def default_lock(self) -> str:
        """The mode of the lock that the bucket gives to new objects, empty where it gives none."""
        with self._said("say how it locks new objects"):
            try:
                answer = self._client.get_object_lock_configuration(Bucket=self.settings.bucket)
            except ClientError as error:
                if _code(error) in _UNLOCKED:
                    return ""
                raise
        rule: Mapping[str, Any] = answer.get("ObjectLockConfiguration", {}).get("Rule", {})
        return str(rule.get("DefaultRetention", {}).get("Mode", ""))

    def versions(self, prefix: str) -> dict[str, list[str]]:
        """The versions of every object below `prefix`, those of removed ones among them, by key, oldest first."""
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self.settings.bucket, Prefix=prefix)
        found: dict[str, list[str]] = {}
        with self._said(f"list the versions of {prefix}"):
            for page in pages:
                for item in page.get("Versions", []):
                    found.setdefault(item["Key"], []).append(item["VersionId"])
        # S3 lists the newest version of a key first
        return {key: listed[::-1] for key, listed in found.items()}

    def retention(self, key: str, version: str = "") -> Retention | None:
        """The lock of a version of an object, by default of the newest one; None where it has none."""
        given = {"VersionId": version} if version else {}
        with self._said(f"say until when it keeps {key}"):
            try:
                answer = self._client.get_object_retention(Bucket=self.settings.bucket, Key=key, **given)
            except ClientError as error:
                if _code(error) in _UNLOCKED:
                    return None
                raise
        lock: Mapping[str, Any] = answer.get("Retention", {})
        until: datetime | None = lock.get("RetainUntilDate")
        return None if until is None else Retention(str(lock.get("Mode", "")), until)

    def retain(self, key: str, version: str, lock: Retention) -> None:
        """Lock a version of an object. The server refuses what would shorten a lock."""
        with self._said(f"lock {key}"):
            self._client.put_object_retention(
                Bucket=self.settings.bucket,
                Key=key,
                VersionId=version,
                Retention={"Mode": lock.mode, "RetainUntilDate": lock.until},
            )

    def lifecycle(self) -> list[dict[str, Any]]:
        """The rules of the bucket's lifecycle, as S3 words them."""
        with self._said("tell its lifecycle"):
            try:
                answer = self._client.get_bucket_lifecycle_configuration(Bucket=self.settings.bucket)
            except ClientError as error:
                if _code(error) in _ABSENT:
                    return []
                raise
        rules: list[dict[str, Any]] = answer.get("Rules", [])
        return rules

    def set_lifecycle(self, rules: list[dict[str, Any]]) -> None:
        """Replace the rules of the bucket's lifecycle."""
        with self._said("change its lifecycle"):
            if rules:
                self._client.put_bucket_lifecycle_configuration(
                    Bucket=self.settings.bucket, LifecycleConfiguration={"Rules": rules}
                )
            else:
                self._client.delete_bucket_lifecycle(Bucket=self.settings.bucket)

    @contextmanager
    def _said(self, what: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            raise _sentence(error, what, self.settings) from error
        except (BotoCoreError, Boto3Error) as error:
            raise _connection_sentence(error, self.settings) from error


def open_bucket(settings: Settings) -> Bucket:
    """Verify with one request that the bucket exists and the credentials open it. Raises LibraryError without boto3."""
    bucket = connect_bucket(settings)
    bucket.now()
    return bucket


def connect_bucket(settings: Settings, answer_s: int = 60, attempts: int = 4) -> Bucket:
    """The bucket, without a request. Raises LibraryError without boto3.

    answer_s: seconds that an answer may take. attempts: how often a request is sent at most.
    """
    if BOTO3_IMPORT_ERROR is not None:
        raise LibraryError("boto3", BOTO3_IMPORT_ERROR)
    options: dict[str, Any] = {
        "connect_timeout": 5,
        "read_timeout": answer_s,
        "max_pool_connections": WORKERS * 2,
        "retries": {"mode": "standard", "total_max_attempts": attempts},
        "s3": {"addressing_style": "path" if settings.endpoint_url else "auto"},
    }
    # newer SDKs send trailing checksums that many S3 servers refuse; the contents carry their own hashes
    for option in ("request_checksum_calculation", "response_checksum_validation"):
        if option in Config.OPTION_DEFAULTS:
            options[option] = "when_required"
    try:
        client = _session().client(
            "s3",
            endpoint_url=settings.endpoint_url or None,
            region_name=settings.region,
            aws_access_key_id=settings.access_key or None,
            aws_secret_access_key=settings.secret_key or None,
            verify=_trust(settings),
            config=Config(**options),
        )
    except (BotoCoreError, ValueError) as error:
        raise InputError(f"{settings.option}: {settings.hide(str(error))}") from error
    return Bucket(settings, client)


@functools.lru_cache(maxsize=1)
def _session() -> Any:
    # what describes the service is read once, whatever number of clients a module has
    return boto3.session.Session()


def _trust(settings: Settings) -> Any:
    # the SDK's own bundle does not know the authorities that a company adds to its hosts
    if settings.ca_bundle:
        return settings.ca_bundle
    return next((path for path in _SYSTEM_BUNDLES if os.path.isfile(path)), True)


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _sentence(error: Any, what: str, settings: Settings) -> Exception:
    code = _code(error)
    if code == "NoSuchBucket":
        return UnreachableError(f"the {settings.where} does not exist; create it, or correct {settings.option}.bucket")
    if code in _REFUSED:
        whose = f"{settings.option}.access_key" if settings.access_key else "the access key of the environment"
        return UnreachableError(
            f"the {settings.where} refused {whose} ({code}); "
            f"correct {settings.option}.access_key and {settings.option}.secret_key, or what they may do"
        )
    if code in _ABSENT:
        return StateError(f"the {settings.where} could not {what}: there is no such object")
    message = settings.hide(error.response.get("Error", {}).get("Message") or "no further word")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _BUSY or (status >= _SERVER_ERROR and status != _NOT_IMPLEMENTED):
        return UnreachableError(
            f"the {settings.where} could not {what} now: {code}, {message}; see the S3 server, and run again"
        )
    return StateError(f"the {settings.where} could not {what}: {code}, {message}")


def _connection_sentence(error: Any, settings: Settings) -> Exception:
    where = settings.endpoint_url or settings.region
    if isinstance(error, SSLError):
        reason = settings.hide(str(error)).rsplit("] ", maxsplit=1)[-1]
        return UnreachableError(
            f"the TLS certificate of {where} was not accepted: {reason}; "
            f"correct it, or give {settings.option}.ca_bundle"
        )
    if isinstance(error, EndpointConnectionError):
        return UnreachableError(
            f"nothing answers at {where}; correct {settings.option}.endpoint_url, or start the S3 server"
        )
    return UnreachableError(f"the {settings.where} could not be used: {settings.hide(str(error))}")
