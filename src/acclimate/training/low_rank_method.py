"""Base class of methods that train low-rank updates of linear layers."""

from pydantic import Field

from acclimate.nn.adapters.low_rank import ALL_LINEAR, LowRank
from acclimate.training.adapter_method import AdapterMethod


class LowRankMethod(AdapterMethod):
    """Trains A and B of an update (alpha / rank) B A for each of the layers named."""

    rank: int = Field(default=8, ge=1)
    """Of A and B: their shared side, and the most that an update's rank can be."""
    alpha: float = Field(default=16.0, gt=0)
    """Scale of the update; twice the rank is common practice."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """On the input of A while training."""
    target_modules: str | tuple[str, ...] = ALL_LINEAR
    """Names of the layers that get an update; all of them does best (Dettmers et al. 2023)."""

    @property
    def form(self) -> LowRank:
        """What is put beside the layers."""
        return LowRank(self.rank, self.alpha, self.dropout, self.target_modules)
