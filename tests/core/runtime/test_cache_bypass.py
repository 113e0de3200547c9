"""Whether answers of before may be given again."""

import pytest

from acclimate.core.runtime.cache_bypass import afresh, is_afresh


def test_only_in_the_body():
    assert not is_afresh()
    with afresh():
        with afresh():
            assert is_afresh()
        assert is_afresh()
    assert not is_afresh()


def test_a_failure_ends_it():
    with pytest.raises(ValueError, match="no"), afresh():
        raise ValueError("no")
    assert not is_afresh()
