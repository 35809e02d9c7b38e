#pragma once
// The conversion of one shard by several threads, which deliver its images in any order: samples
// get their places in the order of the plan, and each thread writes what it can.

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "data/shard_writer.h"
#include "data_prep/conversion/converter.h"

namespace bbg::data_prep {

class ShardJob {
 public:
  struct Target {
    std::string path;  // the shard's
    data::ShardWriter::Key key;
  };
  // One image, as a thread delivers it.
  struct Delivery {
    Stored stored;  // unless it is bad
    std::vector<uint64_t> digests;
    std::string name;
    int64_t label = -1;
    std::string reason;  // why it is bad; empty: it is not
  };

  // One target for each size of the recipe. `images` deliveries will come.
  ShardJob(const std::vector<Target>& targets, int64_t images);

  // Takes the image of this place, counted from 0 in the shard; gives other memory in exchange.
  // Waits while the places before it are far behind. True for the call that makes the shard ready
  // to be closed. Thread-safe.
  bool deliver(int64_t place, Delivery& delivery);
  // Ends all waiting; the shard will not be closed. Thread-safe.
  void abandon();
  void close();

 private:
  struct Write {
    size_t target;
    int64_t place;
    std::vector<uint8_t> bytes;
  };
  void give_places(std::vector<Write>& writes);  // under the mutex

  int64_t images_;
  std::vector<std::unique_ptr<data::ShardWriter>> writers_;  // one a target
  std::mutex mutex_;                                         // guards what follows
  std::condition_variable changed_;
  std::map<int64_t, Delivery> waiting_;
  std::vector<std::vector<uint8_t>> spare_;  // memory that was written from
  int64_t next_ = 0;                         // the first place that is not delivered
  int64_t finished_ = 0;                     // images whose bytes have been written
  bool is_abandoned_ = false;
};

}  // namespace bbg::data_prep
