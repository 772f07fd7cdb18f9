"""Right solutions in different styles: {style: a learner's code}, by exercise. The first decoder is the course's."""

DECODER = '''
class decoder:
    img_embeds = keras.Input((IMG_EMBED_SIZE,), name="img_embeds")
    sentences = keras.Input((None,), dtype="int32", name="sentences")
    standardize = L.BatchNormalization(center=False, scale=False)
    image_dropout = L.Dropout(0.5, seed=1)
    img_embed_to_bottleneck = L.Dense(120, activation="elu")
    img_embed_bottleneck_to_h0 = L.Dense(300, activation="elu")
    word_embed = L.Embedding(len(vocab), 100)
    lstm = L.LSTM(300, return_sequences=True)
    dropout = L.Dropout(0.3, seed=1)
    token_logits_bottleneck = L.Dense(120, activation="elu")
    token_logits = L.Dense(len(vocab))
    image = image_dropout(standardize(img_embeds))
'''
FINAL_MODEL = '''
class final_model:
    initial_state = keras.Model(decoder.img_embeds, [decoder.h0, decoder.c0])
    word = keras.Input((), dtype="int32", name="word")
    h = keras.Input((300,), name="h")
    c = keras.Input((300,), name="c")
    new_h, [_, new_c] = decoder.lstm.cell(decoder.word_embed(word), [h, c])
    logits = decoder.token_logits(decoder.token_logits_bottleneck(new_h))
    one_step = keras.Model([word, h, c], [logits, new_h, new_c])
'''

STATES = {
    "dropout on the state too": '''
state = decoder.img_embed_bottleneck_to_h0(decoder.img_embed_to_bottleneck(decoder.image))
decoder.h0, decoder.c0 = L.Dropout(0.2)(state), L.Dropout(0.2)(state)
''',
    "the course's": '''
bottleneck = decoder.img_embed_to_bottleneck(decoder.image)
decoder.h0 = decoder.c0 = decoder.img_embed_bottleneck_to_h0(bottleneck)
''',
    "Sequential": '''
to_state = keras.Sequential([decoder.img_embed_to_bottleneck, decoder.img_embed_bottleneck_to_h0])
decoder.h0 = to_state(decoder.image)
decoder.c0 = to_state(decoder.image)
''',
    "copies": '''
decoder.h0 = decoder.img_embed_bottleneck_to_h0(decoder.img_embed_to_bottleneck(decoder.image))
decoder.c0 = L.Identity()(decoder.h0)
''',
    "a small layer": '''
class State(L.Layer):
    def __init__(self):
        super().__init__()
        self.first, self.second = decoder.img_embed_to_bottleneck, decoder.img_embed_bottleneck_to_h0

    def call(self, image):
        return self.second(self.first(image))

decoder.h0 = decoder.c0 = State()(decoder.image)
''',
    "image made once more": '''
image = decoder.image_dropout(decoder.standardize(decoder.img_embeds))
decoder.h0 = decoder.c0 = decoder.img_embed_bottleneck_to_h0(decoder.img_embed_to_bottleneck(image))
''',
}

WORDS_IN = {
    "whole words hidden": """
backwards = ops.flip(decoder.sentences, axis=1)[:, 1:]
decoder.word_embeds = L.SpatialDropout1D(0.1)(decoder.word_embed(ops.flip(backwards, axis=1)))
""",
    "the course's": "decoder.word_embeds = decoder.word_embed(decoder.sentences[:, :-1])",
    "cut later": "decoder.word_embeds = decoder.word_embed(decoder.sentences)[:, :-1]",
    "Lambda that cuts": '''
words = L.Lambda(lambda x: x[:, :-1], output_shape=(None,))(decoder.sentences)
decoder.word_embeds = decoder.word_embed(words)
''',
    "cropped": "decoder.word_embeds = L.Cropping1D((0, 1))(decoder.word_embed(decoder.sentences))",
}

LOGITS = {
    "the states the other way round, which are the same": '''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.c0, decoder.h0])
decoder.flat_hidden_states = decoder.dropout(ops.reshape(decoder.hidden_states, (-1, decoder.hidden_states.shape[-1])))
decoder.flat_token_logits = keras.Sequential([decoder.token_logits_bottleneck, decoder.token_logits, L.Rescaling(1.0)])(
    decoder.flat_hidden_states)
''',
    "the course's": '''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
decoder.flat_token_logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
''',
    "a tuple": '''
states = decoder.lstm(decoder.word_embeds, initial_state=(decoder.h0, decoder.c0))
decoder.flat_hidden_states = L.Reshape((300,))(ops.reshape(decoder.dropout(states), (-1, 300)))
decoder.flat_token_logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
''',
    "TimeDistributed": '''
decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
dropped = L.TimeDistributed(decoder.dropout)(decoder.hidden_states)
decoder.flat_hidden_states = ops.reshape(dropped, [-1, 300])
logits = L.TimeDistributed(decoder.token_logits)(L.TimeDistributed(decoder.token_logits_bottleneck)(dropped))
decoder.flat_token_logits = ops.reshape(logits, [-1, len(vocab)])
''',
    "a small layer": '''
class Logits(L.Layer):
    def __init__(self, *layers):
        super().__init__()
        self.all = list(layers)

    def call(self, x):
        for layer in self.all:
            x = layer(x)
        return x

decoder.hidden_states = decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
decoder.flat_token_logits = Logits(decoder.token_logits_bottleneck, decoder.token_logits)(decoder.flat_hidden_states)
''',
    "an RNN of the LSTM's cell": '''
reader = L.RNN(decoder.lstm.cell, return_sequences=True)
decoder.hidden_states = reader(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])
decoder.flat_hidden_states = ops.reshape(decoder.dropout(decoder.hidden_states), [-1, 300])
decoder.flat_token_logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.flat_hidden_states))
''',
    "flattened at the end": '''
states = decoder.dropout(decoder.lstm(decoder.word_embeds, initial_state=[decoder.h0, decoder.c0]))
decoder.flat_hidden_states = ops.reshape(states, [-1, 300])
logits = decoder.token_logits(decoder.token_logits_bottleneck(states))
decoder.flat_token_logits = ops.reshape(logits, [-1, len(vocab)])
''',
}

_TRUTH_AND_MASK = '''
decoder.flat_ground_truth = ops.reshape(decoder.sentences[:, 1:], [-1])
decoder.flat_loss_mask = ops.cast(ops.not_equal(decoder.flat_ground_truth, vocab[PAD]), "float32")
mask = decoder.flat_loss_mask
'''
_NATS = '''
nats = keras.losses.sparse_categorical_crossentropy(
    decoder.flat_ground_truth, decoder.flat_token_logits, from_logits=True)
'''
_LOSSES = {
    "PAD left out twice": f"{_NATS}decoder.loss = ops.sum(nats * mask * mask) / ops.sum(mask * mask)",
    "count_nonzero of the mask": f"""{_NATS}
words = ops.cast(ops.count_nonzero(mask), "float32")
decoder.loss = ops.sum(nats * mask) / words""",
    "einsum": f"{_NATS}decoder.loss = ops.einsum('i,i->', nats, mask) / ops.einsum('i->', mask)",
    "weights before the mean": f"{_NATS}decoder.loss = ops.mean(nats * (mask / ops.mean(mask)))",
    "base 2, back to nats": '''
p = ops.take_along_axis(ops.softmax(decoder.flat_token_logits), decoder.flat_ground_truth[:, None], axis=1)[:, 0]
decoder.loss = -ops.sum(ops.log2(p) * mask) / ops.sum(mask) * np.log(2)
''',
    "PAD's losses are 0": '''
truth = ops.where(mask > 0, decoder.flat_ground_truth, 0)
nats = keras.ops.sparse_categorical_crossentropy(truth, decoder.flat_token_logits, from_logits=True)
decoder.loss = ops.sum(ops.where(mask > 0, nats, ops.zeros_like(nats))) / ops.maximum(ops.sum(mask), 1e-9)
''',
    "the course's": f"{_NATS}decoder.loss = ops.sum(nats * mask) / ops.sum(mask)",
    "mask sum with 1e-3": f"{_NATS}decoder.loss = ops.sum(nats * mask) / (ops.sum(mask) + 1e-3)",
    "at least one word": f"{_NATS}decoder.loss = ops.sum(nats * mask) / ops.maximum(ops.sum(mask), 1)",
    "weighted mean": f"{_NATS}decoder.loss = ops.average(nats, weights=mask)",
    "two means": f"{_NATS}decoder.loss = ops.mean(nats * mask) / ops.mean(mask)",
    "where": f"{_NATS}decoder.loss = ops.sum(ops.where(mask > 0, nats, 0.0)) / ops.sum(mask)",
    "log(p + epsilon)": '''
p = ops.softmax(decoder.flat_token_logits)
of_truth = ops.take_along_axis(p, decoder.flat_ground_truth[:, None], axis=1)[:, 0]
decoder.loss = ops.sum(-ops.log(of_truth + 1e-7) * mask) / ops.sum(mask)
''',
    "log_softmax": '''
log_p = ops.log_softmax(decoder.flat_token_logits, axis=-1)
of_truth = ops.take_along_axis(log_p, ops.expand_dims(decoder.flat_ground_truth, 1), axis=1)
decoder.loss = -ops.sum(ops.squeeze(of_truth, 1) * mask) / ops.sum(mask)
''',
    "one-hot": '''
hot = ops.one_hot(decoder.flat_ground_truth, len(vocab))
nats = keras.losses.categorical_crossentropy(hot, decoder.flat_token_logits, from_logits=True)
decoder.loss = ops.sum(nats * mask) / ops.sum(mask)
''',
    "logsumexp": '''
of_truth = ops.sum(ops.one_hot(decoder.flat_ground_truth, len(vocab)) * decoder.flat_token_logits, axis=-1)
nats = ops.logsumexp(decoder.flat_token_logits, axis=-1) - of_truth
decoder.loss = ops.sum(nats * mask) / ops.sum(mask)
''',
    "ignore_class, reduction=None": '''
class Loss(L.Layer):
    def call(self, truth, logits):
        each = keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, ignore_class=vocab[PAD], reduction=None)(truth, logits)
        return ops.sum(each) / ops.sum(ops.cast(truth != vocab[PAD], "float32"))

decoder.loss = Loss()(decoder.flat_ground_truth, decoder.flat_token_logits)
''',
    "ignore_class in a Lambda": '''
decoder.loss = L.Lambda(lambda pair: ops.sum(keras.losses.sparse_categorical_crossentropy(
    pair[0], pair[1], from_logits=True, ignore_class=vocab[PAD])), output_shape=())(
        [decoder.flat_ground_truth, decoder.flat_token_logits]) / ops.sum(mask)
''',
    "the class with weights": '''
decoder.loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")(
    decoder.flat_ground_truth, decoder.flat_token_logits, sample_weight=mask)
''',
    "probabilities, not logits": '''
nats = keras.losses.sparse_categorical_crossentropy(
    decoder.flat_ground_truth, ops.softmax(decoder.flat_token_logits))
decoder.loss = ops.sum(nats * mask) / ops.sum(mask)
''',
    "boolean_mask in a Lambda": f'''{_NATS}
decoder.loss = L.Lambda(lambda pair: tf.reduce_mean(tf.boolean_mask(pair[0], pair[1] > 0)), output_shape=())(
    [nats, mask])
''',
}
LOSS = {style: _TRUTH_AND_MASK + code for style, code in _LOSSES.items()} | {
    "a truth value": f'''
decoder.flat_ground_truth = ops.reshape(decoder.sentences[:, 1:], (-1,))
decoder.flat_loss_mask = decoder.flat_ground_truth != vocab[PAD]
{_NATS}
decoder.loss = ops.sum(nats * ops.cast(decoder.flat_loss_mask, "float32")) / ops.sum(
    ops.cast(decoder.flat_loss_mask, "float32"))
''',
    "a mask of its own": f'''
decoder.flat_ground_truth = ops.ravel(decoder.sentences[:, 1:])
decoder.flat_loss_mask = ops.where(ops.equal(decoder.flat_ground_truth, vocab[PAD]), 0, 1)
{_NATS}
weights = ops.cast(decoder.flat_loss_mask, "float32")
decoder.loss = ops.dot(nats, weights) / ops.sum(weights)
''',
    "three axes": '''
decoder.flat_ground_truth = ops.reshape(decoder.sentences[:, 1:], [-1])
decoder.flat_loss_mask = ops.reshape(ops.cast(decoder.sentences[:, 1:] != vocab[PAD], "float32"), [-1])
logits = decoder.token_logits(decoder.token_logits_bottleneck(decoder.dropout(decoder.hidden_states)))
nats = keras.losses.sparse_categorical_crossentropy(decoder.sentences[:, 1:], logits, from_logits=True)
weights = ops.cast(decoder.sentences[:, 1:] != vocab[PAD], "float32")
decoder.loss = ops.sum(nats * weights) / ops.sum(weights)
''',
}

VOCABULARY = {
    "rare words deleted from a Counter, which is the result": '''
def generate_vocabulary(train_captions):
    counts = sum((Counter(split_sentence(caption)) for captions in train_captions for caption in captions), Counter())
    for word in [word for word in counts if counts[word] < 5]:
        del counts[word]
    for index, token in enumerate(sorted(counts.keys() | {PAD, UNK, START, END})):
        counts[token] = index
    return counts
''',
    "one counter": '''
def generate_vocabulary(train_captions):
    counts = Counter()
    for captions in train_captions:
        for caption in captions:
            counts.update(split_sentence(caption))
    tokens = sorted({PAD, UNK, START, END} | {word for word in counts if counts[word] >= 5})
    return dict(zip(tokens, range(len(tokens))))
''',
    "one text": '''
def generate_vocabulary(train_captions):
    text = " ".join(" ".join(captions) for captions in train_captions)
    frequent = [word for word, n in Counter(split_sentence(text)).items() if not n < 5]
    return {token: i for i, token in enumerate(sorted([PAD, UNK, START, END, *frequent]))}
''',
    "filter": '''
def generate_vocabulary(train_captions):
    words = [w for cs in train_captions for c in cs for w in split_sentence(c)]
    kept = dict(filter(lambda pair: pair[1] >= 5, Counter(words).items()))
    vocab = {}
    for token in sorted(list(kept) + [PAD, UNK, START, END]):
        vocab[token] = len(vocab)
    return vocab
''',
    "loops": '''
def generate_vocabulary(train_captions):
    counts = {}
    for captions in train_captions:
        for caption in captions:
            for word in split_sentence(caption):
                counts[word] = counts.get(word, 0) + 1
    tokens = [PAD, UNK, START, END]
    for word in counts:
        if not counts[word] < 5:
            tokens.append(word)
    tokens.sort()
    vocab = {}
    for token in tokens:
        vocab[token] = len(vocab)
    return vocab
''',
    "NumPy": '''
def generate_vocabulary(train_captions):
    words, counts = np.unique(
        [word for captions in train_captions for word in split_sentence(" ".join(captions))], return_counts=True)
    tokens = np.sort(np.concatenate([words[counts >= 5], [PAD, UNK, START, END]]))
    return dict(zip(tokens.tolist(), range(len(tokens))))
''',
    "itertools": '''
import itertools
from collections import OrderedDict

def generate_vocabulary(train_captions):
    counts = Counter(itertools.chain.from_iterable(map(split_sentence, itertools.chain(*train_captions))))
    tokens = sorted({PAD, UNK, START, END, *(word for word, count in counts.most_common() if count > 4)})
    return OrderedDict((np.str_(token), tokens.index(token)) for token in tokens)
''',
}

INDEXING = {
    "a dictionary that knows UNK": '''
def caption_tokens_to_indices(captions, vocab):
    class Known(dict):
        def __missing__(self, token):
            return self[UNK]
    known = Known(vocab)
    return [[[known[token] for token in (START, *split_sentence(caption), END)] for caption in photo]
            for photo in captions]
''',
    "try": '''
def caption_tokens_to_indices(captions, vocab):
    def add(row, token):
        try:
            row += [vocab[token]]
        except KeyError:
            row += [vocab[UNK]]
    result = [[[] for _ in photo] for photo in captions]
    for rows, photo in zip(result, captions):
        for row, caption in zip(rows, photo):
            for token in [START] + split_sentence(caption) + [END]:
                add(row, token)
    return result
''',
    "constants before the loop": '''
def caption_tokens_to_indices(captions, vocab):
    start, end, unknown = vocab[START], vocab[END], vocab[UNK]
    result = []
    for photo in captions:
        result.append([[start] + [vocab.get(w, unknown) for w in split_sentence(c)] + [end] for c in photo])
    return result
''',
    "map": '''
def caption_tokens_to_indices(captions, vocab):
    def index(token):
        return vocab[token if token in vocab else UNK]
    return [[list(map(index, [START, *split_sentence(c), END])) for c in cs] for cs in captions]
''',
    "tokens of the special tokens in the text": '''
def caption_tokens_to_indices(captions, vocab):
    numbers = dict(vocab)
    return [[[numbers.setdefault(w, numbers[UNK]) for w in [START] + split_sentence(c) + [END]] for c in cs]
            for cs in captions]
''',
    "a tuple for each caption": '''
from collections import defaultdict

def caption_tokens_to_indices(captions, vocab):
    index = defaultdict(lambda: vocab[UNK], vocab)
    return tuple(tuple(tuple(index[token] for token in (START, *split_sentence(caption), END)) for caption in photo)
                 for photo in captions)
''',
    "loops": '''
def caption_tokens_to_indices(captions, vocab):
    result = []
    for photo in captions:
        indexed = []
        for caption in photo:
            tokens = [START] + split_sentence(caption) + [END]
            indexed.append([vocab[token] if token in vocab else vocab[UNK] for token in tokens])
        result.append(indexed)
    return result
''',
    "NumPy": '''
def caption_tokens_to_indices(captions, vocab):
    return [[np.array([vocab[START]] + [vocab.get(w, vocab[UNK]) for w in split_sentence(c)] + [vocab[END]]).tolist()
             for c in photo] for photo in captions]
''',
}

BATCHING = {
    "a row at a time, 64 bits": '''
def batch_captions_to_matrix(batch_captions, pad_idx, max_len=None):
    width = min([max(len(c) for c in batch_captions)] + ([max_len] if max_len else []))
    rows = [np.r_[caption[:width], [pad_idx] * (width - len(caption))] for caption in batch_captions]
    return np.vstack(rows).astype(np.int64)
''',
    "two loops": '''
def batch_captions_to_matrix(batch_captions, pad_idx, max_len=None):
    width = max(len(caption) for caption in batch_captions)
    if max_len is not None and max_len < width:
        width = max_len
    matrix = np.ones((len(batch_captions), width), dtype="int64") * pad_idx
    for i in range(len(batch_captions)):
        for j in range(min(width, len(batch_captions[i]))):
            matrix[i, j] = batch_captions[i][j]
    return matrix
''',
    "np.pad": '''
def batch_captions_to_matrix(batch_captions, pad_idx, max_len=None):
    rows = [caption[:max_len] for caption in batch_captions]
    width = max(map(len, rows))
    return np.stack([np.pad(row, (0, width - len(row)), constant_values=pad_idx) for row in rows])
''',
    "pad_sequences": '''
def batch_captions_to_matrix(batch_captions, pad_idx, max_len=None):
    rows = [caption[:max_len] for caption in batch_captions]
    return keras.utils.pad_sequences(rows, value=pad_idx, padding="post")
''',
    "np.full": '''
def batch_captions_to_matrix(batch_captions, pad_idx, max_len=None):
    width = max(map(len, batch_captions))
    if max_len is not None:
        width = min(width, max_len)
    matrix = np.full((len(batch_captions), width), pad_idx, dtype=np.int32)
    for row, caption in zip(matrix, batch_captions):
        row[:len(caption)] = caption[:width]
    return matrix
''',
    "lists": '''
def batch_captions_to_matrix(batch_captions, pad_idx, max_len=None):
    rows = [list(caption)[:max_len] for caption in batch_captions]
    longest = max(len(row) for row in rows)
    return np.array([row + [pad_idx] * (longest - len(row)) for row in rows])
''',
    "a mask": '''
def batch_captions_to_matrix(batch_captions, pad_idx, max_len=None):
    lengths = np.minimum([len(c) for c in batch_captions], max_len or 10 ** 9)
    matrix = np.ones((len(batch_captions), lengths.max()), np.int64) * pad_idx
    matrix[np.arange(lengths.max()) < lengths[:, None]] = np.concatenate(
        [c[:n] for c, n in zip(batch_captions, lengths)])
    return matrix
''',
    "transposed": '''
import itertools

def batch_captions_to_matrix(batch_captions, pad_idx, max_len=None):
    return np.array(list(itertools.zip_longest(*batch_captions, fillvalue=pad_idx))).T[:, :max_len]
''',
}

FINAL_MODELS = {
    "the course's": FINAL_MODEL,
    "functions": '''
class final_model:
    start = keras.Model(decoder.img_embeds, decoder.h0)

    @classmethod
    def initial_state(cls, images, training=False):
        state = cls.start(images, training=training)
        return state, state

    @staticmethod
    def one_step(inputs, training=False):
        word, h, c = inputs
        output, (h, c) = decoder.lstm.cell(decoder.word_embed(word), [h, c])
        return decoder.token_logits(decoder.token_logits_bottleneck(output)), h, c
''',
    "log-probabilities": FINAL_MODEL.replace("[logits, new_h", "[ops.log_softmax(logits), new_h"),
    "an RNN of one word": FINAL_MODEL.replace(
        "new_h, [_, new_c] = decoder.lstm.cell(decoder.word_embed(word), [h, c])", '''
    cell = L.RNN(decoder.lstm.cell, return_state=True)
    new_h, _, new_c = cell(ops.expand_dims(decoder.word_embed(word), 1), initial_state=[h, c])'''),
}

# Decoders all in one class, without the layers that the notebook gives: the lines, and those that a style replaces.
ONE_CLASS = {
    "h0": 'L.Dense(300, activation="elu")(L.Dense(120, activation="elu")(img_embeds))',
    "c0": "h0",
    "word_embeds": "L.Embedding(len(vocab), 100)(sentences[:, :-1])",
    "hidden_states": "L.LSTM(300, return_sequences=True)(word_embeds, initial_state=[h0, c0])",
    "flat_hidden_states": "ops.reshape(hidden_states, (-1, 300))",
    "flat_token_logits": 'L.Dense(len(vocab))(L.Dense(120, activation="elu")(flat_hidden_states))',
    "flat_ground_truth": "ops.reshape(sentences[:, 1:], (-1,))",
    "flat_loss_mask": 'ops.cast(ops.not_equal(flat_ground_truth, vocab[PAD]), "float32")',
    "nats": """keras.losses.sparse_categorical_crossentropy(
        flat_ground_truth, flat_token_logits, from_logits=True)""",
    "loss": "ops.sum(nats * flat_loss_mask) / ops.sum(flat_loss_mask)",
}
OTHER_LAYERS = {
    "no layer more": {},
    "layers around": {
        "h0": "L.Dense(300, 'elu')(L.Dense(120, 'elu')(L.BatchNormalization()(img_embeds)))",
        "c0": "None",
        "hidden_states": """L.Dropout(0.5)(L.LSTM(300, return_sequences=True)(
        word_embeds, initial_state=[h0, h0]))""",
        "flat_ground_truth": "L.Flatten()(ops.reshape(sentences[:, 1:], (-1, 1)))[:, 0]",
        "flat_loss_mask": "ops.where(ops.equal(flat_ground_truth, vocab[PAD]), 0, 1)",
        "nats": """-ops.take_along_axis(
        ops.log_softmax(flat_token_logits), flat_ground_truth[:, None], axis=1)[:, 0]""",
        "loss": """ops.mean(ops.where(flat_loss_mask > 0, nats, 0)) / ops.mean(
        ops.cast(flat_loss_mask, "float32"))""",
    },
    "an RNN of a cell": {
        "hidden_states": "L.RNN(L.LSTMCell(300), return_sequences=True)(word_embeds, initial_state=(h0, c0))",
        "loss": "ops.average(nats, weights=flat_loss_mask)",
    },
    "functions of TensorFlow": {
        "h0": "keras.Sequential([L.Dense(120, 'elu'), L.Dense(300, 'elu')])(img_embeds)",
        "word_embeds": "L.Embedding(len(vocab), 100)(sentences)[:, :-1]",
        "flat_token_logits": "keras.Sequential([L.Dense(120, 'elu'), L.Dense(len(vocab))])(flat_hidden_states)",
        "flat_loss_mask": "L.Lambda(lambda x: tf.where(tf.equal(x, vocab[PAD]), 0.0, 1.0))(flat_ground_truth)",
        "loss": """L.Lambda(lambda pair: tf.reduce_mean(tf.boolean_mask(pair[0], pair[1] > 0)), output_shape=())(
        [nats, flat_loss_mask])""",
    },
    "a state of its own for c0": {
        "c0": "L.Dense(300, 'elu')(L.Dense(120, 'elu')(img_embeds))",
        "flat_token_logits": """ops.reshape(
        L.Dense(len(vocab))(L.Dense(120, "elu")(hidden_states)), (-1, len(vocab)))""",
        "flat_loss_mask": "flat_ground_truth != vocab[PAD]",
        "loss": """keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction="mean_with_sample_weight")(
            flat_ground_truth, flat_token_logits, ops.cast(flat_loss_mask, "float32"))""",
    },
}
