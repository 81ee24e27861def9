"""What there is to learn: one class of several, several labels, several questions with classes, or numbers.

Each kind of problem is one object that knows its strata, head, figures, calibration, prediction columns and baseline,
so that the rest of a training is the same for all.
"""

from .problem import Problem
from .single_label import SingleLabel
from .tasks import problem_of_task, require_single_label

__all__ = ["Problem", "SingleLabel", "problem_of_task", "require_single_label"]
