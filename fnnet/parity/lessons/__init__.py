"""The lessons, in the order in which they are shown. Their files are imported only when they are run."""

from __future__ import annotations

from fnnet.parity.lessons.lesson import Lesson

_HERE = "fnnet.parity.lessons"

LESSONS: dict[str, Lesson] = {
    lesson.name: lesson
    for lesson in (
        Lesson("tensors", "Tensors as arrays", "introductions: tensors", "tensors", f"{_HERE}.tensors:check"),
        Lesson("autograd", "Gradients", "introductions: autograd", "autograd", f"{_HERE}.autograd:check"),
        Lesson(
            "logistic",
            "Logistic regression on mini-batches",
            "ten-minute introduction: log_softmax classifier",
            "logistic_regression",
            f"{_HERE}.logistic:check",
        ),
        *(
            Lesson(name, title, f"learning by examples: {part}", program, f"{_HERE}.two_layer:{check}")
            for name, title, part, program, check in (
                ("numpy", "Two layers in NumPy", "warm-up", "two_layer_numpy", "check_numpy"),
                ("arrays", "Two layers on JAX arrays", "tensors", "two_layer_arrays", "check_arrays"),
                ("grad", "Two layers with jax.grad", "autograd", "two_layer_grad", "check_grad"),
                (
                    "custom-derivative",
                    "Two layers with an own derivative",
                    "new autograd functions",
                    "two_layer_custom_derivative",
                    "check_custom_derivative",
                ),
                (
                    "static-graph",
                    "Two layers as a static graph",
                    "static graphs",
                    "two_layer_static_graph",
                    "check_static_graph",
                ),
                ("layers", "Two layers as layers", "nn", "two_layer_layers", "check_layers"),
                ("optimizers", "Five optimizers", "optim", "two_layer_optimizers", "check_optimizers"),
            )
        ),
        Lesson(
            "custom-model",
            "A custom model",
            "learning by examples: custom modules",
            "two_layer_custom_model",
            f"{_HERE}.custom_model:check",
        ),
        Lesson(
            "dynamic",
            "Control flow and shared weights",
            "learning by examples: dynamic network",
            "dynamic_network",
            f"{_HERE}.dynamic:check",
        ),
        Lesson("fizzbuzz", "FizzBuzz", "introduction: FizzBuzz", "fizzbuzz", f"{_HERE}.fizzbuzz:check"),
        Lesson(
            "lenet-introduction",
            "LeNet, one channel",
            "introduction: neural networks",
            "lenet_introduction",
            f"{_HERE}.lenet:check_introduction",
        ),
        Lesson(
            "lenet-cifar10",
            "LeNet, three channels",
            "diary: LeNet on CIFAR-10",
            "lenet_cifar10",
            f"{_HERE}.lenet:check_cifar10",
        ),
        Lesson(
            "same-seed",
            "The same seed as in PyTorch",
            "two layers, FizzBuzz, LeNet",
            "same_seed_as_pytorch",
            f"{_HERE}.same_seed:check",
        ),
    )
}
