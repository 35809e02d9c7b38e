#pragma once
// The one precompiled header of all modules that use libtorch: parsing ATen takes most of a file's
// compile time. Sources still include what they use; this only makes it cheap.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>
