// Folders of made files: which are images, in which order, of which class.

#include <filesystem>

#include "tests/unit/data_prep/source_fixture.h"

namespace bbg::data_prep {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::StartsWith;

using FolderSource = SourceTest;

TEST_F(FolderSource, ImagesComeByClassAndNameAtAnyDepth) {
  // A separator comes first: "a" before "a-b", though "-" is less than "/" as a byte.
  for (const char* name : {"a-b/1.jpg", "a/2.jpg", "a/10.PNG", "a/deep/er/0.webp", "B/x.JPEG"}) {
    write(std::string("in/") + name, std::string("content of ") + name);
  }
  fs::create_directories(folder_ / "in/aa");
  const auto source = open_source({.input = folder_ / "in"});
  EXPECT_THAT(source->class_names(), ElementsAre("B", "a", "a-b", "aa"));
  EXPECT_THAT(items_of(*source),
              ElementsAre(Item{"B/x.JPEG", 0, "content of B/x.JPEG"},
                          Item{"a/10.PNG", 1, "content of a/10.PNG"},
                          Item{"a/2.jpg", 1, "content of a/2.jpg"},
                          Item{"a/deep/er/0.webp", 1, "content of a/deep/er/0.webp"},
                          Item{"a-b/1.jpg", 2, "content of a-b/1.jpg"}));
  EXPECT_EQ(source->place(1), folder_ / "in/a/10.PNG");
  EXPECT_EQ(open_source({.input = folder_ / "in/"})->place(1), folder_ / "in/a/10.PNG");
  EXPECT_EQ(source->description(), "image folder in");
  EXPECT_EQ(source->bytes(0), -1);
  EXPECT_TRUE(source->is_shuffled_by_default());
}

TEST_F(FolderSource, OtherFormatsOfImagesAreCountedByTheirEnds) {
  for (const char* name : {"a.jpg", "b.bmp", "c.GIF", "d.tiff", "e.gif", "f", ".g.jpg"}) {
    write(std::string("in/") + name, "x");
  }
  const auto source = open_source({.input = folder_ / "in"});
  EXPECT_EQ(source->size(), 1);
  EXPECT_EQ(source->label(0), -1);
  EXPECT_THAT(source->left_out(),
              ElementsAre(Pair(".bmp", 1), Pair(".gif", 2), Pair(".tiff", 1),
                          Pair("file without extension", 1), Pair("hidden file", 1)));
  EXPECT_EQ(left_out_text({{"label without image", 3}, {"member of another kind", 2}}),
            "3 labels without image, 2 members of another kind");
}

TEST_F(FolderSource, ABufferIsUsedAgainForSmallerAndLargerAndEmptyFiles) {
  const std::string large(300'000, 'l');
  write("in/1.jpg", large);
  write("in/2.jpg", "");
  write("in/3.jpg", "small");
  const auto source = open_source({.input = folder_ / "in"});
  Content content;
  for (int round = 0; round < 2; ++round) {
    for (const auto& [index, expected] :
         {std::pair<int64_t, std::string>{0, large}, {1, ""}, {2, "small"}}) {
      source->read(index, content);
      EXPECT_TRUE(std::string(content.bytes.begin(), content.bytes.end()) == expected) << index;
    }
  }
  EXPECT_GE(content.bytes.capacity(), large.size());
}

TEST_F(FolderSource, AFileThatVanishesIsTheImagesFault) {
  write("in/1.jpg", "x");
  const auto source = open_source({.input = folder_ / "in"});
  fs::remove(folder_ / "in/1.jpg");
  Content content;
  try {
    source->read(0, content);
    FAIL();
  } catch (const core::UsageError& error) {
    EXPECT_EQ(std::string(error.what()),
              "cannot read " + (folder_ / "in/1.jpg") + ": No such file or directory");
  }
  // This file's beginning cannot be read, as on a disk that fails.
  fs::create_symlink("/proc/self/mem", folder_ / "in/1.jpg");
  EXPECT_THROW(source->read(0, content), core::SystemError);
}

TEST_F(FolderSource, RefusesWhatIsNoFolderOfImages) {
  EXPECT_THAT(refusal({.input = folder_ / "in"}), HasSubstr("input " + (folder_ / "in") + " does"));
  const std::string file = write("a.jpg", "x");
  EXPECT_THAT(refusal({.input = file}),
              HasSubstr(" is neither a folder nor an IDX file nor a .bin "));
  EXPECT_THAT(refusal({.input = file, .format = "folder"}), HasSubstr("image folder " + file));
  EXPECT_THAT(refusal({.input = file, .format = "zip"}),
              StartsWith("--format = 'zip' must be one of auto, folder, idx, cifar10, cifar100, "));
  write("none/a.gif", "x");
  EXPECT_EQ(refusal({.input = folder_ / "none"}),
            "no images in " + (folder_ / "none") +
                ": no file ends in .jpg, .jpeg, .png or .webp (there are 1 .gif) / name a folder "
                "of images, or of one sub-folder per class");
  write("both/x/a.jpg", "x");
  write("both/z.jpg", "x");
  EXPECT_THAT(refusal({.input = folder_ / "both"}),
              HasSubstr("has both images (z.jpg) and sub-folders (x)"));
}

TEST_F(FolderSource, OptionsOfOtherFormatsAreRefused) {
  write("in/x/a.jpg", "x");
  EXPECT_EQ(
      refusal({.input = folder_ / "in", .split = "test"}),
      "--split belongs to --format cifar10 or cifar100 / the input is taken as --format folder");
  EXPECT_THAT(refusal({.input = write("a.bin", std::string(3073, '\1')), .labels = "x"}),
              HasSubstr("--labels belongs to --format folder or idx or tar / the input is taken as "
                        "--format cifar10"));
}

}  // namespace
}  // namespace bbg::data_prep
