#pragma once
// Minimises a smooth function of many variables by L-BFGS with a weak-Wolfe line search. L-BFGS is
// Nocedal & Wright's ("Numerical Optimization", 2nd ed., algorithm 7.4), the search by bisection
// Lewis & Overton's (Math. Program. 141, 2013). Plain sequential arithmetic in double: ranks whose
// function returns equal bits take equal steps on any hardware, so a collective may be called
// inside it.

#include <cstdint>
#include <functional>
#include <vector>

namespace bbg::eval {

struct LbfgsOptions {
  int64_t iterations = 100;
  int64_t history = 10;
  double tolerance = 1e-5;  // stops when no gradient component is larger
};

struct LbfgsResult {
  std::vector<double> x;
  double value = 0;
  double largest_gradient = 0;  // component, by magnitude
  int64_t iterations = 0;
};

// Returns the value at x and writes the gradient (already of x's size).
using Objective =
    std::function<double(const std::vector<double>& x, std::vector<double>& gradient)>;

// Ends early where the line search finds no decrease: there rounding outweighs progress.
LbfgsResult minimise(const Objective& objective, std::vector<double> start,
                     const LbfgsOptions& options);

}  // namespace bbg::eval
