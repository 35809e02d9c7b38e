#include "core/gpu_library.h"

#include <dlfcn.h>

#include "core/error.h"

namespace bbg::core {

namespace {

constexpr const char* kLibrary = "libbbg_gpu.so";

[[noreturn]] void throw_last_error(const std::string& call) {
  const char* const cause = ::dlerror();
  throw SystemError({.call = call,
                     .object = kLibrary,
                     .cause = std::string(cause ? cause : "unknown") +
                              "; the build makes it beside the program: copy it with the "
                              "program, and keep libtorch's libraries where they were"});
}

void* library() {
  static void* const opened = [] {
    void* const handle = ::dlopen(kLibrary, RTLD_NOW | RTLD_GLOBAL);
    if (handle == nullptr) throw_last_error("dlopen");
    return handle;
  }();
  return opened;
}

}  // namespace

void open_gpu_library() {
#ifdef BBG_CUDA
  // CUDA's run-time library looks for the driver under this name too.
  static const bool has_driver = ::dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL) != nullptr;
  if (has_driver) library();
#endif
}

void* gpu_function(const std::string& name) {
  void* const function = ::dlsym(library(), name.c_str());
  if (function == nullptr) throw_last_error("dlsym");
  return function;
}

}  // namespace bbg::core
