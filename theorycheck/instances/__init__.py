"""Recipes and choices: generators of structured problems that shrink."""
