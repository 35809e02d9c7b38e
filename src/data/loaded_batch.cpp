#include "data/loaded_batch.h"

#include <sys/mman.h>

#include "core/error.h"

namespace bbg::data {

std::shared_ptr<uint8_t> allocate_pages(int64_t bytes) {
  const auto length = static_cast<size_t>(bytes);
  void* memory =
      ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    throw core::posix_error("mmap", std::to_string(bytes) + " bytes for a batch");
  }
  ::madvise(memory, length, MADV_HUGEPAGE);  // a wish: without it reading is a little slower
  return {static_cast<uint8_t*>(memory), [length](uint8_t* start) { ::munmap(start, length); }};
}

}  // namespace bbg::data
