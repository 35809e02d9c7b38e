#include "data/verify.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "core/error.h"
#include "data/format1/format1_reader.h"
#include "data/shard_format.h"
#include "data/shard_reader.h"
#include "data/shard_set.h"
#include "image/codec/codec.h"

namespace bbg::data {

namespace {

constexpr int64_t kSamplesAtOnce = 64;  // that a thread claims

// The state that all threads share while they read one data set.
class Verification {
 public:
  Verification(const SampleSource& source, bool decodes,
               const std::function<void(int64_t, int64_t)>& progress)
      : source_(source),
        decodes_(decodes && source.encoding() == Encoding::kJpeg),
        progress_(progress) {}

  void work() {
    Memory memory{.stored = {}, .decoder = image::Decoder(source_.decode_options()), .pixels = {}};
    for (;;) {
      const int64_t first = next_.fetch_add(kSamplesAtOnce);
      const int64_t end = std::min(first + kSamplesAtOnce, source_.size());
      if (first >= end) return;
      for (int64_t i = first; i < end; ++i) read(i, memory);
      const std::lock_guard lock(mutex_);
      done_ += end - first;
      if (progress_) progress_(done_, source_.size());
    }
  }

  Verdict verdict() {
    if (error_) std::rethrow_exception(error_);
    std::sort(problems_.begin(), problems_.end());
    Verdict verdict;
    verdict.bad_samples = std::ssize(problems_);
    // A file that cannot be read at all is told once.
    std::set<std::string> told;
    for (auto& [sample, text] : problems_) {
      if (told.insert(text).second) verdict.problems.push_back(std::move(text));
    }
    return verdict;
  }

 private:
  // A thread's.
  struct Memory {
    std::vector<uint8_t> stored;
    image::Decoder decoder;
    std::vector<uint8_t> pixels;
  };

  void read(int64_t index, Memory& memory) {
    try {
      const auto bytes = source_.read(index, memory.stored, Check::kVerify);
      if (decodes_) {
        memory.decoder.decode(bytes, source_.name(index) + " in " + source_.file(index),
                              memory.pixels);
      }
      source_.label(index);
    } catch (const core::UsageError& error) {
      const std::lock_guard lock(mutex_);
      problems_.emplace_back(index, error.what());
    } catch (...) {
      const std::lock_guard lock(mutex_);
      error_ = std::current_exception();
      next_ = source_.size();
    }
  }

  const SampleSource& source_;
  bool decodes_;
  const std::function<void(int64_t, int64_t)>& progress_;
  std::atomic<int64_t> next_ = 0;
  std::mutex mutex_;  // guards what follows
  int64_t done_ = 0;
  std::vector<std::pair<int64_t, std::string>> problems_;
  std::exception_ptr error_;
};

// The digests of shards and of the whole, which say that no sample was exchanged for another.
void check_wholes(const ShardReader& reader, Verdict& verdict) {
  const Manifest& manifest = reader.manifest();
  Fingerprint fingerprint(manifest.encoding, manifest.height, manifest.width, manifest.channels);
  for (size_t shard = 0; shard < manifest.shards.size(); ++shard) {
    try {
      fingerprint.add(reader.digests(shard));
      if (reader.computed_digest(shard) != manifest.shards[shard].digest) {
        verdict.problems.push_back(reader.path(shard) +
                                   " is damaged: the digest of its samples and names is wrong");
      }
    } catch (const core::UsageError& error) {
      if (verdict.bad_samples == 0) verdict.problems.push_back(error.what());
    }
  }
  if (verdict.problems.empty() && fingerprint.text() != manifest.fingerprint) {
    verdict.problems.push_back("the samples' fingerprint is " + fingerprint.text() +
                               ", not the stated " + manifest.fingerprint);
  }
}

}  // namespace

Verdict verify(const std::string& path, const VerifyOptions& options,
               const std::function<void(int64_t, int64_t)>& progress) {
  const ShardSet set = ShardSet::open(path);
  if (const auto* old = dynamic_cast<const format1::Reader*>(set.source().get())) {
    Verdict verdict{.problems = old->verify(progress), .bad_samples = 0};
    verdict.bad_samples = std::ssize(verdict.problems);
    return verdict;
  }
  Verification verification(*set.source(), options.decodes, progress);
  {
    std::vector<std::jthread> workers;
    for (int64_t i = 0; i < options.threads; ++i) {
      workers.emplace_back([&verification] { verification.work(); });
    }
  }
  Verdict verdict = verification.verdict();
  check_wholes(dynamic_cast<const ShardReader&>(*set.source()), verdict);
  return verdict;
}

}  // namespace bbg::data
