// Images in archives, against the folder that the archive unpacks to.

#include <atomic>
#include <filesystem>
#include <thread>

#include "tests/unit/data_prep/source_fixture.h"

namespace bbg::data_prep {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class TarSource : public SourceTest {
 protected:
  // photos/{ant,bee,b-e}/..., some deep, with files beside that are no images.
  void make_photos() const {
    for (const char* name :
         {"ant/10.jpg", "ant/2.jpg", "bee/deep/1.PNG", "bee/0.jpg", "b-e/3.webp"}) {
      write(std::string("photos/") + name, std::string("content of ") + name);
    }
    for (const char* name : {"ant/notes.txt", "ant/.x.jpg", "bee/@eaDir/1.jpg", "bee/@eaDir/2.jpg",
                             ".git/a.jpg", "bee/Thumbs.db"}) {
      write(std::string("photos/") + name, "no image");
    }
    fs::create_directories(folder_ / "photos/cow");
  }
  void expect_equal(const SourceRequest& a, const SourceRequest& b) const {
    const auto one = open_source(a), other = open_source(b);
    EXPECT_EQ(items_of(*one), items_of(*other));
    EXPECT_EQ(one->class_names(), other->class_names());
    EXPECT_EQ(left_out_text(one->left_out()), left_out_text(other->left_out()));
  }
};

TEST_F(TarSource, ATarIsTheFolderThatItUnpacksTo) {
  make_photos();
  for (const char* format : {"ustar", "gnu", "oldgnu", "posix"}) {
    for (const char* what :
         {"photos", "./photos", "-C photos .", "-C photos ant bee b-e cow .git"}) {
      shell(std::string("tar --format=") + format + " -cf x.tar " + what);
      expect_equal({.input = folder_ / "x.tar"}, {.input = folder_ / "photos"});
    }
  }
  const auto source = open_source({.input = folder_ / "x.tar"});
  EXPECT_THAT(names_of(*source),
              ElementsAre("ant/10.jpg", "ant/2.jpg", "b-e/3.webp", "bee/0.jpg", "bee/deep/1.PNG"));
  EXPECT_THAT(source->class_names(), ElementsAre("ant", "b-e", "bee", "cow"));
  EXPECT_EQ(source->place(0), folder_ / "x.tar: ant/10.jpg");
  EXPECT_EQ(source->description(), "tar x.tar");
  EXPECT_EQ(source->bytes(0), static_cast<int64_t>(std::string("content of ant/10.jpg").size()));
  EXPECT_TRUE(source->is_shuffled_by_default());
}

TEST_F(TarSource, ASingleClassKeepsItsFolder) {
  write("in/photos/a.jpg", "a");
  write("in/photos/b.jpg", "b");
  shell("tar -cf x.tar -C in photos");
  expect_equal({.input = folder_ / "x.tar"}, {.input = folder_ / "in"});
  EXPECT_THAT(open_source({.input = folder_ / "x.tar"})->class_names(), ElementsAre("photos"));
  // An empty class beside says that the other one is a class, too.
  write("in/photos/deep/c.jpg", "c");
  fs::remove(folder_ / "in/photos/a.jpg");
  fs::remove(folder_ / "in/photos/b.jpg");
  fs::create_directories(folder_ / "in/none");
  shell("tar -cf x.tar -C in photos none");
  expect_equal({.input = folder_ / "x.tar"}, {.input = folder_ / "in"});
}

TEST_F(TarSource, OfFilesWithOneNameTheLastCountsAsInUnpacking) {
  write("in/a/1.jpg", "old");
  write("in/b/2.jpg", "2");
  shell("tar -cf x.tar -C in a b");
  write("in/a/1.jpg", "new");
  shell("tar -rf x.tar -C in a/1.jpg");
  const auto source = open_source({.input = folder_ / "x.tar"});
  EXPECT_THAT(items_of(*source), ElementsAre(Item{"a/1.jpg", 0, "new"}, Item{"b/2.jpg", 1, "2"}));
  EXPECT_EQ(left_out_text(source->left_out()), "1 file of a name that comes again");
}

// ImageNet's training set: an archive of one archive a class, here of 1 to 5 images each.
TEST_F(TarSource, AnArchiveOfArchivesIsTheFolderOfTheirContent) {
  const char* data = std::getenv("BBG_TEST_DATA");
  const std::string samples =
      std::string(data ? data : "") + "/imagenet-samples/imagenet-samples.tar";
  if (!fs::exists(samples)) GTEST_SKIP() << "BBG_TEST_DATA names no folder with " << samples;
  shell("tar -xf '" + samples +
        "' && mkdir train tars && i=0 && "
        "for f in imagenet-samples/cls1000/*/*.JPEG; do "
        "i=$((i + 1)); k=$((i * i / 7 % 70)); mkdir -p train/n0$((1000000 + k)); "
        "cp \"$f\" train/n0$((1000000 + k))/n0$((1000000 + k))_$((i * 37 % 1000)).JPEG; done && "
        "for c in train/*; do tar -cf tars/$(basename $c).tar -C $c $(ls -U $c); done && "
        "tar -cf ILSVRC2012_img_train.tar -C tars $(ls -r tars)");
  const SourceRequest folder{.input = folder_ / "train"};
  expect_equal({.input = folder_ / "ILSVRC2012_img_train.tar"}, folder);
  expect_equal({.input = folder_ / "tars"}, folder);  // when only the outer one was unpacked
  const auto source = open_source(folder);
  EXPECT_EQ(source->size(), 273);
  EXPECT_GT(source->class_names().size(), 20u);
  EXPECT_EQ(open_source({.input = folder_ / "tars"})->description(),
            "tar tars (" + std::to_string(source->class_names().size()) + " archives)");

  // The whole file of samples, whose classes are two folders down.
  const auto all = open_source({.input = samples});
  EXPECT_EQ(all->class_names().size(), 273u);
  EXPECT_EQ(names_of(*all),
            names_of(*open_source({.input = folder_ / "imagenet-samples/cls1000"})));
}

TEST_F(TarSource, TheValidationSetHasItsLabelsFromTheFilesOfTheChallenge) {
  for (int i = 1; i <= 4; ++i) {
    const std::string name = "ILSVRC2012_val_0000000" + std::to_string(i) + ".JPEG";
    write("val/" + name, "image " + std::to_string(i));
  }
  shell("tar -cf val.tar -C val $(ls -r val)");
  const std::string truth = write("truth.txt", "3\n1\n2\n3\n"),
                    synsets = write("synsets.txt", "n30\nn10\nn20\n");
  const SourceRequest request{.input = folder_ / "val.tar", .labels = truth, .synsets = synsets};
  const auto source = open_source(request);
  EXPECT_THAT(labels_of(*source), ElementsAre(1, 2, 0, 1));
  EXPECT_THAT(source->class_names(), ElementsAre("n10", "n20", "n30"));
  EXPECT_EQ(source->name(0), "ILSVRC2012_val_00000001.JPEG");
  SourceRequest other = request;
  other.input = folder_ / "val";
  expect_equal(request, other);
  other.labels = write("solution.csv",
                       "ImageId,PredictionString\nILSVRC2012_val_00000002,n30 85 1 24 331 \n"
                       "ILSVRC2012_val_00000004,n20 1 2 3 4 n20 5 6 7 8 \n"
                       "ILSVRC2012_val_00000001,n20 1 2 3 4 \n"
                       "ILSVRC2012_val_00000003,n10 1 2 3 4 \n");
  other.synsets = "";
  expect_equal(request, other);
}

TEST_F(TarSource, ListsAndFoldersOfArchivesAreAClassEach) {
  make_photos();
  shell("cd photos && tar -cf ../ant.tar -C ant . && tar -cf ../bee.tar -C bee .");
  const auto list = open_source({.input = folder_ / "bee.tar," + (folder_ / "ant.tar")});
  EXPECT_THAT(names_of(*list),
              ElementsAre("ant/10.jpg", "ant/2.jpg", "bee/0.jpg", "bee/deep/1.PNG"));
  EXPECT_EQ(list->description(), "tar ant.tar and 1 more");
  EXPECT_EQ(list->place(2), folder_ / "bee.tar: bee/0.jpg");
  EXPECT_THAT(refusal({.input = folder_ / "ant.tar," + (folder_ / "gone.tar")}),
              HasSubstr("input " + (folder_ / "gone.tar") + " does not exist"));
}

TEST_F(TarSource, RefusesArchivesThatAreNoImages) {
  write("in/a.txt", "x");
  shell("tar -cf x.tar in");
  EXPECT_THAT(refusal({.input = folder_ / "x.tar"}),
              HasSubstr("no images in " + (folder_ / "x.tar") +
                        ": no file inside ends in .jpg, .jpeg, .png or .webp (there are 1 .txt)"));
  write("in/b.jpg", "x");
  write("in/sub/c.jpg", "x");
  shell("tar -cf x.tar -C in .");
  EXPECT_THAT(refusal({.input = folder_ / "x.tar"}),
              HasSubstr("has both images (b.jpg) and sub-folders (sub)"));
  EXPECT_THAT(refusal({.input = write("a.jpg", std::string(600, 'x')), .format = "tar"}),
              HasSubstr("a.jpg is not a tar archive"));
  EXPECT_THAT(refusal({.input = write("empty.tar", "")}), HasSubstr("empty.tar is empty"));
}

TEST_F(TarSource, AFileThatBecameShorterIsNoFaultOfOneImage) {
  make_photos();
  shell("tar -cf x.tar photos");
  const auto source = open_source({.input = folder_ / "x.tar"});
  fs::resize_file(folder_ / "x.tar", 512);
  Content content;
  EXPECT_THROW(source->read(0, content), core::SystemError);
}

class TarIndexFile : public TarSource {
 protected:
  TarIndexFile() {
    make_photos();
    shell("tar -cf x.tar photos");
  }
  SourceRequest request() const {
    return {.input = folder_ / "x.tar", .index_path = folder_ / "kept.index"};
  }
  // The archive's headers become useless, and neither its size nor its time changes.
  void break_headers() const {
    shell(
        "cp -p x.tar y.tar && head -c 512 /dev/zero | "
        "dd of=x.tar conv=notrunc status=none && touch -r y.tar x.tar");
  }
};

TEST_F(TarIndexFile, IsUsedInPlaceOfTheHeadersAndTellsTheSame) {
  const auto expected = items_of(request());
  const std::string kept = test::read_file(folder_ / "kept.index");
  ASSERT_NE(kept, "");
  break_headers();
  EXPECT_EQ(items_of(request()), expected);
  EXPECT_EQ(test::read_file(folder_ / "kept.index"), kept);
  EXPECT_EQ(open_source(request())->left_out(),
            open_source({.input = folder_ / "photos"})->left_out());
  EXPECT_NE(refusal({.input = folder_ / "x.tar"}), "accepted");
  for (const auto& entry : fs::directory_iterator(folder_.path())) {
    EXPECT_NE(entry.path().extension(), ".partial");
  }
}

TEST_F(TarIndexFile, IsMadeAnewWhenItIsDamagedOrOfAnotherArchive) {
  const auto expected = items_of(request());
  const std::string kept = test::read_file(folder_ / "kept.index");
  for (size_t at = 0; at < kept.size(); at += 31) {
    std::string bad = kept;
    bad[at] = static_cast<char>(bad[at] ^ 4);
    for (const std::string& content : {bad, kept.substr(0, at)}) {
      test::write_file(folder_ / "kept.index", content);
      ASSERT_EQ(items_of(request()), expected) << at;
      ASSERT_EQ(test::read_file(folder_ / "kept.index"), kept) << at;
    }
  }
  shell("tar -cf x.tar photos/ant");
  EXPECT_THAT(names_of(*open_source(request())), ElementsAre("ant/10.jpg", "ant/2.jpg"));
  shell("tar -cf x.tar photos/bee && touch -d '2001-01-01' x.tar");
  EXPECT_EQ(open_source(request())->size(), 2);
  break_headers();
  shell("touch -d '2001-01-02' x.tar");
  EXPECT_NE(refusal(request()), "accepted");
}

TEST_F(TarIndexFile, MayBeWrittenByManyAtOnce) {
  shell(
      "mkdir many && for i in $(seq 300); do cp photos/ant/2.jpg many/$i.jpg; done && "
      "tar -cf x.tar many");
  std::vector<std::thread> threads;
  std::atomic<int64_t> images = 0;
  const SourceRequest request = this->request();
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { images += open_source(request)->size(); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(images, 8 * 300);
}

TEST_F(TarIndexFile, ThatCannotBeWrittenIsAnErrorOfTheSystem) {
  SourceRequest request = this->request();
  request.index_path = folder_ / "absent/kept.index";
  EXPECT_THROW(open_source(request), core::SystemError);
}

}  // namespace
}  // namespace bbg::data_prep
