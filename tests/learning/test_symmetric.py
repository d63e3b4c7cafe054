import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.symmetric import inverses, pseudo_inverses, roots


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


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 9), st.floats(0, 8), st.sampled_from([1e-6, 1.0, 1e6]))
def test_a_definite_matrix_times_its_inverse_is_the_unit(seed, k, spread, scale):
    """To the condition number, up to 1e8 here, times a few roundings of each of k steps."""
    chance = np.random.default_rng(seed)
    vectors = np.linalg.qr(chance.normal(size=(4, k, k)))[0]
    made = (vectors * np.logspace(0, -spread, k) * scale) @ np.swapaxes(vectors, 1, 2)
    made = (made + np.swapaxes(made, 1, 2)) / 2
    found = inverses(made)
    assert (found == np.swapaxes(found, 1, 2)).all()
    assert np.allclose(np.eye(k), made @ found, rtol=0, atol=10 * k * 10**spread * np.finfo(float).eps)


def test_an_inverse_that_plainly_is_none_is_by_eigenvalues():
    """Nearly singular, singular, indefinite by rounding, and a matrix whose first pivot is 0."""
    others = [np.diag([1.0, 1e-9]), np.ones((2, 2)), np.array([[1.0, 1.0], [1.0, 1 - 1e-16]]), np.diag([0.0, 1.0])]
    made = np.array([*others, np.diag([2.0, 4.0])])
    expected = np.linalg.pinv(made, rcond=1e-6, hermitian=True)
    assert np.allclose(expected, pseudo_inverses(made, rcond=1e-6), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("of", [roots, inverses, lambda made: pseudo_inverses(made, rcond=1e-12)])
def test_each_matrix_is_by_itself_to_the_last_bit(of):
    ranks = (5, 6, 9, 8) if of is inverses else (5, 2, 0, 9)
    made = np.concatenate([matrices(seed, k=5, rank=rank, scale=0.01) for seed, rank in enumerate(ranks)])
    singly = np.array([of(one[None])[0] for one in made])
    assert singly.tobytes() == of(made).tobytes() == of(made.reshape(4, 4, 5, 5)).tobytes()


def test_nothing_has_no_root_and_no_inverse():
    for shape in ((0, 3, 3), (2, 0, 0)):
        assert shape == roots(np.zeros(shape)).shape
        assert shape == pseudo_inverses(np.zeros(shape), rcond=1e-12).shape
    assert [[0.0]] == pseudo_inverses(np.zeros((1, 1)), rcond=1e-12).tolist()
