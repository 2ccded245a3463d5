"""FizzBuzz learnt: numbers in binary go in, one of four answers comes out."""

import sys

import numpy as np
import torch

epochs = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
DIGITS, BATCH = 10, 128
torch.manual_seed(0)


def answer(number):
    return 3 if number % 15 == 0 else 2 if number % 5 == 0 else 1 if number % 3 == 0 else 0


def say(number, answer):
    return [str(number), "fizz", "buzz", "fizzbuzz"][answer]


def binary(number):
    return np.array([number >> digit & 1 for digit in range(DIGITS)])


train_x = torch.Tensor(np.array([binary(i) for i in range(101, 2**DIGITS)]))
train_y = torch.LongTensor([answer(i) for i in range(101, 2**DIGITS)])

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
model = torch.nn.Sequential(
    torch.nn.Linear(DIGITS, 100),
    torch.nn.ReLU(),
    torch.nn.Linear(100, 4),
).to(device)
loss_fn = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)

for epoch in range(epochs):
    for start in range(0, len(train_x), BATCH):
        batch_x = train_x[start : start + BATCH].to(device)
        batch_y = train_y[start : start + BATCH].to(device)
        loss = loss_fn(model(batch_x), batch_y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    loss = loss_fn(model(train_x.to(device)), train_y.to(device)).cpu().item()
    if epoch % max(epochs // 10, 1) == 0:
        print("Epoch:", epoch, "Loss:", loss)

test_x = torch.Tensor(np.array([binary(i) for i in range(1, 101)]))
with torch.no_grad():
    test_y = model(test_x.to(device))
chosen = test_y.max(1)[1].data.tolist()
print([say(i, a) for i, a in zip(range(1, 101), chosen, strict=True)])
print(np.sum(test_y.cpu().max(1)[1].numpy() == np.array([answer(i) for i in range(1, 101)])), "of 100 right")
