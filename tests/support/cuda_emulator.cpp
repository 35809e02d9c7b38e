#include "support/cuda_emulator.h"

// A fortified C library forbids jumps to another stack.
#if defined(__USE_FORTIFY_LEVEL)
#undef __USE_FORTIFY_LEVEL
#define __USE_FORTIFY_LEVEL 0
#endif
#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <map>

#include "core/error.h"
#include "ops/kernels/layout.h"

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace bbg::testing {

namespace {

// --------------------------------------------------------------------- CUDA's names for kernels

struct Place {
  unsigned x = 0, y = 0, z = 0;
};
Place threadIdx, blockIdx, blockDim, gridDim;

// The threads of one block, each on a stack of its own, which serves block after block.
class Block {
 public:
  static constexpr size_t kStack = 64 << 10;

  // Kept: to make some hundred stacks takes longer than most kernels.
  static Block& of(int threads) {
    static std::map<int, Block> blocks;
    return blocks.try_emplace(threads, threads).first->second;
  }

  explicit Block(int threads) : fibers_(static_cast<size_t>(threads)) {
    for (Fiber& fiber : fibers_) {
      make_stack(fiber);
#if defined(__SANITIZE_THREAD__)
      fiber.tsan = __tsan_create_fiber(0);
#endif
    }
    host_.has_started = true;
#if defined(__SANITIZE_THREAD__)
    host_.tsan = __tsan_get_current_fiber();
#endif
  }
#if defined(__SANITIZE_THREAD__)
  ~Block() {
    for (Fiber& fiber : fibers_) __tsan_destroy_fiber(fiber.tsan);
  }
#endif

  void run(const std::function<void()>& thread, Order order) {
    thread_ = &thread;
    for (Fiber& fiber : fibers_) fiber.is_done = false;
    current_ = this;
    const auto size = static_cast<int>(fibers_.size());
    for (int running = size; running > 0;) {
      for (int i = 0; i < size; ++i) {
        const int own = order == Order::kForward ? i : size - 1 - i;
        Fiber& fiber = fibers_[static_cast<size_t>(own)];
        if (fiber.is_done) continue;
        threadIdx = {.x = static_cast<unsigned>(own)};
        now_ = &fiber;
        switch_to(fiber, host_);
        if (fiber.is_done) --running;
      }
    }
    current_ = nullptr;
  }

  // Called by a thread of the block that runs: goes on when all others have come here or ended.
  static void wait() {
    BBG_CHECK(current_ != nullptr, "a kernel that is said to have no barrier has one");
    current_->leave();
  }

 private:
  struct Fiber {
    ucontext_t context;
    jmp_buf place;
    bool has_started = false;
    std::unique_ptr<char[]> stack;
    bool is_done = false;
    void* tsan = nullptr;
  };

  // Not inlined, nor is switch_to: what returns twice may spoil the variables around it.
  [[gnu::noinline]] static void make_stack(Fiber& fiber) {
    fiber.stack.reset(new char[kStack]);
    getcontext(&fiber.context);
    fiber.context.uc_stack = {.ss_sp = fiber.stack.get(), .ss_flags = 0, .ss_size = kStack};
    fiber.context.uc_link = nullptr;
    makecontext(&fiber.context, enter, 0);
  }
  static void enter() {
    for (;;) {
      (*current_->thread_)();
      current_->now_->is_done = true;
      current_->leave();
    }
  }
  void leave() { switch_to(host_, *now_); }
  [[gnu::noinline]] static void switch_to(Fiber& next, Fiber& own) {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#if defined(__SANITIZE_THREAD__)
    __tsan_switch_to_fiber(next.tsan, 0);
#endif
    swapcontext(&own.context, &next.context);
#else
    // swapcontext asks the system for the mask of signals each time, which took half of the time.
    if (_setjmp(own.place) != 0) return;
    if (next.has_started) _longjmp(next.place, 1);
    next.has_started = true;
    setcontext(&next.context);
#endif
  }

  static Block* current_;
  const std::function<void()>* thread_ = nullptr;
  std::vector<Fiber> fibers_;
  Fiber* now_ = nullptr;
  Fiber host_;
};
Block* Block::current_ = nullptr;

void __syncthreads() { Block::wait(); }

#define BBG_EMULATED
#define BBG_KERNEL [[maybe_unused]] static
#define __device__ [[maybe_unused]]
#define __shared__ static

using std::min;
using std::sqrt;

float __uint_as_float(unsigned bits) { return std::bit_cast<float>(bits); }
float __int_as_float(int bits) { return std::bit_cast<float>(bits); }
unsigned short bfloat16_bits(float value) { return at::BFloat16(value).x; }

// --------------------------------------------------------------------------------------- kernels

using Arguments = std::vector<const void*>;
using Kernels = std::map<std::string, std::function<void(const Arguments&)>>;

template <class... A, size_t... I>
void call(void (*kernel)(A...), const Arguments& arguments, std::index_sequence<I...>) {
  kernel(*static_cast<const A*>(arguments[I])...);
}

template <class... A>
void add(Kernels& kernels, const std::string& name, void (*kernel)(A...)) {
  kernels[name] = [=](const Arguments& arguments) {
    BBG_CHECK(arguments.size() == sizeof...(A), name + " has other arguments");
    call(kernel, arguments, std::index_sequence_for<A...>());
  };
}

#define BBG_STORED float
#define BBG_ARITHMETIC float
#define BBG_WIDTH 1
namespace float_1 {
#include "ops/kernels/values.cu"
namespace norm {
#include "ops/kernels/norm.cu"
}
namespace weights {
#include "ops/kernels/weights.cu"
}
}  // namespace float_1
#undef BBG_WIDTH
#define BBG_WIDTH 4
namespace float_4 {
#include "ops/kernels/values.cu"
namespace norm {
#include "ops/kernels/norm.cu"
}
}  // namespace float_4
#undef BBG_WIDTH
#undef BBG_STORED
#define BBG_STORED unsigned short
#define BBG_WIDTH 1
namespace bfloat16_1 {
#include "ops/kernels/values.cu"
namespace norm {
#include "ops/kernels/norm.cu"
}
namespace weights {
#include "ops/kernels/weights.cu"
}
}  // namespace bfloat16_1
#undef BBG_WIDTH
#define BBG_WIDTH 8
namespace bfloat16_8 {
#include "ops/kernels/values.cu"
namespace norm {
#include "ops/kernels/norm.cu"
}
}  // namespace bfloat16_8
#undef BBG_WIDTH
#undef BBG_STORED
#undef BBG_ARITHMETIC
#define BBG_STORED double
#define BBG_ARITHMETIC double
#define BBG_WIDTH 1
namespace double_1 {
#include "ops/kernels/values.cu"
namespace norm {
#include "ops/kernels/norm.cu"
}
namespace weights {
#include "ops/kernels/weights.cu"
}
}  // namespace double_1
#undef BBG_WIDTH
#define BBG_WIDTH 2
namespace double_2 {
#include "ops/kernels/values.cu"
namespace norm {
#include "ops/kernels/norm.cu"
}
}  // namespace double_2

#define BBG_ADD(name, has_barrier) add(kernels, #name, own::name);
#define BBG_ADD_NORM(scope)                 \
  {                                         \
    namespace own = scope::norm;            \
    Kernels& kernels = all["norm " #scope]; \
    BBG_NORM_KERNELS(BBG_ADD)               \
  }
#define BBG_ADD_WEIGHTS(scope)                 \
  {                                            \
    namespace own = scope::weights;            \
    Kernels& kernels = all["weights " #scope]; \
    BBG_WEIGHT_KERNELS(BBG_ADD)                \
  }

std::map<std::string, Kernels> all_kernels() {
  std::map<std::string, Kernels> all;
  BBG_ADD_NORM(float_1)
  BBG_ADD_NORM(float_4)
  BBG_ADD_NORM(bfloat16_1)
  BBG_ADD_NORM(bfloat16_8)
  BBG_ADD_NORM(double_1)
  BBG_ADD_NORM(double_2)
  BBG_ADD_WEIGHTS(float_1)
  BBG_ADD_WEIGHTS(bfloat16_1)
  BBG_ADD_WEIGHTS(double_1)
  return all;
}

// The value of a definition "NAME=value".
std::string value_of(const std::string& definition) {
  return definition.substr(definition.find('=') + 1);
}

class EmulatedProgram final : public ops::KernelProgram {
 public:
  EmulatedProgram(const ops::KernelSource& source, const std::vector<std::string>& definitions,
                  Order order, int64_t& num_launches)
      : order_(order), num_launches_(&num_launches) {
    static const std::map<std::string, Kernels> all = all_kernels();
    const std::string stored = value_of(definitions.at(0));
    const std::string name = source.name + " " +
                             (stored == "unsigned short" ? "bfloat16" : stored) + "_" +
                             value_of(definitions.at(2));
    BBG_CHECK(all.contains(name), "nobody has compiled " + name);
    kernels_ = &all.at(name);
    for (const ops::Kernel& kernel : source.kernels) {
      BBG_CHECK(kernels_->contains(kernel.name), std::string("nobody has compiled ") + kernel.name);
    }
  }

  void launch(const ops::Kernel& kernel, std::array<int64_t, 3> blocks, int threads,
              std::vector<const void*> arguments) const override {
    // A GPU refuses more.
    BBG_CHECK(blocks[0] >= 1 && blocks[0] < int64_t{1} << 31, "blocks along x");
    BBG_CHECK(blocks[1] >= 1 && blocks[1] <= 65535, "blocks along y");
    BBG_CHECK(blocks[2] >= 1 && blocks[2] <= 65535, "blocks along z");
    ++*num_launches_;
    const auto& own = kernels_->at(kernel.name);
    const auto size = [](int64_t count) { return static_cast<unsigned>(count); };
    gridDim = {size(blocks[0]), size(blocks[1]), size(blocks[2])};
    blockDim = {size(threads), 1, 1};
    Block& block = Block::of(kernel.has_barrier ? threads : 0);
    const std::function<void()> thread = [&] { own(arguments); };
    const int64_t count = blocks[0] * blocks[1] * blocks[2];
    for (int64_t i = 0; i < count; ++i) {
      const int64_t at = order_ == Order::kForward ? i : count - 1 - i;
      blockIdx = {size(at % blocks[0]), size(at / blocks[0] % blocks[1]),
                  size(at / blocks[0] / blocks[1])};
      if (kernel.has_barrier) {
        block.run(thread, order_);
        continue;
      }
      for (int k = 0; k < threads; ++k) {
        threadIdx = {.x = size(order_ == Order::kForward ? k : threads - 1 - k)};
        thread();
      }
    }
  }

 private:
  Order order_;
  int64_t* num_launches_;
  const Kernels* kernels_;
};

}  // namespace

ops::MakeKernelProgram emulated(Order order, int64_t& num_launches) {
  return [order, &num_launches](const ops::KernelSource& source,
                                const std::vector<std::string>& definitions, at::Device) {
    return std::make_unique<EmulatedProgram>(source, definitions, order, num_launches);
  };
}

}  // namespace bbg::testing
