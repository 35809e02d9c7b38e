// The whole of libbbg_gpu.so: see core/gpu_library.h.
#include "train/cuda_graph.h"

#include <ATen/cuda/CUDAGraph.h>

namespace bbg::train {

namespace {

class LibtorchGraph final : public CudaGraph {
 public:
  explicit LibtorchGraph(at::cuda::MempoolId_t pool) : pool_(pool) {}
  void begin_capture() override { graph_.capture_begin(pool_, cudaStreamCaptureModeThreadLocal); }
  void end_capture() override { graph_.capture_end(); }
  void replay() override { graph_.replay(); }

 private:
  at::cuda::MempoolId_t pool_;
  at::cuda::CUDAGraph graph_;
};

class LibtorchGraphPool final : public CudaGraphPool {
 public:
  std::unique_ptr<CudaGraph> make() const override {
    return std::make_unique<LibtorchGraph>(pool_);
  }

 private:
  at::cuda::MempoolId_t pool_ = at::cuda::graph_pool_handle();
};

}  // namespace

extern "C" __attribute__((visibility("default"))) CudaGraphPool* bbg_new_cuda_graph_pool() {
  return new LibtorchGraphPool;
}

}  // namespace bbg::train
