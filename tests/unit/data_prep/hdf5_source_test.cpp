// HDF5 files in the layout of BigGAN-PyTorch's make_hdf5.py, made with the C library.

#include <hdf5.h>

#include <atomic>
#include <functional>
#include <thread>

#include "core/unique_handle.h"
#include "tests/unit/data_prep/source_fixture.h"

namespace bbg::data_prep {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Layout {
  hsize_t chunk = 0;  // images together; 0: contiguous
  bool is_gzip = false;
};

template <class Value>
void add_dataset(hid_t file, const char* name, const std::vector<hsize_t>& dims, hid_t type,
                 const std::vector<Value>& values, const Layout& layout = {}) {
  const hid_t space = H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr);
  const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
  if (layout.chunk > 0) {
    std::vector<hsize_t> chunk = dims;
    chunk[0] = layout.chunk;
    H5Pset_chunk(creation, static_cast<int>(chunk.size()), chunk.data());
    if (layout.is_gzip) H5Pset_deflate(creation, 4);
  }
  const hid_t set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  ASSERT_GE(set, 0);
  ASSERT_GE(H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
  H5Dclose(set);
  H5Pclose(creation);
  H5Sclose(space);
}

class Hdf5Source : public SourceTest {
 protected:
  static constexpr int64_t kImages = 23, kHeight = 4, kWidth = 5;

  static uint8_t pixel(int64_t image, int64_t channel, int64_t y, int64_t x) {
    return static_cast<uint8_t>(image * 57 + channel * 101 + y * 13 + x * 29);
  }
  static std::vector<uint8_t> planar(int64_t channels) {
    std::vector<uint8_t> values;
    for (int64_t i = 0; i < kImages * channels; ++i) {
      for (int64_t at = 0; at < kHeight * kWidth; ++at) {
        values.push_back(pixel(i / channels, i % channels, at / kWidth, at % kWidth));
      }
    }
    return values;
  }
  static std::vector<uint8_t> interleaved(int64_t image, int64_t channels) {
    std::vector<uint8_t> values;
    for (int64_t at = 0; at < kHeight * kWidth * channels; ++at) {
      const int64_t place = at / channels;
      values.push_back(pixel(image, at % channels, place / kWidth, place % kWidth));
    }
    return values;
  }
  static std::vector<int64_t> some_labels() {
    std::vector<int64_t> labels;
    for (int64_t i = 0; i < kImages; ++i) labels.push_back(i * 7 % 5);
    return labels;
  }
  // Opens a file for `fill` to fill.
  template <class Fill>
  std::string make(const std::string& name, const Fill& fill) const {
    const hid_t file = H5Fcreate((folder_ / name).c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    fill(file);
    H5Fclose(file);
    return folder_ / name;
  }
  std::string make_usual(const std::string& name, int64_t channels, const Layout& layout) const {
    return make(name, [&](hid_t file) {
      add_dataset(file, "imgs", {kImages, static_cast<hsize_t>(channels), kHeight, kWidth},
                  H5T_NATIVE_UINT8, planar(channels), layout);
      add_dataset(file, "labels", {kImages}, H5T_NATIVE_INT64, some_labels(), layout);
    });
  }
  static void expect_images(const ImageSource& source, int64_t channels) {
    Content content;
    ASSERT_EQ(source.size(), kImages);
    // Forwards, backwards and across.
    for (const int64_t step : {1, 22, 9}) {
      for (int64_t i = 0; i < kImages; ++i) {
        source.read(i * step % kImages, content);
        ASSERT_FALSE(content.is_encoded);
        ASSERT_EQ(content.image.height, kHeight);
        ASSERT_EQ(content.image.width, kWidth);
        ASSERT_EQ(content.image.channels, channels);
        ASSERT_EQ(content.image.pixels, interleaved(i * step % kImages, channels));
      }
    }
  }
};

TEST_F(Hdf5Source, PlanesBecomePixelsWhateverTheChunks) {
  for (const int64_t channels : {3, 1}) {
    for (const Layout& layout :
         {Layout{}, Layout{4, false}, Layout{4, true}, Layout{23, true}, Layout{1, true}}) {
      const auto source = open_source({.input = make_usual("I4.hdf5", channels, layout)});
      expect_images(*source, channels);
      EXPECT_EQ(labels_of(*source), some_labels());
      EXPECT_EQ(source->natural_channels(), channels);
    }
  }
  const auto source = open_source({.input = folder_ / "I4.hdf5"});
  EXPECT_THAT(source->class_names(), ElementsAre("0", "1", "2", "3", "4"));
  EXPECT_EQ(source->name(7), "I4.hdf5:7");
  EXPECT_EQ(source->place(7), folder_ / "I4.hdf5: image 7");
  EXPECT_EQ(source->description(), "HDF5 file I4.hdf5");
  EXPECT_EQ(source->bytes(0), -1);
  EXPECT_FALSE(source->is_shuffled_by_default());
}

TEST_F(Hdf5Source, PixelsMayStandTogetherAndLabelsMayBeOfAnyIntegersOrAbsent) {
  std::vector<uint8_t> pixels;
  for (int64_t i = 0; i < kImages; ++i) {
    const auto image = interleaved(i, 3);
    pixels.insert(pixels.end(), image.begin(), image.end());
  }
  const auto with = [&](const std::function<void(hid_t)>& labels) {
    return make("x.h5", [&](hid_t file) {
      add_dataset(file, "imgs", {kImages, kHeight, kWidth, 3}, H5T_NATIVE_UINT8, pixels);
      labels(file);
    });
  };
  auto source = open_source({.input = with([](hid_t) {})});
  expect_images(*source, 3);
  EXPECT_EQ(source->label(0), -1);
  EXPECT_TRUE(source->class_names().empty());
  EXPECT_THAT(refusal({.input = folder_ / "x.h5", .classes = write("classes.txt", "a\n")}),
              HasSubstr("--classes names classes, and " + (folder_ / "x.h5") + " has no labels"));
  source.reset();  // HDF5 makes no file anew that is open
  const std::vector<uint8_t> small(kImages, 3);
  source = open_source({.input = with([&](hid_t file) {
                          add_dataset(file, "labels", {kImages}, H5T_NATIVE_UINT8, small);
                        })});
  EXPECT_EQ(labels_of(*source), std::vector<int64_t>(kImages, 3));
  SourceRequest request{.input = folder_ / "x.h5"};
  request.classes = write("classes.txt", "a\nb\nc\nd\ne\n");
  EXPECT_THAT(open_source(request)->class_names(), ElementsAre("a", "b", "c", "d", "e"));
  request.classes = write("classes.txt", "a\nb\nc\n");
  EXPECT_THAT(refusal(request), HasSubstr("classes.txt has 3 classes, and " + request.input +
                                          " has the label 3 / name the file of all its classes"));
}

TEST_F(Hdf5Source, ManyThreadsReadWhatOneReads) {
  for (const Layout& layout : {Layout{4, false}, Layout{4, true}}) {
    const auto source = open_source({.input = make_usual("x.hdf5", 3, layout)});
    std::vector<std::thread> threads;
    std::atomic<int> wrong = 0;
    for (int thread = 0; thread < 6; ++thread) {
      threads.emplace_back([&, thread] {
        Content content;
        for (int64_t i = 0; i < 10 * kImages; ++i) {
          const int64_t index = (i * (thread % 3 + 1) + thread) % kImages;
          source->read(index, content);
          wrong += content.image.pixels != interleaved(index, 3);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
  }
}

TEST_F(Hdf5Source, OtherTypesAndShapesAreRefused) {
  const std::vector<float> floats(kImages * 3 * kHeight * kWidth);
  const std::vector<hsize_t> shape = {kImages, 3, kHeight, kWidth};
  const auto images = [&](hid_t file) {
    add_dataset(file, "imgs", shape, H5T_NATIVE_UINT8, planar(3));
  };
  const auto expect = [&](const std::function<void(hid_t)>& fill, const std::string& text) {
    EXPECT_THAT(refusal({.input = make("x.h5", fill), .format = "hdf5"}),
                HasSubstr((folder_ / "x.h5") + " " + text));
  };
  expect([](hid_t) {}, "has no imgs / wanted are imgs, uint8 [n, 3, height, width], and labels");
  expect([](hid_t file) { H5Gclose(H5Gcreate2(file, "imgs", 0, 0, 0)); }, "has no imgs");
  expect([&](hid_t file) { add_dataset(file, "imgs", shape, H5T_NATIVE_FLOAT, floats); },
         "has imgs that are no bytes");
  expect([&](hid_t file) { add_dataset(file, "imgs", shape, H5T_NATIVE_INT8, planar(3)); },
         "has imgs that are no bytes");
  expect(
      [&](hid_t file) {
        add_dataset(file, "imgs", {kImages, 3 * kHeight, kWidth}, H5T_NATIVE_UINT8, planar(3));
      },
      "has imgs of the shape [23, 12, 5]");
  expect(
      [&](hid_t file) {
        add_dataset(file, "imgs", {kImages, kHeight, 3, kWidth}, H5T_NATIVE_UINT8, planar(3));
      },
      "has imgs of the shape [23, 4, 3, 5]");
  expect(
      [&](hid_t file) {
        images(file);
        add_dataset(file, "labels", {kImages}, H5T_NATIVE_FLOAT, floats);
      },
      "has labels that are no whole numbers");
  expect(
      [&](hid_t file) {
        images(file);
        add_dataset(file, "labels", {kImages - 1}, H5T_NATIVE_INT64, some_labels());
      },
      "has labels of another number or shape than its 23 images");
  for (const int64_t label : {int64_t{-2}, int64_t{1} << 40}) {
    expect(
        [&](hid_t file) {
          images(file);
          std::vector<int64_t> labels = some_labels();
          labels[3] = label;
          add_dataset(file, "labels", {kImages}, H5T_NATIVE_INT64, labels);
        },
        "has the label " + std::to_string(label));
  }
}

TEST_F(Hdf5Source, DamagedFilesAreRefusedAndOthersNotRecognised) {
  const std::string path = make_usual("x.hdf5", 3, {4, true});
  const std::string good = test::read_file(path);
  for (const size_t length : {good.size() - 1, good.size() / 2, size_t{100}, size_t{9}}) {
    test::write_file(path, good.substr(0, length));
    EXPECT_THAT(refusal({.input = path}), HasSubstr(path + " is truncated or damaged: ")) << length;
  }
  // A block of compressed images: the file opens, and an image of that block is bad.
  std::string bad = good;
  const size_t zlib = good.find("\x78\x5e");
  ASSERT_NE(zlib, std::string::npos);
  bad.replace(zlib + 2, 40, 40, '\xff');
  test::write_file(path, bad);
  const auto source = open_source({.input = path});
  Content content;
  int refused = 0;
  for (int64_t i = 0; i < source->size(); ++i) {
    try {
      source->read(i, content);
      EXPECT_EQ(content.image.pixels, interleaved(i, 3)) << i;
    } catch (const core::UsageError& error) {
      ++refused;
      EXPECT_THAT(error.what(), HasSubstr(": image " + std::to_string(i) + " is truncated or dam"));
    }
  }
  EXPECT_EQ(refused, 4);
  make("other.h5", [](hid_t) {});
  EXPECT_THAT(refusal({.input = folder_ / "other.h5"}),
              HasSubstr("other.h5 is neither a folder nor "));
}

TEST_F(Hdf5Source, ACompressionThatIsNotHereIsNamed) {
  // A filter that is known while the file is made, as LZF is to h5py.
  const H5Z_class2_t lzf = {
      H5Z_CLASS_T_VERS,
      32000,
      1,
      1,
      "lzf",
      nullptr,
      nullptr,
      [](unsigned, size_t, const unsigned*, size_t bytes, size_t*, void**) { return bytes; }};
  ASSERT_GE(H5Zregister(&lzf), 0);
  const std::string path = make("x.hdf5", [](hid_t file) {
    const std::vector<hsize_t> dims = {kImages, 3, kHeight, kWidth};
    const hid_t space = H5Screate_simple(4, dims.data(), nullptr);
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(creation, 4, dims.data());
    H5Pset_filter(creation, 32000, H5Z_FLAG_OPTIONAL, 0, nullptr);
    H5Dclose(H5Dcreate2(file, "imgs", H5T_NATIVE_UINT8, space, 0, creation, 0));
    H5Pclose(creation);
    H5Sclose(space);
  });
  H5Zunregister(32000);
  EXPECT_THAT(refusal({.input = path}),
              HasSubstr(path + " is compressed with lzf, which HDF5 lacks here / make it again "
                               "without compression or with gzip"));
}

}  // namespace
}  // namespace bbg::data_prep
