#pragma once
// Images to feature vectors: F of a discriminator, or E before its head.

#include <ATen/ATen.h>

#include <memory>
#include <utility>

namespace bbg::model {

class Trunk {
 public:
  virtual ~Trunk() = default;
  virtual at::Tensor forward(const at::Tensor& x) = 0;  // [N, C, S, S] -> [N, out_features()]
  virtual int64_t out_features() const = 0;
};

// A class with operator() and out_features() as a Trunk.
template <class Layers, class... Arguments>
std::unique_ptr<Trunk> make_trunk(Arguments&&... arguments) {
  class Adapter final : public Trunk {
   public:
    explicit Adapter(Arguments&&... made_of) : layers_(std::forward<Arguments>(made_of)...) {}
    at::Tensor forward(const at::Tensor& x) override { return layers_(x); }
    int64_t out_features() const override { return layers_.out_features(); }

   private:
    Layers layers_;
  };
  return std::make_unique<Adapter>(std::forward<Arguments>(arguments)...);
}

}  // namespace bbg::model
