#include "measure/protocol.h"

#include <algorithm>
#include <functional>

#include "core/error.h"
#include "core/value_text.h"

namespace bbg::measure {

namespace {

constexpr const char* kNetworks =
    "averages of the networks' weights; standing BN statistics over {eval.standing-passes} "
    "batches; codes: E's mean";

// `text` with each {field} replaced.
std::string filled(const std::string& text,
                   const std::function<std::string(const std::string&)>& value) {
  std::string result;
  size_t done = 0;
  for (size_t open = text.find('{'); open != std::string::npos; open = text.find('{', done)) {
    const size_t close = text.find('}', open);
    BBG_CHECK(close != std::string::npos, "a field of a protocol ends");
    result += text.substr(done, open - done) + value(text.substr(open + 1, close - open - 1));
    done = close + 1;
  }
  return result + text.substr(done);
}

std::string value_of(const std::string& field, const eval::EvaluateOptions& options,
                     int64_t train_images, int64_t test_images) {
  // In full sentences, for those that are described beside.
  if (field == "inception" || field == "network") return "the network `" + field + "`";
  if (field == "eval.transfer-rate") return core::print_number(options.transfer_rate);
  const int64_t reference = options.reference_images > 0
                                ? std::min(train_images, options.reference_images)
                                : train_images;
  const int64_t kept = std::min(reference, options.kept_images);
  const std::pair<const char*, int64_t> values[] = {
      {"eval.reference-images", reference},
      {"eval.kept-images", kept},
      {"eval.kid-subsets", options.kid_subsets},
      {"eval.kid-subset-size", std::min({options.kid_subset_size, kept, options.samples})},
      {"eval.is-splits", options.is_splits},
      {"eval.linear-steps", options.linear_steps},
      {"eval.linear-views", options.linear_views},
      {"eval.transfer-steps", options.transfer_steps},
      {"eval.transfer-batch", std::min(train_images, options.transfer_batch)},
      {"N", test_images},
      {"eval.samples", options.samples},
      {"eval.standing-passes", options.standing_passes},
      {"eval.probe-train", std::min(train_images, options.probe_train)},
      {"eval.probe-test", std::min(test_images, options.probe_test)},
      {"eval.neighbours-train", std::min(train_images, options.neighbours_train)},
      {"eval.neighbours-test", std::min(test_images, options.neighbours_test)},
  };
  for (const auto& [name, value] : values) {
    if (field == name) return std::to_string(value);
  }
  BBG_CHECK(false, "a protocol names a field that there is");
  return "";
}

void add_features(const Setup& setup, Protocol& protocol) {
  const eval::EvaluateOptions& options = setup.evaluate;
  protocol.emplace_back(
      "feature",
      std::string(options.network == eval::FeatureNetwork::kDiscriminator
                      ? "of D as trained, not averaged"
                      : "of E's trunk") +
          (options.feature == eval::Feature::kBnCrelu ? ", through batch norm and CReLU" : ""));
  if (options.measures_pixels() && setup.model.data_resolution() > kPixelSide) {
    const std::string side = std::to_string(kPixelSide);
    protocol.emplace_back("pixels", "averaged to " + side + "x" + side);
  }
}

}  // namespace

Protocol protocol_of_networks(const Setup& setup) {
  const auto value = [&](const std::string& field) {
    return value_of(field, setup.evaluate, 0, 0);
  };
  return {{"networks", filled(kNetworks, value)}};
}

Protocol protocol_of(Need need, const Measures& measures, const Setup& setup,
                     const Images& images) {
  Protocol protocol;
  if (need == Need::kFeatures) add_features(setup, protocol);
  const auto value = [&](const std::string& field) {
    return value_of(field, setup.evaluate, images.train().count, images.test().count);
  };
  for (const Measure& measure : measures) {
    if (measure.need != need) continue;
    protocol.emplace_back(measure.key, filled(measure.protocol, value));
  }
  return protocol;
}

Protocol protocol_of_extractors(Need need, const Context& context) {
  const bool is_inception = need == Need::kInception;
  if (!is_inception && need != Need::kNetwork) return {};
  const extractor::Extractor& network =
      is_inception ? *context.extractors->inception : *context.extractors->network;
  Protocol protocol = {{is_inception ? "inception" : "network", network.protocol()}};
  const extractor::ExtractorOptions& files = context.setup.extractor;
  const std::string& given = is_inception ? files.inception_statistics : files.network_statistics;
  if (!given.empty()) {
    protocol.emplace_back(is_inception ? "fid_reference" : "network_reference",
                          "mean and covariance of the file " + given.substr(given.rfind('/') + 1) +
                              " stand for those of training images");
  }
  if (context.setup.evaluate.samples < network.width()) {
    protocol.emplace_back(is_inception ? "fid_caution" : "network_caution",
                          std::to_string(context.setup.evaluate.samples) + " samples for " +
                              std::to_string(network.width()) +
                              " features: the covariance is singular and the distance far too "
                              "large to compare with published ones");
  }
  return protocol;
}

std::string markdown(const Measures& measures) {
  const auto with_names = [](const std::string& text) {
    return filled(text, [](const std::string& field) { return "`" + field + "`"; });
  };
  std::string page =
      "# Measures\n\n"
      "Generated by `bbg_dist metrics --markdown`; a test fails when this page is stale. A run "
      "measures these after its last\n"
      "step, and the curves after every `eval.every` steps too. An option stands for its value, or "
      "for as many images as there\n"
      "are; `N` is the number of test images.\n\n"
      "- networks: " +
      with_names(kNetworks) + "\n";
  const auto item = [&](const std::string& what, const std::string& text) {
    page += "- " + what + ": " + text + "\n";
  };
  for (const Measure& measure : measures) {
    page += "\n## " + measure.card.title + "\n\n";
    std::string fields;
    for (const report::Row& one : measure.card.rows) fields += " `" + one.field + "`";
    item("in `evaluation.json`", "`" + measure.key + "`, with" + fields);
    for (const Curve& curve : measure.curves) {
      const char* direction = curve.better == Better::kLower    ? ", lower is better"
                              : curve.better == Better::kHigher ? ", higher is better"
                                                                : ", to compare with";
      item("curve", "`" + curve.name + "`" + direction);
    }
    item("protocol", with_names(measure.protocol));
    if (measure.is_named) {
      item("taken", "by `bbg_dist evaluate --measures " + measure.key + "`, where it is named");
    } else if (!measure.is_at_end) {
      item("taken", "by `bbg_dist evaluate`, not by runs");
    }
    item("needs", text_of(measure.need));
    item("source", measure.paper);
  }
  return page;
}

}  // namespace bbg::measure
