"""The integers by which compiled code knows names, and its words for threads that meet."""

# Where words stand in the control array of threads that meet, in elements of 8 bytes: how many have
# arrived; whether all are called off and, beside it, whether there are more threads than
# processors; and one flag for each thread, SPACING apart: each on a cache line of its own.
ARRIVALS, CALLED_OFF, CROWDED, FLAGS = 0, 8, 9, 16
SPACING = 8

IDENTITY, SIGMOID, TANH, RELU, SOFTMAX = range(5)

QUADRATIC, CROSS_ENTROPY, LOG_LIKELIHOOD = range(3)

# In place of such a number may stand the address of a block, which is larger: no system maps the
# first page of memory. A block is asked for values or for slopes.
FIRST_ADDRESS = 4096
VALUE, SLOPE = range(2)

# What the columns of training data, or the targets, are in memory. LABELS are int64 numbers of
# classes, one a sample; of SPARSE columns only what is not 0 is there; the others are all there.
UINT8, FLOAT32, FLOAT64, LABELS, SPARSE_FLOAT32, SPARSE_FLOAT64 = range(6)
