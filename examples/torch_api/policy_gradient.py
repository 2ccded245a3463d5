"""A policy learns to walk to the right: Categorical actions, a gradient through log_prob."""

import torch
from torch import nn
from torch.distributions import Categorical

torch.manual_seed(0)
policy = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(policy.parameters(), lr=0.05)

for episode in range(12):
    place, chosen, rewards = 0.0, [], []
    for _ in range(8):
        actions = Categorical(logits=policy(torch.tensor([place])))
        action = actions.sample()
        chosen.append(actions.log_prob(action))
        place += 1.0 if action.item() == 1 else -1.0
        rewards.append(place)
    returns, value = [], 0.0
    for reward in reversed(rewards):
        value = reward + 0.9 * value
        returns.insert(0, value)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + 1e-6)
    loss = -(torch.stack(chosen) * returns).sum()
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
    optimizer.step()
    if episode % 4 == 3:
        print(f"episode {episode}: ends at {place:+.0f}, loss {loss.item():.4f}, {actions}")
