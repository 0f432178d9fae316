"""How S3 and its likes are reached: one set of options and one chain of credentials for s3fs, obstore, deltalake."""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from faceray.errors import UserError

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Credential, S3Store

    from faceray.storage import StorageOptions

_PROTOCOLS = ("s3://", "s3a://")
_FRESH = timedelta(minutes=5)  # botocore renews what expires within 15
_NO_CREDENTIALS = (
    "no credentials for S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or --storage.profile, or "
    "--storage.anonymous true for what anybody may read"
)


def is_s3(address: str) -> bool:
    """Whether the address is in a bucket of S3 or its likes."""
    return address.startswith(_PROTOCOLS)


def split(address: str) -> tuple[str, str]:
    """Bucket and key of an address, exactly as written."""
    bucket, _, key = address.partition("://")[2].partition("/")
    return bucket, key


def fsspec_options(storage: "StorageOptions") -> dict[str, Any]:
    """Arguments for s3fs. Requests are tried again for some 40 s, with growing, random waits."""
    given = {"endpoint_url": storage.endpoint, "profile": storage.profile, "anon": storage.anonymous}
    return {
        **{name: value for name, value in given.items() if value},
        "client_kwargs": {"region_name": storage.region} if storage.region else {},
        "config_kwargs": {
            "retries": {"mode": "standard", "total_max_attempts": 5},
            "connect_timeout": 10,
            "read_timeout": 60,
            "max_pool_connections": 64,
        },
        "use_listings_cache": False,  # others write, too
    }


def delta_options(storage: "StorageOptions") -> dict[str, str]:
    """Arguments for deltalake, which knows no profiles: with the credentials themselves, never to be saved.

    Raises:
        UserError: there are no credentials, or no such profile.
    """
    endpoint, region = _place(storage)
    options = {"AWS_REGION": region}
    if endpoint:
        options |= {"AWS_ENDPOINT_URL": endpoint, "AWS_ALLOW_HTTP": str(endpoint.startswith("http://")).lower()}
    if storage.anonymous:
        return options | {"AWS_SKIP_SIGNATURE": "true"}
    keys = _Credentials(storage.profile)()
    options |= {"AWS_ACCESS_KEY_ID": keys["access_key_id"], "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"]}
    token = keys.get("token")
    return options | ({"AWS_SESSION_TOKEN": token} if token else {})


@lru_cache(64)
def store(bucket: str, storage: "StorageOptions", retries: int = 0) -> "S3Store":
    """The obstore client of a bucket, which this process keeps.

    Raises:
        UserError: there is no such profile.
    """
    from obstore.store import S3Store

    endpoint, region = _place(storage)
    config: S3Config = {"region": region, "skip_signature": storage.anonymous}
    if endpoint:
        config["endpoint"] = endpoint
    return S3Store(
        bucket,
        config=config,
        credential_provider=None if storage.anonymous else _Credentials(storage.profile),
        client_options={
            "allow_http": endpoint.startswith("http://"),
            "connect_timeout": timedelta(seconds=10),
            "timeout": timedelta(seconds=120),
        },
        retry_config={"max_retries": retries, "retry_timeout": timedelta(seconds=60)},
    )


def check(address: str, storage: "StorageOptions") -> None:
    """Find out within a moment whether the object is there, or its bucket can be listed.

    Raises:
        UserError: neither: no such bucket, wrong credentials, nobody at the endpoint.
    """
    bucket, key = split(address)
    client = store(bucket, storage, retries=3)
    try:
        with suppress(Exception):
            if key and client.head(key):
                return
        next(iter(client.list(chunk_size=1)), None)
    except UserError:
        raise
    except Exception as error:  # FileNotFoundError and obstore's own
        if "invalid path" not in str(error):  # an odd key: it can be listed
            raise UserError(f"cannot read s3://{bucket}: {reason(error)}") from error


def reason(error: BaseException) -> str:
    """What an error of obstore says, in one line: without URL, request ids and the keys that S3 repeats."""
    text = str(error).partition("Debug source:")[0]
    code, message = (re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL) for tag in ("Code", "Message"))
    if code:
        return f"{code[1]}: {' '.join(message[1].split())}" if message else code[1]
    told = re.search(r"status code: [^:\n]*|HTTP error: [^\n]*|no credentials[^\n]*", text)
    return told[0].strip() if told else " ".join(text.split())[:200]


def _place(storage: "StorageOptions") -> tuple[str, str]:
    """Endpoint, empty for AWS, and region."""
    from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]

    try:
        session = _session(storage.profile)
        endpoint = storage.endpoint or session.get_scoped_config().get("endpoint_url", "")
        return str(endpoint), str(storage.region or session.get_config_variable("region") or "us-east-1")
    except BotoCoreError as error:
        raise UserError(str(error)) from error


@lru_cache
def _session(profile: str) -> Any:
    from botocore.session import Session  # type: ignore[import-untyped]

    return Session(profile=profile or None)


class _Credentials:
    """botocore's chain: environment, profile, single sign-on, role of the pod or machine. Asked every few minutes."""

    def __init__(self, profile: str) -> None:
        self.profile = profile

    def __call__(self) -> "S3Credential":
        found = _session(self.profile).get_credentials()
        if found is None:
            raise UserError(_NO_CREDENTIALS)
        frozen = found.get_frozen_credentials()
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            "expires_at": datetime.now(UTC) + _FRESH,
        }
