#include "train/cuda_graph.h"

#include "core/gpu_library.h"

namespace bbg::train {

std::unique_ptr<CudaGraphPool> make_cuda_graph_pool() {
  const auto make =
      reinterpret_cast<CudaGraphPool* (*)()>(core::gpu_function("bbg_new_cuda_graph_pool"));
  return std::unique_ptr<CudaGraphPool>(make());
}

}  // namespace bbg::train
