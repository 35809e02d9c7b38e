# Imported targets for the libraries inside the PyPI wheels: bbg::torch (libtorch) and, with BBG_CUDA, bbg::cuda
# (the run-time libraries and NVRTC), bbg::torch_cuda (libtorch for a GPU) and bbg::nccl.
# find_package(Torch) is not used: it demands a CUDA toolkit, which building this project does not need.

if(NOT BBG_TORCH_DIR)
  file(GLOB _candidates ${CMAKE_SOURCE_DIR}/.deps/venv/lib/python3*/site-packages/torch)
  if(_candidates)
    list(GET _candidates 0 _first)
    set(BBG_TORCH_DIR ${_first} CACHE PATH "Folder of the torch wheel: .../site-packages/torch" FORCE)
  endif()
endif()
if(NOT EXISTS ${BBG_TORCH_DIR}/lib/libtorch_cpu.so)
  message(FATAL_ERROR "No torch wheel at BBG_TORCH_DIR='${BBG_TORCH_DIR}'. Run launch/setup, or pass "
                      "-DBBG_TORCH_DIR=<...>/site-packages/torch.")
endif()
file(READ ${BBG_TORCH_DIR}/version.py _version_text)
if(NOT _version_text MATCHES "2\\.11\\.0")
  message(FATAL_ERROR "The torch wheel at ${BBG_TORCH_DIR} is not version 2.11.0. Run launch/setup.")
endif()
get_filename_component(_site_packages ${BBG_TORCH_DIR} DIRECTORY)
set(BBG_NVIDIA_DIR ${_site_packages}/nvidia)

function(_bbg_import name file)
  add_library(bbg::${name} SHARED IMPORTED GLOBAL)
  set_target_properties(bbg::${name} PROPERTIES IMPORTED_LOCATION ${file})
endfunction()

_bbg_import(c10 ${BBG_TORCH_DIR}/lib/libc10.so)
_bbg_import(torch_cpu ${BBG_TORCH_DIR}/lib/libtorch_cpu.so)
# libtorch_cpu finds the CUDA run-time libraries by its own RPATH; the linker needs to be told.
target_link_options(bbg::torch_cpu INTERFACE
                    -Wl,-rpath-link,${BBG_NVIDIA_DIR}/cu13/lib:${BBG_NVIDIA_DIR}/cudnn/lib:${BBG_NVIDIA_DIR}/nccl/lib:${BBG_NVIDIA_DIR}/nvshmem/lib:${BBG_NVIDIA_DIR}/cusparselt/lib)

add_library(bbg_torch INTERFACE)
add_library(bbg::torch ALIAS bbg_torch)
target_include_directories(bbg_torch SYSTEM INTERFACE ${BBG_TORCH_DIR}/include)
target_link_libraries(bbg_torch INTERFACE bbg::torch_cpu bbg::c10)

if(BBG_CUDA)
  foreach(_needed nccl/lib/libnccl.so.2 nccl/include/nccl.h cu13/lib/libcudart.so.13 cu13/lib/libnvrtc.so.13 cu13/include/crt/host_config.h
          cu13/include/nv/target)
    if(NOT EXISTS ${BBG_NVIDIA_DIR}/${_needed})
      message(FATAL_ERROR "BBG_CUDA=ON needs ${BBG_NVIDIA_DIR}/${_needed}, which is missing. Run launch/setup, or "
                          "build for the CPU alone with -DBBG_CUDA=OFF.")
    endif()
  endforeach()
  _bbg_import(torch_cuda ${BBG_TORCH_DIR}/lib/libtorch_cuda.so)
  _bbg_import(c10_cuda ${BBG_TORCH_DIR}/lib/libc10_cuda.so)
  _bbg_import(cudart ${BBG_NVIDIA_DIR}/cu13/lib/libcudart.so.13)
  _bbg_import(nvrtc ${BBG_NVIDIA_DIR}/cu13/lib/libnvrtc.so.13)
  _bbg_import(nccl_library ${BBG_NVIDIA_DIR}/nccl/lib/libnccl.so.2)
  add_library(bbg_cuda INTERFACE)
  add_library(bbg::cuda ALIAS bbg_cuda)
  target_include_directories(bbg_cuda SYSTEM INTERFACE ${BBG_NVIDIA_DIR}/cu13/include)
  target_link_libraries(bbg_cuda INTERFACE bbg::cudart bbg::nvrtc bbg::c10_cuda)
  target_compile_definitions(bbg_cuda INTERFACE BBG_CUDA=1)
  add_library(bbg_nccl INTERFACE)
  add_library(bbg::nccl ALIAS bbg_nccl)
  target_include_directories(bbg_nccl SYSTEM INTERFACE ${BBG_NVIDIA_DIR}/nccl/include)
  target_link_libraries(bbg_nccl INTERFACE bbg::nccl_library bbg::cuda)
  # Registers the CUDA kernels with the dispatcher although no symbol of the library is named.
  target_link_options(bbg::torch_cuda INTERFACE "LINKER:--push-state,--no-as-needed,${BBG_TORCH_DIR}/lib/libtorch_cuda.so,--pop-state")
endif()
