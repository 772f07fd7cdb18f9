"""Wrong solutions: {mistake: (a learner's code, words that the message has to contain)}, by exercise.

Code of a decoder's step replaces that step of the right solution in right_solutions.py.
"""

VOCABULARY = {
    "counter begun anew for each photo": ('''
def generate_vocabulary(train_captions):
    words = set()
    for captions in train_captions:
        counts = Counter()
        for caption in captions:
            counts.update(split_sentence(caption))
        words |= {word for word, count in counts.items() if count >= 5}
    return {token: i for i, token in enumerate(sorted(words | {PAD, UNK, START, END}))}
''', "begins anew for each photo", "before the loops"),
    "counter begun anew for each caption": ('''
def generate_vocabulary(train_captions):
    words = {PAD, UNK, START, END}
    for captions in train_captions:
        for caption in captions:
            words |= {w for w, n in Counter(split_sentence(caption)).items() if n >= 5}
    return {token: i for i, token in enumerate(sorted(words))}
''', "begins anew for each caption"),
    "first photo only": ('''
def generate_vocabulary(train_captions):
    for captions in train_captions:
        counts = Counter(word for caption in captions for word in split_sentence(caption))
        tokens = [w for w in counts if counts[w] >= 5] + [PAD, UNK, START, END]
        return {token: i for i, token in enumerate(sorted(tokens))}
''', "Only the first photo's words", "return"),
    "short words left out": ('''
def generate_vocabulary(train_captions):
    counts = Counter(w for cs in train_captions for c in cs for w in split_sentence(c) if len(w) > 1)
    return {t: i for i, t in enumerate(sorted([w for w in counts if counts[w] >= 5] + [PAD, UNK, START, END]))}
''', "Some frequent words are missing", "leave words out", "missing: a"),
    "last photo only": ('''
def generate_vocabulary(train_captions):
    for captions in train_captions:
        counts = Counter(word for caption in captions for word in split_sentence(caption))
    tokens = [w for w in counts if counts[w] >= 5] + [PAD, UNK, START, END]
    return {token: i for i, token in enumerate(sorted(tokens))}
''', "Only the last photo's words"),
    "a slice left in": ('''
def generate_vocabulary(train_captions):
    counts = Counter(w for cs in train_captions[:20] for c in cs for w in split_sentence(c))
    return {t: i for i, t in enumerate(sorted([w for w in counts if counts[w] >= 5] + [PAD, UNK, START, END]))}
''', "counts the first 20 photos only", "train_captions[:500]"),
    "a global in place of the argument": ('''
def generate_vocabulary(captions):
    counts = Counter(w for cs in train_captions for c in cs for w in split_sentence(c))
    return {t: i for i, t in enumerate(sorted([w for w in counts if counts[w] >= 5] + [PAD, UNK, START, END]))}
''', "reads a variable of the notebook", "Its argument is called captions"),
    "photos are counted": ('''
def generate_vocabulary(train_captions):
    counts = Counter(w for cs in train_captions for w in set(split_sentence(" ".join(cs))))
    return {t: i for i, t in enumerate(sorted([w for w in counts if counts[w] >= 5] + [PAD, UNK, START, END]))}
''', "Photos are counted, not words", "every occurrence"),
    "first captions only": ('''
def generate_vocabulary(train_captions):
    counts = Counter(w for cs in train_captions for w in split_sentence(cs[0]))
    return {t: i for i, t in enumerate(sorted([w for w in counts if counts[w] >= 5] + [PAD, UNK, START, END]))}
''', "Only the first caption of each photo", "every caption of every photo"),
    "captions are counted": ('''
def generate_vocabulary(train_captions):
    counts = Counter(w for cs in train_captions for c in cs for w in set(split_sentence(c)))
    return {t: i for i, t in enumerate(sorted([w for w in counts if counts[w] >= 5] + [PAD, UNK, START, END]))}
''', "Captions are counted, not words", "every occurrence"),
    "letters": ('''
def generate_vocabulary(train_captions):
    counts = Counter(letter for cs in train_captions for c in cs for letter in c.lower())
    return {t: i for i, t in enumerate(sorted([w for w in counts if counts[w] >= 5] + [PAD, UNK, START, END]))}
''', "Letters are counted", "split_sentence"),
    "not split_sentence": ('''
def generate_vocabulary(train_captions):
    counts = Counter(w for cs in train_captions for c in cs for w in c.lower().split())
    return {t: i for i, t in enumerate(sorted([w for w in counts if counts[w] >= 5] + [PAD, UNK, START, END]))}
''', "not cut with split_sentence", "without punctuation"),
    "names in quotes": ('''
def generate_vocabulary(train_captions):
    counts = Counter(w for cs in train_captions for c in cs for w in split_sentence(c))
    tokens = [w for w in counts if counts[w] >= 5] + ["PAD", "UNK", "START", "END"]
    return {t: i for i, t in enumerate(sorted(tokens))}
''', "names of the special tokens are in", "write PAD without quotes"),
    "NumPy numbers": ('''
def generate_vocabulary(train_captions):
    counts = Counter(w for cs in train_captions for c in cs for w in split_sentence(c))
    tokens = sorted([w for w in counts if counts[w] >= 5] + [PAD, UNK, START, END])
    return dict(zip(tokens, np.arange(len(tokens))))
''', "not Python ints", "int64", "enumerate"),
    "floats": ('''
def generate_vocabulary(train_captions):
    counts = Counter(w for cs in train_captions for c in cs for w in split_sentence(c))
    tokens = sorted([w for w in counts if counts[w] >= 5] + [PAD, UNK, START, END])
    return {t: float(i) for i, t in enumerate(tokens)}
''', "not Python ints", "float"),
    "most frequent first": ('''
def generate_vocabulary(train_captions):
    counts = Counter(w for cs in train_captions for c in cs for w in split_sentence(c))
    tokens = [w for w, n in counts.most_common() if n >= 5] + [PAD, UNK, START, END]
    return {t: i for i, t in enumerate(tokens)}
''', "sorted before they are numbered"),
    "special tokens after sorting": ('''
def generate_vocabulary(train_captions):
    counts = Counter(w for cs in train_captions for c in cs for w in split_sentence(c))
    tokens = [PAD, UNK, START, END] + sorted(w for w in counts if counts[w] >= 5)
    return {t: i for i, t in enumerate(tokens)}
''', "special tokens and words together"),
}
_CUT = '''
def generate_vocabulary(train_captions):
    counts = Counter(w for cs in train_captions for c in cs for w in {})
    return {{t: i for i, t in enumerate(sorted([w for w in counts if counts[w] >= 5] + [PAD, UNK, START, END]))}}
'''
OTHER_SPLITS = {                        # words are counted rightly, but cut in another way
    f"cut with {split}": (_CUT.format(split), "not cut with split_sentence", "without punctuation")
    for split in ("c.split()", "c.split(' ')", "c.lower().split()", r"re.findall(r'\w+', c)")}
VOCABULARY["punctuation is counted"] = (
    _CUT.format(r"re.findall(r'\w+|[^\w\s]', c.lower())"), "Tokens are in that split_sentence does not make")
_COUNTED = '''
def numbered(tokens):
    return {{token: i for i, token in enumerate(sorted(tokens))}}

def generate_vocabulary(train_captions):
    counts = Counter(w for cs in train_captions for c in cs for w in split_sentence(c))
    words = [w for w in counts if counts[w] >= 5]
    special = [PAD, UNK, START, END]
    return {}
'''
VOCABULARY |= OTHER_SPLITS | {
    mistake: (_COUNTED.format(line), *words) for mistake, (line, *words) in {
        "no PAD": ("numbered(words + [UNK, START, END])", "PAD missing"),
        "no special tokens": ("numbered(words)", "PAD, UNK, START, END missing"),
        "more than 5 times": ("numbered([w for w in words if counts[w] > 5] + special)",
                              ">= 5, not > 5", "missing: ball"),
        "4 times": ("numbered([w for w in counts if counts[w] >= 4] + special)", "Rare words", "kite (seen 4 times)"),
        "special tokens only": ("numbered(special)", "Some frequent words are missing"),
        "all words": ("numbered([*counts, *special])", "Rare words", "bus (seen once), cars (seen 2 times)"),
        "sorted the other way round": (
            "{t: i for i, t in enumerate(sorted(words + special, reverse=True))}", "sorted before they are numbered"),
        "from 1": ("{t: i for i, t in enumerate(sorted(words + special), 1)}", "from 0", "0 to 11", "1 to 12"),
        "gaps": ("{t: 2 * i for t, i in numbered(words + special).items()}", "without gaps"),
        "one index for all": ("dict.fromkeys(words + special, 3)", "share an index"),
        "from index to token": ("dict(enumerate(sorted(words + special)))", "goes from token to index"),
        "a list": ("sorted(words + special)", "should be a dictionary"),
        "nothing": ("None", "generate_vocabulary gives None", "return"),
        "special tokens counted": (
            "numbered([w for w, n in Counter([*counts.elements(), *special]).items() if n >= 5])",
            "whatever their count"),
        "special tokens in lower case": ("numbered(words + [token.lower() for token in special])",
                                         "PAD, UNK, START, END missing"),
        "counts from 0": ("numbered([w for w in counts if counts[w] - 1 >= 5] + special)", "begin each count at 1"),
        "the ten most frequent": ("numbered([w for w, _ in counts.most_common(5)] + special)",
                                  "Some frequent words are missing"),
        "short words first": ("{t: i for i, t in enumerate(sorted(words + special, key=len))}",
                              "sorted before they are numbered"),
        "counts as indices": ("dict(zip(special, range(4))) | {w: counts[w] for w in words}", "share an index"),
        "both directions": ("(numbered(words + special), dict(enumerate(words + special)))", "should be a dictionary"),
        "joined without a space": (
            "numbered(special + [w for w, n in Counter(split_sentence(''.join(c for cs in train_captions for c in cs)"
            ")).items() if n >= 5])", "joined without a space"),
        "photos joined without a space": (
            "numbered(special + [w for w, n in Counter(w for cs in train_captions for w in split_sentence(''.join(cs))"
            ").items() if n >= 5])", "joined without a space"),
        "words counted by their letters": (
            "numbered(special + [w for w, n in Counter(''.join(counts.elements())).items() if n >= 5])",
            "Counter.update takes a list of words"),
        "one loop too few": ("numbered(special + [w for cs in train_captions for w in split_sentence(cs)])",
                             "split_sentence takes one caption", "loop over the photos"),
    }.items()
}

INDEXING = {
    "the default is the token": ('''
def caption_tokens_to_indices(captions, vocab):
    return [[[vocab[START]] + [vocab.get(w, UNK) for w in split_sentence(c)] + [vocab[END]] for c in cs]
            for cs in captions]
''', "UNK among the indices, as a string", "vocab[UNK]", "'#UNK#'"),
    "START as a token": ('''
def caption_tokens_to_indices(captions, vocab):
    return [[[START] + [vocab.get(w, vocab[UNK]) for w in split_sentence(c)] + [END] for c in cs] for cs in captions]
''', "START and END among the indices, as a string", "vocab[START]"),
    "setdefault": ('''
def caption_tokens_to_indices(captions, vocab):
    return [[[vocab[START]] + [vocab.setdefault(w, vocab[UNK]) for w in split_sentence(c)] + [vocab[END]]
             for c in cs] for cs in captions]
''', "vocabulary is changed", "setdefault", "vocab.get(word, vocab[UNK])"),
    "new words get an index": ('''
def caption_tokens_to_indices(captions, vocab):
    result = []
    for photo in captions:
        result.append([])
        for caption in photo:
            for word in split_sentence(caption):
                if word not in vocab:
                    vocab[word] = len(vocab)
            result[-1].append([vocab[START]] + [vocab[w] for w in split_sentence(caption)] + [vocab[END]])
    return result
''', "vocabulary is changed", "assignment to vocab[word]"),
    "the notebook's vocab": ('''
def caption_tokens_to_indices(captions, dictionary):
    return [[[vocab[START]] + [vocab.get(w, vocab[UNK]) for w in split_sentence(c)] + [vocab[END]] for c in cs]
            for cs in captions]
''', "same for another vocabulary", "Its argument is called dictionary"),
    "numbers by hand": ('''
def caption_tokens_to_indices(captions, vocab):
    return [[[2] + [vocab.get(w, 3) for w in split_sentence(c)] + [0] for c in cs] for cs in captions]
''', "same for another vocabulary", "numbers written in it"),
    "letters": ('''
def caption_tokens_to_indices(captions, vocab):
    return [[[vocab[START]] + [vocab.get(w, vocab[UNK]) for w in c] + [vocab[END]] for c in cs] for cs in captions]
''', "gives letters", "split_sentence"),
    "a word once": ('''
def caption_tokens_to_indices(captions, vocab):
    return [[[vocab[START]] + [vocab.get(w, vocab[UNK]) for w in dict.fromkeys(split_sentence(c))] + [vocab[END]]
             for c in cs] for cs in captions]
''', "keep every word"),
    "reversed": ('''
def caption_tokens_to_indices(captions, vocab):
    return [[[vocab[START]] + [vocab.get(w, vocab[UNK]) for w in split_sentence(c)][::-1] + [vocab[END]] for c in cs]
            for cs in captions]
''', "reverse order"),
    "a generator": ('''
def caption_tokens_to_indices(captions, vocab):
    for cs in captions:
        yield [[vocab[START]] + [vocab.get(w, vocab[UNK]) for w in split_sentence(c)] + [vocab[END]] for c in cs]
''', "has yield", "a list for each photo"),
    "padding for unknown words": ('''
def caption_tokens_to_indices(captions, vocab):
    return [[[vocab[START]] + [vocab.get(w, vocab[PAD]) for w in split_sentence(c)] + [vocab[END]] for c in cs]
            for cs in captions]
''', "UNK is not used"),
}
_INDEXED = '''
def caption_tokens_to_indices(captions, vocab):
    def right(caption):
        return [vocab[START], *(vocab.get(w, vocab[UNK]) for w in split_sentence(caption)), vocab[END]]
    return {}
'''
INDEXING |= {
    mistake: (_INDEXED.format(result if "cs" in result else f"[[{result} for c in cs] for cs in captions]"), *words)
    for mistake, (result, *words) in {
        "no START": ("right(c)[1:]", "START is missing", "came: [5, 6, 4, 0]"),
        "no END": ("right(c)[:-1]", "END is missing"),
        "END at both ends": ("[vocab[END], *right(c)[1:]]", "START is missing", "END is there more than once"),
        "neither": ("right(c)[1:-1]", "START is missing", "END is missing"),
        "swapped": ("[vocab[END], *right(c)[1:-1], vocab[START]]", "START and END are swapped"),
        "START twice": ("[vocab[START], *right(c)]", "START is there more than once"),
        "END twice": ("[*right(c), vocab[END]]", "END is there more than once"),
        "unknown words dropped": ("[i for i in right(c) if i != vocab[UNK]]", "dropped"),
        "KeyError": ("[vocab[START], *(vocab[w] for w in split_sentence(c)), vocab[END]]",
                     "UNK is not used", "is an error", "KeyError"),
        "None for unknown words": ("[vocab[START], *map(vocab.get, split_sentence(c)), vocab[END]]", "UNK is not used"),
        "NumPy ints": ("list(np.array(right(c)))", "NumPy", "int64", "int(index)"),
        "NumPy arrays": ("np.array(right(c), np.int32)", "NumPy", "int32"),
        "cut at 20": ("right(c)[:20]", "END is lost", "batch_captions_to_matrix cuts"),
        "cut, with END": ("(right(c)[:19] + [vocab[END]])[-len(right(c)):]", "Long captions are cut:"),
        "words": ("[START, *split_sentence(c), END]", "words among the indices"),
        "case kept": ("[vocab[START], *(vocab.get(w, vocab[UNK]) for w in re.findall(r'\\w+', c)), vocab[END]]",
                      "split_sentence"),
        "one list": ("[right(c) for cs in captions for c in cs]", "a list for each photo"),
        "first captions only": ("[[right(cs[0])] for cs in captions]", "a list for each caption"),
        "a dictionary": ("{i: [right(c) for c in cs] for i, cs in enumerate(captions)}",
                         "a list for each photo", "came: {0: [["),
        "nothing": ("None and cs", "caption_tokens_to_indices gives None", "return"),
        "END after each word": ("[vocab[START], *(j for i in right(c)[1:-1] for j in (i, vocab[END]))]",
                                "END is there more than once"),
        "the first word left out": ("[vocab[START], *right(c)[2:]]", "words at the beginning of a caption are missing"),
        "the last word left out": ("[*right(c)[:-2], vocab[END]]", "words at the end of a caption are missing"),
        "floats": ("list(map(float, right(c)))", "The indices are not Python ints", "float"),
        "pairs": ("list(zip(split_sentence(c), right(c)[1:]))", "There is a tuple inside a caption"),
        "END for unknown words": ("[vocab[START], *(vocab.get(w, vocab[END]) for w in split_sentence(c)), vocab[END]]",
                                  "UNK is not used"),
        "START at both ends": ("[*right(c)[:-1], vocab[START]]", "START is there more than once", "END is missing"),
        "one row of numbers": ("[i for cs in captions for c in cs for i in right(c)]", "a list for each photo"),
        "append": ("right(c)[:1].append(right(c)[1:])", "A caption is None, which append"),
        "one row for a photo": ("[(lambda rows: [sum(rows, right(cs[0])[:1])] * len(cs))([right(c)[1:] for c in cs]) "
                                "for cs in captions]", "run together", "begin a new list for each caption"),
        "sorted": ("[vocab[START], *sorted(right(c)[1:-1], reverse=True), vocab[END]]", "in another order"),
        "a set": ("[vocab[START], *set(right(c)[1:-1]), vocab[END]]", "keep every word"),
        "END after padding": ("right(c)[:-1] + [vocab[PAD]] * 3 + [vocab[END]]", "PAD is in the captions"),
        "places in the vocabulary": ("[list(vocab).index(w) for w in [START, *split_sentence(c).__class__("
                                     "w if w in vocab else UNK for w in split_sentence(c)), END]]",
                                     "same for another vocabulary", "Its argument is called vocab"),
        "the captions of a photo in one list": (
            "[[sum((right(c) for c in cs), [])] * len(cs) for cs in captions]", "run together"),
        "filled up": ("(right(c) + [vocab[PAD]] * 60)[:60]", "PAD is in the captions"),
        "stops at an unknown word": (
            "right(c)[:([*right(c), vocab[UNK]]).index(vocab[UNK])] + [vocab[END]] * (vocab[UNK] in right(c))",
            "UNK is not used"),
        "strings": ("list(map(str, right(c)))", "leave str() out"),
        "a list in a list": ("[vocab[START], right(c)[1:-1], vocab[END]]", "There is a list inside a caption"),
        "START cut by split_sentence": (
            "[vocab.get(w, vocab[UNK]) for w in split_sentence(' '.join([START, c, END]))]", "cuts the # off START"),
        "iterators": ("map(int, right(c))", "A caption is a map", "make it a list"),
        "START in quotes": ("[vocab['START'], *right(c)[1:]]", "write vocab[START], without quotes"),
        "too many captions": ("[[right(c) for cs in captions for c in cs] for _ in captions]",
                              "a list for each caption", "2, 1, 1 captions", "4, 4, 4 captions"),
    }.items()
}

INDEXING["the captions become the result"] = ('''
def caption_tokens_to_indices(captions, vocab):
    for photo in captions:
        for i, c in enumerate(photo):
            photo[i] = [vocab[START], *(vocab.get(w, vocab[UNK]) for w in split_sentence(c)), vocab[END]]
    return captions
''', "captions themselves are changed", "build a new list")

BATCHING = {
    "zeros become padding": ('''
def batch_captions_to_matrix(batch_captions, pad_idx, max_len=None):
    longest = max(map(len, batch_captions))
    width = longest if max_len is None else min(longest, max_len)
    matrix = np.zeros((len(batch_captions), width), dtype="int32")
    for i, caption in enumerate(batch_captions):
        matrix[i, :len(caption)] = caption[:width]
    matrix[matrix == 0] = pad_idx
    return matrix
''', "index 0 become padding", "END"),
    "16 bits": ('''
def batch_captions_to_matrix(batch_captions, pad_idx, max_len=None):
    width = min(max(map(len, batch_captions)), max_len or 10 ** 6)
    matrix = np.full((len(batch_captions), width), pad_idx, np.int64)
    for row, caption in zip(matrix, batch_captions):
        row[:len(caption)] = caption[:width]
    return matrix.astype(np.int16)
''', "int16 is too narrow", "np.int32"),
    "always 20 tokens at most": ('''
def batch_captions_to_matrix(batch_captions, pad_idx, max_len=None):
    width = min(max(map(len, batch_captions)), max_len or 20)
    matrix = np.full((len(batch_captions), width), pad_idx)
    for row, caption in zip(matrix, batch_captions):
        row[:len(caption)] = caption[:width]
    return matrix
''', "always cut to 20", "60 columns", "20 columns"),
    "vocab[PAD]": ('''
def batch_captions_to_matrix(batch_captions, pad_idx, max_len=None):
    width = min(max(map(len, batch_captions)), max_len or 10 ** 6)
    matrix = np.full((len(batch_captions), width), vocab[PAD])
    for row, caption in zip(matrix, batch_captions):
        row[:len(caption)] = caption[:width]
    return matrix
''', "whatever pad_idx is", "argument pad_idx"),
    "first caption's width": ('''
def batch_captions_to_matrix(batch_captions, pad_idx, max_len=None):
    width = min(len(batch_captions[0]), max_len or 10 ** 6)
    matrix = np.full((len(batch_captions), width), pad_idx)
    for row, caption in zip(matrix, batch_captions):
        kept = caption[:width]
        row[:len(kept)] = kept
    return matrix
''', "first caption decides"),
    "END left out": ('''
def batch_captions_to_matrix(batch_captions, pad_idx, max_len=None):
    width = min(max(map(len, batch_captions)), max_len or 10 ** 6)
    matrix = np.full((len(batch_captions), width), pad_idx)
    for row, caption in zip(matrix, batch_captions):
        kept = caption[:-1][:width]
        row[:len(kept)] = kept
    return matrix
''', "END is left out"),
    "one token less than max_len": ('''
def batch_captions_to_matrix(batch_captions, pad_idx, max_len=None):
    longest = max(map(len, batch_captions))
    width = longest if max_len is None or longest <= max_len else max_len - 1
    matrix = np.full((len(batch_captions), width), pad_idx)
    for row, caption in zip(matrix, batch_captions):
        kept = caption[:width]
        row[:len(kept)] = kept
    return matrix
''', "max_len - 1"),
    "identical captions once": ('''
def batch_captions_to_matrix(batch_captions, pad_idx, max_len=None):
    rows = []
    for caption in batch_captions:
        if caption[:] not in rows:
            rows.append(caption[:])
    width = min(max(map(len, rows)), max_len or 10 ** 6)
    return np.array([row[:width] + [pad_idx] * (width - len(row)) for row in rows])
''', "Identical captions are there once only", "a row for each caption"),
    "sorted by length": ('''
def batch_captions_to_matrix(batch_captions, pad_idx, max_len=None):
    rows = sorted(batch_captions, key=len, reverse=True)
    width = min(len(rows[0]), max_len or 10 ** 6)
    return np.array([row[:width] + [pad_idx] * (width - len(row)) for row in rows])
''', "sorted by length", "row i belongs to caption i"),
    "one array for all calls": ('''
buffer = np.zeros((100, 100), int)

def batch_captions_to_matrix(batch_captions, pad_idx, max_len=None):
    width = min(max(map(len, batch_captions)), max_len or 10 ** 6)
    matrix = buffer[:len(batch_captions), :width]
    matrix[:] = pad_idx
    for row, caption in zip(matrix, batch_captions):
        row[:len(caption)] = caption[:width]
    return matrix
''', "same array"),
    "Keras's own padding": ('''
def batch_captions_to_matrix(batch_captions, pad_idx, max_len=None):
    return keras.utils.pad_sequences(batch_captions, max_len, value=pad_idx)
''', "padding is on the left", "padded to max_len"),
    "END kept": ('''
def batch_captions_to_matrix(batch_captions, pad_idx, max_len=None):
    width = min(max(map(len, batch_captions)), max_len or 10 ** 6)
    rows = [c if len(c) <= width else c[:width - 1] + c[-1:] for c in batch_captions]
    return np.array([row + [pad_idx] * (width - len(row)) for row in rows])
''', "END takes the place of the last token", "[[1, 2], [4, 5]]", "[[1, 3], [4, 5]]"),
    "a token once": ('''
def batch_captions_to_matrix(batch_captions, pad_idx, max_len=None):
    rows = [list(dict.fromkeys(c))[:max_len] for c in batch_captions]
    width = max(map(len, rows))
    return np.array([row + [pad_idx] * (width - len(row)) for row in rows])
''', "comes twice in a caption is there once"),
    "no token twice in a row": ('''
import itertools

def batch_captions_to_matrix(batch_captions, pad_idx, max_len=None):
    rows = [[token for token, _ in itertools.groupby(c)][:max_len] for c in batch_captions]
    width = max(map(len, rows))
    return np.array([row + [pad_idx] * (width - len(row)) for row in rows])
''', "follows itself is there once"),
    "START left out": ('''
def batch_captions_to_matrix(batch_captions, pad_idx, max_len=None):
    rows = [c[1:][:max_len] for c in batch_captions]
    width = max(map(len, rows))
    return np.array([row + [pad_idx] * (width - len(row)) for row in rows])
''', "START is left out"),
    "the captions are changed": ('''
def batch_captions_to_matrix(batch_captions, pad_idx, max_len=None):
    longest = max(map(len, batch_captions))
    for caption in batch_captions:
        caption.extend([pad_idx] * (longest - len(caption)))
    return np.array([caption[:max_len] for caption in batch_captions])
''', "captions themselves are changed"),
}
_PADDED = '''
def batch_captions_to_matrix(batch_captions, pad_idx, max_len=None):
    def padded(columns, left=False, tail=False, fill=pad_idx):
        matrix = np.full((len(batch_captions), columns), fill)
        for row, caption in zip(matrix, batch_captions):
            kept = caption[-columns:] if tail else caption[:columns]
            row[columns - len(kept) if left else 0:][:len(kept)] = kept
        return matrix

    longest, shortest = max(map(len, batch_captions)), min(map(len, batch_captions))
    width = min(longest, max_len or longest)
    return {}
'''
BATCHING |= {
    mistake: (_PADDED.format(result), *words) for mistake, (result, *words) in {
        "the larger width": ("padded(max(longest, max_len or 0))", "take the smaller"),
        "one token more than max_len": ("padded(min(longest, (max_len or longest) + 1))", "max_len + 1"),
        "strings": ("np.array([list(map(str, row)) for row in padded(width)])", "holds strings", "pad_idx"),
        "left": ("padded(width, left=True)", "padding is on the left"),
        "max_len ignored": ("padded(longest)", "max_len is ignored"),
        "padded to max_len": ("padded(max_len or longest)", "padded to max_len"),
        "a column too few": ("padded(width - 1)", "column is lost", "END"),
        "a column too many": ("padded(width + 1)", "column too many"),
        "the shortest decides": ("padded(min(shortest, width))", "cut to the shortest"),
        "the last decides": ("padded(min(len(batch_captions[-1]), width))", "last caption decides"),
        "the beginning is cut": ("padded(width, tail=True)", "beginning of a long caption is cut"),
        "zeros": ("padded(width, fill=0)", "The padding is 0", "fill with pad_idx"),
        "left, END kept": ("(lambda m: [row.__setitem__(-1, c[-1]) for row, c in zip(m, batch_captions)] and m)("
                           "padded(width, left=True))", "on the left", "END takes the place"),
        "left, max_len ignored": ("padded(longest, left=True)", "on the left", "max_len is ignored"),
        "left, zeros, to max_len": ("padded(max_len or longest, left=True, fill=0)",
                                    "on the left", "padded to max_len", "fill with pad_idx"),
        "short ones first": ("padded(width)[np.argsort(list(map(len, batch_captions)), kind='stable')]",
                             "sorted by length, short ones first"),
        "reversed": ("padded(width)[::-1]", "reverse order"),
        "floats": ("padded(width).astype(float)", "should hold integers", "float64"),
        "lists": ("padded(width).tolist()", "NumPy array", "list"),
        "transposed": ("padded(width).T", "transposed"),
        "one row": ("padded(width).ravel()", "a row for each caption"),
        "max_len has to be a number": ("padded(min(longest, max_len))", "TypeError", "max_len=None"),
        "nothing": ("None", "batch_captions_to_matrix gives None", "return"),
        "objects": ("padded(width).astype(object)", "should hold integers", "object"),
        "the mask": ("padded(width) != pad_idx", "should hold integers", "bool"),
        "zeros of NumPy's own type": ("padded(width) + np.zeros(1)", "should hold integers", "float64"),
        "max_len=None as 0": ("padded(min(longest, max_len or 0))", "no columns", "max_len is None"),
        "tokens in reverse order": (
            "np.array([(c[::-1] + [pad_idx] * width)[:width] for c in batch_captions])", "stand in reverse order"),
        "a list of arrays": ("list(padded(width))", "NumPy array", "list"),
        "the last token of a cut caption": (
            "np.array([[*row[:-1], pad_idx] if len(c) > width else row for c, row in zip("
            "batch_captions, padded(width))])", "last token of a caption that is cut becomes padding"),
        "captions cut in place": ("[c.__delitem__(slice(max_len, None)) for c in batch_captions if max_len] and "
                                  "padded(min(width, max(map(len, batch_captions)))) if max_len else padded(width)",
                                  "captions themselves are changed"),
    }.items()
}

STATES = {
    "only the mean of the photo": ('''
mean = ops.mean(decoder.img_embeds, axis=1, keepdims=True)
decoder.h0 = decoder.c0 = L.Dense(300, activation="elu")(L.Dense(120, activation="elu")(mean))
''', "one sum of the photo's numbers", "mean"),
    "a part of the photo": ('''
decoder.h0 = decoder.c0 = decoder.img_embed_bottleneck_to_h0(L.Dense(120)(decoder.image[:, :30]))
''', "a part of the photo's numbers only", "30 numbers"),
    "photos normalized over the batch": ('''
centred = decoder.image - ops.mean(decoder.image, axis=0, keepdims=True)
decoder.h0 = decoder.c0 = decoder.img_embed_bottleneck_to_h0(decoder.img_embed_to_bottleneck(centred))
''', "mixes captions up", "mean over axis 0"),
    "one state for all photos": ('''
state = decoder.img_embed_bottleneck_to_h0(decoder.img_embed_to_bottleneck(decoder.image))
decoder.h0 = decoder.c0 = ops.mean(state, axis=0, keepdims=True)
''', "h0 has the wrong shape"),
    "zeros for c0": ('''
decoder.h0 = decoder.img_embed_bottleneck_to_h0(decoder.img_embed_to_bottleneck(decoder.image))
decoder.c0 = ops.zeros_like(decoder.h0)
''', "c0 does not come from the image"),
    "no bottleneck": ('''
decoder.h0 = decoder.c0 = L.Dense(300, activation="elu")(decoder.image)
''', "img_embed_to_bottleneck is not used"),
    "weights of 0": ('''
zeros = {"activation": "elu", "kernel_initializer": "zeros"}
decoder.h0 = decoder.c0 = L.Dense(300, **zeros)(L.Dense(120, **zeros)(decoder.image))
''', "weights", "are all 0", "kernel_initializer"),
    "dropout at all times": ('''
image = L.Lambda(lambda x: tf.nn.dropout(x, 0.5))(decoder.image)
decoder.h0 = decoder.c0 = decoder.img_embed_bottleneck_to_h0(decoder.img_embed_to_bottleneck(image))
''', "changes from one time to the next", "given dropout layers"),
    "dropout that training=True keeps on": ('''
image = decoder.image_dropout(decoder.standardize(decoder.img_embeds), training=True)
decoder.h0 = decoder.c0 = decoder.img_embed_bottleneck_to_h0(decoder.img_embed_to_bottleneck(image))
''', "changes from one time to the next", "leave training=True out"),
    "statistics of the batch": ('''
image = decoder.image_dropout(decoder.standardize(decoder.img_embeds, training=True))
decoder.h0 = decoder.c0 = decoder.img_embed_bottleneck_to_h0(decoder.img_embed_to_bottleneck(image))
''', "changes from one time to the next", "leave training=True out"),
    "BatchNormalization in between": ('''
bottleneck = L.BatchNormalization()(decoder.img_embed_to_bottleneck(decoder.image))
decoder.h0 = decoder.c0 = decoder.img_embed_bottleneck_to_h0(bottleneck)
''', "h0 is not what", "take batch_normalization"),
    "dropout at no time": ('''
class Image(L.Layer):
    def __init__(self):
        super().__init__()
        self.standardize, self.dropout = decoder.standardize, decoder.image_dropout

    def call(self, embeds):
        return self.dropout(self.standardize(embeds), training=False)

image = Image()(decoder.img_embeds)
decoder.h0 = decoder.c0 = decoder.img_embed_bottleneck_to_h0(decoder.img_embed_to_bottleneck(image))
''', "image_dropout hides nothing in training"),
    "no gradient": ('''
bottleneck = ops.stop_gradient(decoder.img_embed_to_bottleneck(decoder.image))
decoder.h0 = decoder.c0 = decoder.img_embed_bottleneck_to_h0(bottleneck)
''', "No gradient", "stop_gradient"),
    "a layer in a Lambda": ('''
bottleneck = L.Lambda(lambda x: decoder.img_embed_to_bottleneck(x), output_shape=(120,))(decoder.image)
decoder.h0 = decoder.c0 = decoder.img_embed_bottleneck_to_h0(bottleneck)
''', "hidden, perhaps in a Lambda", "img_embed_to_bottleneck"),
    "normalized once more": ('''
state = decoder.img_embed_bottleneck_to_h0(decoder.img_embed_to_bottleneck(decoder.image))
decoder.h0 = decoder.c0 = L.LayerNormalization()(state)
''', "h0 is not what", "take layer_normalization"),
    "a function in place of a tensor": ('''
decoder.h0 = decoder.c0 = decoder.img_embed_bottleneck_to_h0
''', "decoder.h0 is a layer", "Dense"),
    "from the words": ('''
words = ops.mean(L.Embedding(len(vocab), 7)(decoder.sentences), axis=1)
decoder.h0 = decoder.c0 = L.Dense(300)(L.Dense(120)(words))
''', "h0 does not come from the image", "decoder.image through its bottleneck"),
    "another size": ("decoder.h0 = decoder.c0 = L.Dense(256)(decoder.img_embed_to_bottleneck(decoder.image))",
                     "h0 has the wrong shape", "(7, 300)", "(7, 256)"),
    "another Input": ("decoder.h0 = decoder.c0 = L.Dense(300)(L.Dense(120)(keras.Input((IMG_EMBED_SIZE,))))",
                      "another keras.Input"),
    "embeddings as they are": ('''
bottleneck = decoder.img_embed_to_bottleneck(decoder.img_embeds)
decoder.h0 = decoder.c0 = decoder.img_embed_bottleneck_to_h0(bottleneck)
''', "standardize is not used for decoder.h0", "begin with image"),
    "no image dropout": ('''
bottleneck = decoder.img_embed_to_bottleneck(decoder.standardize(decoder.img_embeds))
decoder.h0 = decoder.c0 = decoder.img_embed_bottleneck_to_h0(bottleneck)
''', "image_dropout is not used for decoder.h0"),
    "image dropout late": ('''
bottleneck = decoder.img_embed_to_bottleneck(decoder.standardize(decoder.img_embeds))
decoder.h0 = decoder.c0 = decoder.img_embed_bottleneck_to_h0(decoder.image_dropout(bottleneck))
''', "another order", "image_dropout, img_embed_to_bottleneck"),
    "c0 of layers of its own": ('''
decoder.h0 = decoder.img_embed_bottleneck_to_h0(decoder.img_embed_to_bottleneck(decoder.image))
decoder.c0 = L.Dense(300)(L.Dense(120)(decoder.image))
''', "img_embed_to_bottleneck is not used for decoder.c0"),
    "c0 under another name": ('''
decoder.h0 = decoder.c = decoder.img_embed_bottleneck_to_h0(decoder.img_embed_to_bottleneck(decoder.image))
''', "decoder.c0 is missing", "later cells read both"),
    "c0 forgotten as a name": ('''
decoder.h0 = decoder.img_embed_bottleneck_to_h0(decoder.img_embed_to_bottleneck(decoder.image))
decoder.c0 = 0
''', "c0 does not come from the image"),
}

WORDS_IN = {
    "the next word": ("decoder.word_embeds = decoder.word_embed(decoder.sentences[:, 1:])",
                      "the very word that it has to predict"),
    "all words": ("decoder.word_embeds = decoder.word_embed(decoder.sentences)", "last word is fed as input too"),
    "START fed once more": ('''
start = ops.full_like(decoder.sentences[:, :1], vocab[START])
decoder.word_embeds = decoder.word_embed(ops.concatenate([start, decoder.sentences[:, :-1]], axis=1))
''', "START is fed twice"),
    "START fed once more, a word less": ('''
start = ops.full_like(decoder.sentences[:, :1], vocab[START])
decoder.word_embeds = decoder.word_embed(ops.concatenate([start, decoder.sentences[:, :-2]], axis=1))
''', "START is fed twice"),
    "no words": ("decoder.word_embeds = decoder.word_embed(decoder.sentences[:, :-1] * 0)",
                 "does not depend on decoder.sentences"),
    "another size": ("decoder.word_embeds = L.Embedding(len(vocab), 64)(decoder.sentences[:, :-1])",
                     "word_embeds has the wrong shape", "(7, 4, 100)", "(7, 4, 64)"),
    "two words less": ("decoder.word_embeds = decoder.word_embed(decoder.sentences[:, :-2])",
                       "Words at the end are left out"),
    "indices cut": ("decoder.word_embeds = decoder.word_embed(decoder.sentences[:, :-1] % 10)",
                    "share an embedding", "indices to the embedding as they are"),
    "UNK as PAD": ('''
words = decoder.sentences[:, :-1]
decoder.word_embeds = decoder.word_embed(ops.where(ops.equal(words, vocab[UNK]), vocab[PAD], words))
''', "share an embedding", "#PAD#, #UNK#"),
    "a layer of one's own": ("decoder.word_embeds = L.Embedding(len(vocab), 100)(decoder.sentences[:, :-1])",
                             "word_embed is not used"),
    "too few embeddings": ("decoder.word_embeds = L.Embedding(len(vocab) - 30, 100)(decoder.sentences[:, :-1])",
                           "too large for the embedding", "len(vocab)"),
    "normalized": ("decoder.word_embeds = L.UnitNormalization()(decoder.word_embed(decoder.sentences[:, :-1]))",
                   "word_embeds is not what word_embed gives", "take unit_normalization"),
    "one vector for a caption": ('''
embeds = decoder.word_embed(decoder.sentences[:, :-1])
decoder.word_embeds = embeds + ops.mean(embeds, axis=1, keepdims=True)
''', "at each position the embedding of the token there alone", "mean or a sum over axis 1"),
    "the image": ("decoder.word_embeds = decoder.word_embed(decoder.image)",
                  "does not depend on decoder.sentences", "and not the image"),
    "words added up": ("decoder.word_embeds = ops.cumsum(decoder.word_embed(decoder.sentences[:, :-1]), axis=1)",
                       "alone", "token 1 at position 1", "tokens 0, 1 at position 1"),
    "START and END left out": ("decoder.word_embeds = decoder.word_embed(decoder.sentences[:, 1:-1])",
                               "shifted the wrong way"),
    "transposed": ("decoder.word_embeds = decoder.word_embed(ops.transpose(decoder.sentences[:, :-1]))",
                   "word_embeds has the wrong shape", "(7, 4, 100)", "(4, 7, 100)"),
    "flattened": ("decoder.word_embeds = decoder.word_embed(ops.reshape(decoder.sentences[:, :-1], [-1]))",
                  "word_embeds has the wrong shape", "(7, 4, 100)", "(28, 100)"),
    "reversed": ("decoder.word_embeds = decoder.word_embed(ops.flip(decoder.sentences[:, :-1], axis=1))",
                 "words are in reverse order", "token 3 at position 0"),
}

LOGITS = {
    "a second LSTM on top": ('''
states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.hidden_states = L.LSTM(300, return_sequences=True)(states)
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
decoder.flat_token_logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
''', "flat_hidden_states is not what lstm gives", "take lstm_", "given layers alone"),
    "LayerNormalization": ('''
states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.hidden_states = L.LayerNormalization()(states)
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
decoder.flat_token_logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
''', "flat_hidden_states is not what lstm gives", "take layer_normalization"),
    "BatchNormalization": ('''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
flat = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
decoder.flat_hidden_states = L.BatchNormalization()(flat)
decoder.flat_token_logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
''', "flat_hidden_states is not what lstm gives", "take batch_normalization"),
    "a sum with zeros": ('''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
more = decoder.flat_hidden_states + L.Dense(300, kernel_initializer="zeros")(decoder.flat_hidden_states)
decoder.flat_token_logits = decoder.token_logits(decoder.token_logits_bottleneck(more))
''', "flat_token_logits is not what", "dense_"),
    "clipped": ('''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
decoder.flat_token_logits = ops.clip(logits, -1, 1)
''', "flat_token_logits is not what", "take clip"),
    "log_softmax": ('''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
decoder.flat_token_logits = ops.log_softmax(logits)
''', "log_softmax is applied", "leave it out"),
    "one state only": ('''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=decoder.h0)
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
decoder.flat_token_logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
''', "two states", "initial_state=[h0, c0]"),
    "states not named": ('''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, decoder.h0, decoder.c0)
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
decoder.flat_token_logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
''', "two states", "initial_state=[h0, c0]"),
    "no state": ('''
decoder.hidden_states = decoder.lstm(decoder.word_embeds)
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
decoder.flat_token_logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
''', "does not see the image", "initial_state=[h0, c0]"),
    "c0 of zeros in the LSTM": ('''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, ops.zeros_like(decoder.h0)])
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
decoder.flat_token_logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
''', "c0 of the LSTM does not come from the image"),
    "h0 of zeros in the LSTM": ('''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[ops.zeros_like(decoder.h0), decoder.c0])
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
decoder.flat_token_logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
''', "h0 of the LSTM does not come from the image"),
    "the last state only": ('''
decoder.hidden_states = L.LSTM(300)(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
decoder.flat_token_logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
''', "return_sequences=True"),
    "an LSTM of one's own": ('''
own = L.LSTM(300, return_sequences=True)
decoder.hidden_states = own(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
decoder.flat_token_logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
''', "lstm is not used", "initial_state"),
    "no dropout": ('''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.flat_hidden_states = ops.reshape(decoder.hidden_states, [-1, 300])
decoder.flat_token_logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
''', "dropout is not used", "before you flatten them"),
    "dropout of words": ('''
words = decoder.dropout(decoder.word_embeds)
decoder.hidden_states = decoder.lstm(words, initial_state=[decoder.h0, decoder.c0])
decoder.flat_hidden_states = ops.reshape(decoder.hidden_states, [-1, 300])
decoder.flat_token_logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
''', "another order", "came: dropout, lstm"),
    "dropout of the bottleneck": ('''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.flat_hidden_states = ops.reshape(decoder.hidden_states, [-1, 300])
bottleneck = decoder.token_logits_bottleneck(decoder.flat_hidden_states)
decoder.flat_token_logits = decoder.token_logits(decoder.dropout(bottleneck))
''', "dropout is not used for decoder.flat_hidden_states"),
    "a word too many": ('''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
bottleneck = decoder.token_logits_bottleneck(decoder.flat_hidden_states)
decoder.flat_token_logits = L.Dense(len(vocab) + 1)(bottleneck)
''', "flat_token_logits has the wrong shape", "(28, 50)", "(28, 51)"),
    "the last layer of one's own": ('''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
bottleneck = decoder.token_logits_bottleneck(decoder.flat_hidden_states)
decoder.flat_token_logits = L.Dense(len(vocab))(bottleneck)
''', "token_logits is not used"),
    "no memory": ('''
decoder.hidden_states = L.Dense(300)(decoder.word_embeds) + ops.expand_dims(decoder.h0, 1)
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
decoder.flat_token_logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
''', "does not know all words before its place"),
    "both directions": ('''
decoder.hidden_states = L.Bidirectional(L.LSTM(150, return_sequences=True))(decoder.word_embeds)
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
decoder.flat_token_logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
''', "sees later words"),
    "self-attention without a mask": ('''
states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.hidden_states = L.MultiHeadAttention(2, 150)(states, states)
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
decoder.flat_token_logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
''', "sees later words", "take multi_head_attention"),
    "flattened column by column": ('''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
turned = ops.transpose(decoder.dropout(decoder.hidden_states), [1, 0, 2])
decoder.flat_hidden_states = ops.reshape(turned, [-1, 300])
decoder.flat_token_logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
''', "mixes captions up", "leave ops.transpose out"),
    "twice": ('''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
decoder.flat_token_logits = ops.concatenate([logits, logits], axis=0)
''', "flat_token_logits has the wrong shape"),
    "centred": ('''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
decoder.flat_token_logits = logits - ops.mean(logits, axis=0, keepdims=True)
''', "flat_token_logits mixes captions up", "mean over axis 0"),
    "softmax": ('''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
decoder.flat_token_logits = ops.softmax(
    decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states)))
''', "softmax is applied before the loss"),
    "relu": ('''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
decoder.flat_token_logits = ops.relu(
    decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states)))
''', "never negative", "without an activation"),
    "tanh": ('''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
decoder.flat_token_logits = 0.1 * ops.tanh(
    decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states)))
''', "flat_token_logits is not what", "take multiply", "tanh"),
    "no bottleneck": ('''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
decoder.flat_token_logits = L.Dense(len(vocab))(decoder.flat_hidden_states)
''', "token_logits_bottleneck is not used"),
    "the size of a batch": ('''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [32 * 19, 300])
decoder.flat_token_logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
''', "written in it as a number", "-1"),
    "the photo at the end": ('''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
with_photo = decoder.hidden_states + ops.expand_dims(decoder.h0, 1)
decoder.flat_hidden_states = ops.reshape(decoder.dropout(with_photo), [-1, 300])
decoder.flat_token_logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
''', "flat_hidden_states is not what lstm gives", "take add", "expand_dims", "out"),
    "right to left": ('''
decoder.lstm = L.LSTM(300, return_sequences=True, go_backwards=True)
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
decoder.flat_token_logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
''', "sees later words", "leave go_backwards out"),
    "states in reverse order": ('''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states)[:, ::-1], [-1, 300])
decoder.flat_token_logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
''', "sees later words", "stand in reverse order"),
    "the last of all states": ('''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.flat_hidden_states = decoder.dropout(decoder.hidden_states)[:, -1]
decoder.flat_token_logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
''', "last hidden state", "take all of hidden_states"),
    "half of c0": ('''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0 / 2])
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
decoder.flat_token_logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
''', "flat_hidden_states is not what lstm gives", "divide"),
    "means of the states so far": ('''
decoder.hidden_states = ops.cumsum(decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0]), axis=1)
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
decoder.flat_token_logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
''', "flat_hidden_states is not what lstm gives", "take cumsum"),
    "not flattened": ('''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.flat_hidden_states = decoder.dropout(decoder.hidden_states)
decoder.flat_token_logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
''', "flat_hidden_states is not flattened", "[-1, 300]"),
    "logits not flattened": ('''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
decoder.flat_token_logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.hidden_states))
''', "flat_token_logits is not flattened", "[-1, 50]"),
    "softmax of the bottleneck": ('''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
decoder.flat_token_logits = decoder.token_logits(ops.softmax(decoder.token_logits_bottleneck(
    decoder.flat_hidden_states)))
''', "flat_token_logits is not what", "take softmax"),
    "elu of the logits": ('''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
decoder.flat_token_logits = ops.elu(decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states)))
''', "flat_token_logits is not what", "take elu"),
    "the words' embeddings for logits": ('''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
decoder.flat_token_logits = ops.matmul(
    L.Dense(100)(decoder.flat_hidden_states), ops.transpose(decoder.word_embed.embeddings))
''', "token_logits_bottleneck is not used"),
    "the frozen layer": ('''
decoder.lstm.trainable = False
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
decoder.flat_token_logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
''', "decoder.lstm is frozen"),
}

_TRUTH_AND_MASK = '''
decoder.flat_ground_truth = ops.reshape(decoder.sentences[:, 1:], [-1])
decoder.flat_loss_mask = ops.cast(ops.not_equal(decoder.flat_ground_truth, vocab[PAD]), "float32")
nats = keras.losses.sparse_categorical_crossentropy(
    decoder.flat_ground_truth, decoder.flat_token_logits, from_logits=True)
'''
_MEAN = '''
nats = keras.losses.sparse_categorical_crossentropy(
    decoder.flat_ground_truth, decoder.flat_token_logits, from_logits=True)
decoder.loss = ops.sum(nats * decoder.flat_loss_mask) / ops.sum(decoder.flat_loss_mask)
'''

TARGETS = {                 # ground truth and mask, named by the check of the tensors
    "PAD as a string": (f'''
decoder.flat_ground_truth = ops.reshape(decoder.sentences[:, 1:], [-1])
decoder.flat_loss_mask = ops.cast(ops.not_equal(decoder.flat_ground_truth, PAD), "float32")
{_MEAN}''', "compared with a string", "vocab[PAD]"),
    "a column in place of a row": (f'''
decoder.flat_ground_truth = ops.reshape(decoder.sentences[:, 1:], [-1, 1])
decoder.flat_loss_mask = ops.cast(ops.not_equal(decoder.flat_ground_truth, vocab[PAD]), "float32")
{_MEAN}''', "not flattened", "(28,)", "(28, 1)"),
    "a mask in a column": (f'''
decoder.flat_ground_truth = ops.reshape(decoder.sentences[:, 1:], [-1])
decoder.flat_loss_mask = ops.cast(ops.reshape(decoder.sentences[:, 1:] != vocab[PAD], [-1, 1]), "float32")
{_MEAN}''', "mask is not flattened", "(608,)", "(608, 1)"),
    "UNK left out": (f'''
truth = decoder.flat_ground_truth = ops.reshape(decoder.sentences[:, 1:], [-1])
is_word = ops.logical_and(ops.not_equal(truth, vocab[PAD]), ops.not_equal(truth, vocab[UNK]))
decoder.flat_loss_mask = ops.cast(is_word, "float32")
{_MEAN}''', "leaves UNK out too", "PAD out only"),
    "END left out": (f'''
truth = decoder.flat_ground_truth = ops.reshape(decoder.sentences[:, 1:], [-1])
is_word = ops.logical_and(ops.not_equal(truth, vocab[PAD]), ops.not_equal(truth, vocab[END]))
decoder.flat_loss_mask = ops.cast(is_word, "float32")
{_MEAN}''', "leaves END out too", "where a caption ends"),
    "compared with 0": (f'''
decoder.flat_ground_truth = ops.reshape(decoder.sentences[:, 1:], [-1])
decoder.flat_loss_mask = ops.cast(ops.not_equal(decoder.flat_ground_truth, 0), "float32")
{_MEAN}''', "END out, index 0", "vocab[PAD]"),
    "indices above PAD": (f'''
decoder.flat_ground_truth = ops.reshape(decoder.sentences[:, 1:], [-1])
decoder.flat_loss_mask = ops.cast(decoder.flat_ground_truth > 8, "float32")
{_MEAN}''', "False where the ground truth is vocab[PAD] = 1"),
    "some words left out": (f'''
truth = decoder.flat_ground_truth = ops.reshape(decoder.sentences[:, 1:], [-1])
is_word = ops.logical_and(ops.not_equal(truth, vocab[PAD]), ops.not_equal(truth, vocab[START]))
decoder.flat_loss_mask = ops.cast(is_word, "float32")
{_MEAN}''', "leaves some words out", "#START#"),
    "mask of the inputs": (f'''
decoder.flat_ground_truth = ops.reshape(decoder.sentences[:, 1:], [-1])
decoder.flat_loss_mask = ops.cast(ops.reshape(decoder.sentences[:, :-1] != vocab[PAD], [-1]), "float32")
{_MEAN}''', "belongs to the input words"),
    "truth two words ahead": ('''
decoder.flat_ground_truth = ops.reshape(decoder.sentences[:, 2:], [-1])
decoder.flat_loss_mask = ops.cast(ops.not_equal(decoder.flat_ground_truth, vocab[PAD]), "float32")
decoder.loss = ops.mean(decoder.flat_loss_mask)
''', "one word too far ahead"),
    "truth not shifted": (f'''
decoder.flat_ground_truth = ops.reshape(decoder.sentences[:, :-1], [-1])
decoder.flat_loss_mask = ops.cast(ops.not_equal(decoder.flat_ground_truth, vocab[PAD]), "float32")
{_MEAN}''', "ground truth is not shifted"),
    "truth with START": ('''
decoder.flat_ground_truth = ops.reshape(decoder.sentences, [-1])
decoder.flat_loss_mask = ops.cast(ops.not_equal(decoder.flat_ground_truth, vocab[PAD]), "float32")
decoder.loss = ops.mean(decoder.flat_loss_mask)
''', "START is never predicted"),
    "truth column by column": (f'''
decoder.flat_ground_truth = ops.reshape(ops.transpose(decoder.sentences[:, 1:]), [-1])
decoder.flat_loss_mask = ops.cast(ops.not_equal(decoder.flat_ground_truth, vocab[PAD]), "float32")
{_MEAN}''', "column by column"),
    "is not": ('''
decoder.flat_ground_truth = ops.reshape(decoder.sentences[:, 1:], [-1])
decoder.flat_loss_mask = decoder.flat_ground_truth is not vocab[PAD]
''', "mask has the wrong type", "bool"),
    "==": ('''
decoder.flat_ground_truth = ops.reshape(decoder.sentences[:, 1:], [-1])
decoder.flat_loss_mask = ops.where(decoder.flat_ground_truth == vocab[PAD], 0.0, 1.0)
''', "mask has the wrong type", "== compares no values"),
    "the words as mask": (f'''
decoder.flat_loss_mask = decoder.flat_ground_truth = ops.reshape(decoder.sentences[:, 1:], [-1])
{_MEAN.replace("decoder.flat_loss_mask", "ops.cast(decoder.flat_loss_mask, 'float32')")}''',
                          "mask has the wrong type", "int32"),
    "mask column by column": (f'''
decoder.flat_ground_truth = ops.reshape(decoder.sentences[:, 1:], [-1])
decoder.flat_loss_mask = ops.cast(ops.reshape(ops.transpose(decoder.sentences[:, 1:] != vocab[PAD]), [-1]), "float32")
{_MEAN}''', "mask is flattened column by column"),
    "mask not flattened": (f'''
decoder.flat_ground_truth = ops.reshape(decoder.sentences[:, 1:], [-1])
decoder.flat_loss_mask = ops.cast(decoder.sentences[:, 1:] != vocab[PAD], "float32")
{_MEAN.replace("decoder.flat_loss_mask", "ops.reshape(decoder.flat_loss_mask, [-1])", 1)}''', "mask is not flattened"),
    "mask inverted": (f'''
decoder.flat_ground_truth = ops.reshape(decoder.sentences[:, 1:], [-1])
decoder.flat_loss_mask = ops.cast(ops.equal(decoder.flat_ground_truth, vocab[PAD]), "float32")
{_MEAN}''', "mask is inverted"),
    "mask of ones": (f'''
decoder.flat_ground_truth = ops.reshape(decoder.sentences[:, 1:], [-1])
decoder.flat_loss_mask = ops.cast(ops.ones_like(decoder.flat_ground_truth), "float32")
{_MEAN}''', "leaves nothing out"),
    "compared with UNK": (f'''
decoder.flat_ground_truth = ops.reshape(decoder.sentences[:, 1:], [-1])
decoder.flat_loss_mask = ops.cast(ops.not_equal(decoder.flat_ground_truth, vocab[UNK]), "float32")
{_MEAN}''', "leaves UNK out and keeps PAD"),
    "a loss for each word": (f'''{_TRUTH_AND_MASK}
decoder.loss = nats * decoder.flat_loss_mask
''', "one number for the whole batch", "()"),
    "no gradient": (f'''{_TRUTH_AND_MASK}
said = ops.cast(ops.argmax(decoder.flat_token_logits, axis=1), "int32")
wrong = ops.cast(ops.not_equal(said, decoder.flat_ground_truth), "float32")
decoder.loss = ops.sum(wrong * decoder.flat_loss_mask) / ops.sum(decoder.flat_loss_mask)
''', "does not reach the weights", "argmax"),
    "ignore_class": ('''
decoder.flat_ground_truth = ops.reshape(decoder.sentences[:, 1:], [-1])
decoder.flat_loss_mask = ops.cast(ops.not_equal(decoder.flat_ground_truth, vocab[PAD]), "float32")
nats = keras.losses.sparse_categorical_crossentropy(
    decoder.flat_ground_truth, decoder.flat_token_logits, from_logits=True, ignore_class=vocab[PAD])
decoder.loss = ops.sum(nats) / ops.sum(decoder.flat_loss_mask)
''', "ignore_class", "multiply by the mask"),
}

LOSS = {
    mistake: (f"{_TRUTH_AND_MASK}mask = decoder.flat_loss_mask\n{line}", *words) for mistake, (line, *words) in {
        "minus": ("decoder.loss = -ops.sum(nats * mask) / ops.sum(mask)", "sign is wrong"),
        "perplexity": ("decoder.loss = ops.exp(ops.sum(nats * mask) / ops.sum(mask))", "perplexity"),
        "bits": ("decoder.loss = ops.sum(nats * mask) / ops.sum(mask) / np.log(2)", "in bits"),
        "base 10": ("decoder.loss = ops.sum(nats * mask) / ops.sum(mask) / np.log(10)", "base 10"),
        "mean of all": ("decoder.loss = ops.mean(nats)", "over padding too", "mask"),
        "sum of all": ("decoder.loss = ops.sum(nats)", "added up, padding too"),
        "softmax twice, mean of all": ('''
p = ops.exp(ops.log_softmax(decoder.flat_token_logits))
decoder.loss = ops.mean(keras.losses.sparse_categorical_crossentropy(
    decoder.flat_ground_truth, p, from_logits=True))''', "softmax is applied before the loss", "over padding too"),
        "squares of all": ("decoder.loss = ops.mean(ops.square(nats))", "differs from the mean cross-entropy"),
        "divided by the columns": (
            "decoder.loss = ops.sum(nats * mask) / ops.sum(ops.ones_like(decoder.sentences[0, 1:]))",
            "divided by the number of columns", "sum of the mask"),
        "the first caption": ('''
rows = ops.cumsum(ops.ones_like(decoder.sentences[:, 1:]), axis=0)
first = ops.cast(ops.equal(ops.reshape(rows, [-1]), 1), "float32") * mask
decoder.loss = ops.sum(nats * first) / ops.sum(first)''', "Only the first caption counts"),
        "a mask in a column": ("decoder.loss = ops.mean(nats[:, None] * mask)", "A column times a row", "both rows"),
        "clipped losses": ("decoder.loss = ops.sum(ops.minimum(nats, 6) * mask) / ops.sum(mask)",
                           "differs from the mean cross-entropy of the words, padding left out."),
        "masked, mean of all": ("decoder.loss = ops.mean(nats * mask)", "divide by the number of words"),
        "sum": ("decoder.loss = ops.sum(nats * mask)", "added up"),
        "divided by the captions": (
            "decoder.loss = ops.sum(nats * mask) / ops.sum(ops.ones_like(decoder.img_embeds[:, 0]))",
            "number of captions"),
        "divided by 32": ("decoder.loss = ops.sum(nats * mask) / 32", "divided by 32, whatever the batch"),
        "divided by 608": ("decoder.loss = ops.mean(ops.sum(nats * mask) / 608)", "divided by 608"),
        "mean per caption": ('''
words = decoder.sentences[:, 1:]
nats, each = (L.Lambda(lambda pair: tf.reshape(pair[0], tf.shape(pair[1])), output_shape=(None,))([x, words])
              for x in (nats * mask, mask))
decoder.loss = ops.mean(ops.sum(nats, axis=1) / ops.sum(each, axis=1))''', "for each caption first"),
        "a penalty on weights": (
            "decoder.loss = ops.sum(nats * mask) / ops.sum(mask) + 0.01 * ops.sum(decoder.lstm.cell.kernel ** 2)",
            "is added to it", "penalty"),
        "half": ("decoder.loss = 0.5 * ops.sum(nats * mask) / ops.sum(mask)", "0.5 times"),
        "UNK in the loss only": ('''
mask = mask * ops.cast(ops.not_equal(decoder.flat_ground_truth, vocab[UNK]), "float32")
decoder.loss = ops.sum(nats * mask) / ops.sum(mask)''', "UNK is left out of the loss"),
        "END in the loss only": ('''
mask = mask * ops.cast(ops.not_equal(decoder.flat_ground_truth, vocab[END]), "float32")
decoder.loss = ops.sum(nats * mask) / ops.sum(mask)''', "END is left out of the loss"),
        "compared with UNK": ('''
mask = ops.cast(ops.not_equal(decoder.flat_ground_truth, vocab[UNK]), "float32")
decoder.loss = ops.sum(nats * mask) / ops.sum(mask)''', "UNK is left out of the loss in place of PAD"),
        "divided by all tokens": (
            "decoder.loss = ops.sum(nats * mask) / (ops.sum(mask) + ops.sum(ops.ones_like(decoder.img_embeds[:, 0])))",
            "number of all tokens, START too"),
        "last column left out": ('''
words = decoder.sentences[:, 1:]
before = ops.cast(ops.cumsum(ops.ones_like(words[:, ::-1]), axis=1)[:, ::-1] > 1, "float32")
mask = mask * ops.reshape(before, [-1])
decoder.loss = ops.sum(nats * mask) / ops.sum(mask)''', "last column is left out"),
        "first word left out": ('''
words = decoder.sentences[:, 1:]
later = ops.reshape(ops.cast(ops.cumsum(ops.ones_like(words), axis=1) > 1, "float32"), [-1])
decoder.loss = ops.sum(nats * mask * later) / ops.sum(mask * later)''', "first word of each caption is left out"),
        "identical captions once": ('''
words = decoder.sentences[:, 1:]
same = ops.all(ops.equal(ops.expand_dims(words, 1), ops.expand_dims(words, 0)), axis=-1)
before = ops.sum(ops.tril(ops.cast(same, "float32"), k=-1), axis=1, keepdims=True)
first = ops.reshape(ops.cast(ops.equal(before, 0), "float32") * ops.cast(ops.ones_like(words), "float32"), [-1])
decoder.loss = ops.sum(nats * mask * first) / ops.sum(mask * first)''', "Identical captions count once"),
        "label smoothing": ('''
smooth = -ops.mean(ops.log_softmax(decoder.flat_token_logits), axis=-1)
decoder.loss = ops.sum((0.9 * nats + 0.1 * smooth) * mask) / ops.sum(mask)''', "label_smoothing"),
        "softmax twice": ('''
nats = keras.losses.sparse_categorical_crossentropy(
    decoder.flat_ground_truth, ops.softmax(decoder.flat_token_logits), from_logits=True)
decoder.loss = ops.sum(nats * mask) / ops.sum(mask)''', "softmax is applied before the loss"),
        "from_logits forgotten": ('''
nats = keras.losses.sparse_categorical_crossentropy(decoder.flat_ground_truth, decoder.flat_token_logits)
decoder.loss = ops.sum(nats * mask) / ops.sum(mask)''', "from_logits=True"),
        "probability": ('''
p = ops.exp(-nats)
decoder.loss = -ops.log(ops.sum(p * mask) / ops.sum(mask))''', "averaged before the logarithm"),
        "squares": ("decoder.loss = ops.sum(ops.square(nats) * mask) / ops.sum(mask)", "squared"),
        "the worst word": ("decoder.loss = ops.max(nats * mask)", "worst word"),
        "binary cross-entropy": ('''
hot = ops.one_hot(decoder.flat_ground_truth, len(vocab))
nats = keras.losses.binary_crossentropy(hot, decoder.flat_token_logits, from_logits=True)
decoder.loss = ops.sum(nats * mask) / ops.sum(mask)''', "binary cross-entropy", "sparse_categorical_crossentropy"),
        "binary cross-entropy of probabilities, mean of all": ('''
hot = ops.one_hot(decoder.flat_ground_truth, len(vocab))
decoder.loss = ops.mean(keras.losses.binary_crossentropy(hot, ops.softmax(decoder.flat_token_logits)))''',
                                                                "binary cross-entropy", "padding too"),
        "squared error": ('''
hot = ops.one_hot(decoder.flat_ground_truth, len(vocab))
nats = keras.losses.mean_squared_error(hot, ops.softmax(decoder.flat_token_logits))
decoder.loss = ops.sum(nats * mask) / ops.sum(mask)''', "squared error", "sparse_categorical_crossentropy"),
        "squared error of logits": ('''
hot = ops.one_hot(decoder.flat_ground_truth, len(vocab))
decoder.loss = ops.sum(ops.mean(ops.square(hot - decoder.flat_token_logits), axis=-1) * mask) / ops.sum(mask)''',
                                    "squared error"),
        "mean over the vocabulary": ('''
hot = ops.one_hot(decoder.flat_ground_truth, len(vocab))
nats = -ops.mean(hot * ops.log_softmax(decoder.flat_token_logits), axis=-1)
decoder.loss = ops.sum(nats * mask) / ops.sum(mask)''', "over the vocabulary too"),
        "count_nonzero of the truth": (
            "decoder.loss = ops.sum(nats * mask) / ops.cast(ops.count_nonzero(decoder.flat_ground_truth), 'float32')",
            "not 0, which counts PAD, but not END", "sum of the mask"),
        "END twice": ('''
weights = mask * (1 + ops.cast(ops.equal(decoder.flat_ground_truth, vocab[END]), "float32"))
decoder.loss = ops.sum(nats * weights) / ops.sum(weights)''', "END counts twice"),
        "logits masked": ('''
nats = keras.losses.sparse_categorical_crossentropy(
    decoder.flat_ground_truth, decoder.flat_token_logits * mask[:, None], from_logits=True)
decoder.loss = ops.sum(nats) / ops.sum(mask)''', "mask is multiplied with the logits"),
        "logits masked, mean of all": ('''
nats = keras.losses.sparse_categorical_crossentropy(
    decoder.flat_ground_truth, decoder.flat_token_logits * mask[:, None], from_logits=True)
decoder.loss = ops.mean(nats)''', "mask is multiplied with the logits, and padding counts"),
        "divided twice": ("decoder.loss = ops.mean(nats * mask) / ops.sum(mask)", "divided twice"),
        "divided by all places": (
            "decoder.loss = ops.sum(nats * mask) / ops.sum(ops.ones_like(decoder.sentences, dtype='float32'))",
            "all tokens, START and PAD too"),
        "upside down": ("decoder.loss = ops.sum(mask) / ops.sum(nats * mask)", "division is the wrong way round"),
        "a column of losses": ("decoder.loss = ops.sum(nats[:, None] * mask) / ops.sum(mask)",
                               "added up, padding too", "make both rows"),
        "focal": ("decoder.loss = ops.sum((1 - ops.exp(-nats)) ** 2 * nats * mask) / ops.sum(mask)",
                  "padding left out."),
        "sum of all by words": ("decoder.loss = ops.sum(nats) / ops.sum(mask)", "sum of all losses, padding too"),
        "mask inverted": ("decoder.loss = ops.sum(nats * (1 - mask)) / ops.sum(1 - mask)", "mask is inverted"),
        "shape of a symbol": ('''
rows = ops.shape(decoder.sentences)[0]
decoder.loss = ops.sum(ops.reshape(nats * mask, [rows, -1])) / ops.sum(mask)''', "symbolic", "-1"),
        "not one number": ("decoder.loss = nats * mask", "one number"),
        "nan": ("decoder.loss = ops.sum(nats * mask) / ops.sum(mask * 0)", "not a finite number"),
    }.items()
}

TWO_MISTAKES = "softmax twice, mean of all", "binary cross-entropy of probabilities, mean of all"

_INPUTS = '''
    word = keras.Input((), dtype="int32", name="word")
    h = keras.Input((300,), name="h")
    c = keras.Input((300,), name="c")
'''
_INITIAL = "    initial_state = keras.Model(decoder.img_embeds, [decoder.h0, decoder.c0])"
_STEP = '''
    new_h, [_, new_c] = decoder.lstm.cell(decoder.word_embed(word), [h, c])
    logits = decoder.token_logits(decoder.token_logits_bottleneck(new_h))
    one_step = keras.Model([word, h, c], [logits, new_h, new_c])
'''

FINAL_MODEL = {
    mistake: (f"class final_model:\n{initial or _INITIAL}\n{_INPUTS}{step or _STEP}", *words)
    for mistake, (initial, step, *words) in {
        "c0 of zeros": (
            "    initial_state = keras.Model(decoder.img_embeds, [decoder.h0, ops.zeros_like(decoder.h0)])", "",
            "first differ at c0"),
        "h0 of the raw photo": ('''
    start = decoder.img_embed_bottleneck_to_h0(decoder.img_embed_to_bottleneck(decoder.img_embeds * 2))
    initial_state = keras.Model(decoder.img_embeds, [start, start])''', "", "first differ at h0"),
        "the state before": ("", '''
    new_h, [_, new_c] = decoder.lstm.cell(decoder.word_embed(word), [h, c])
    logits = decoder.token_logits(decoder.token_logits_bottleneck(h))
    one_step = keras.Model([word, h, c], [logits, new_h, new_c])''', "first differ at the logits after word 1"),
        "the state is not handed on": ("", '''
    new_h, [_, new_c] = decoder.lstm.cell(decoder.word_embed(word), [h, c])
    logits = decoder.token_logits(decoder.token_logits_bottleneck(new_h))
    one_step = keras.Model([word, h, c], [logits, h + 0, c + 0])''',
                                       "first differ at the state h after word 1"),
        "states swapped": ("", '''
    new_h, [_, new_c] = decoder.lstm.cell(decoder.word_embed(word), [h, c])
    logits = decoder.token_logits(decoder.token_logits_bottleneck(new_h))
    one_step = keras.Model([word, h, c], [logits, new_c, new_h])''',
                           "states after word 1: one_step gives h and c in the wrong order"),
        "c is not handed on": ("", '''
    new_h, [_, new_c] = decoder.lstm.cell(decoder.word_embed(word), [h, c])
    logits = decoder.token_logits(decoder.token_logits_bottleneck(new_h))
    one_step = keras.Model([word, h, c], [logits, new_h, c + 0])''', "first differ at the state c after word 1"),
        "probabilities": ("", '''
    new_h, [_, new_c] = decoder.lstm.cell(decoder.word_embed(word), [h, c])
    logits = ops.softmax(decoder.token_logits(decoder.token_logits_bottleneck(new_h)))
    one_step = keras.Model([word, h, c], [logits, new_h, new_c])''', "gives probabilities", "leave softmax out"),
        "logits of one's own": ("", '''
    new_h, [_, new_c] = decoder.lstm.cell(decoder.word_embed(word), [h, c])
    logits = L.Dense(len(vocab))(decoder.token_logits_bottleneck(new_h))
    one_step = keras.Model([word, h, c], [logits, new_h, new_c])''', "first differ at the logits after word 1"),
        "words of one's own": ("", '''
    new_h, [_, new_c] = decoder.lstm.cell(L.Embedding(len(vocab), 100)(word), [h, c])
    logits = decoder.token_logits(decoder.token_logits_bottleneck(new_h))
    one_step = keras.Model([word, h, c], [logits, new_h, new_c])''', "first differ at the state h after word 1"),
        "a cell of one's own": ("", '''
    new_h, [_, new_c] = L.LSTMCell(300)(decoder.word_embed(word), [h, c])
    logits = decoder.token_logits(decoder.token_logits_bottleneck(new_h))
    one_step = keras.Model([word, h, c], [logits, new_h, new_c])''', "first differ at the state h after word 1"),
        "half as sure": ("", '''
    new_h, [_, new_c] = decoder.lstm.cell(decoder.word_embed(word), [h, c])
    logits = decoder.token_logits(decoder.token_logits_bottleneck(new_h)) / 2
    one_step = keras.Model([word, h, c], [logits, new_h, new_c])''', "first differ at the logits after word 1"),
        "states into the cell in the wrong order": ("", '''
    new_h, [_, new_c] = decoder.lstm.cell(decoder.word_embed(word), [c, h])
    logits = decoder.token_logits(decoder.token_logits_bottleneck(new_h))
    one_step = keras.Model([word, h, c], [logits, new_h, new_c])''', "word 2: one_step hands h and c to the cell"),
        "h in place of c": ("", '''
    new_h, [new_c, _] = decoder.lstm.cell(decoder.word_embed(word), [h, c])
    logits = decoder.token_logits(decoder.token_logits_bottleneck(new_h))
    one_step = keras.Model([word, h, c], [logits, new_h, new_c])''', "c after word 1: one_step should give the cell's"),
        "dropout that training=True keeps on": ("", '''
    new_h, [_, new_c] = decoder.lstm.cell(decoder.word_embed(word), [h, c])
    dropped = L.Dropout(0.3)(new_h, training=True)
    logits = decoder.token_logits(decoder.token_logits_bottleneck(dropped))
    one_step = keras.Model([word, h, c], [logits, new_h, new_c])''', "first differ at the logits after word 1"),
        "a word less": ("", '''
    new_h, [_, new_c] = decoder.lstm.cell(decoder.word_embed(word), [h, c])
    logits = decoder.token_logits(decoder.token_logits_bottleneck(new_h))[:, 1:]
    one_step = keras.Model([word, h, c], [logits, new_h, new_c])''', "another shape", "(4, 50)", "(4, 49)"),
        "outputs in another order": ("", '''
    new_h, [_, new_c] = decoder.lstm.cell(decoder.word_embed(word), [h, c])
    logits = decoder.token_logits(decoder.token_logits_bottleneck(new_h))
    one_step = keras.Model([word, h, c], [new_h, logits, new_c])''', "give [logits, h, c], in this order"),
        "one state for both": ("    initial_state = keras.Model(decoder.img_embeds, decoder.h0)", "",
                               "initial_state has the wrong number of outputs", "expected: 2", "came: 1"),
        "two outputs": ("", '''
    new_h, [_, new_c] = decoder.lstm.cell(decoder.word_embed(word), [h, c])
    logits = decoder.token_logits(decoder.token_logits_bottleneck(new_h))
    one_step = keras.Model([word, h, c], [logits, new_h])''', "wrong number of outputs", "expected: 3", "came: 2"),
        "inputs in another order": ("", '''
    new_h, [_, new_c] = decoder.lstm.cell(decoder.word_embed(word), [h, c])
    logits = decoder.token_logits(decoder.token_logits_bottleneck(new_h))
    one_step = keras.Model([h, c, word], [logits, new_h, new_c])''', "one_step fails", "[word, h, c]", "in this order"),
        "no one_step": ("", "    step = None", "final_model.one_step is missing"),
    }.items()
}

# Decoders that exercise 5 should refuse however low their loss is: the words of its message.
DISHONEST = {
    ("WORDS_IN", "the next word"): ("reads the words that it has to predict", "sentences[:, :-1]",
                                      "at place 1 that does not depend on word 2"),
    ("LOGITS", "both directions"): ("reads the words that it has to predict",),
    ("LOGITS", "self-attention without a mask"): ("reads the words that it has to predict",),
    ("LOGITS", "a second LSTM on top"): ("not written by the function that was trained", "state h after word 1"),
    ("LOGITS", "LayerNormalization"): ("not written by the function that was trained", "state h after word 1"),
    ("LOGITS", "the photo at the end"): ("not written by the function that was trained", "state h after word 1"),
    ("LOGITS", "means of the states so far"): ("not written by the function that was trained",
                                               "state h after word 2 (decoder.flat_hidden_states)"),
    ("LOGITS", "tanh"): ("not written by the function that was trained", "logits after word 1"),
    ("STATES", "dropout at all times"): ("change from one time to the next",),
    ("STATES", "photos normalized over the batch"): ("depend on the other captions or photos of the batch",),
    ("LOSS", "minus"): ("not the mean cross-entropy", "grader.check_untrained_loss"),
    ("LOSS", "half"): ("not the mean cross-entropy",),
    ("LOSS", "END in the loss only"): ("not the mean cross-entropy",),
    ("LOSS", "mean of all"): ("not the mean cross-entropy",),
}
