"""torch.optim: its update rules as optax transformations, its schedules as functions of the step.

    optimizer = fnnet.optim.adam(lr=1e-4)
    state = optimizer.init(params)
    updates, state = optimizer.update(grads, state, params)
    params = optax.apply_updates(params, updates)

`lr` is a number, a traced scalar, or a schedule; so is every other number. `RULES` lists the rules by
torch.optim's class names, with what a `state_dict` holds.
"""

from fnnet.optim.adadelta import adadelta as adadelta
from fnnet.optim.adafactor import adafactor as adafactor
from fnnet.optim.adagrad import adagrad as adagrad
from fnnet.optim.adam import adam as adam
from fnnet.optim.adam import adamw as adamw
from fnnet.optim.adamax import adamax as adamax
from fnnet.optim.asgd import asgd as asgd
from fnnet.optim.clip import clip_grad_norm as clip_grad_norm
from fnnet.optim.clip import clip_grad_value as clip_grad_value
from fnnet.optim.clip import clip_grads_with_norm as clip_grads_with_norm
from fnnet.optim.clip import clip_norm as clip_norm
from fnnet.optim.clip import clip_value as clip_value
from fnnet.optim.clip import get_total_norm as get_total_norm
from fnnet.optim.compose import chained as chained
from fnnet.optim.compose import sequential_lr as sequential_lr
from fnnet.optim.cycle import cosine_annealing_lr as cosine_annealing_lr
from fnnet.optim.cycle import cosine_annealing_warm_restarts as cosine_annealing_warm_restarts
from fnnet.optim.cycle import cyclic_lr as cyclic_lr
from fnnet.optim.cycle import one_cycle_lr as one_cycle_lr
from fnnet.optim.decay import constant_lr as constant_lr
from fnnet.optim.decay import exponential_lr as exponential_lr
from fnnet.optim.decay import lambda_lr as lambda_lr
from fnnet.optim.decay import linear_lr as linear_lr
from fnnet.optim.decay import multi_step_lr as multi_step_lr
from fnnet.optim.decay import multiplicative_lr as multiplicative_lr
from fnnet.optim.decay import polynomial_lr as polynomial_lr
from fnnet.optim.decay import step_lr as step_lr
from fnnet.optim.groups import groups as groups
from fnnet.optim.groups import param_groups as param_groups
from fnnet.optim.lbfgs import lbfgs as lbfgs
from fnnet.optim.muon import muon as muon
from fnnet.optim.nadam import nadam as nadam
from fnnet.optim.plateau import reduce_lr_on_plateau as reduce_lr_on_plateau
from fnnet.optim.radam import radam as radam
from fnnet.optim.rmsprop import rmsprop as rmsprop
from fnnet.optim.rprop import rprop as rprop
from fnnet.optim.rule import RULES as RULES
from fnnet.optim.rule import Rule as Rule
from fnnet.optim.schedule import Schedule as Schedule
from fnnet.optim.sgd import sgd as sgd
from fnnet.optim.sparse_adam import sparse_adam as sparse_adam
