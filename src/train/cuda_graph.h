#pragma once
// CUDA graphs as libtorch makes them, behind an interface: the code is in libbbg_gpu.so
// (core/gpu_library.h). Only where there is a GPU.

#include <memory>

namespace bbg::train {

class CudaGraph {
 public:
  CudaGraph() = default;
  virtual ~CudaGraph() = default;
  CudaGraph(const CudaGraph&) = delete;
  CudaGraph& operator=(const CudaGraph&) = delete;

  // Records all that this thread enqueues on the current stream, which is not the default one,
  // until the end. Other threads go on using the device. c10::Error where something cannot be
  // recorded.
  virtual void begin_capture() = 0;
  virtual void end_capture() = 0;
  // Enqueues what was recorded, on the current stream.
  virtual void replay() = 0;
};

// Graphs that share the memory of what they record.
class CudaGraphPool {
 public:
  CudaGraphPool() = default;
  virtual ~CudaGraphPool() = default;
  CudaGraphPool(const CudaGraphPool&) = delete;
  CudaGraphPool& operator=(const CudaGraphPool&) = delete;

  virtual std::unique_ptr<CudaGraph> make() const = 0;
};

// SystemError where the library is not there.
std::unique_ptr<CudaGraphPool> make_cuda_graph_pool();

}  // namespace bbg::train
