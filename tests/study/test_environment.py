"""What a study says of the machine that it ran on."""

import pytest

from acclimate.nn import fast_linear as linear
from acclimate.study.environment import hardware, matrices_by


@pytest.mark.parametrize(
    ("is_onednn", "product"), [(True, "oneDNN"), (False, "the default of PyTorch")]
)
def test_the_product_of_matrices_stands_beside_the_processor(monkeypatch, is_onednn, product):
    monkeypatch.setattr(linear, "_chosen", [is_onednn])
    assert matrices_by() == product
    assert hardware().endswith(f", matrices by {product}")
