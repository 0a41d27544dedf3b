"""The integers that stand for names in compiled code, and the layout of the control array."""

# Offsets in the control array that the threads of a run share, in elements of 8 bytes: how many
# threads have arrived at the barrier; whether the run is called off; whether there are more threads
# than processors; what the exchange with other processes returned; and one flag per thread, SPACING
# apart. What changes during a step has a cache line of its own, which avoids false sharing.
ARRIVALS, CALLED_OFF, CROWDED, EXCHANGED, FLAGS = 0, 8, 9, 10, 16
SPACING = 8

IDENTITY, SIGMOID, TANH, RELU, SOFTMAX = range(5)

QUADRATIC, CROSS_ENTROPY, LOG_LIKELIHOOD = range(3)

# Instead of a code a plan may hold the address of a C function (`programs/c_functions.py`), which
# is larger: no system maps the first page of memory. It computes values or slopes.
FIRST_ADDRESS = 4096
VALUE, SLOPE = range(2)

# How the columns of inputs or targets are stored. LABELS are int64 class numbers, one per sample;
# SPARSE columns store only their nonzero elements.
UINT8, FLOAT32, FLOAT64, LABELS, SPARSE_FLOAT32, SPARSE_FLOAT64 = range(6)
