#include "train/update_graphs.h"

#include "core/error.h"

#ifdef BBG_CUDA

#include <c10/cuda/CUDACachingAllocator.h>

#include <map>
#include <memory>
#include <vector>

#include "train/cuda_graph.h"

namespace bbg::train {

namespace {

// The inputs of a recording, which stay where they are.
struct Inputs {
  core::Batch batch;
  Noise noise;
};

std::vector<const at::Tensor*> tensors_of(const core::Batch& batch, const Noise& noise) {
  return {&batch.images, &batch.labels, &noise.z, &noise.epsilon, &noise.labels, &noise.augment};
}

Inputs cloned(const core::Batch& batch, const Noise& noise) {
  const auto clone = [](const at::Tensor& from) { return from.defined() ? from.clone() : from; };
  return {.batch = {.images = clone(batch.images),
                    .labels = clone(batch.labels),
                    .sample_ids = batch.sample_ids},
          .noise = {.z = clone(noise.z),
                    .epsilon = clone(noise.epsilon),
                    .labels = clone(noise.labels),
                    .augment = clone(noise.augment)}};
}

struct Recording {
  Inputs inputs;
  UpdateGraphs::Losses losses;
  std::unique_ptr<CudaGraph> graph;
};

}  // namespace

struct UpdateGraphs::State {
  at::Device device;
  size_t num_kinds;
  std::unique_ptr<CudaGraphPool> pool = make_cuda_graph_pool();
  std::map<int, Recording> recordings = {};  // for the kinds that have been made

  void record(Recording& recording, const core::Batch& batch, const Noise& noise,
              const Update& update) {
    recording.inputs = cloned(batch, noise);
    // Memory that the first calls left cached would stand beside the graphs' own memory for ever.
    c10::cuda::CUDACachingAllocator::emptyCache();
    recording.graph = pool->make();
    try {
      recording.graph->begin_capture();
      recording.losses = update(recording.inputs.batch, recording.inputs.noise);
      recording.graph->end_capture();
    } catch (const c10::OutOfMemoryError&) {
      throw;
    } catch (const std::exception& error) {
      throw core::SystemError(
          {.call = "recording an update as a CUDA graph",
           .object = device.str(),
           .cause = core::message_of(error) + "; train.cuda-graphs = off does without"});
    }
  }
};

UpdateGraphs::UpdateGraphs(at::Device device, int num_kinds)
    : state_(new State{.device = device, .num_kinds = static_cast<size_t>(num_kinds)}) {
  BBG_CHECK(device.is_cuda(), "graphs are for a GPU");
}

UpdateGraphs::~UpdateGraphs() = default;

UpdateGraphs::Losses UpdateGraphs::run(int kind, const core::Batch& batch, const Noise& noise,
                                       const Update& update) {
  const auto [found, is_first] = state_->recordings.try_emplace(kind);
  if (is_first || state_->recordings.size() < state_->num_kinds) return update(batch, noise);
  Recording& recording = found->second;
  if (!recording.graph) {
    state_->record(recording, batch, noise, update);
  } else {
    const auto to = tensors_of(recording.inputs.batch, recording.inputs.noise);
    const auto from = tensors_of(batch, noise);
    for (size_t i = 0; i < to.size(); ++i) {
      BBG_CHECK(to[i]->defined() == from[i]->defined(), "a recorded update gets other inputs");
      if (to[i]->defined()) to[i]->copy_(*from[i], /*non_blocking=*/true);
    }
  }
  recording.graph->replay();
  return recording.losses;
}

}  // namespace bbg::train

#else

namespace bbg::train {

struct UpdateGraphs::State {};

UpdateGraphs::UpdateGraphs(at::Device, int) { BBG_CHECK(false, "built without CUDA"); }
UpdateGraphs::~UpdateGraphs() = default;
UpdateGraphs::Losses UpdateGraphs::run(int, const core::Batch& batch, const Noise& noise,
                                       const Update& update) {
  return update(batch, noise);
}

}  // namespace bbg::train

#endif  // BBG_CUDA
