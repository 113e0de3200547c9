"""Whether answers of before may be given again."""

import pytest

from acclimate.core.runtime.cache_bypass import bypass_caches, is_bypassed


def test_only_in_the_body():
    assert not is_bypassed()
    with bypass_caches():
        with bypass_caches():
            assert is_bypassed()
        assert is_bypassed()
    assert not is_bypassed()


def test_a_failure_ends_it():
    with pytest.raises(ValueError, match="no"), bypass_caches():
        raise ValueError("no")
    assert not is_bypassed()
