"""Model files, and files that are written completely or not at all.

No pickle is read or written, and nothing in a file is executed. Data files are read in `datasets/`.
"""
