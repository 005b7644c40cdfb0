"""Recipes that draw toward the simplest instances: where a premise fails only at zeros and ones, plain draws rarely leave it."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from theorycheck.instances.recipes import Draw, Recipe


class Simplified(Recipe):
    """The instances of a recipe, each with a share of its requests answered by the simplest entries.

    The share is drawn anew for every instance, so that all plain and all simple ones are drawn too. Choices mean what they mean to
    the recipe itself.
    """

    def sample(self, seed: int, index: int) -> Draw:
        """Instance `index` of seed `seed`."""
        drawn, random = super().sample(seed, index), Random(f"{seed} {index}")
        share = random.random()
        kept = [replace(g, indices=(0,) * len(g.indices)) if random.random() < share else g for g in drawn.groups]
        return self.replay_groups(kept)
