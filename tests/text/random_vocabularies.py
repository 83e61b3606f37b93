"""Vocabularies of few letters, so that tokens overlap and sums of scores tie."""

ALPHABETS = ["ab", "abc", "aé哈😀", "ab▁", "abcdefgh", "ﬁa▁b｜|\t"]


def random_text(rng, alphabet, longest, shortest=0):
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(shortest, longest)))


def random_tokens(rng, alphabet, n_most=50):
    """Different tokens in random order, none empty."""
    tokens = {random_text(rng, alphabet, rng.choice([1, 2, 4, 7]), shortest=1) for _ in range(rng.randint(1, n_most))}
    return rng.sample(sorted(tokens), len(tokens))


def random_scores(rng, n_scores):
    kind = rng.choice(
        [
            lambda: -rng.random() * 10,
            lambda: -float(rng.randint(0, 3)),
            lambda: -rng.randint(1, 30) * 0.1,
            lambda: rng.random() * 4 + 30,  # positive: two unknown characters may beat a token
            lambda: -rng.random() * 1e6,  # where single precision shows
        ]
    )
    return [kind() for _ in range(n_scores)]


def random_texts(rng, alphabet, n_texts):
    """Texts of the alphabet, some with characters that it lacks."""
    letters = alphabet + rng.choice(["", "x", "xyzé \u2581\u00a0\u3000", "\n\t ﬁ"])
    texts = [random_text(rng, letters, rng.choice([5, 20, 100])) for _ in range(n_texts)]
    return texts + [rng.choice(alphabet) * 3000, (alphabet * 3000)[:5000]]
