#include "run/measured_losses.h"

#include <string>
#include <utility>
#include <vector>

#include "train/singular_values.h"

namespace bbg::run {

namespace {

// Scalars on a device, by name, until they are read back together.
struct Scalars {
  std::vector<std::string> names;
  std::vector<at::Tensor> values;

  void add(const std::string& name, const at::Tensor& value) {
    if (!value.defined()) return;
    names.push_back(name);
    values.push_back(value.detach().to(at::kDouble));
  }
  void add(const std::string& name, const loss::Loss& loss) {
    add(name, loss.total);
    add(name + "_x", loss.x);
    add(name + "_z", loss.z);
    add(name + "_xz", loss.xz);
    add(name + "_latent", loss.latent);
    add(name + "_reconstruction", loss.reconstruction);
  }
};

// `values` [n] float64, on the CPU.
core::Values named(const std::vector<std::string>& names, const at::Tensor& values) {
  core::Values result;
  for (size_t i = 0; i < names.size(); ++i) {
    result.emplace_back(names[i], values.data_ptr<double>()[i]);
  }
  return result;
}

}  // namespace

core::Values measured_losses(const Losses& losses, const train::TrainState& state,
                             comm::Communicator& communicator) {
  Scalars scalars;
  scalars.add("loss_d", losses.d);
  scalars.add("loss_ge", losses.ge);
  if (state.d) scalars.add("grad_norm_d", state.d->gradient_norm);
  scalars.add("grad_norm_g", state.g.gradient_norm);
  if (state.e) scalars.add("grad_norm_e", state.e->gradient_norm);
  at::Tensor all = at::stack(scalars.values);
  communicator.all_reduce(all, comm::Reduce::kMean);
  return named(scalars.names, all.cpu());
}

core::Values measured_spectra(const model::Nets& nets, comm::Communicator& control) {
  std::vector<std::string> names;
  std::vector<double> values;
  const auto add = [&](const std::string& network_name, const nn::Network* network) {
    if (network == nullptr) return;
    for (const auto& [name, value] : train::top_singular_values(network_name, *network)) {
      names.push_back(name);
      values.push_back(value);
    }
  };
  add("G", nets.generator.get());
  add("E", nets.encoder.get());
  add("D", nets.discriminator.get());
  // Hosts of different make may round them differently, and decisions follow from them.
  at::Tensor shared = at::tensor(values, at::kDouble);
  control.broadcast(shared, 0);
  return named(names, shared);
}

}  // namespace bbg::run
