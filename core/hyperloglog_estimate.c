#include "core/hyperloglog_estimate.h"

#include <math.h>

#include "core/hyperloglog.h"

/* The order of the operations decides the last digit, which is to be Redis's. */

enum { VALUE_MOST = 50 }; /* hash bits that are left for the value; one more where all of them are 0 */

/* x + x^2 + 2 x^4 + 4 x^8 + ..., for the share of registers that are empty. */
static double sigma(double x)
{
    double sum = x, before, factor = 1;

    if (x == 1)
        return INFINITY;
    do {
        x *= x;
        before = sum;
        sum += x * factor;
        factor += factor;
    } while (sum != before);
    return sum;
}

/* (1 - x - sum of (1 - x^(1/2^k))^2 / 2^k) / 3, for the share of registers that are not full. */
static double tau(double x)
{
    double sum = 1 - x, before, factor = 1;

    if (x == 0 || x == 1)
        return 0;
    do {
        x = sqrt(x);
        before = sum;
        factor *= 0.5;
        sum -= pow(1 - x, 2) * factor;
    } while (sum != before);
    return sum / 3;
}

uint64_t hyperloglog_estimate(const uint32_t histogram[static 64])
{
    const double registers = HYPERLOGLOG_REGISTERS, alpha = 0.721347520444481703680; /* 1 / (2 ln 2) */
    double sum = registers * tau((registers - histogram[VALUE_MOST + 1]) / registers);

    for (int value = VALUE_MOST; value >= 1; value--) {
        sum += histogram[value];
        sum *= 0.5;
    }
    sum += registers * sigma(histogram[0] / registers);
    return (uint64_t)llroundl(alpha * registers * registers / sum);
}
