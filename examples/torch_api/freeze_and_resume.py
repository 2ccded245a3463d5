"""A trained body is frozen, a new head trained, stopped early, saved in the middle and resumed."""

import copy
import tempfile
from pathlib import Path

import torch
from torch import nn
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(3)
body = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(2))
model = nn.Sequential(body, nn.Flatten(), nn.Dropout(0.1), nn.Linear(16, 10))
for parameter in model.parameters():
    parameter.requires_grad = False
model[3] = nn.Linear(model[3].in_features, 2)
print([name for name, parameter in model.named_parameters() if parameter.requires_grad])

pictures = torch.randn(48, 1, 6, 6)
classes = (pictures.mean((1, 2, 3)) > 0).long()
optimizer = torch.optim.SGD((one for one in model.parameters() if one.requires_grad), lr=0.1, momentum=0.9)
schedule = lr_scheduler.CosineAnnealingLR(optimizer, T_max=4)


def train_once():
    """One epoch; the mean loss."""
    model.train()
    losses = []
    for batch, labels in DataLoader(TensorDataset(pictures, classes), batch_size=16, shuffle=True):
        loss = nn.functional.cross_entropy(model(batch), labels, label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    schedule.step()
    return sum(losses) / len(losses)


best, patience, waited = float("inf"), 2, 0
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "checkpoint.pt"
    for epoch in range(6):
        loss = train_once()
        print(f"epoch {epoch}: loss {loss:.4f}, rate {schedule.get_last_lr()[0]:.5f}")
        if loss < best:
            best, waited, kept = loss, 0, copy.deepcopy(model.state_dict())
        else:
            waited += 1
        if epoch == 1:
            parts = {"model": model, "optimizer": optimizer, "schedule": schedule}
            state = {name: part.state_dict() for name, part in parts.items()}
            torch.save({**state, "generator": torch.get_rng_state()}, path)
        if waited == patience:
            print("no better for", patience, "epochs")
            break
    checkpoint = torch.load(path, weights_only=True)
print(model.load_state_dict(checkpoint["model"]))
optimizer.load_state_dict(checkpoint["optimizer"])
schedule.load_state_dict(checkpoint["schedule"])
torch.set_rng_state(checkpoint["generator"])
print(f"epoch 2 again: loss {train_once():.4f}")
model.load_state_dict(kept)
model.eval()
with torch.inference_mode():
    right = model(pictures).argmax(1) == classes
print(f"{right.sum()} of {len(right)} right, {right.double().mean():.4f}")
try:
    model.load_state_dict({"3.weight": torch.zeros(3, 16)})
except RuntimeError as error:
    print(str(error).splitlines()[-1].strip())
