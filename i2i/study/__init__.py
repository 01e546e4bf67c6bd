"""A blind test by people: whether they can tell generated pictures from real ones, or which of two models they prefer.

Real or fake follows the studies of Isola et al. (2017) and Zhang et al. (2016) on Amazon Mechanical Turk: two pictures
for a second, then a choice (docs/evaluation/study.md).
"""
