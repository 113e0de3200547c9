"""Hold a study to one test set: hashed before any method sees it."""

from acclimate.core.data import Domain, digest
from acclimate.core.errors import ConfigError
from acclimate.core.records import Rows


def require_same_test(rows: Rows, domain: Domain, *, is_relocked: bool) -> None:
    """Refuse a test set that is not the one that was locked, before anything is loaded.

    Raises:
        ConfigError: It is another, and `is_relocked` is not given.
    """
    was, now = rows.lock(domain.name), _hash(domain)
    if was is not None and was != now and not is_relocked:
        raise ConfigError(
            f"the test set of {domain.name} is not the one this study was locked to "
            f"({was[:12]}, now {now[:12]}); put it back, or give --relock: rows of the old "
            "test set then no longer count"
        )


def lock(rows: Rows, domain: Domain) -> None:
    """Keep the hash of the test set; once all was checked, so that mending it breaks no lock."""
    rows.set_lock(domain.name, _hash(domain))


def _hash(domain: Domain) -> str:
    return digest([task.items for task in domain.test])
