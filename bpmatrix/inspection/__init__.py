"""Gradient checks (`verify`), and a diagnosis of training problems, layer by layer (`diagnose`).

Nothing here changes a network.
"""
