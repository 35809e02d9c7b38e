#include "extractor/torch_script.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <charconv>
#include <sstream>
#include <utility>

#include "core/error.h"
#include "core/hash.h"

namespace bbg::extractor {

namespace {

using torch::jit::IValue;
using torch::jit::Module;

// The weights of the network of FID up to pool3: 94 convolutions.
constexpr int64_t kPool3Weights = 21'802'784;

struct Loaded {
  Module module;
  uint64_t digest;  // the file's
};

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

Loaded load(core::FileSystem& files, const std::string& path, at::Device device) {
  if (!files.exists(path)) {
    throw core::UsageError("there is no network at " + path, "give the path of a TorchScript file");
  }
  const std::string bytes = files.read(path);
  try {
    std::istringstream stream(bytes);
    Module module = torch::jit::load(stream, device);
    module.eval();
    return {std::move(module), core::hash64(std::as_bytes(std::span(bytes)))};
  } catch (const c10::Error& error) {
    throw core::UsageError(
        path + " is no TorchScript file: " + first_line(error.what_without_backtrace()),
        "give a file that torch.jit.save() wrote, not a state_dict");
  }
}

std::string fingerprint_of(uint64_t digest, const std::string& protocol) {
  core::Hasher hasher;
  hasher.add_number(static_cast<int64_t>(digest));
  hasher.add_text(protocol);
  return core::hex(hasher.digest());
}

int64_t num_weights(const Module& module) {
  int64_t count = 0;
  for (const at::Tensor& tensor : module.parameters()) count += tensor.numel();
  return count;
}

bool has_argument(const Module& module, const std::string& name) {
  const auto& arguments = module.get_method("forward").function().getSchema().arguments();
  return std::any_of(arguments.begin(), arguments.end(),
                     [&](const auto& argument) { return argument.name() == name; });
}

// Both kinds: the module, and what is known of it after its first run.
class Script : public Extractor {
 public:
  int64_t width() const override { return width_; }
  const std::string& protocol() const override { return protocol_; }
  const std::string& fingerprint() const override { return fingerprint_; }

 protected:
  Script(Loaded loaded, std::string path, std::string protocol)
      : module_(std::move(loaded.module)),
        path_(std::move(path)),
        protocol_(std::move(protocol)),
        fingerprint_(fingerprint_of(loaded.digest, protocol_)) {}

  // The first run says whether the network is what it was taken for.
  void try_on(at::Device device) {
    const at::Tensor empty = at::zeros({1, 3, 64, 64}, at::TensorOptions(device).dtype(at::kByte));
    try {
      const at::Tensor features = extract(empty).features;
      width_ = features.size(1);
    } catch (const c10::Error& error) {
      refuse(first_line(error.what_without_backtrace()));
    } catch (const std::runtime_error& error) {  // the interpreter's
      if (dynamic_cast<const core::UsageError*>(&error) != nullptr) throw;
      refuse(first_line(error.what()));
    }
  }

  [[noreturn]] void refuse(const std::string& why) const {
    throw core::UsageError(
        "the network " + path_ + " cannot be run on images as " + protocol_ + ": " + why,
        "say how it takes images (extractor.size, extractor.resize, extractor.range) and which "
        "output has the features (extractor.output)");
  }

  Module module_;
  const std::string path_;

 private:
  int64_t width_ = 0;
  const std::string protocol_, fingerprint_;
};

// NVIDIA's file: forward(img, return_features, use_fp16, no_output_bias), and `output`, its last
// layer.
class WholeInception final : public Script {
 public:
  WholeInception(Loaded loaded, const std::string& path, at::Device device)
      : Script(std::move(loaded), path,
               "Inception 2015-12-05, pool3; resized by the network itself to 299 px") {
    try {
      class_weights_ = module_.attr("output").toModule().attr("weight").toTensor().to(at::kFloat);
    } catch (const c10::Error&) {
      refuse("it has no last layer `output`");
    }
    try_on(device);
    if (class_weights_.dim() != 2 || class_weights_.size(1) != width()) {
      refuse("its last layer does not read its features");
    }
  }

  Extracted extract(const at::Tensor& images) override {
    const at::NoGradGuard no_grad;
    const at::Tensor features =
        module_.forward({images}, {{"return_features", true}}).toTensor().to(at::kFloat).flatten(1);
    return {features, features.matmul(class_weights_.t())};
  }
  bool has_logits() const override { return true; }

 private:
  at::Tensor class_weights_;  // [classes, width]
};

class AnyScript final : public Script {
 public:
  AnyScript(Loaded loaded, const std::string& path, const std::string& name,
            const ScriptOptions& options, at::Device device)
      : Script(std::move(loaded), path, name + "; " + options.input.text()), options_(options) {
    try_on(device);
  }

  Extracted extract(const at::Tensor& images) override {
    const at::NoGradGuard no_grad;
    at::Tensor features = chosen(module_.forward({options_.input(images)})).to(at::kFloat);
    if (features.dim() == 4) features = features.mean({2, 3});
    if (features.dim() != 2 || features.size(0) != images.size(0)) {
      std::ostringstream sizes;
      sizes << features.sizes();
      refuse("its output is " + sizes.str() + ", not a row of features for each image");
    }
    return {features};
  }
  bool has_logits() const override { return false; }

 private:
  at::Tensor chosen(const IValue& output) const {
    const std::string& name = options_.output;
    if (output.isTensor() && name.empty()) return output.toTensor();
    if (output.isGenericDict() && !name.empty()) {
      const auto found = output.toGenericDict().find(IValue(name));
      if (found != output.toGenericDict().end() && found->value().isTensor()) {
        return found->value().toTensor();
      }
    }
    size_t number = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number);
    const bool is_number = !name.empty() && parsed.ptr == name.data() + name.size();
    if (output.isTuple() && is_number && number < output.toTupleRef().elements().size()) {
      const IValue& element = output.toTupleRef().elements()[number];
      if (element.isTensor()) return element.toTensor();
    }
    refuse(name.empty() ? "it gives " + output.tagKind() + ", of which no element is chosen"
                        : "its output, " + output.tagKind() + ", has no tensor '" + name + "'");
  }

  const ScriptOptions options_;
};

}  // namespace

std::unique_ptr<Extractor> load_inception(core::FileSystem& files, const std::string& path,
                                          at::Device device) {
  Loaded loaded = load(files, path, device);
  if (has_argument(loaded.module, "return_features") &&
      has_argument(loaded.module, "no_output_bias")) {
    return std::make_unique<WholeInception>(std::move(loaded), path, device);
  }
  if (num_weights(loaded.module) != kPool3Weights) {
    throw core::UsageError(
        path + " is not the Inception network of FID",
        "`launch/setup --inception` fetches it (without logits: no IS); or bring "
        "inception-2015-12-05.pt; other networks go to extractor.network");
  }
  return std::make_unique<AnyScript>(std::move(loaded), path, "Inception 2015-12-05, pool3",
                                     ScriptOptions{}, device);
}

std::unique_ptr<Extractor> load_script(core::FileSystem& files, const std::string& path,
                                       const ScriptOptions& options, at::Device device) {
  const std::string name = path.substr(path.rfind('/') + 1) +
                           (options.output.empty() ? "" : ", output " + options.output);
  return std::make_unique<AnyScript>(load(files, path, device), path, name, options, device);
}

}  // namespace bbg::extractor
