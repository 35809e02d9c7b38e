#include "model/model_options.h"

#include <bit>

#include "core/error.h"
#include "model/layout.h"

namespace bbg::model {

void ModelOptions::declare(core::OptionTable& table) {
  table.add("model.system", &system, "Which system is trained").one_of({"bigbigan"});
  table.add("model.resolution", &resolution, "Height and width of the images")
      .unit("px")
      .at_least(8);
  table.add("model.channels", &channels, "Colour channels of the images").one_of({"1", "3"});
  table
      .add("model.z-dim", &z_dim,
           "Length of the code z; residual G splits it into blocks + 1 equal chunks")
      .at_least(1);
  table
      .add("model.block", &block,
           "Kind of blocks: BigGAN's residual ones, or 4x4 stride-2 convolutions")
      .one_of({"residual", "strided"});
  table
      .add("model.layout", &layout,
           "Widths of the residual G and D at 32 px (compare_gan, StudioGAN or BigGAN-PyTorch)")
      .one_of({"cg", "sg", "bgp"});
  table.add("model.width", &width, "Base width ch of G and D").unit("channels").at_least(2);
  table
      .add(
          "model.g-condition", &g_condition,
          "Residual G's norm reads the z chunk with one learned embedding (single) or alone (none)")
      .one_of({"single", "none"});
  table
      .add("model.d-norm", &d_norm,
           "Normalisation in D: spectral, batch (strided blocks only) or none (strided)")
      .one_of({"sn", "bn", "none"});
  table.add("model.init", &init, "Start of weights: orthogonal, or normal with deviation 0.02")
      .one_of({"orthogonal", "n02"});
  table
      .add("model.h-init", &h_init,
           "Start of H and of the score on its output: as model.init says, or orthogonal")
      .one_of({"same", "orthogonal"});
  table.add("model.h-width", &h_width, "Width of H, the residual MLP on codes").at_least(1);
  table.add("model.h-depth", &h_depth, "Blocks of H; 0 passes the code through").at_least(0);
  table.add("model.j-width", &j_width, "Width of J, the residual MLP on both features").at_least(1);
  table.add("model.j-depth", &j_depth, "Blocks of J").at_least(0);
  table.add("model.e-stochastic", &e_stochastic,
            "E gives mean and deviation of a normal distribution, not a point");
  table.add("model.e-width", &e_width, "Base width of E").unit("channels").at_least(1);
  table
      .add("model.e-head-width", &e_head_width,
           "Width of the residual MLP between E's feature and its output")
      .at_least(1);
  table.add("model.e-head-depth", &e_head_depth, "Blocks of that MLP; 0 leaves it out").at_least(0);
  table.add("model.bn-eps", &bn_eps, "Added to the variance in batch normalisation").above(0);
  table.add("model.bn-momentum", &bn_momentum, "Share of the new batch in running statistics")
      .above(0)
      .at_most(1);
  table.add("model.sn-eps", &sn_eps, "Smallest norm that spectral normalisation divides by")
      .above(0);
}

void ModelOptions::check() const {
  if (block == "strided") {
    if (!std::has_single_bit(static_cast<uint64_t>(resolution)) || resolution < 16 ||
        resolution > 128) {
      throw core::UsageError("model.resolution = " + std::to_string(resolution) +
                                 " is not known for model.block = strided",
                             "choose 16, 32, 64 or 128, and shards of the same size");
    }
    return;
  }
  const int64_t chunks = static_cast<int64_t>(generator_layout(layout, resolution).size()) + 1;
  if (z_dim % chunks != 0) {
    const int64_t below = z_dim / chunks * chunks;
    throw core::UsageError("model.z-dim = " + std::to_string(z_dim) + " does not split into " +
                               std::to_string(chunks) + " equal chunks",
                           "the nearest that do are " +
                               (below > 0 ? std::to_string(below) + " and " : "") +
                               std::to_string(below + chunks));
  }
  if (d_norm != "sn") {
    throw core::UsageError("model.d-norm = " + d_norm + " exists for model.block = strided only",
                           "set model.d-norm = sn, or model.block = strided");
  }
}

}  // namespace bbg::model
