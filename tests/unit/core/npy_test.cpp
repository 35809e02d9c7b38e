#include "core/npy.h"

#include <gtest/gtest.h>

#include <cstring>

#include "core/error.h"

namespace bbg::core {
namespace {

// numpy.save() of numpy.array([[1.5, -2.0, 3.0]], dtype), as NumPy 2.4 writes it.
std::string numpys_file(const std::string& type, const std::string& numbers) {
  std::string header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': (1, 3), }";
  header.resize(117, ' ');
  header += '\n';
  return std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + numbers;
}

template <class Number>
std::string bytes_of(std::initializer_list<Number> numbers) {
  return {reinterpret_cast<const char*>(numbers.begin()), numbers.size() * sizeof(Number)};
}

TEST(Npy, IsReadAsNumPyWritesIt) {
  const std::string narrow = numpys_file("<f4", bytes_of({1.5F, -2.0F, 3.0F}));
  const std::string wide = numpys_file("<f8", bytes_of({1.5, -2.0, 3.0}));
  for (const std::string& file : {narrow, wide}) {
    const NpyArray array = parse_npy(file, "x.npy");
    EXPECT_EQ(array.shape, (std::vector<int64_t>{1, 3}));
    EXPECT_EQ(array.doubles("x.npy"), (std::vector<double>{1.5, -2.0, 3.0}));
  }
}

TEST(Npy, HeaderIsNumPysByteForByte) {
  const std::vector<int64_t> shape = {1, 3};
  EXPECT_EQ(npy_header("<f4", shape), numpys_file("<f4", ""));
  EXPECT_EQ(npy_header("<f8", std::vector<int64_t>{}).size() % 64, 0U);
  const std::string vector = npy_header("<i8", std::vector<int64_t>{5});
  EXPECT_NE(vector.find("'shape': (5,)"), std::string::npos);
  EXPECT_EQ(parse_npy(vector + std::string(40, '\0'), "x").shape, std::vector<int64_t>{5});
}

TEST(Npy, ThatIsDamagedIsRefusedByName) {
  const std::string whole = numpys_file("<f8", bytes_of({1.5, -2.0, 3.0}));
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THROW(parse_npy(whole.substr(0, size), "x.npy"), UsageError) << size;
  }
  const auto refuses = [&](const std::string& from, const std::string& to) {
    std::string changed = whole;
    changed.replace(changed.find(from), from.size(), to);
    EXPECT_THROW(parse_npy(changed, "x.npy"), UsageError) << to;
  };
  refuses("False", "True,");
  refuses("<f8", ">f8");
  refuses("(1, 3)", "(9, 9)");
  refuses("(1, 3)", "(1,-3)");
  refuses("(1, 3), }     ", "(4294967296,4294967296)");
  refuses("'shape'", "'shapf'");
}

}  // namespace
}  // namespace bbg::core
