"""Lines by which programs import from PyTorch's less known modules, and calls of what they find there."""

import operator
import warnings

LINES = """
from torch.autograd.grad_mode import no_grad
from torch.autograd.anomaly_mode import detect_anomaly
from torch.autograd.function import InplaceFunction, FunctionMeta
from torch.signal.windows import hann
from torch.signal.windows.windows import hamming
from torch.torch_version import TorchVersion
from torch.nn.common_types import _size_2_t, _size_any_t, _ratio_3_t, _scalar_or_tuple_2_t, _maybe_indices_t
from torch.nn.parallel.parallel_apply import parallel_apply
from torch.nn.parallel.scatter_gather import scatter_kwargs
from torch.nn.parallel.data_parallel import data_parallel
from torch.utils.checkpoint import create_selective_checkpoint_contexts, noop_context_fn, CheckpointPolicy
from torch.utils.weak import WeakTensorKeyDictionary, WeakIdKeyDictionary, TensorWeakRef
from torch.storage import TypedStorage, UntypedStorage
from torch.return_types import cummax, linalg_svd, frexp_out
from torch.functional import istft, pca_lowrank, svd_lowrank
from torch.amp.autocast_mode import is_autocast_available
from torch.func import replace_all_batch_norm_modules_, functionalize
from torch.distributions.relaxed_categorical import ExpRelaxedCategorical
from torch.distributions.relaxed_bernoulli import LogitRelaxedBernoulli
from torch.serialization import default_restore_location, location_tag
from torch.mps import manual_seed, empty_cache
from torch.backends.cuda import sdp_kernel, enable_cudnn_sdp
from torch.distributed.elastic.multiprocessing.errors import record
from torch.distributed.algorithms.join import Join
from torch._dynamo import optimize
from torch._C import _set_grad_enabled
from torch.cpu import current_stream, Stream, Event, StreamContext
from torch.cuda import get_device_properties, FloatTensor, device_of, get_arch_list
from torch.accelerator import memory_allocated, current_device_index, device_index
""".strip().split("\n")

VERSIONS = [
    "2.13.0+cpu", "2.13.0", "2.13", (2, 13), (2, 1), "1.9", "2.13.0a0+git1", "2.13.0rc1", "2.13.1.dev3",
    (2, 13, 0, 1), "2.13.0.post1", "2.13.0+cu126", "2!1.0", "parrot", "v2.13.0-rc.2", "2.13.0+9",
    "2.13.0+cpu.1", ("2", "13"),
]  # fmt: skip


def comparisons(torch):
    """Each version beside each other one, by <, <=, ==, !=, >= and >; an error by its name."""
    make = torch.torch_version.TorchVersion
    found = []
    for left in filter(lambda one: isinstance(one, str), VERSIONS):
        for right in [*VERSIONS, 2.13, None]:
            row = []
            for name in ("lt", "le", "eq", "ne", "ge", "gt"):
                try:
                    row.append(getattr(operator, name)(make(left), right))
                except TypeError as error:
                    row.append(type(error).__name__)
            found.append([left, repr(right), row])
    return found


def _outcome(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = repr(call())
        except Exception as error:
            found = f"{type(error).__name__}: {str(error).splitlines()[0]}"
    return [found, *(f"{one.category.__name__}: {one.message}" for one in caught)]


def _switches(torch):
    cuda = torch.backends.cuda
    return [getattr(cuda, f"{name}_sdp_enabled")() for name in ("flash", "mem_efficient", "math", "cudnn")]


def _within(context, look):
    with context:
        return look()


def _weak_table(torch):
    table = torch.utils.weak.WeakTensorKeyDictionary()
    one, two = torch.zeros(2), torch.zeros(2)
    table[one], table[two] = 1, 2
    seen = [len(table), table[one], two in table, torch.zeros(2) in table, 3 in table]
    del one
    return [*seen, len(table), list(table.values()), len(table | {two: 5}), table == {two: 2}]


def _batch_norms(torch):
    net = torch.nn.Sequential(torch.nn.BatchNorm1d(2), torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    torch.func.replace_all_batch_norm_modules_(net)
    return [net, list(net.state_dict()), [b is None for b in (net[0].running_mean, net[2].running_var)]]


def _relaxed(torch):
    torch.manual_seed(0)
    made = torch.distributions.relaxed_categorical.ExpRelaxedCategorical(
        torch.tensor(0.5), probs=torch.tensor([0.25, 0.75])
    )
    return [made.event_shape, made.log_prob(torch.tensor([-0.5, -0.9326])).item() < 10]


def _attention(torch, backends):
    look = torch.nn.attention._cur_sdpa_kernel_backends
    return _within(torch.nn.attention.sdpa_kernel(backends), lambda: [look(), _switches(torch)])


CALLS = {
    "accelerator's number": lambda torch: torch.accelerator.current_device_index(),
    "accelerator's memory": lambda torch: torch.accelerator.memory_allocated(),
    "accelerator's work": lambda torch: torch.accelerator.synchronize(),
    "accelerator's choice": lambda torch: torch.accelerator.set_device_index(0),
    "accelerator": lambda torch: torch.accelerator.current_accelerator(),
    "stream of the CPU": lambda torch: torch.cpu.current_stream() is torch.cpu.current_stream(),
    "event of the CPU": lambda torch: torch.cpu.Event().query(),
    "work of the CPU": lambda torch: _within(torch.cpu.stream(torch.cpu.Stream()), lambda: 1),
    "legacy tensor": lambda torch: torch.cuda.FloatTensor(3),
    "legacy type": lambda torch: isinstance(torch.ones(1), torch.cuda.FloatTensor),
    "type of the CPU": lambda torch: isinstance(torch.ones(1), torch.FloatTensor),
    "generators": lambda torch: torch.cuda.default_generators,
    "what was compiled for": lambda torch: [torch.cuda.get_arch_list(), torch.cuda.get_gencode_flags()],
    "halves": lambda torch: [torch.cuda.has_half, torch.cuda.has_magma, torch.cuda.is_tf32_supported()],
    "device of a tensor": lambda torch: _within(torch.cuda.device_of(torch.ones(1)), lambda: 1),
    "apple's memory": lambda torch: torch.mps.empty_cache(),
    "apple's seed": lambda torch: torch.mps.manual_seed(0),
    "sdp_kernel": lambda torch: _within(
        torch.backends.cuda.sdp_kernel(enable_flash=False, enable_cudnn=False), lambda: _switches(torch)
    ),
    "after it": _switches,
    "sdpa_kernel": lambda torch: _attention(torch, torch.nn.attention.SDPBackend.MATH),
    "two of them": lambda torch: _attention(
        torch, [torch.nn.attention.SDPBackend.MATH, torch.nn.attention.SDPBackend.FLASH_ATTENTION]
    ),
    "location": lambda torch: torch.serialization.location_tag(torch.ones(1).untyped_storage()),
    "restored": lambda torch: len(
        torch.serialization.default_restore_location(torch.ones(1).untyped_storage(), "cpu")
    ),
    "restored nowhere": lambda torch: torch.serialization.default_restore_location(
        torch.ones(1).untyped_storage(), "xx"
    ),
    "functionalize": lambda torch: torch.func.functionalize(lambda x: x.add_(1))(torch.ones(2)),
    "batch norms": _batch_norms,
    "relaxed": _relaxed,
    "weak table": _weak_table,
    "types of results": lambda torch: [
        torch.return_types.linalg_lstsq.__name__, type(torch.ones(2).cummax(0)) is torch.return_types.cummax,
    ],
    "a wrong tuple": lambda torch: torch.return_types.nothing,
    "detached": lambda torch: [
        one.requires_grad and one.is_leaf if isinstance(one, torch.Tensor) else one
        for one in torch.utils.checkpoint.detach_variable((torch.ones(1, requires_grad=True) * 2, 3))
    ],
    "a list to detach": lambda torch: torch.utils.checkpoint.detach_variable([1]),
    "version": lambda torch: [
        torch.__version__ >= (2, 1), torch.__version__ < "1.9", str(torch.__version__)[:6],
    ],
    "names of types": lambda torch: [
        torch.nn.common_types._size_2_t == (int | tuple[int, int]),
        torch.nn.common_types._scalar_or_tuple_any_t[float] == torch.nn.common_types._ratio_any_t,
    ],
}  # fmt: skip


def calls(torch):
    """What each call gives: its text or its error, and the warnings."""
    return {name: _outcome(lambda call=call: call(torch)) for name, call in CALLS.items()}
