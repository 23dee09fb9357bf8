"""Captions: `RecurrentDecoder` beside the decoder of a PyTorch tutorial.

    KERAS_BACKEND=tensorflow python benchmarks/captioning.py
    KERAS_BACKEND=jax python benchmarks/captioning.py

The sizes of S. Vinodababu's tutorial: features of 14 x 14 x 2048, 512 units
everywhere, 9,490 words; 16 captions of 7 to 14 words, and beams of 5 of as
many, as untrained decoders do not end. Training steps have the loss, the
penalty, Adam and clipped gradients of the tutorial. In turns in one process;
ratios below 1 mean that ours is faster. Needs PyTorch. Writes
benchmarks/results/captioning_<backend>.json and .md.
"""

# isort: off
# PyTorch's optimizers load its compiler, which crashes after TensorFlow's.
import torch
import torch._dynamo

# isort: on
import argparse
import functools
import pathlib

import captioning_peer as peer
import keras
import numpy as np
import steps
import timing

from keras_attention import losses
from keras_attention import scores
from keras_attention.tasks import captioning

GRID, CHANNELS, SIZE, WORDS = 14, 2048, 512, 9490
BATCH, LENGTH, BEAM, PAIRS = 16, 15, 5, 9
# Whether the peer projects the features once an image; what is timed with it.
PEERS = {
    "features projected once": (True, ("one image", "batch", "training")),
    "as in the tutorial": (False, ("one image", "training")),
}


def ours():
    """Ours in the tutorial's dialect."""
    specials = 4
    vocabulary = captioning.Vocabulary(
        [f"w{number}" for number in range(WORDS - specials)]
    )
    model = captioning.CaptioningModel(
        (GRID, GRID, CHANNELS),
        vocabulary,
        LENGTH,
        embedding_dim=SIZE,
        units=SIZE,
        score=scores.get("additive", activation="relu", key_dim=SIZE),
        gate="vector",
        output="plain",
        initial_activation=None,
        attention_over="mean",
    )
    model.compile(
        keras.optimizers.Adam(4e-4, clipvalue=5.0),
        losses.CaptionCrossentropy("word"),
    )
    return model


def data():
    """Features, words seen, words to say, and how many, longest first."""
    random = np.random.default_rng(0)
    shape = (BATCH, GRID, GRID, CHANNELS)
    features = np.maximum(random.normal(size=shape), 0).astype("float32")
    lengths = np.sort(random.integers(8, LENGTH + 1, BATCH))[::-1]
    tokens = random.integers(4, WORDS, (BATCH, LENGTH + 1))
    tokens[:, 0] = peer.START
    for row, length in zip(tokens, lengths, strict=True):
        row[length] = peer.END
        row[length + 1 :] = peer.PAD
    tokens = tokens.astype("int32")
    return features, tokens[:, :-1], tokens[:, 1:], lengths.tolist()


def measure(pairs):
    """Yields a row a peer and kind of work."""
    features, tokens, targets, lengths = data()
    model = ours()
    untrained = model.get_weights()
    inputs = {"images": features, "tokens": tokens}
    flat = torch.from_numpy(features).flatten(1, 2)
    seen, said = (torch.from_numpy(x).long() for x in (tokens, targets))

    def generate(count):
        captioning.generate(
            model, features[:count], BEAM, length_penalty=0.0, batch_size=count
        )

    def found_by(decoder, count):
        for image in flat[:count]:
            peer.beam_search(decoder, image, BEAM, LENGTH)

    for name, (project_once, wanted) in PEERS.items():
        model.set_weights(untrained)
        decoder = peer.Decoder(WORDS, CHANNELS, SIZE, project_once)
        works = {
            "one image": (
                f"beam of {BEAM}, one image",
                lambda: generate(1),
                functools.partial(found_by, decoder, 1),
            ),
            "batch": (
                f"beam of {BEAM}, {BATCH} images",
                lambda: generate(BATCH),
                functools.partial(found_by, decoder, BATCH),
            ),
            # Last: untrained, nobody ends a caption.
            "training": (
                f"training step, {BATCH} captions",
                lambda: model.train_on_batch(inputs, targets),
                peer.training_step(decoder, flat, seen, said, lengths),
            ),
        }
        for kind in wanted:
            what, mine, other = works[kind]
            few = pairs if project_once else max(pairs // 2, 1)
            row = {
                "peer": name,
                "what": what,
                **timing.compare(mine, other, few, warm_up=1),
            }
            print(row, flush=True)
            yield row


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--output", help="JSON file; default: see above")
    arguments = parser.parse_args()
    rows = list(measure(arguments.pairs))
    name = f"results/captioning_{steps.BACKEND}.json"
    timing.write(
        arguments.output or pathlib.Path(__file__).parent / name,
        rows,
        timing.environment(
            steps.BACKEND, keras=keras.__version__, torch=torch.__version__
        ),
    )


if __name__ == "__main__":
    main()
