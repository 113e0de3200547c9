"""Keys: what is kept of them, and whom they let in."""

import hashlib

import pytest

from acclimate.core.errors import ConfigError
from acclimate.server.api_keys import Keys, hashed
from server.small_systems import Says

KEY = "a-long-enough-key"


def test_only_a_salted_hash_is_kept():
    keys = Keys.of([KEY])
    assert KEY not in repr(keys)
    _, salt, digest = keys.kept[0].split(":")
    assert digest == hashlib.sha256((salt + KEY).encode()).hexdigest()
    assert Keys.of([KEY]).kept != keys.kept


def test_a_key_or_its_hash_opens():
    for given in (KEY, hashed(KEY, "salt")):
        keys = Keys.of(["another-long-key-of-mine", given])
        assert keys.open(KEY)
        assert not keys.open(KEY + "x")
        assert not keys.open("")
        assert not keys.open("\udcff")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("short", "at least 16"),
        ("sha256:salt:beef", "64 hex"),
        ("sha256:salt", "SALT:DIGEST"),
        ("sha256:sält:" + "0" * 64, "in ASCII"),
    ],
)
def test_what_is_no_key(given, told):
    with pytest.raises(ConfigError, match=told):
        Keys.of([given])


@pytest.mark.parametrize("sent", [None, "Bearer wrong", f"Basic {KEY}", KEY, "Bearer "])
def test_who_has_no_key_stays_outside(client_of, sent):
    client = client_of(one=Says("yes"), options={"keys": [KEY]})
    headers = {} if sent is None else {"authorization": sent}
    for path in ("/v1/models", "/metrics", "/report", "/v1/nothing", "/feedback"):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 401, path
        assert answer.json()["error"]["code"] == "invalid_api_key"
        assert KEY not in answer.text


def test_who_has_one_comes_in(client_of):
    client = client_of(one=Says("yes"), options={"keys": [KEY]})
    assert client.get("/v1/models", headers={"authorization": f"bearer {KEY}"}).status_code == 200
    assert client.get("/health").status_code == 200
    assert client.get("/ready").status_code == 200


def test_without_keys_all_is_open(client_of):
    assert client_of(one=Says("yes")).get("/v1/models").status_code == 200
