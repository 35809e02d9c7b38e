// The part of the program that needs libtorch's CUDA library, on machines with a GPU and without.
#include "core/gpu_library.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <dlfcn.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace bbg::core {
namespace {

#ifdef BBG_CUDA
bool is_loaded(const char* library) {
  return ::dlopen(library, RTLD_LAZY | RTLD_NOLOAD) != nullptr;
}

TEST(GpuLibrary, IsOpenedWhereThereIsADriverAndBringsLibtorchsKernels) {
  if (!is_loaded("libcuda.so.1")) {
    EXPECT_FALSE(is_loaded("libtorch_cuda.so"));
  }
  EXPECT_NE(gpu_function("bbg_new_cuda_graph_pool"), nullptr);
  EXPECT_TRUE(is_loaded("libtorch_cuda.so"));
  const auto empty = c10::Dispatcher::singleton().findSchema({"aten::empty", "memory_format"});
  ASSERT_TRUE(empty.has_value());
  EXPECT_TRUE(empty->hasKernelForDispatchKey(c10::DispatchKey::CUDA));
}

TEST(GpuLibrary, NamesAFunctionThatItLacks) {
  EXPECT_THROW(gpu_function("bbg_no_such_function"), SystemError);
}
#endif

}  // namespace
}  // namespace bbg::core
