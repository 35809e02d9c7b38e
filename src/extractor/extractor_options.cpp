#include "extractor/extractor_options.h"

namespace bbg::extractor {

void ExtractorOptions::declare(core::OptionTable& table) {
  table
      .add("extractor.inception", &inception,
           "The Inception network of FID, IS and KID as TorchScript: inception-2015-12-05.pt, or "
           "the "
           "file that launch/setup --inception fetches (without IS); empty: none of these")
      .path();
  table
      .add(
          "extractor.network", &network,
          "Another feature network in which samples are compared with images: DINOv2's safetensors "
          "as published, or any TorchScript file; empty: none")
      .path();
  table
      .add("extractor.inception-statistics", &inception_statistics,
           "Mean and covariance that FID compares samples with, of an .npz file with mu and sigma "
           "as pytorch-fid, torch-fidelity and ADM's suites have them; empty: of the training "
           "images")
      .path();
  table
      .add("extractor.network-statistics", &network_statistics,
           "The same for extractor.network's Frechet distance")
      .path();
  table.add("extractor.size", &size, "Side of the images that a TorchScript network takes")
      .unit("pixels")
      .at_least(1);
  table.add("extractor.resize", &resize, kResizes, "How images are brought to that side");
  table.add("extractor.range", &range, kRanges,
            "Values that a TorchScript network takes: bytes; tf is (x - 128) / 128; symmetric is "
            "[-1, 1]; unit is [0, 1]; imagenet is unit less ImageNet's mean, over its deviation");
  table.add("extractor.output", &output,
            "The features among several outputs of a TorchScript network: a key of a dictionary or "
            "the number of an element of a tuple; empty: it has one output");
}

}  // namespace bbg::extractor
