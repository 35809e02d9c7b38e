#pragma once
// Minimises a smooth function of many variables by L-BFGS with a weak-Wolfe line search. L-BFGS is
// Nocedal & Wright's ("Numerical Optimization", 2nd ed., algorithm 7.4), the search by bisection
// Lewis & Overton's (Math. Program. 141, 2013). Plain sequential arithmetic in double: ranks whose
// function returns equal bits take equal steps on any hardware, so a collective may be called
// inside it. Ranks may also hold slices of the variables, and of every vector here.

#include <cstdint>
#include <functional>
#include <vector>

namespace bbg::eval {

// Takes a number of each rank, returns their sum or the largest one, equal bits on all ranks. A
// collective.
using OverRanks = std::function<double(double own)>;

struct LbfgsOptions {
  int64_t iterations = 100;
  int64_t history = 10;
  double tolerance = 1e-5;  // stops when no gradient component is larger
  // Set where each rank holds a slice of x and of its gradient; then minimise() is a collective.
  OverRanks sum = {}, max = {};
};

// Vectors of x's length that minimise() holds at most.
constexpr int64_t lbfgs_vectors(const LbfgsOptions& options) { return 2 * options.history + 9; }

struct LbfgsResult {
  std::vector<double> x;  // this rank's slice
  double value = 0;
  double largest_gradient = 0;  // component, by magnitude
  int64_t iterations = 0;
};

// Returns the value at x, on all ranks the same, and writes the gradient (already of x's size).
using Objective =
    std::function<double(const std::vector<double>& x, std::vector<double>& gradient)>;

// Ends early where the line search finds no decrease: there rounding outweighs progress.
LbfgsResult minimise(const Objective& objective, std::vector<double> start,
                     const LbfgsOptions& options);

}  // namespace bbg::eval
