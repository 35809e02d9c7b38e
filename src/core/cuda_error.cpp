#include "core/cuda_error.h"

#include <algorithm>
#include <iterator>

namespace bbg::core {

bool can_restart_help(int cuda_error) {
  // Numbers of cudaError_t, which are part of CUDA's binary interface.
  constexpr int kOfProgramOrInstallation[] = {
      1,    // invalid value
      2,    // out of memory
      9,    // invalid configuration of a launch
      34,   // the library is a stub
      35,   // the driver is too old
      98,   // no such function on the device
      100,  // no device
      101,  // no such device
      200,  // a device image that is invalid
      209,  // no image for this GPU
      218,  // invalid PTX
      222,  // PTX of a newer version
      301,  // file not found
      400,  // invalid handle
      500,  // symbol not found
      701,  // a launch asks for too many resources
      801,  // not supported
      803,  // driver and library do not fit
      804,  // no forward compatibility on this GPU
  };
  return std::find(std::begin(kOfProgramOrInstallation), std::end(kOfProgramOrInstallation),
                   cuda_error) == std::end(kOfProgramOrInstallation);
}

SystemError cuda_error(int code, const std::string& call, const std::string& object,
                       const std::string& cause, int rank) {
  return SystemError({.call = call,
                      .object = object,
                      .cause = cause,
                      .code = code,
                      .restart_can_help = can_restart_help(code),
                      .rank = rank});
}

}  // namespace bbg::core
