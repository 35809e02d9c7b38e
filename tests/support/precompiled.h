#pragma once
// The one precompiled header of the tests that use libtorch: that of src, and GoogleTest.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/precompiled.h"
