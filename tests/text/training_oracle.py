"""The algorithm of Hugging Face's BpeTrainer, restated: no incremental counts beyond those that show in its results."""

import collections
import heapq


def word_counts(words):
    return dict(collections.Counter(words))


def bpe_of_words(counts, vocab_size, special=(), prefix="", continuing=()):
    """(tokens by id, merges in order).

    `continuing`: the prefixed symbols in the order in which they get ids. Every queue entry knows the words where its
    pair arose, and a merged pair keeps its count: that is how the reference comes to its order.
    """
    tokens = list(dict.fromkeys(special))
    tokens += [c for c in sorted({c for word in counts for c in word}) if c not in tokens]
    tokens += [symbol for symbol in continuing if symbol not in tokens]
    ids = {token: k for k, token in enumerate(tokens)}
    words = [([ids[(prefix if k else "") + c] for k, c in enumerate(word)], n) for word, n in counts.items()]

    totals, places = collections.Counter(), collections.defaultdict(set)
    for k, (symbols, n) in enumerate(words):
        for pair in zip(symbols, symbols[1:]):
            totals[pair] += n
            places[pair].add(k)
    queue = [(-totals[pair], pair, sorted(where)) for pair, where in places.items()]
    heapq.heapify(queue)
    merges = []
    while len(tokens) < vocab_size and queue:
        count, pair, where = heapq.heappop(queue)
        if -count != totals[pair]:
            heapq.heappush(queue, (-totals[pair], pair, where))
            continue
        if -count < 1:
            break
        name = tokens[pair[0]] + tokens[pair[1]].removeprefix(prefix)
        if name not in ids:
            ids[name] = len(tokens)
            tokens.append(name)
        merges.append((tokens[pair[0]], tokens[pair[1]]))
        arisen = collections.defaultdict(set)
        for k in where:
            merge_in(words[k], pair, ids[name], k, totals, arisen)
        for new, new_words in arisen.items():
            if totals[new] > 0:
                heapq.heappush(queue, (-totals[new], new, sorted(new_words)))
    return tokens, merges


def merge_in(word, pair, merged, k, totals, arisen):
    symbols, n = word
    pos = 0
    while pos + 1 < len(symbols):
        if (symbols[pos], symbols[pos + 1]) == pair:
            if pos > 0:
                totals[symbols[pos - 1], pair[0]] -= n
                totals[symbols[pos - 1], merged] += n
                arisen[symbols[pos - 1], merged].add(k)
            if pos + 2 < len(symbols):
                totals[pair[1], symbols[pos + 2]] -= n
                totals[merged, symbols[pos + 2]] += n
                arisen[merged, symbols[pos + 2]].add(k)
            symbols[pos : pos + 2] = [merged]
        pos += 1
