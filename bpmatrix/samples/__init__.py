"""Samples: checks of a user's arrays, targets and weights, and the split of validation data.

Each array is checked here, once. Nothing here depends on networks; data files are read in
`datasets/`.
"""
