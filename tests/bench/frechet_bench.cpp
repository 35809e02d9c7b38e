// Frechet distance of two made-up sets of features, as the evaluation takes it, in one thread:
// frechet_bench [images] [width]. frechet_scipy.py runs it beside NumPy and SciPy.

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "comm/self_communicator.h"
#include "eval/frechet.h"
#include "eval/gaussian_sums.h"

namespace {

using namespace bbg;

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Features that come in batches, as they do from a network. Those of all batches are what one call
// would draw, as long as they are multiples of 16.
eval::Gaussian gaussian_of(uint64_t seed, double scale, double shift, int64_t images,
                           int64_t width) {
  comm::SelfCommunicator alone;
  eval::GaussianSums sums(width, at::kFloat);
  const at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  constexpr int64_t kBatch = 256;
  for (int64_t done = 0; done < images; done += kBatch) {
    const int64_t batch = std::min(kBatch, images - done);
    sums.add(at::randn({batch, width}, generator) * scale + shift);
  }
  return sums.finish(alone);
}

}  // namespace

int main(int argc, char** argv) {
  const at::NoGradGuard no_grad;
  at::set_num_threads(1);
  const int64_t images = argc > 1 ? std::atoll(argv[1]) : 50'000;
  const int64_t width = argc > 2 ? std::atoll(argv[2]) : 2'048;
  const double start = seconds();
  const eval::Gaussian a = gaussian_of(1, 1, 0, images, width);
  const eval::Gaussian b = gaussian_of(2, 1.1, 0.1, images, width);
  const double middle = seconds();
  const double distance = eval::frechet_distance(a, b);
  const double end = seconds();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("distance %.9g\nmoments %.2f s\nroot %.2f s\npeak %ld MiB\n", distance,
              middle - start, end - middle, usage.ru_maxrss / 1024);
}
