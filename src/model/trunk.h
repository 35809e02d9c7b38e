#pragma once
// Images to feature vectors: F of a discriminator, or E before its head. A trunk is a sequence of
// stages, so that each one's activations can be read, and stages after some can be trained anew. A
// trunk without borders inside is one stage.

#include <ATen/ATen.h>

#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "nn/context.h"

namespace bbg::model {

struct Stage {
  std::string name;
  size_t parameters = 0;  // that the network has declared up to its end; the last one's: with end()
};

class Trunk {
 public:
  virtual ~Trunk() = default;
  // [N, C, S, S] -> [N, out_features()]: all stages in order, then end().
  virtual at::Tensor forward(const at::Tensor& x) = 0;
  virtual int64_t out_features() const = 0;

  virtual const std::vector<Stage>& stages() const = 0;
  // A stage's output from that of the stage before, of the first from images; may write into `h`.
  // [N, C', S', S'], but that of a lone stage, which may be [N, out_features()].
  virtual at::Tensor stage(size_t index, at::Tensor h) = 0;
  virtual at::Tensor end(at::Tensor h) = 0;  // the last stage's output -> [N, out_features()]
  // Whether end() takes the mean over positions; else it lays the map flat.
  virtual bool is_averaged() const = 0;
};

// Its constructor declares the layers and ends each stage.
class StagedTrunk : public Trunk {
 public:
  at::Tensor forward(const at::Tensor& x) final {
    at::Tensor h = x;
    // Moved, so that a stage holds its input no longer than it needs it.
    for (size_t i = 0; i < ends_.size(); ++i) h = stage(i, std::move(h));
    return end(std::move(h));
  }
  at::Tensor operator()(const at::Tensor& x) { return forward(x); }
  const std::vector<Stage>& stages() const final { return ends_; }

 protected:
  // The layers declared since the last call are a stage.
  void end_stage(std::string name, const nn::Scope& scope) {
    ends_.push_back({std::move(name), scope.store().parameters().size()});
  }
  // And those since then belong to end().
  void end_last_stage(const nn::Scope& scope) {
    ends_.back().parameters = scope.store().parameters().size();
  }

 private:
  std::vector<Stage> ends_;
};

// A StagedTrunk, or a class with operator() and out_features() as a trunk of one stage.
template <class Layers, class... Arguments>
std::unique_ptr<Trunk> make_trunk(nn::Context& context, const nn::Scope& scope,
                                  Arguments&&... arguments) {
  if constexpr (std::is_base_of_v<Trunk, Layers>) {
    return std::make_unique<Layers>(context, scope, std::forward<Arguments>(arguments)...);
  } else {
    class Adapter final : public Trunk {
     public:
      Adapter(nn::Context& context, const nn::Scope& scope, Arguments&&... made_of)
          : layers_(context, scope, std::forward<Arguments>(made_of)...),
            stages_{{"trunk", scope.store().parameters().size()}} {}
      at::Tensor forward(const at::Tensor& x) override { return layers_(x); }
      int64_t out_features() const override { return layers_.out_features(); }
      const std::vector<Stage>& stages() const override { return stages_; }
      at::Tensor stage(size_t, at::Tensor h) override { return layers_(h); }
      at::Tensor end(at::Tensor h) override { return h; }
      bool is_averaged() const override { return false; }

     private:
      Layers layers_;
      std::vector<Stage> stages_;
    };
    return std::make_unique<Adapter>(context, scope, std::forward<Arguments>(arguments)...);
  }
}

}  // namespace bbg::model
