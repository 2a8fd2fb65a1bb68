"""The server survives any command with any arguments, and keeps what it has made of them: some seconds of `make arguments`."""

import pytest

from conftest import COMBINATIONS, require
from random_arguments import play


@pytest.mark.parametrize("shards, backend", COMBINATIONS)
def test_random_arguments_are_survived_and_their_effects_kept(tmp_path, shards, backend):
    require(backend)
    play(tmp_path, 3, seed=shards, shards=shards, backend=backend)
