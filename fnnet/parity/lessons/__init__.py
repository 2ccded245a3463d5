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
        Lesson(
            "dynamic",
            "Control flow and shared weights",
            "learning by examples: dynamic network",
            "dynamic_network",
            f"{_HERE}.dynamic:check",
        ),
    )
}
