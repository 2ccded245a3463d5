"""The process in which `fnnet compare` and `fnnet bench` run a script under PyTorch.

It is run by its path, so that nothing of fnnet is imported there:

    python child_pytorch.py FOLDER SEED OUT REPEAT PERTURBED SCRIPT [ARGUMENTS]

A perturbed run changes the last bits of sums (products of matrices, convolutions, reductions), as another
library, processor or count of threads does.
"""
# mypy: ignore-errors

import contextlib
import json
import os
import runpy
import sys
import time

SUMS = {
    *("mm", "bmm", "addmm", "baddbmm", "mv", "addmv", "dot", "linear", "matmul", "convolution"),
    *("sum", "mean", "var", "std", "cumsum", "norm", "linalg_vector_norm", "logsumexp"),
    *("_softmax", "_log_softmax", "native_batch_norm", "native_layer_norm"),
}


def rounded_otherwise(torch):
    """A mode in which the results of sums are off by one epsilon, up or down."""
    from torch.utils._python_dispatch import TorchDispatchMode

    bits = torch.Generator().manual_seed(1)

    class Rounded(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            found = function(*args, **(kwargs or {}))
            if function.overloadpacket.__name__.removesuffix("_backward") in SUMS:
                for x in found if isinstance(found, tuple | list) else (found,):
                    if isinstance(x, torch.Tensor) and x.is_floating_point() and x.device.type == "cpu":
                        signs = torch.randint(0, 2, x.shape, generator=bits, dtype=torch.float64) * 2 - 1
                        x.copy_(x.double() * (1 + torch.finfo(x.dtype).eps * signs))
            return found

    return Rounded()


def main():
    """Run the script, and write the seconds that importing torch and each turn took."""
    folder, seed, out, repeat, perturbed = sys.argv[1:6]
    sys.path[0] = (
        folder  # before anything else is imported: this file's neighbours are no modules of the script
    )
    began = time.perf_counter()
    import torch

    imported = time.perf_counter() - began
    del sys.argv[:6]
    seconds = []
    for turn in range(int(repeat)):
        torch.manual_seed(int(seed))
        mode = rounded_otherwise(torch) if int(perturbed) else contextlib.nullcontext()
        began = time.perf_counter()
        try:
            with contextlib.ExitStack() as stack:
                if turn:
                    stack.enter_context(
                        contextlib.redirect_stdout(stack.enter_context(open(os.devnull, "w")))
                    )
                stack.enter_context(mode)
                runpy.run_path(sys.argv[0], run_name="__main__")
        except SystemExit as stop:
            if stop.code:
                raise
        finally:
            seconds.append(time.perf_counter() - began)
            with open(out, "w") as file:
                json.dump({"import": imported, "seconds": seconds}, file)


if __name__ == "__main__":
    main()
