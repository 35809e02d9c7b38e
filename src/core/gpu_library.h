#pragma once
// The library libbbg_gpu.so beside the program: all code that names symbols of libtorch's CUDA
// library, which is loaded with it. It is opened where there is NVIDIA's driver; a process without
// one starts in two thirds of the time and takes 350 MB less.

#include <string>

namespace bbg::core {

// Opens it where the driver is; nothing in builds without CUDA. Once opened it stays. Before
// libtorch is first asked for GPUs, whose answer it keeps, on any thread. SystemError where the
// driver is there and the library cannot be opened.
void open_gpu_library();

// The function of this name in it, opened wherever it is there. SystemError where it is not.
void* gpu_function(const std::string& name);

}  // namespace bbg::core
