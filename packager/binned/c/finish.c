/* What follows the sums: a divisor, a link, a label. In the words of LightGBM's ConvertOutput and scikit-learn's. */
#include <math.h>

#include "ensemble.h"

#if defined(__x86_64__) && defined(__GLIBC__)
/* The newer symbol, which differs in how it tells errors alone, would want glibc 2.29. */
__asm__(".symver exp, exp@GLIBC_2.2.5");
#endif

static int64_t first_largest(const double *numbers, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (numbers[i] > numbers[best])
            best = i;
    return best;
}

static void softmax(double *numbers, uint32_t n)
{
    double largest = numbers[first_largest(numbers, n)], total = 0;
    for (uint32_t i = 0; i < n; i++)
        total += numbers[i] = exp(numbers[i] - largest);
    for (uint32_t i = 0; i < n; i++)
        numbers[i] /= total;
}

static void apply_link(const Ensemble *e, const double *raw, double *values)
{
    uint32_t n = e->n_targets;
    for (uint32_t i = 0; i < n; i++)
        values[i] = e->divisor == 1 ? raw[i] : raw[i] / e->divisor;
    if (e->link == LINK_SOFTMAX)
        softmax(values, n);
    for (uint32_t i = 0; e->link == LINK_EXP && i < n; i++)
        values[i] = exp(values[i]);
    for (uint32_t i = 0; e->link == LINK_LOGISTIC && i < n; i++)
        values[i] = 1 / (1 + exp(-e->scale * values[i]));
    if (e->n_values > n) {
        values[1] = values[0];
        values[0] = 1 - values[1];
    }
}

static int64_t label_of(const Ensemble *e, const double *raw, const double *values)
{
    double first = e->divisor == 1 ? raw[0] : raw[0] / e->divisor;
    switch (e->rule) {
    case RULE_LARGEST: return first_largest(values, e->n_values);
    case RULE_ABOVE: return first > e->limit;
    case RULE_NOT_BELOW: return first >= e->limit;
    case RULE_LARGEST_RAW: return first_largest(raw, e->n_targets);
    default: return 0;
    }
}

void ensemble_finish(const Ensemble *e, const double *raw, size_t rows, double *values, int64_t *labels)
{
    for (size_t row = 0; row < rows; row++) {
        const double *sums = raw + row * e->n_targets;
        double *out = values + row * e->n_values;
        apply_link(e, sums, out);
        if (labels)
            labels[row] = label_of(e, sums, out);
    }
}
