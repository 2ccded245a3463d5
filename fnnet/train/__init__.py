"""Training: a step, epochs and runs as pure functions, and `fit`, which compiles a whole run."""

from fnnet.train.batches import Batches as Batches
from fnnet.train.fitting import fit as fit
from fnnet.train.fitting import fit_seeds as fit_seeds
from fnnet.train.history import FitResult as FitResult
from fnnet.train.history import History as History
from fnnet.train.history import NonFiniteError as NonFiniteError
from fnnet.train.progress import ProgressBar as ProgressBar
from fnnet.train.scans import epoch as epoch
from fnnet.train.scans import evaluate as evaluate
from fnnet.train.scans import run as run
from fnnet.train.update import State as State
from fnnet.train.update import init as init
from fnnet.train.update import step as step
