"""Routes: which of several adapters each token of a pass goes through.

A route is a number. A network with adapters of several tasks takes routes as one more keyword
argument, `routes`: (B, 1) where whole rows go one way, (B, T) where tokens differ.

Letters: B rows, T tokens.
"""

from collections.abc import Sequence
from typing import Any

import torch

from acclimate.core.errors import NotApplicableError

NO_ADAPTER = -1
"""The route through the network as it is, of a task that no adapter was trained on."""


class AdapterRoutes:
    """Routes of the pass under way, shared by a network and its adapters."""

    def __init__(self) -> None:
        """Begin with no task."""
        self.tasks: list[str] = []
        self.now: torch.Tensor | None = None

    @classmethod
    def opened(cls, network: Any) -> "AdapterRoutes":
        """The network's routes; from now on it, and its encoder, take the keyword `routes`."""
        if (present := _of(network)) is not None:
            return present
        routes = network.routes_of_pass = cls()
        network.register_forward_pre_hook(_begin, with_kwargs=True)
        if network.config.is_encoder_decoder:
            encoder = _encoder(network)
            encoder.routes_of_pass = routes
            encoder.register_forward_pre_hook(_go_on, with_kwargs=True)
        return routes

    def numbers(self, tasks: Sequence[str]) -> list[int]:
        """The routes of tasks, new or known."""
        self.tasks += [task for task in tasks if task not in self.tasks]
        return [self.tasks.index(task) for task in tasks]

    def of_tokens(self, hidden: torch.Tensor) -> torch.Tensor:
        """The routes of hidden states (B, T, D), as (B, T).

        Raises:
            NotApplicableError: The network was called without `routes`.
        """
        if self.now is None:
            raise NotApplicableError(
                f"this model has an adapter for each of the tasks {self.tasks} and was not told "
                "which task is read; put the method that trains them last, or set is_per_task=false"
            )
        return self.now.to(hidden.device).expand(hidden.shape[:-1])


def route_of(network: Any, task: str) -> int | None:
    """The route of a task's prompts; None: the network has only one."""
    routes = _of(network)
    if routes is None:
        return None
    return routes.tasks.index(task) if task in routes.tasks else NO_ADAPTER


def as_keyword(routes: Sequence[int | None]) -> dict[str, torch.Tensor]:
    """The keyword argument (B, 1) for rows of these routes; none where the network has only one."""
    known = [route for route in routes if route is not None]
    return {"routes": torch.tensor(known)[:, None]} if known else {}


def _of(network: Any) -> AdapterRoutes | None:
    return getattr(network, "routes_of_pass", None)


def _encoder(network: Any) -> Any:
    """The innermost encoder module: a prefix before it is a method, not a module."""
    encoder = network.get_encoder()
    return encoder if isinstance(encoder, torch.nn.Module) else _encoder(network.network)


def _begin(network: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    # They stay after the pass: checkpointed activations are computed again in the backward pass.
    network.routes_of_pass.now = kwargs.pop("routes", None)
    return args, kwargs


def _go_on(encoder: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    # Called by itself it gets the routes; called by its network, the network got them.
    if "routes" in kwargs:
        encoder.routes_of_pass.now = kwargs.pop("routes")
    return args, kwargs
