"""Questions and answers: their rows, windows, training, no-answer threshold and report.

>>> from secondopinion.training.question_answering.folds import merged_strata
>>> merged_strata(["a", "a", "b"], ["1", "2", "3"], 2).tolist()
['a', 'a', 'a']
"""
