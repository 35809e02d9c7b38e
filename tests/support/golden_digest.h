#pragma once
// The digests of tests/golden/digests (its README says what they hold): weights, buffers and inputs
// follow from names and a seed, so only digests of what PyTorch made of them are stored.

#include <cmath>
#include <set>
#include <sstream>

#include "core/options.h"
#include "support/golden.h"

namespace bbg::testing {

// Uniform on [-1, 1), from the name (FNV-1a) and the index (splitmix64) alone; no rounding, so the
// values are the script's, bit for bit.
inline at::Tensor named_noise(const std::string& name, at::IntArrayRef shape) {
  uint64_t key = 0xcbf29ce484222325;
  for (const char c : name) key = (key ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  at::Tensor values = at::empty(shape, at::kDouble);
  double* data = values.data_ptr<double>();
  for (int64_t i = 0; i < values.numel(); ++i) {
    uint64_t x = key + (static_cast<uint64_t>(i) + 1) * 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    x ^= x >> 31;
    data[i] = static_cast<double>(x >> 11) * 0x1p-52 - 1;
  }
  return values;
}

class GoldenDigest {
 public:
  explicit GoldenDigest(const std::string& name) : golden_("digests/" + name) {
    std::istringstream names(golden_.text.at("names"));
    for (std::string word; names >> word;) {
      rows_.emplace(word, static_cast<int64_t>(rows_.size()));
    }
    const at::Tensor& digests = golden_["digests"];  // [rows, 3 + first values]
    if (rows_.empty() || digests.dim() != 2 || digests.size(1) <= 3 ||
        digests.size(0) != static_cast<int64_t>(rows_.size())) {
      throw std::runtime_error("the golden file " + name + " has not one digest for each name");
    }
  }

  // Gives a component, such as model::ModelOptions, its options of the dump.
  template <class Options>
  Options options(const std::string& section) const {
    Options options;
    core::OptionTable table;
    options.declare(table);
    std::string ini = "[" + section + "]\n";
    for (const auto& [key, value] : golden_.text) {
      if (key.rfind(section + ".", 0) == 0) {
        ini += key.substr(section.size() + 1) + " = " + value + "\n";
      }
    }
    table.parse_ini(ini, "the golden file");
    return options;
  }
  int64_t batch() const { return std::stoll(golden_.text.at("batch")); }

  at::Tensor noise(const std::string& name, at::IntArrayRef shape) const {
    return named_noise(golden_.text.at("seed") + "." + name, shape);
  }
  at::Tensor images(const model::ModelOptions& options) const {
    const int64_t size = options.data_resolution();
    return noise("in.x", {batch(), options.channels, size, size});
  }
  at::Tensor code(const model::ModelOptions& options) const {
    const at::Tensor z = noise("in.z", {batch(), options.z_dim});
    return options.prior == model::Prior::kUniform ? z : z * 1.7;
  }
  at::Tensor epsilon(const model::ModelOptions& options) const {
    return noise("in.epsilon", {batch(), options.z_dim}) * 1.7;
  }
  // Undefined where the model is not conditional.
  at::Tensor labels(const std::string& name, const model::ModelOptions& options) const {
    if (!options.is_conditional()) return {};
    return ((noise(name, {batch()}) + 1) / 2 * static_cast<double>(options.num_classes))
        .to(at::kLong);
  }

  // The initial state; `prefix` is G, E or D.
  void fill(nn::Network& net, const std::string& prefix) const {
    const at::NoGradGuard no_grad;
    for (const auto* entries : {&net.store().parameters(), &net.store().buffers()}) {
      for (const auto& [name, tensor] : *entries) {
        at::Tensor(tensor).copy_(start(name, noise(prefix + "." + name, tensor.sizes())));
      }
    }
  }

  // Compares sum, sum of squares, product with noise, and first values.
  void expect(const std::string& name, const at::Tensor& tensor) {
    const auto row = rows_.find(name);
    ASSERT_TRUE(row != rows_.end()) << "the golden file lacks " << name;
    ASSERT_GT(tensor.numel(), 0) << name;
    const at::Tensor expected = golden_["digests"][row->second];
    const at::Tensor actual = digest(name, tensor, expected.numel());
    // float64 on both sides: only the order of sums differs. 1e-9 of the value, as in expect_near,
    // and of the tensor's norm, since a sum may cancel; 1e-11 for gradients that are zero in exact
    // arithmetic (biases before a norm) and are rounding here.
    const at::Tensor error = (actual - expected).abs();
    const at::Tensor bound = 1e-9 * (expected.abs() + expected[1].sqrt()) + 1e-11;
    EXPECT_TRUE((error <= bound).all().item<bool>())
        << name << "\n actual   " << actual << "\n expected " << expected;
    seen_.insert(name);
  }
  void expect_gradients(const nn::Network& net, const std::string& prefix) {
    for (const auto& [name, tensor] : net.store().parameters()) {
      ASSERT_TRUE(tensor.grad().defined()) << prefix << "." << name;
      expect("grad." + prefix + "." + name, tensor.grad());
    }
  }
  void expect_buffers(const nn::Network& net, const std::string& prefix) {
    for (const auto& [name, tensor] : net.store().buffers()) {
      expect("after." + prefix + "." + name, tensor);
    }
  }
  // Nothing that PyTorch's networks have was left out; `prefix` selects names, at least one.
  void expect_all_seen(const std::string& prefix = "") const {
    int64_t selected = 0;
    for (const auto& [name, row] : rows_) {
      if (name.rfind(prefix, 0) != 0) continue;
      ++selected;
      EXPECT_TRUE(seen_.count(name) > 0) << name;
    }
    EXPECT_GT(selected, 0) << "the golden file has no row " << prefix;
  }

 private:
  static bool ends_with(const std::string& name, const std::string& word) {
    return name == word || name.ends_with("." + word);
  }
  static at::Tensor start(const std::string& name, const at::Tensor& noise) {
    if (ends_with(name, "gamma")) return at::full_like(noise, 0.7);
    if (ends_with(name, "running_mean")) return 0.2 * noise;
    if (ends_with(name, "running_var")) return 1 + 0.5 * noise;
    if (ends_with(name, "u")) return noise;
    if (noise.dim() >= 2) {
      return std::sqrt(static_cast<double>(3 * noise.size(0)) /
                       static_cast<double>(noise.numel())) *
             noise;
    }
    return ends_with(name, "weight") ? 1 + 0.3 * noise : 0.3 * noise;
  }
  static at::Tensor digest(const std::string& name, const at::Tensor& tensor, int64_t length) {
    const at::Tensor flat = tensor.detach().reshape(-1);
    const int64_t first = std::min(length - 3, flat.numel());
    return at::cat({flat.sum().view(1), flat.dot(flat).view(1),
                    flat.dot(named_noise("digest." + name, {flat.numel()})).view(1),
                    flat.narrow(0, 0, first), at::zeros({length - 3 - first}, at::kDouble)});
  }

  Golden golden_;
  std::map<std::string, int64_t> rows_;
  std::set<std::string> seen_;
};

}  // namespace bbg::testing
