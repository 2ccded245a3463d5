"""Less known modules of PyTorch: the lines by which programs import from them, and what they find there."""

import functools
import json
import subprocess
import sys
from pathlib import Path

import import_lines
import pytest

import fnnet.torch as torch

RECORDED = json.loads((Path(__file__).parent / "reference" / "import_lines.json").read_text(encoding="utf-8"))


def test_a_program_imports_them(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("\n".join([*import_lines.LINES, "print(FloatTensor.__module__, TorchVersion)"]))
    command = [sys.executable, "-m", "fnnet", "run", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "torch.cuda <class 'torch.torch_version.TorchVersion'>\n", done.stderr


@pytest.mark.parametrize("name", import_lines.CALLS)
def test_calls_give_what_they_give_in_torch(name):
    ours = import_lines._outcome(lambda: import_lines.CALLS[name](torch))
    assert ours == RECORDED["calls"][name]


def test_versions_compare_as_those_of_torch():
    ours = json.loads(json.dumps(import_lines.comparisons(torch)))
    assert ours == RECORDED["versions"]


def test_what_is_kept_and_has_no_effect():
    assert torch._dynamo.optimize("eager")(len) is len
    contexts = torch.utils.checkpoint.create_selective_checkpoint_contexts([])
    assert len(contexts) == 2
    with pytest.raises(TypeError, match="policy_fn_or_list must be either a function or a list of ops"):
        torch.utils.checkpoint.create_selective_checkpoint_contexts(3)
    with pytest.raises(NotImplementedError, match=r"torch\.distributed\.algorithms\.join\.Join"):
        torch.distributed.algorithms.join.Join([])
    with pytest.raises(RuntimeError, match="received invalid argument for remove=x"):
        torch.func.functionalize(len, remove="x")


def test_a_policy_leaves_the_gradient_as_it_is():
    x = torch.ones(3, requires_grad=True)
    policy = torch.utils.checkpoint.create_selective_checkpoint_contexts
    contexts = functools.partial(policy, lambda *given: torch.utils.checkpoint.CheckpointPolicy.MUST_SAVE)
    y = torch.utils.checkpoint.checkpoint(
        lambda x: x.sin().exp(), x, use_reentrant=False, context_fn=contexts
    )
    y.sum().backward()
    plain = torch.ones(3, requires_grad=True)
    plain.sin().exp().sum().backward()
    assert torch.equal(x.grad, plain.grad)
