"""A caption decoder in plain PyTorch, as in the tutorial of S. Vinodababu.

Written from its equations: additive attention with a ReLU, a gate on every
channel of the context, an LSTM cell, a plain output. There the features are
projected anew for every word; `project_once` does it once an image, which is
the same mathematics and the harder peer.
"""

import torch
from torch import nn
from torch.nn import functional

START, END, PAD = 1, 2, 0


class Decoder(nn.Module):
    """`(batch, positions, channels)` and words to logits and weights."""

    def __init__(self, vocabulary, channels, size, project_once):
        super().__init__()
        self.project_once = project_once
        self.key = nn.Linear(channels, size)
        self.query = nn.Linear(size, size)
        self.score = nn.Linear(size, 1)
        self.words = nn.Embedding(vocabulary, size)
        self.cell = nn.LSTMCell(size + channels, size)
        self.first_h = nn.Linear(channels, size)
        self.first_c = nn.Linear(channels, size)
        self.gate = nn.Linear(size, channels)
        self.dropout = nn.Dropout(0.5)
        self.logits = nn.Linear(size, vocabulary)

    def begin(self, features):
        """The first states, and the projected features if they are kept."""
        mean = features.mean(1)
        keys = self.key(features) if self.project_once else None
        return self.first_h(mean), self.first_c(mean), keys

    def step(self, features, keys, word, h, c):
        """The next states, and the weights of a word `(batch, size)`."""
        if keys is None:
            keys = self.key(features)
        hidden = functional.relu(keys + self.query(h)[:, None])
        alpha = self.score(hidden).squeeze(2).softmax(1)
        context = (features * alpha[..., None]).sum(1)
        context = torch.sigmoid(self.gate(h)) * context
        h, c = self.cell(torch.cat([word, context], 1), (h, c))
        return h, c, alpha

    def forward(self, features, tokens, lengths):
        """Captions sorted by falling length; those that ended cost nothing."""
        h, c, keys = self.begin(features)
        words = self.words(tokens)
        logits = features.new_zeros(
            len(tokens), max(lengths), self.words.num_embeddings
        )
        alphas = features.new_zeros(
            len(tokens), max(lengths), features.shape[1]
        )
        for t in range(max(lengths)):
            n = sum(length > t for length in lengths)
            h, c, alpha = self.step(
                features[:n],
                None if keys is None else keys[:n],
                words[:n, t],
                h[:n],
                c[:n],
            )
            logits[:n, t] = self.logits(self.dropout(h))
            alphas[:n, t] = alpha
        return logits, alphas


def training_step(decoder, features, tokens, targets, lengths):
    """A function that trains once: Adam, clipped gradients, the penalty."""
    optimizer = torch.optim.Adam(decoder.parameters(), 4e-4)

    def train():
        decoder.train()
        optimizer.zero_grad()
        logits, alphas = decoder(features, tokens, lengths)
        loss = functional.cross_entropy(
            logits.flatten(0, 1), targets.flatten(), ignore_index=PAD
        )
        loss = loss + ((1 - alphas.sum(1)) ** 2).mean()
        loss.backward()
        nn.utils.clip_grad_value_(decoder.parameters(), 5.0)
        optimizer.step()
        return loss.item()

    return train


@torch.no_grad()
def beam_search(decoder, features, k, length):
    """The best caption of one image `(positions, channels)`, by log p."""
    decoder.eval()
    features = features[None].expand(k, -1, -1)
    h, c, keys = decoder.begin(features)
    last = torch.full((k,), START)
    said, scores, ended = last[:, None], torch.zeros(k, 1), []
    for t in range(length):
        h, c, _ = decoder.step(features, keys, decoder.words(last), h, c)
        scores = scores + decoder.logits(h).log_softmax(1)
        # At first all beams are alike.
        flat = scores[0] if t == 0 else scores.flatten()
        best, places = flat.topk(k)
        beams, words = places // scores.shape[1], places % scores.shape[1]
        said = torch.cat([said[beams], words[:, None]], 1)
        goes_on = words != END
        for i in (~goes_on).nonzero().flatten():
            ended.append((best[i].item(), said[i].tolist()))
        k = int(goes_on.sum())
        if not k:
            break
        beams, said, last = beams[goes_on], said[goes_on], words[goes_on]
        scores, h, c = best[goes_on, None], h[beams], c[beams]
        features = features[beams]
        keys = None if keys is None else keys[beams]
    return max(ended, default=(scores.max().item(), said[0].tolist()))
