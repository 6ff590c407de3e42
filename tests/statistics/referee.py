"""Recomputes with SciPy and statsmodels what arena-statistics said, one JSON object a line.

Prints `ok KIND` for each line that agrees and `FAILED ...` for each that does not.
"""

import itertools
import json
import sys

import numpy
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import NormalIndPower, normal_power
from statsmodels.stats.proportion import proportion_confint, proportion_effectsize

EXACT = 1e-9


def exact_signs(values):
    """All choices of signs, as scipy.stats.permutation_test has them for paired samples."""
    result = stats.permutation_test(
        (values,), lambda x, axis: numpy.abs(numpy.sum(x, axis=axis)), permutation_type="samples",
        alternative="greater", n_resamples=numpy.inf, vectorized=True)
    return result.pvalue


def close(found, wanted, tolerance=EXACT):
    """Whether two numbers agree: absolutely, and relatively where they are tiny."""
    if abs(wanted) < 1e-300:
        # Below what SciPy holds.
        return abs(found) < 1e-299
    return abs(found - wanted) <= tolerance * max(1.0, abs(wanted)) and abs(found / wanted - 1) <= 1e-6


def within(found, wanted, error):
    return abs(found - wanted) <= error + EXACT


def check(case):
    kind, given, said = case["kind"], case["given"], case["said"]
    if kind == "mcnemar":
        both, better, worse, neither = given
        table = [[both, worse], [better, neither]]
        exact = mcnemar(table, exact=True).pvalue
        coin = stats.binomtest(better, better + worse).pvalue if better + worse else 1.0
        return close(said, min(exact, 1.0)) and close(said, coin), exact
    if kind == "mcnemar_corrected":
        both, better, worse, neither = given
        wanted = mcnemar([[both, worse], [better, neither]], exact=False, correction=True).pvalue
        return close(said, wanted), wanted
    if kind == "signs_exact":
        wanted = exact_signs(numpy.array(given, dtype=float))
        return close(said, wanted), wanted
    if kind == "signs_drawn":
        # Few enough values to count all choices, in more than we count.
        wanted = exact_signs_by_parts(given)
        error = 4.5 * (wanted * (1 - wanted) / case["draws"]) ** 0.5 + 2 / case["draws"]
        return within(said, wanted, error), wanted
    if kind == "wilson":
        passed, of, confidence = given
        wanted = proportion_confint(passed, of, alpha=1 - confidence, method="wilson")
        return all(close(a, min(max(b, 0.0), 1.0)) or abs(a - b) < 1e-12 for a, b in zip(said, wanted)), wanted
    if kind == "student_t":
        mean, error, n, confidence = given
        wanted = stats.t.interval(confidence, n - 1, loc=mean, scale=error)
        return all(close(a, b) for a, b in zip(said, wanted)), wanted
    if kind == "bootstrap":
        values, confidence = given
        values = numpy.array(values, dtype=float)
        n = len(values)
        tail = stats.norm.cdf((n / (n - 1)) ** 0.5 * stats.t.ppf((1 - confidence) / 2, n - 1))
        other = stats.bootstrap((values,), numpy.mean, n_resamples=20000, confidence_level=1 - 2 * tail,
                                method="percentile", random_state=7).confidence_interval
        # Each end is a quantile of drawn means: both sides have an error of their own.
        spread = values.std() / n ** 0.5
        density = stats.norm.pdf(stats.norm.ppf(tail))
        error = 4.5 * spread * (tail * (1 - tail)) ** 0.5 / density * (1 / 1000 + 1 / 20000) ** 0.5 + spread * 0.02
        return all(abs(a - b) < error for a, b in zip(said, (other.low, other.high))), (other.low, other.high, error)
    if kind in ("holm", "fdr_bh"):
        wanted = multipletests(given, method=kind)[1]
        return all(close(a, b) for a, b in zip(said, wanted)), list(wanted)
    if kind == "cohen_h":
        wanted = proportion_effectsize(given[1], given[0])
        return close(said, wanted), wanted
    if kind == "power":
        deviation, difference, pairs, alpha = given
        wanted = normal_power(difference / deviation, pairs, alpha)
        return close(said, wanted), wanted
    if kind == "detectable":
        deviation, pairs, alpha, power = given
        wanted = NormalIndPower(ddof=0).solve_power(
            effect_size=None, nobs1=pairs, alpha=alpha, power=power, ratio=0, alternative="two-sided") * deviation
        # The far tail, which ours leaves out, and the solver's own tolerance.
        return abs(said / wanted - 1) < 1e-4, wanted
    if kind == "normal_quantile":
        wanted = stats.norm.ppf(given)
        return close(said, wanted), wanted
    if kind == "t_quantile":
        wanted = stats.t.ppf(*given)
        return close(said, wanted), wanted
    return False, "an unknown kind"


def exact_signs_by_parts(values):
    """All choices of signs of up to 24 integers: sums of one half meet those of the other."""
    values = [int(abs(value)) for value in values]
    observed = abs(sum(int(value) for value in VALUES_OF[tuple(values)]))
    half = len(values) // 2
    sums = [numpy.array([sum(s * v for s, v in zip(signs, part)) for signs in itertools.product((1, -1), repeat=len(part))])
            for part in (values[:half], values[half:])]
    right = numpy.sort(sums[1])
    count = 0
    for left in sums[0]:
        # left + right >= observed, or <= -observed
        count += len(right) - numpy.searchsorted(right, observed - left, side="left")
        count += numpy.searchsorted(right, -observed - left, side="right")
    total = len(sums[0]) * len(right)
    return min(1.0, count / total) if observed > 0 else 1.0


VALUES_OF = {}


def main():
    failed = 0
    for line in open(sys.argv[1], encoding="utf-8"):
        case = json.loads(line)
        if case["kind"] == "signs_drawn":
            VALUES_OF[tuple(int(abs(value)) for value in case["given"])] = case["given"]
        good, wanted = check(case)
        if good:
            print("ok", case["kind"])
        else:
            failed += 1
            print("FAILED", json.dumps(case)[:300], "wanted", wanted)
    sys.exit(1 if failed else 0)


main()
