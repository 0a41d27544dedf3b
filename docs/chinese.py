"""What is generated into README.zh-CN.md: the blocks of README.md, with their words in Chinese."""

import re

GENERATED = re.compile(r"<!-- (?:bench|records) .*?<!-- end -->", re.DOTALL)
# What `report.summary` and `tables.names` write, and the same in Chinese.
WORDS = {
    (
        r"The matrix is (\S+) times as fast as the loop on this machine \((\S+), mini-batches of "
        r"(\S+), (\w+), 95 % interval (\S+) to (\S+); written in NumPy, (\S+) times\)\."
    ): (
        r"在这台机器上，矩阵形式的速度是逐样本循环的 \1 倍"
        r"（\2，小批量大小 \3，\4，95% 置信区间 \5 到 \6；用 NumPy 写的矩阵形式是 \7 倍）。"
    ),
    "How many times as fast as the per-sample loop:": "速度是逐样本循环的多少倍：",
    ", mini-batch of": "，小批量大小",
    "matrix in NumPy": "NumPy 的矩阵形式",
    "bpmatrix in float32": "bpmatrix（float32）",
    r"(?m)^MNIST, (\S+) training samples, (.*), (.*); (.*)\.$": (
        r"MNIST，\1 个训练样本，\2，\3；\4。"
    ),
    r"Activation functions: ([^.]*),\s+and\s+(\w+)\s+at\s+the\s+output\.\s+": (
        r"激活函数：\1，以及只用于输出层的 \2。"
    ),
    r"Costs: ([^.]*)\.\s+": r"代价函数：\1。",
    r"Optimizers: ([^.]*)\.": r"优化器：\1。",
}


def in_chinese(block: str) -> str:
    """Return a generated block of README.md as it is in README.zh-CN.md."""
    for english, chinese in WORDS.items():
        block = re.sub(english, chinese, block)
    return block


def with_blocks_in_chinese(page: str) -> str:
    """Return a page whose generated blocks, which are those of the English page, are in Chinese."""
    return GENERATED.sub(lambda block: in_chinese(block[0]), page)
