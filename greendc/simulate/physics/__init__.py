"""What a data centre does, as arithmetic: numpy columns in, numpy columns out.

Steps are evaluated with exact operations only (+ - * / sqrt, comparisons, integers), so that the
same seed gives the same bytes on any machine. What needs more (psychrometrics, the sun) is computed
by the hour and rounded to a stated resolution before it reaches a step.
"""
