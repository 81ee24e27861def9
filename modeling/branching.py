"""Upper layers of an encoder that exist once a task, above lower layers that all tasks share."""

import copy
import inspect
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

Output = torch.Tensor | tuple[torch.Tensor | None, ...]


class BranchedLayer(nn.Module):
    """One copy of a layer for each branch; the batch dimension holds the branches one after another.

    The lowest branched layer gets (batch, sequence, hidden), which every branch reads; those above it get
    (branches · batch, sequence, hidden), a part for each, and so do all return. Masks, rotary embeddings and relative
    positions are the encoder's own, made for (batch, sequence): each branch is given the same. So one call of the
    encoder computes the shared layers once, and its final norm serves all branches.

    Args:
        layer: the layer of the encoder, which becomes the first branch; the others are copies.
        num_branches: how many.
        repeats: whether this is the lowest branched layer.
    """

    def __init__(self, layer: nn.Module, num_branches: int, repeats: bool) -> None:
        super().__init__()
        # A copied layer reads the encoder's configuration, so that it follows when the attention is switched.
        shared = {id(config): config for config in configurations(layer)}
        copies = [copy.deepcopy(layer, dict(shared)) for _ in range(num_branches - 1)]
        self.branches = nn.ModuleList([layer, *copies])
        self.repeats = repeats

    def __getattr__(self, name: str) -> Any:
        # Encoders read attributes of their layers (ModernBERT: attention_type).
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name.startswith("_") or name == "branches":
                raise
            return getattr(self.branches[0], name)

    def forward(self, hidden_states: torch.Tensor, *args: Any, **kwargs: Any) -> Output:
        """Run each branch on its part; see the class for shapes."""
        count = len(self.branches)
        parts = [hidden_states] * count if self.repeats else hidden_states.chunk(count)
        outputs = [branch(part, *args, **kwargs) for branch, part in zip(self.branches, parts, strict=True)]
        if isinstance(outputs[0], tuple):
            return tuple(None if column[0] is None else torch.cat(column) for column in zip(*outputs, strict=True))
        return torch.cat(outputs)


def configurations(module: nn.Module) -> list[PreTrainedConfig]:
    """Return the configurations that a module and its parts hold."""
    return [value for part in module.modules() for value in vars(part).values() if isinstance(value, PreTrainedConfig)]


def find_layers(encoder: PreTrainedModel) -> tuple[str, nn.ModuleList]:
    """Return the path of the encoder's list of layers, and the list.

    It is the one `ModuleList` of `num_hidden_layers` modules of one class; where there are several, the one whose
    modules can be checkpointed, as transformers' layers can. Look before branching.

    Raises:
        ValueError: there is none, or more than one, or layers share weights: such layers cannot be branched.

    >>> from transformers import AutoModel, BertConfig
    >>> tiny = BertConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64)
    >>> path, layers = find_layers(AutoModel.from_config(tiny))
    >>> path, len(layers)
    ('encoder.layer', 2)
    """
    count = getattr(encoder.config, "num_hidden_layers", None)
    found = [
        (name, module)
        for name, module in encoder.named_modules()
        if isinstance(module, nn.ModuleList)
        and len(module) == len({id(layer) for layer in module}) == count
        and len({type(layer) for layer in module}) == 1
        and not isinstance(module[0], BranchedLayer)
    ]
    if len(found) > 1:
        found = [(name, module) for name, module in found if isinstance(module[0], GradientCheckpointingLayer)]
    if len(found) != 1:
        raise ValueError(
            f"the layers of {type(encoder).__name__} cannot be branched: it has {len(found) or 'no'} lists of {count} "
            f"separate layers, and one is needed. Set num_shared_layers={count}: then both tasks share all layers and "
            "only the heads differ"
        )
    return found[0]


def branch_layers(encoder: PreTrainedModel, num_shared_layers: int, num_branches: int) -> None:
    """Give each branch its own copy of the layers above `num_shared_layers`, in place.

    Afterwards `last_hidden_state` is (branches · batch, sequence, hidden): take it apart by `chunk(num_branches)`.
    Keys of the weights: `<path>.<layer>.branches.<branch>.<rest>`.

    Args:
        encoder: not branched yet.
        num_shared_layers: the lower layers that stay as they are; with all of them nothing changes.
        num_branches: how many copies, the layer itself included.

    Raises:
        ValueError: the encoder's layers cannot be branched, or not as many of them.
    """
    if num_branches == 1 or num_shared_layers == encoder.config.num_hidden_layers:
        return
    path, layers = find_layers(encoder)
    if num_shared_layers == 0 and getattr(encoder.get_submodule(path.rpartition(".")[0]), "conv", None) is not None:
        raise ValueError(
            f"{type(encoder).__name__} has a convolution beside its first layer, which cannot be branched; "
            "set num_shared_layers to at least 1"
        )
    for number in range(num_shared_layers, len(layers)):
        layers[number] = BranchedLayer(layers[number], num_branches, repeats=number == num_shared_layers)


def check_branches(encoder: PreTrainedModel, branched: PreTrainedModel, num_branches: int) -> None:
    """Make sure that fresh branches say what the plain encoder says, by a few tokens through both.

    Args:
        encoder: not branched.
        branched: the same with branches, in the same dtype.
        num_branches: as in `branch_layers`.

    Raises:
        ValueError: they differ: what the encoder does between its layers is not made for branches.
    """
    ids = torch.arange(10, 25).view(3, 5) % encoder.config.vocab_size
    mask = torch.ones_like(ids)
    mask[1, 3:] = 0
    inputs = {"input_ids": ids, "attention_mask": mask} | without_cache(encoder)
    was_training = branched.training
    with torch.no_grad():
        expected = encoder.eval()(**inputs).last_hidden_state
        try:
            states = branched.eval()(**inputs).last_hidden_state
            parts = states.view(num_branches, *expected.shape)[:, mask.bool()]
            same = torch.allclose(parts, expected[mask.bool()].expand_as(parts), rtol=1e-2, atol=1e-3)
        except (RuntimeError, ValueError, TypeError, IndexError):
            same = False
    branched.train(was_training)
    if not same:
        count = encoder.config.num_hidden_layers
        raise ValueError(
            f"the layers of {type(encoder).__name__} cannot be branched: it mixes or keeps what passes between them. "
            f"Set num_shared_layers={count}: then both tasks share all layers and only the heads differ"
        )


def without_cache(encoder: PreTrainedModel) -> dict[str, bool]:
    """Return the argument that keeps a decoder from caching keys: branches of a layer would write over each other's."""
    return {"use_cache": False} if "use_cache" in inspect.signature(encoder.forward).parameters else {}


def branched_weights(encoder: PreTrainedModel, num_shared_layers: int, num_branches: int) -> dict[str, torch.Tensor]:
    """Return a plain encoder's weights under the keys of a branched one: upper layers once for each branch.

    Args:
        encoder: not branched.
        num_shared_layers: as in `branch_layers`.
        num_branches: as in `branch_layers`.

    Raises:
        ValueError: the encoder's layers cannot be branched.
    """
    weights = encoder.state_dict()
    if num_branches == 1 or num_shared_layers == encoder.config.num_hidden_layers:
        return weights
    prefix = find_layers(encoder)[0] + "."
    branched = {}
    for key, value in weights.items():
        layer, _, rest = key.removeprefix(prefix).partition(".")
        if key.startswith(prefix) and int(layer) >= num_shared_layers:
            branched |= {f"{prefix}{layer}.branches.{branch}.{rest}": value for branch in range(num_branches)}
        else:
            branched[key] = value
    return branched


def of_each_branch(
    recorded: tuple[torch.Tensor, ...], num_below: int, num_branched: int, num_branches: int
) -> list[tuple[torch.Tensor, ...]]:
    """Take apart what a branched encoder records of its layers: for each branch what a plain encoder would record.

    Encoders whose layers return tuples record one tensor a layer, (branches · batch, …) where it is branched. The
    others record every branch by itself, (batch, …), but put the final state of all branches in the last one's place.

    Args:
        recorded: `hidden_states` or `attentions` of the encoder; empty where it records none.
        num_below: records that all branches share: of the embeddings and of the shared layers.
        num_branched: layers above them.
        num_branches: copies of each.
    """
    below, above = tuple(recorded[:num_below]), recorded[num_below:]
    if len(above) == num_branched:
        layers = [value.chunk(num_branches) for value in above]
    else:
        layers = [above[first : first + num_branches] for first in range(0, len(above), num_branches)]
        if layers and len(layers[-1][-1]) > len(layers[-1][0]):
            layers[-1] = layers[-1][-1].chunk(num_branches)
    return [(*below, *(layer[branch] for layer in layers)) for branch in range(num_branches)]


__all__ = [
    "BranchedLayer",
    "branch_layers",
    "branched_weights",
    "check_branches",
    "find_layers",
    "of_each_branch",
    "without_cache",
]
