"""SAGAN in plain PyTorch, of the sizes of `keras_attention.tasks.generation`.

Channels first, eager, spectral norms by PyTorch's own parametrization; the
attention is the equations of the paper, or of the authors' code.
"""

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm


def conv(channels, filters, size, bias=True):
    """A spectrally normalized convolution that keeps the map's size."""
    return spectral_norm(
        nn.Conv2d(channels, filters, size, padding=size // 2, bias=bias)
    )


class Attention(nn.Module):
    """SAGAN's block; `official` pools keys and values, which are wider."""

    def __init__(self, channels, variant="paper"):
        super().__init__()
        self.official = variant == "official"
        key = channels // 8
        value = channels // 2 if self.official else key
        self.query = conv(channels, key, 1, bias=False)
        self.key = conv(channels, key, 1, bias=False)
        self.value = conv(channels, value, 1, bias=False)
        self.output = conv(value, channels, 1, bias=False)
        self.gain = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        """`(batch, channels, height, width)`."""
        query, key, value = self.query(x), self.key(x), self.value(x)
        if self.official:
            key = functional.max_pool2d(key, 2)
            value = functional.max_pool2d(value, 2)
        scores = query.flatten(2).transpose(1, 2) @ key.flatten(2)
        weights = scores.softmax(-1)  # (batch, positions, gathered)
        context = value.flatten(2) @ weights.transpose(1, 2)
        context = context.unflatten(2, x.shape[2:])
        return x + self.gain * self.output(context)


class Up(nn.Module):
    """A residual block that doubles the map."""

    def __init__(self, channels, filters):
        super().__init__()
        self.shortcut = conv(channels, filters, 1)
        self.norm1 = nn.BatchNorm2d(channels)
        self.norm2 = nn.BatchNorm2d(filters)
        self.conv1 = conv(channels, filters, 3)
        self.conv2 = conv(filters, filters, 3)

    def forward(self, x):
        """Twice as high and wide."""
        shortcut = self.shortcut(functional.interpolate(x, scale_factor=2))
        x = functional.interpolate(torch.relu(self.norm1(x)), scale_factor=2)
        x = torch.relu(self.norm2(self.conv1(x)))
        return shortcut + self.conv2(x)


class Down(nn.Module):
    """A residual block that halves the map."""

    def __init__(self, channels, filters, first):
        super().__init__()
        self.first = first
        self.shortcut = conv(channels, filters, 1)
        self.conv1 = conv(channels, filters, 3)
        self.conv2 = conv(filters, filters, 3)

    def forward(self, x):
        """Half as high and wide."""
        shortcut = functional.avg_pool2d(self.shortcut(x), 2)
        x = x if self.first else torch.relu(x)
        x = self.conv2(torch.relu(self.conv1(x)))
        return shortcut + functional.avg_pool2d(x, 2)


class Last(nn.Module):
    """The discriminator's last block and its score."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = conv(channels, channels, 3)
        self.conv2 = conv(channels, channels, 3)
        self.score = spectral_norm(nn.Linear(channels, 1))

    def forward(self, x):
        """`(batch, 1)`."""
        kept = self.conv2(torch.relu(self.conv1(torch.relu(x))))
        return self.score(torch.relu(x + kept).sum((2, 3)))


def generator(size, latent, width, attention):
    """From noise to images; attention behind the map of that side."""
    doublings, smallest = _doublings(size)
    channels = width * min(2**doublings, 16)
    layers = [
        spectral_norm(nn.Linear(latent, smallest**2 * channels)),
        nn.Unflatten(1, (channels, smallest, smallest)),
    ]
    for step in reversed(range(doublings)):
        filters = width * min(2**step, 16)
        layers.append(Up(channels, filters))
        channels = filters
        if size // 2**step == attention:
            layers.append(Attention(channels))
    layers += [nn.BatchNorm2d(channels), nn.ReLU(), conv(channels, 1, 3)]
    return nn.Sequential(*layers, nn.Tanh())


def discriminator(size, width, attention):
    """From images to scores."""
    doublings, _ = _doublings(size)
    layers, channels = [], 1
    for step in range(doublings):
        filters = width * min(2**step, 16)
        layers.append(Down(channels, filters, first=not step))
        channels = filters
        if size // 2 ** (step + 1) == attention:
            layers.append(Attention(channels))
    return nn.Sequential(*layers, Last(channels))


def _doublings(size):
    doublings = 0
    while size >= 8 and size % 2 == 0:
        size, doublings = size // 2, doublings + 1
    return doublings, size


def training_step(generate, judge, images, latent):
    """A function that updates both networks, each by the hinge loss."""
    optimizers = [
        torch.optim.Adam(network.parameters(), rate, betas=(0.0, 0.9))
        for network, rate in ((generate, 1e-4), (judge, 4e-4))
    ]

    def step():
        fake = generate(torch.randn(len(images), latent))
        real, made = judge(torch.cat([images, fake.detach()])).chunk(2)
        loss = torch.relu(1 - real).mean() + torch.relu(1 + made).mean()
        optimizers[1].zero_grad()
        loss.backward()
        optimizers[1].step()
        # Only the generator's gradients, through a judge that stays.
        wanted = list(generate.parameters())
        gradients = torch.autograd.grad(-judge(fake).mean(), wanted)
        for parameter, gradient in zip(wanted, gradients, strict=True):
            parameter.grad = gradient
        optimizers[0].step()
        return loss.item()

    return step
