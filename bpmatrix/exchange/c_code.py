"""The functions of a C header, as templates: `$name`, `$real` and `$f`, the suffix of math.h.

A matrix is multiplied four rows at a time: a processor then waits less for the previous sum, and
reads each input once for four products. (One row at a time takes twice as long on a PC; columns at
a time let compilers use vectors, but microcontrollers have none, and would store each sum at each
step.) Comparisons are written so that NaN stays NaN.
"""

from __future__ import annotations

LAYER = """\
/* z = factor W x + b. */
static inline void ${name}_layer(
    const $real *W, const $real *b, size_t n_in, size_t n_out, const $real *x, $real factor,
    $real *z)
{
    const size_t fours = n_out - n_out % 4;
    size_t i, k;
    for (i = 0; i < fours; i += 4) {
        const $real *w0 = W + i * n_in, *w1 = w0 + n_in, *w2 = w1 + n_in, *w3 = w2 + n_in;
        $real s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        for (k = 0; k < n_in; ++k) {
            s0 += w0[k] * x[k];
            s1 += w1[k] * x[k];
            s2 += w2[k] * x[k];
            s3 += w3[k] * x[k];
        }
        z[i] = factor * s0 + b[i];
        z[i + 1] = factor * s1 + b[i + 1];
        z[i + 2] = factor * s2 + b[i + 2];
        z[i + 3] = factor * s3 + b[i + 3];
    }
    for (i = fours; i < n_out; ++i) {
        $real s = 0;
        for (k = 0; k < n_in; ++k)
            s += W[i * n_in + k] * x[k];
        z[i] = factor * s + b[i];
    }
}"""

STANDARDIZE = """\
static inline void ${name}_standardize(const $real *x, $real *z)
{
    size_t i;
    for (i = 0; i < ${name}_INPUTS; ++i)
        z[i] = (x[i] - ${name}_mean[i]) / ${name}_scale[i];
}"""

# Statements that compute a[i] from z.
ELEMENTWISE = {
    "sigmoid": """\
        const $real e = exp$f(-fabs$f(z));
        a[i] = (z < 0 ? e : 1) / (1 + e);""",
    "tanh": "        a[i] = tanh$f(z);",
    "relu": "        a[i] = z < 0 ? 0 : z;",
    "leaky_relu": "        a[i] = z < 0 ? 0.01$f * z : z;",
    "elu": "        a[i] = z < 0 ? expm1$f(z) : z;",
    # Phi is 0 where z may be minus infinity.
    "gelu": """\
        const $real Phi = 0.5$f * erfc$f(-0.70710678118654752$f * z);
        a[i] = Phi > 0 ? z * Phi : Phi;""",
    "silu": """\
        const $real e = exp$f(-fabs$f(z)), s = (z < 0 ? e : 1) / (1 + e);
        a[i] = s > 0 ? z * s : s;""",
    "softplus": "        a[i] = (z < 0 ? 0 : z) + log1p$f(exp$f(-fabs$f(z)));",
    "exp": "        a[i] = exp$f(z);",
}
ACTIVATION = """\
static inline void ${name}_$activation($real *a, size_t n)
{
    size_t i;
    for (i = 0; i < n; ++i) {
        const $real z = a[i];
$statements
    }
}"""

SOFTMAX = """\
static inline void ${name}_softmax($real *a, size_t n)
{
    size_t i;
    $real largest = a[0], sum = 0;
    for (i = 1; i < n; ++i)
        largest = a[i] > largest ? a[i] : largest;
    for (i = 0; i < n; ++i) {
        a[i] = exp$f(a[i] - largest);
        sum += a[i];
    }
    for (i = 0; i < n; ++i)
        a[i] /= sum;
}"""

PREDICT = """\
/* Compute the outputs y[${name}_OUTPUTS] for one sample x[${name}_INPUTS], using
 * scratch[${name}_SCRATCH]. The three must not overlap. */
static inline void ${name}_predict(const $real *x, $real *y, $real *scratch)
{
$steps
}

/* The same for n samples, one after another in x, and their outputs in y. */
static inline void ${name}_predict_batch(const $real *x, $real *y, size_t n, $real *scratch)
{
    size_t i;
    for (i = 0; i < n; ++i)
        ${name}_predict(x + i * ${name}_INPUTS, y + i * ${name}_OUTPUTS, scratch);
}"""

UNDO = """\
    {
        size_t i;
        for (i = 0; i < ${name}_OUTPUTS; ++i)
            y[i] = y[i] * ${name}_y_scale[i] + ${name}_y_mean[i];
    }"""

LARGEST = """\
/* The index of the class, from the outputs y of ${name}_predict: that of the largest. */
static inline int ${name}_classify(const $real *y)
{
    int k, best = 0;
    for (k = 1; k < $classes; ++k)
        if (y[k] > y[best])
            best = k;
    return best;
}"""
ABOVE_A_HALF = """\
/* The class, 0 or 1, from the output y of ${name}_predict. */
static inline int ${name}_classify(const $real *y)
{
    return y[0] > 0.5$f;
}"""
EACH_ABOVE_A_HALF = """\
/* Set labels[${name}_OUTPUTS] to 1 where a label applies, else 0, from the outputs y of
 * ${name}_predict. */
static inline void ${name}_classify(const $real *y, int *labels)
{
    int k;
    for (k = 0; k < ${name}_OUTPUTS; ++k)
        labels[k] = y[k] > 0.5$f;
}"""
LABEL = """\
/* The class with an index, as in the training data. */
static inline $kind${name}_label(int index)
{
$texts    static $element labels[$classes] = {
        $labels
    };
    return labels[index];
}"""

SELF_TEST = """\
#ifdef ${name}_SELF_TEST
/* Return 0 if the outputs for $samples samples are those of Python, within the bounds of rounding;
 * else the number, from 1, of the first sample that differs. A model does not know its training
 * data, so the inputs are made up: spread evenly over $range,
 * or less if outputs would overflow. */
$tables

static inline int ${name}_self_test($real *scratch)
{
    $real y[${name}_OUTPUTS];
    size_t i, k;
    for (i = 0; i < $samples; ++i) {
        const $real *expected = ${name}_test_y + i * ${name}_OUTPUTS;
        const $real *bound = ${name}_test_bound + i * ${name}_OUTPUTS;
        ${name}_predict(${name}_test_x + i * ${name}_INPUTS, y, scratch);
        for (k = 0; k < ${name}_OUTPUTS; ++k)
            if (!(fabs$f(y[k] - expected[k]) <= bound[k]))
                return (int)(i + 1);
    }
    return 0;
}
#endif"""

# One paragraph per line; the lines are wrapped.
ABOUT = """\
$name.h: a neural network, written by bpmatrix $version.
Layers: $sizes, $activations; cost $cost; $parameters parameters. \
Trained in $trained_in, written with name="$name", dtype="$dtype".
Inputs: x[$inputs]$given. Outputs: y[$outputs], $meaning.
Needs: $footprint, beside the code of its functions.
C99 or C++, without a library but math.h. Nothing is allocated or kept between calls, so threads \
with a scratch each can call it at the same time.
With ${name}_SELF_TEST defined, ${name}_self_test(scratch) returns 0 if this compiler and \
processor give the same outputs as Python.
Example:"""
EXAMPLE = """\
    #include <stdio.h>
    #include "$name.h"

    int main(void)
    {
        static $real x[${name}_INPUTS], y[${name}_OUTPUTS], scratch[${name}_SCRATCH];
        x[0] = 0.5$f; // and so on
        ${name}_predict(x, y, scratch);
        $printing
        return 0;
    }"""
