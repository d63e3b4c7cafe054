import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.symmetric import pseudo_inverses, roots


def matrices(seed, *, k, rank, scale, count=4):
    factors = np.random.default_rng(seed).normal(size=(count, k, rank)) * scale
    return factors @ np.swapaxes(factors, 1, 2)


shapes = st.tuples(st.integers(0, 10_000), st.integers(1, 6), st.integers(0, 8), st.sampled_from([1e-6, 1.0, 1e3]))


@settings(max_examples=60, deadline=None)
@given(shapes)
def test_a_root_times_itself_is_the_matrix_also_where_something_is_known_exactly(shape):
    seed, k, rank, scale = shape
    made = matrices(seed, k=k, rank=rank, scale=scale)
    root = roots(made)
    assert np.allclose(made, root @ np.swapaxes(root, 1, 2), rtol=0, atol=1e-12 * max(abs(made).max(), 1e-300))


@settings(max_examples=60, deadline=None)
@given(shapes)
def test_an_inverse_is_numpys_and_symmetric_to_the_last_bit(shape):
    seed, k, rank, scale = shape
    made = matrices(seed, k=k, rank=rank, scale=scale)
    inverses = pseudo_inverses(made, rcond=1e-10)
    assert (inverses == np.swapaxes(inverses, 1, 2)).all()
    for one, inverse in zip(made, inverses, strict=True):
        values = np.linalg.eigvalsh(one)
        known = values[values > 1e-10 * values[-1]]
        if len(known) and known[0] > 1e-7 * known[-1]:
            expected = np.linalg.pinv(one, rcond=1e-10, hermitian=True)
            assert np.allclose(expected, inverse, rtol=0, atol=1e-7 * abs(expected).max())


@pytest.mark.parametrize("of", [roots, lambda made: pseudo_inverses(made, rcond=1e-12)])
def test_each_matrix_is_by_itself_to_the_last_bit(of):
    made = np.concatenate([matrices(seed, k=5, rank=rank, scale=0.01) for seed, rank in enumerate((5, 2, 0, 9))])
    singly = np.array([of(one[None])[0] for one in made])
    assert singly.tobytes() == of(made).tobytes() == of(made.reshape(4, 4, 5, 5)).tobytes()


def test_nothing_has_no_root_and_no_inverse():
    for shape in ((0, 3, 3), (2, 0, 0)):
        assert shape == roots(np.zeros(shape)).shape
        assert shape == pseudo_inverses(np.zeros(shape), rcond=1e-12).shape
    assert [[0.0]] == pseudo_inverses(np.zeros((1, 1)), rcond=1e-12).tolist()
