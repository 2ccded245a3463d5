"""A variational autoencoder on random pictures: distributions, shuffled batches, samples at the end."""

import torch
from torch import nn, optim
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(1)


class Autoencoder(nn.Module):
    """Pictures of 8 x 8 to a normal distribution of 4 numbers, and back."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU())
        self.mean, self.log_variance = nn.Linear(32, 4), nn.Linear(32, 4)
        self.decoder = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 64))

    def encode(self, pictures):
        hidden = self.encoder(pictures)
        return Normal(self.mean(hidden), self.log_variance(hidden).mul(0.5).exp())

    def forward(self, pictures):
        codes = self.encode(pictures)
        return codes, Bernoulli(logits=self.decoder(codes.rsample()))


pictures = (torch.rand(96, 1, 8, 8) > 0.6).float()
loader = DataLoader(TensorDataset(pictures), batch_size=32, shuffle=True)
model = Autoencoder()
optimizer = optim.Adam(model.parameters(), lr=1e-3)
prior = Normal(0.0, 1.0)

for epoch in range(3):
    total = 0.0
    for (batch,) in loader:
        codes, drawn = model(batch)
        unlikely = -drawn.log_prob(batch.flatten(1)).sum()
        far = kl_divergence(codes, prior).sum()
        loss = unlikely + far
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch}: loss per picture {total / len(pictures):.3f}")

with torch.no_grad():
    print(model.encode(pictures[:2]))
    print(Bernoulli(logits=model.decoder(prior.sample((2, 4)))).sample()[:, :8])
