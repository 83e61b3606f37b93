"""The algorithm of Hugging Face's UnigramTrainer, restated plainly: words in sorted order, sums over sixteen parts."""

import bisect
import collections
import itertools
import math

LONGEST = 16
PARTS = 16
UNKNOWN = 0  # the first piece


def unigram_of_words(counts, vocab_size, special=("<unk>",)):
    """[(token, score)] by id."""
    words = sorted((word.encode(), word, n) for word, n in counts.items() if word)
    words = [(word, n) for _, word, n in words]
    pieces = [(None, math.nan), *seeds(words)]
    desired = vocab_size * 11 // 10
    while True:
        for _ in range(2):
            pieces = reestimated(pieces, words)
        before = len(pieces)
        if before <= desired:
            break
        pieces = pruned(pieces, words, desired)
        if len(pieces) == before:
            break
    return finished(pieces, words, vocab_size, special)


def seeds(words):
    """Characters, then substrings that occur twice with different followers; distinct words count once."""
    letters, followers = collections.Counter(), collections.defaultdict(collections.Counter)
    for word, n in words:
        for pos, c in enumerate(word):
            if c != "\0":
                letters[c] += n
            for end in range(pos + 2, min(pos + LONGEST, len(word)) + 1):
                if "\0" not in word[pos:end]:
                    followers[word[pos:end]][(word + "\0")[end]] += 1
    weights = sorted(((n, c) for c, n in letters.items()), reverse=True)
    found = {text: sum(after.values()) * len(text) for text, after in followers.items() if len(after) > 1}
    weights += sorted(((n, text) for text, n in found.items()), reverse=True)
    log_sum = math.log(sum(n for n, _ in weights)) if weights else 0
    return [(text, math.log(n) - log_sum) for n, text in weights]


class Lattice:
    """nodes[pos]: [(piece, end, score)] of what begins there, the shorter first."""

    def __init__(self, pieces):
        self.ids = {text: k for k, (text, _) in enumerate(pieces) if k != UNKNOWN}
        self.scores = [score for _, score in pieces]
        self.unknown = min(self.scores[1:], default=0.0) - 10
        self.longest = max(map(len, self.ids), default=0)

    def nodes(self, word):
        places = []
        for pos in range(len(word)):
            ends = range(pos + 1, min(pos + self.longest, len(word)) + 1)
            here = [(self.ids[word[pos:end]], end) for end in ends if word[pos:end] in self.ids]
            here = [(piece, end, self.scores[piece]) for piece, end in here]
            if not here or here[0][1] != pos + 1:
                here.append((UNKNOWN, pos + 1, self.unknown))
            places.append(here)
        return places

    def add_expected(self, word, count, expected):
        nodes = self.nodes(word)
        before, after = [0.0] + [-math.inf] * len(word), [-math.inf] * len(word) + [0.0]
        for pos, here in enumerate(nodes):
            for _, end, score in here:
                before[end] = log_sum_exp(before[end], score + before[pos])
        for pos in reversed(range(len(word))):
            for _, end, score in nodes[pos]:
                after[pos] = log_sum_exp(after[pos], score + after[end])
        for pos, here in enumerate(nodes):
            for piece, end, score in here:
                expected[piece] += count * math.exp(before[pos] + score + after[end] - before[-1])

    def best_ways(self, word):
        """Per node (pos, index): (score of the best way to it, its predecessor). The end is (len(word), 0)."""
        nodes = [*self.nodes(word), [(None, len(word), 0.0)]]
        arriving = collections.defaultdict(list, {0: [None]})
        best = {None: (0.0, None)}
        for pos, here in enumerate(nodes):
            for index, (_, end, score) in enumerate(here):
                chosen = None
                for node in arriving[pos]:
                    total = best[node][0] + score
                    if chosen is None or total > chosen[0]:
                        chosen = (total, node)
                best[pos, index] = chosen
                if pos < len(word):
                    arriving[end].append((pos, index))
        return nodes, arriving, best

    def best(self, word):
        nodes, _, best = self.best_ways(word)
        path, node = [], best[len(word), 0][1]
        while node is not None:
            path.append(nodes[node[0]][node[1]][0])
            node = best[node][1]
        return path[::-1]

    def two_best(self, word):
        nodes, arriving, best = self.best_ways(word)
        agenda = Agenda()
        agenda.push((0.0, 0.0, (len(word), 0), None))
        found = []
        while agenda.items and len(found) < 2:
            top = agenda.pop()
            _, behind, node, following = top
            if node is None:
                path = []
                while following[3] is not None:
                    path.append(nodes[following[2][0]][following[2][1]][0])
                    following = following[3]
                found.append(path)
                continue
            for before in arriving[node[0]]:
                score = 0.0 if before is None else nodes[before[0]][before[1]][2]
                agenda.push((best[before][0] + behind, score + behind, before, top))
        return found


class Agenda:
    """A heap with four children each whose comparison finds no two equal; it decides between equally good ways."""

    def __init__(self):
        self.items = []

    def push(self, item):
        self.items.append(item)
        self.rise(len(self.items) - 1)

    def pop(self):
        last = self.items.pop()
        if not self.items:
            return last
        top, moved = self.items[0], last
        pos, end = 0, len(self.items)
        while 4 * pos + 1 < end:
            children = range(4 * pos + 1, min(4 * pos + 5, end))
            if len(children) == 4:
                pairs = [self.greater(*children[:2]), self.greater(*children[2:])]
                child = self.greater(*pairs)
            else:
                child = children[0]
                for other in children[1:]:
                    child = self.greater(child, other)
            self.items[pos] = self.items[child]
            pos = child
        self.items[pos] = moved
        self.rise(pos)
        return top

    def greater(self, a, b):
        return b if self.items[a][0] < self.items[b][0] else a

    def rise(self, pos):
        moved = self.items[pos]
        while pos > 0 and not moved[0] < self.items[(pos - 1) // 4][0]:
            self.items[pos] = self.items[(pos - 1) // 4]
            pos = (pos - 1) // 4
        self.items[pos] = moved


def log_sum_exp(x, y):
    low, high = min(x, y), max(x, y)
    return high if high > low + 50 else high + math.log(math.exp(low - high) + 1.0)


def summed(words, n_pieces, add):
    """Sums over parts with equally many characters, one behind each word counted with it, added part by part."""
    begins = [0, *itertools.accumulate(len(word) + 1 for word, _ in words)]
    cuts = [bisect.bisect_left(begins[:-1], begins[-1] * part // PARTS) for part in range(PARTS + 1)]
    total = None
    for begin, end in itertools.pairwise(cuts):
        sums = [0.0] * n_pieces
        for word, n in words[begin:end]:
            add(word, float(n), sums)
        total = sums if total is None else [a + b for a, b in zip(total, sums, strict=True)]
    return total


def reestimated(pieces, words):
    lattice = Lattice(pieces)
    expected = summed(words, len(pieces), lattice.add_expected)
    kept = [(text, n) for (text, _), n in zip(pieces[1:], expected[1:], strict=True) if not n < 0.5]
    total = 0.0
    for _, n in kept:
        total += n
    log_sum = digamma(total) if kept else 0
    return [pieces[0], *((text, digamma(n) - log_sum) for text, n in kept)]


def digamma(x):
    result = 0.0
    while x < 7.0:
        result -= 1.0 / x
        x += 1.0
    x -= 1.0 / 2.0
    xx = 1.0 / x
    xx2 = xx * xx
    xx4 = xx2 * xx2
    return result + (
        math.log(x) + (1.0 / 24.0) * xx2 - 7.0 / 960.0 * xx4 + (31.0 / 8064.0) * xx4 * xx2 - (127.0 / 30720.0) * xx4 * xx4
    )


def pruned(pieces, words, desired):
    lattice = Lattice(pieces)

    def add_best(word, count, sums):
        for piece in lattice.best(word):
            sums[piece] += count

    counts = summed(words, len(pieces), add_best)
    n_words, total = sum(float(n) for _, n in words), 0.0
    for n in counts:
        total += n
    kept, candidates = [pieces[0]], []
    for k in range(1, len(pieces)):
        ways = lattice.two_best(pieces[k][0])
        other = ways[1] if len(ways) == 2 and len(ways[0]) == 1 else []
        if counts[k] == 0 and len(ways) == 2 and len(ways[0]) > 1:
            continue
        if not other:
            kept.append(pieces[k])
        elif counts[k] > 0:
            # Not len(other): all pieces, as in the reference.
            log_sum = math.log(total + counts[k] * float(len(pieces) - 1))
            after = 0.0
            for part in other:
                after += math.log(counts[part] + counts[k]) - log_sum
            loss = counts[k] / n_words * (math.log(counts[k]) - math.log(total) - after)
            candidates.append((loss, pieces[k]))
    size = max(desired, int(len(pieces) * 0.75))
    candidates.sort(key=lambda candidate: -candidate[0])
    return kept + [piece for _, piece in candidates[: max(size - len(kept), 0)]]


def finished(pieces, words, vocab_size, special):
    special = list(dict.fromkeys(special))
    scores = dict(pieces[1:])
    lowest, penalty, tokens = min(scores.values(), default=0.0), 0.0, {}
    for c in sorted({c for word, _ in words for c in word}):
        if c in scores:
            tokens[c] = scores[c]
        else:
            tokens[c] = lowest + penalty
            penalty += 0.0001
    tokens = {text: score for text, score in tokens.items() if text not in special}
    for text, score in pieces[1:]:
        if len(tokens) < vocab_size - len(special) and text not in special:
            tokens.setdefault(text, score)
    return [*((token, 0.0) for token in special), *sorted(tokens.items(), key=lambda token: -token[1])]
