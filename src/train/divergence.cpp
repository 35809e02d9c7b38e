#include "train/divergence.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace bbg::train {

namespace {

using Json = nlohmann::json;

constexpr const char* kSmallerRates =
    "smaller train.lr-g, train.lr-d and train.lr-e, or train.clip-norm";

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

}  // namespace

DivergenceWatch::DivergenceWatch(const TrainOptions& options, const loss::LossOptions& loss)
    : options_(options), chance_(loss.discriminator_at_chance()) {}

std::optional<Trouble> DivergenceWatch::observe(int64_t step, const core::Values& values,
                                                bool is_regular) {
  if (auto trouble = not_a_number(step, values)) return trouble;
  state_.finite_step = step;
  if (options_.watch == Watch::kOff || !is_regular) return std::nullopt;
  // Both look and remember, whatever is found.
  const auto explodes = explosion(step, values), is_stuck = stuck_loss(step, values);
  const auto& trouble = explodes ? explodes : is_stuck;
  if (trouble && trouble->answer == Answer::kWarn) told_.insert(trouble->cause);
  return trouble;
}

std::optional<Trouble> DivergenceWatch::not_a_number(int64_t step, const core::Values& values) {
  for (const auto& [name, value] : values) {
    if (std::isfinite(value)) continue;
    return Trouble{.cause = name,
                   .text = name + " is not a number at step " + std::to_string(step),
                   .hint = kSmallerRates,
                   // The state of that step gave numbers, and the update after it may not have.
                   .since = state_.finite_step,
                   .answer = answer(/*is_fatal=*/true)};
  }
  return std::nullopt;
}

Trouble DivergenceWatch::not_finite(int64_t step) const {
  return {.cause = "state",
          .text = "weights or Adam's moments are not finite after step " + std::to_string(step),
          .hint = kSmallerRates,
          .since = step,
          .answer = answer(/*is_fatal=*/true)};
}

std::optional<Trouble> DivergenceWatch::explosion(int64_t step, const core::Values& values) {
  std::optional<Trouble> trouble;
  for (const auto& [name, value] : values) {
    if (!name.starts_with("sigma_max_")) continue;
    History& history = state_.spectra[name];
    if (std::ssize(history) == options_.watch_window && !told_.contains(name)) {
      std::vector<double> sorted;
      for (const auto& entry : history) sorted.push_back(entry.second);
      const auto middle = sorted.begin() + std::ssize(sorted) / 2;
      std::nth_element(sorted.begin(), middle, sorted.end());
      if (value > options_.watch_growth * *middle && !trouble) {
        int64_t since = step;
        for (auto entry = history.rbegin(); entry != history.rend() && entry->second > *middle;
             ++entry) {
          since = entry->first;
        }
        trouble = {.cause = name,
                   .text = name + " = " + number(value) + " at step " + std::to_string(step) +
                           " is more than " + number(options_.watch_growth) +
                           " times its median of before, " + number(*middle) +
                           "; it rises since step " + std::to_string(since),
                   .hint =
                       "smaller rates, train.clip-norm or train.orthogonal; a checkpoint from "
                       "before may be the best there will be",
                   .since = since,
                   .answer = answer(/*is_fatal=*/false)};
      }
    }
    remember(history, step, value);
  }
  return trouble;
}

std::optional<Trouble> DivergenceWatch::stuck_loss(int64_t step, const core::Values& values) {
  const double margin = options_.watch_margin;
  std::string won;  // terms
  bool is_at_chance = true;
  int64_t since = step;
  for (const auto& [name, value] : values) {
    if (!name.starts_with("loss_d_")) continue;
    History& history = state_.losses[name];
    remember(history, step, value / chance_);
    since = history.front().first;
    const auto is_all = [&](const auto& holds) {
      return std::ssize(history) == options_.watch_window &&
             std::all_of(history.begin(), history.end(),
                         [&](const auto& entry) { return holds(entry.second); });
    };
    if (is_all([&](double share) { return share < margin; })) {
      won += (won.empty() ? "" : " and ") + name;
    }
    is_at_chance = is_at_chance && is_all([&](double share) { return share > 1 - margin; });
  }
  const std::string cause = !won.empty() ? "zero" : is_at_chance ? "chance" : "";
  if (state_.losses.empty() || cause.empty() || told_.contains(cause)) return std::nullopt;
  Trouble trouble{
      .cause = cause,
      .text = " in every report from step " + std::to_string(since) + " to " + std::to_string(step),
      .hint = {},
      .since = since,
      .answer = answer(/*is_fatal=*/false)};
  if (!won.empty()) {
    trouble.text = "D has won: " + won + " below " + number(100 * margin) +
                   " % of the value at chance" + trouble.text;
    trouble.hint = "smaller train.lr-d, fewer train.d-steps, or train.augment for a small data set";
  } else {
    trouble.text = "D tells nothing apart: its loss was at chance, " + number(chance_) +
                   " a term, or above" + trouble.text;
    trouble.hint = "larger train.lr-d, or smaller train.lr-g and train.lr-e";
  }
  return trouble;
}

void DivergenceWatch::remember(History& history, int64_t step, double value) const {
  history.emplace_back(step, value);
  while (std::ssize(history) > options_.watch_window) history.pop_front();
}

Answer DivergenceWatch::answer(bool is_fatal) const {
  switch (options_.watch) {
    case Watch::kRollback:
      return state_.rollbacks < options_.rollbacks ? Answer::kGoBack : Answer::kEnd;
    case Watch::kStop:
      return Answer::kEnd;
    case Watch::kReport:
    case Watch::kOff:
      return is_fatal ? Answer::kEnd : Answer::kWarn;
  }
  BBG_CHECK(false, "a watch without an answer");
}

std::string DivergenceWatch::text() const {
  // The library prints the shortest digits that read back to the same double.
  return Json{{"rollbacks", state_.rollbacks},
              {"rate_factor", state_.rate_factor},
              {"finite_step", state_.finite_step},
              {"losses", state_.losses},
              {"spectra", state_.spectra}}
      .dump();
}

void DivergenceWatch::restore(const std::string& text) {
  state_ = {};
  if (text.empty()) return;
  const Json json = Json::parse(text);
  json.at("rollbacks").get_to(state_.rollbacks);
  json.at("rate_factor").get_to(state_.rate_factor);
  json.at("finite_step").get_to(state_.finite_step);
  json.at("losses").get_to(state_.losses);
  json.at("spectra").get_to(state_.spectra);
}

void DivergenceWatch::go_back(const std::string& text) {
  const int64_t rollbacks = state_.rollbacks + 1;
  const double rate_factor = state_.rate_factor * options_.rollback_factor;
  restore(text);
  state_.rollbacks = rollbacks;
  state_.rate_factor = rate_factor;
}

}  // namespace bbg::train
