#pragma once
// One process's part of a conversion: which shards are its own, its threads, what they have done.

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "data_prep/conversion/data_set_folder.h"
#include "data_prep/conversion/plan.h"
#include "data_prep/conversion/shard_job.h"
#include "data_prep/sources/image_source.h"

namespace bbg::data_prep {

class Conversion {
 public:
  // One folder for each size of the recipe. Shards are taken in turn: number `rank`, `rank` + size,
  // and so on. All references must outlive it.
  Conversion(const ImageSource& source, const Recipe& recipe, const Plan& plan,
             const std::vector<DataSetFolder>& folders, int rank, int size);

  // Checks the shards that are there, then makes the others, with this many threads. Calls `look`
  // every few hundred milliseconds meanwhile. Throws the first thing that went wrong; whole shards
  // are kept. A bad image is none of these, see DataSetFolder::describe.
  void run(int64_t threads, const std::function<void()>& look);

  int64_t images_done() const { return images_done_; }
  int64_t shards_kept() const { return shards_kept_; }

 private:
  struct Work {
    std::shared_ptr<ShardJob> job;  // shared by the threads that work on it
    int64_t place, first;           // the image's; the shard's first
  };
  void in_threads(int64_t threads, const std::function<void()>& work,
                  const std::function<void()>& look);
  void check();    // a thread's part
  void convert();  // a thread's part
  bool claim(Work& work);
  void make(Converter& converter, const Work& work, ShardJob::Delivery& delivery);
  void fail();  // with the exception that is being handled

  const ImageSource& source_;
  const Recipe& recipe_;
  const Plan& plan_;
  const std::vector<DataSetFolder>& folders_;
  std::vector<int64_t> own_;  // shards
  std::atomic<size_t> checked_ = 0;
  std::atomic<int64_t> images_done_ = 0, shards_kept_ = 0;
  std::mutex mutex_;  // guards what follows
  std::vector<int64_t> to_make_;
  size_t next_shard_ = 0;
  std::shared_ptr<ShardJob> open_;  // the shard whose images are being claimed
  int64_t first_place_ = 0, next_place_ = 0, end_place_ = 0;  // places of its images
  std::vector<std::weak_ptr<ShardJob>> jobs_;
  std::exception_ptr failure_;
};

}  // namespace bbg::data_prep
