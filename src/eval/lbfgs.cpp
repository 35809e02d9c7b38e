#include "eval/lbfgs.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>

namespace bbg::eval {

namespace {

using Vector = std::vector<double>;

constexpr double kDecrease = 1e-4, kCurvature = 0.9;  // Wolfe constants, Nocedal & Wright 3.1
constexpr int kMaxTrials = 25;

void add_scaled(Vector& target, double factor, const Vector& direction) {
  for (size_t i = 0; i < target.size(); ++i) target[i] += factor * direction[i];
}

void subtract_from(Vector& target, const Vector& minuend) {
  for (size_t i = 0; i < target.size(); ++i) target[i] = minuend[i] - target[i];
}

// Products over the slices of all ranks.
struct Products {
  const LbfgsOptions& options;

  double dot(const Vector& a, const Vector& b) const {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return options.sum ? options.sum(sum) : sum;
  }
  // By magnitude.
  double largest(const Vector& values) const {
    double result = 0;
    for (const double value : values) result = std::max(result, std::abs(value));
    return options.max ? options.max(result) : result;
  }
};

struct Point {
  Vector x, gradient;
  double value = 0;
};

struct Pair {
  Vector step, gradient_step;  // differences of x and of the gradient
  double product;              // their inner product, > 0
};

// -H gradient by the two-loop recursion.
Vector descent_direction(const Products& products, const std::deque<Pair>& pairs,
                         const Vector& gradient) {
  Vector direction = gradient;
  Vector alphas(pairs.size());
  for (size_t i = pairs.size(); i-- > 0;) {
    alphas[i] = products.dot(pairs[i].step, direction) / pairs[i].product;
    add_scaled(direction, -alphas[i], pairs[i].gradient_step);
  }
  const double scale = pairs.empty()
                           ? 1.0 / std::max(1.0, std::sqrt(products.dot(gradient, gradient)))
                           : pairs.back().product / products.dot(pairs.back().gradient_step,
                                                                 pairs.back().gradient_step);
  for (double& value : direction) value *= scale;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const double beta = products.dot(pairs[i].gradient_step, direction) / pairs[i].product;
    add_scaled(direction, alphas[i] - beta, pairs[i].step);
  }
  for (double& value : direction) value = -value;
  return direction;
}

// A point along `direction` that meets both Wolfe conditions; failing that the best that decreases
// enough. False: none does.
bool search_line(const Objective& objective, const Products& products, const Point& from,
                 const Vector& direction, Point& found) {
  const double slope = products.dot(from.gradient, direction);
  if (!(slope < 0)) return false;
  double low = 0, high = std::numeric_limits<double>::infinity(), length = 1;
  bool has_decrease = false;
  Point trial;
  for (int i = 0; i < kMaxTrials; ++i) {
    trial.x = from.x;
    trial.gradient.resize(from.x.size());
    add_scaled(trial.x, length, direction);
    trial.value = objective(trial.x, trial.gradient);
    // Written so that NaN shortens the step.
    if (!(trial.value <= from.value + kDecrease * length * slope)) {
      high = length;
    } else {
      has_decrease = true;
      std::swap(found, trial);
      if (products.dot(found.gradient, direction) >= kCurvature * slope) return true;
      low = length;
    }
    length = std::isinf(high) ? 2 * low : (low + high) / 2;
  }
  return has_decrease;
}

}  // namespace

LbfgsResult minimise(const Objective& objective, std::vector<double> start,
                     const LbfgsOptions& options) {
  const Products products{options};
  Point point{std::move(start), {}, 0};
  point.gradient.resize(point.x.size());
  point.value = objective(point.x, point.gradient);
  std::deque<Pair> pairs;
  int64_t done = 0;
  while (done < options.iterations && products.largest(point.gradient) > options.tolerance) {
    Point next;
    const Vector direction = descent_direction(products, pairs, point.gradient);
    if (!search_line(objective, products, point, direction, next)) break;
    ++done;
    // In the memory of the point that is left.
    Pair pair{std::move(point.x), std::move(point.gradient), 0};
    subtract_from(pair.step, next.x);
    subtract_from(pair.gradient_step, next.gradient);
    pair.product = products.dot(pair.step, pair.gradient_step);
    point = std::move(next);
    // A pair without positive curvature would make H indefinite.
    if (pair.product > 1e-12 * products.dot(pair.gradient_step, pair.gradient_step)) {
      pairs.push_back(std::move(pair));
      if (static_cast<int64_t>(pairs.size()) > options.history) pairs.pop_front();
    }
  }
  const double gradient = products.largest(point.gradient);
  return {std::move(point.x), point.value, gradient, done};
}

}  // namespace bbg::eval
