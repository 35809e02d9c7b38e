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

  // So many images for each thread are asked for in advance (ImageSource::will_read), unless the
  // system does that by itself.
  static constexpr int64_t kAhead = 16;

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
    std::vector<int64_t> ahead;     // places to be asked for
  };
  // Goes through the places of the shards that are made.
  struct Cursor {
    size_t shards = 0;          // begun
    int64_t next = 0, end = 0;  // places of the shard that was begun last
    int64_t passed = 0;         // places in all
    bool is_between_shards() const { return next == end; }
  };
  void in_threads(int64_t threads, const std::function<void()>& work,
                  const std::function<void()>& look);
  void check();    // a thread's part
  void convert();  // a thread's part
  bool claim(Work& work);
  bool begin_shard(Cursor& cursor) const;  // false: that was the last
  void look_ahead(std::vector<int64_t>& places);
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
  Cursor claimed_, asked_;
  int64_t distance_ = 0;            // asked_ is so far ahead
  std::shared_ptr<ShardJob> open_;  // the shard whose images are being claimed
  int64_t first_place_ = 0;         // its first
  std::vector<std::weak_ptr<ShardJob>> jobs_;
  std::exception_ptr failure_;
};

}  // namespace bbg::data_prep
